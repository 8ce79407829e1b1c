"""Bugs of the stores: what is kept of what was said, when a server or a disk fails."""

import dataclasses
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from simulator.history import Log
from simulator.virtual_stage import _InMemory, _SlowStore
from trio_chat.store import Draft, Entry, Keep, MemoryStore, Outcome, sqlite, writer
from trio_chat.store.interface import Appended, entry_of
from trio_chat.store.writer import Writer

Patch = pytest.MonkeyPatch


# --- in memory: what any store can do wrong ------------------------------------------


def who_said_what_is_known_until_the_server_ends(patch: Patch) -> None:
    honest = _InMemory.opened

    def opened(self: _InMemory) -> Any:
        self._store._authors.clear()
        return honest(self)

    patch.setattr(_InMemory, "opened", opened)


def what_comes_too_late_is_stored(patch: Patch) -> None:
    honest = MemoryStore._append

    def append(self: MemoryStore, draft: Draft, ts: float) -> Outcome:
        author = self._authors.get((draft.log, draft.device))
        if author is not None and draft.n not in author.said:
            author.last_n = 0
        return honest(self, draft, ts)

    patch.setattr(MemoryStore, "_append", append)


def the_newest_line_is_kept_back(patch: Patch) -> None:
    honest = _InMemory.log

    async def log(self: _InMemory) -> Log:
        for each in self._store._logs.values():
            each.kept.popitem()
        return await honest(self)

    patch.setattr(_InMemory, "log", log)


def some_lines_are_stored_twice(patch: Patch) -> None:
    honest = MemoryStore._append

    def append(self: MemoryStore, draft: Draft, ts: float) -> Outcome:
        first = honest(self, draft, ts)
        if draft.n % 5 or not isinstance(first, Appended):
            return first
        second = honest(
            self, msgspec.structs.replace(draft, device=f"{draft.device} again"), ts
        )
        if not isinstance(second, Appended):
            return first
        return Appended((*first.entries, *second.entries), duplicate=first.duplicate)

    patch.setattr(MemoryStore, "_append", append)


def what_is_about_one_entry_is_about_another(patch: Patch) -> None:
    honest = MemoryStore._put

    def put(
        self: MemoryStore, draft: Draft, name: str, ts: float, ref: int | None = None
    ) -> Entry:
        return honest(
            self, draft, name, ts, ref - 1 if ref is not None and ref > 1 else ref
        )

    patch.setattr(MemoryStore, "_put", put)


def some_lines_are_only_accepted(patch: Patch) -> None:
    honest = MemoryStore._append

    def append(self: MemoryStore, draft: Draft, ts: float) -> Outcome:
        log = self._logs.get(draft.log)
        if draft.n % 5 == 0 and log is not None:
            return Appended((log.kept[log.head].entry,), duplicate=True)
        return honest(self, draft, ts)

    patch.setattr(MemoryStore, "_append", append)


def a_seq_is_taken_before_a_wait(patch: Patch) -> None:
    async def append(
        self: MemoryStore, drafts: Sequence[Draft], ts: float
    ) -> list[Outcome]:
        heads = {name: log.head for name, log in self._logs.items()}
        await trio.lowlevel.checkpoint()
        outcomes: list[Outcome] = []
        for draft in drafts:
            heads[draft.log] = seq = heads.get(draft.log, 0) + 1
            put = self._put(draft, draft.log, ts)
            entry = entry_of(draft, log=draft.log, seq=seq, ts=ts)
            log = self._logs[draft.log]
            log.kept[put.seq] = msgspec.structs.replace(log.kept[put.seq], entry=entry)
            outcomes.append(Appended((entry,), duplicate=False))
        return outcomes

    patch.setattr(_SlowStore, "append", append)


def a_number_is_known_whatever_the_text(patch: Patch) -> None:
    honest = MemoryStore._append

    def append(self: MemoryStore, draft: Draft, ts: float) -> Outcome:
        author = self._authors.get((draft.log, draft.device))
        known = None if author is None else author.said.get(draft.n)
        if isinstance(known, Entry):
            return Appended((known,), duplicate=True)
        return honest(self, draft, ts)

    patch.setattr(MemoryStore, "_append", append)


# --- on disk -------------------------------------------------------------------------


def _with_pragmas(patch: Patch, changed: dict[str, str]) -> None:
    """Let these pragmas be others."""
    honest = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            return super().execute(changed.get(sql, sql), *arguments)

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = honest(*arguments, factory=Connection, **options)
        return connection

    patch.setattr(sqlite3, "connect", connect)


_NOTHING = "SELECT 1"


def no_line_is_synced(patch: Patch) -> None:
    honest = sqlite._opened

    def opened(path: Path, **options: Any) -> Any:
        log, *rest = honest(path, **options)
        assert log._connection is not None
        log._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log._connection.execute("PRAGMA synchronous = NORMAL")
        return log, *rest

    patch.setattr(sqlite, "_opened", opened)


def a_transaction_can_be_done_by_halves(patch: Patch) -> None:
    _with_pragmas(patch, {"PRAGMA journal_mode = WAL": "PRAGMA journal_mode = MEMORY"})


def what_the_killed_left_is_taken_for_durable(patch: Patch) -> None:
    _with_pragmas(patch, {"PRAGMA wal_checkpoint(TRUNCATE)": _NOTHING})
    # The first transaction of a life would sync it all, too.
    patch.setattr(sqlite, "live_on", lambda *_: None)
    patch.setattr(sqlite, "read_marker", lambda _: None)


def a_number_given_in_vain_is_not_given_again(patch: Patch) -> None:
    honest = Writer.__init__

    class Remembering(dict[str, Any]):
        def clear(self) -> None:
            return

    def begin(self: Any, *arguments: Any) -> None:
        honest(self, *arguments)
        self._heads = Remembering()

    patch.setattr(Writer, "__init__", begin)


def identities_go_with_their_entries(patch: Patch) -> None:
    honest = MemoryStore.trim

    async def trim(self: MemoryStore, log: str, keep: Keep, *, limit: int) -> int:
        count = await honest(self, log, keep, limit=limit)
        for author in self._authors.values():
            for n in [n for n, what in author.said.items() if not isinstance(what, Entry)]:
                del author.said[n]
            author.last_n = max(author.said, default=0)
        return count

    patch.setattr(MemoryStore, "trim", trim)


def one_too_many_is_given_up(patch: Patch) -> None:
    honest = Keep.spares

    def spares(self: Keep, oldest: Iterable[tuple[int, int]], head: int) -> int:
        return honest(
            dataclasses.replace(self, entries=(self.entries or 1) - 1), oldest, head
        )

    patch.setattr(Keep, "spares", spares)


def an_error_of_the_disk_is_overlooked(patch: Patch) -> None:
    @contextmanager
    def transaction(connection: sqlite3.Connection) -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        yield
        try:
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_IOERR:
                raise
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    patch.setattr(writer, "transaction", transaction)
