"""The durable store: one SQLite file, one thread that writes, group commit.

Why one thread and one connection write and checkpoint: a commit with an fsync costs the
same for one draft as for hundreds, so whatever arrives during one commit shares the next;
and SQLite before 3.51.3 can corrupt a WAL when two connections checkpoint at once. Reads
have a connection of their own that can't write.
"""

import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import filelock
import trio

from trio_chat.database import (
    ForeignFileError,
    connect_to,
    lock_file,
    put_strange_wal_aside,
    transaction,
)
from trio_chat.errors import StoreError, StoreOpenError
from trio_chat.store.interface import Draft, Entry, Hits, Keep, Outcome
from trio_chat.store.marker import (
    COPIED,
    Marker,
    read_marker,
    why_another_past,
    write_marker,
)
from trio_chat.store.schema import (
    COLUMNS,
    SCHEMA_VERSION,
    as_entry,
    bring_up_to_date,
    check_ours,
    live_on,
    meta,
)
from trio_chat.store.search_index import SearchIndex
from trio_chat.store.writer import Writer, connect, is_spoilt
from trio_chat.words import Wanted
from trio_chat.worker import OpenWorker, Worker, open_thread_worker

T = TypeVar("T")


@asynccontextmanager
async def open_sqlite_store(
    path: Path, *, open_worker: OpenWorker = open_thread_worker, new_epoch: bool = False
) -> AsyncIterator["SqliteStore"]:
    """A durable Store in the file at `path`, which is made if it is not there.

    Shape:  the file belongs to this block alone until it ends. It gets a new epoch when it
            is a backup or an older copy (see marker.py), or when `new_epoch` asks for it.
            What another file left beside it is put aside first.
    Raises: StoreOpenError: it can't be written, is not a trio_chat file, is in use by
            another server, or was written by a newer version. The file is unchanged.
    Cancel: atomic; leaving waits for the write that is under way.
    """
    async with open_worker() as writer, open_worker() as reader, open_worker() as searcher:
        with _lock(path):
            store = SqliteStore(path, writer, reader, searcher)
            try:
                await store.open(new_epoch=new_epoch)
                yield store
            finally:
                await store.aclose()


@dataclass(frozen=True, slots=True)
class Found:
    """What there was to do with a data file before it could be used."""

    migrated: int | None = None
    """The entries that an older version had written, and that were written anew."""
    another_past: str = ""
    """Why it has a new epoch; empty: it has the one that it had."""


class SqliteStore:
    """A Store in one SQLite file; get one from open_sqlite_store()."""

    def __init__(
        self, path: Path, writer: Worker, reader: Worker, searcher: Worker
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._searcher = searcher
        self._index: SearchIndex | None = None
        self._log: Writer | None = None
        self._epoch = ""
        self._found = Found()
        self._readable: sqlite3.Connection | None = None

    @property
    def epoch(self) -> str:
        return self._epoch

    @property
    def found(self) -> Found:
        """What there was to do when it was opened."""
        return self._found

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """As Store.append."""
        log = self._open_log
        return await _run(self._writer, lambda: log.append(drafts, ts))

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        """As Store.read."""

        def read(connection: sqlite3.Connection) -> list[Entry]:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM entry"  # noqa: S608 (our own column names)
                " WHERE log = (SELECT id FROM log WHERE name = ?)"
                " AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                (log, after, through, limit),
            )
            return [as_entry(log, row) for row in rows]

        return await self._read(read)

    async def heads(self) -> dict[str, int]:
        """As Store.heads."""

        def heads(connection: sqlite3.Connection) -> dict[str, int]:
            return dict(connection.execute("SELECT name, head FROM log").fetchall())

        return await self._read(heads)

    async def remember(self, values: Mapping[str, str | None]) -> None:
        """As Store.remember."""
        log = self._open_log
        await _run(self._writer, lambda: log.remember(values))

    async def remembered(self, prefix: str) -> dict[str, str]:
        """As Store.remembered."""

        def remembered(connection: sqlite3.Connection) -> dict[str, str]:
            rows = connection.execute(
                "SELECT name, value FROM remembered"
                " WHERE substr(name, 1, length(?)) = ? ORDER BY name",
                (prefix, prefix),
            )
            return dict(rows.fetchall())

        return await self._read(remembered)

    async def trimmed(self, log: str) -> int:
        """As Store.trimmed."""

        def trimmed(connection: sqlite3.Connection) -> int:
            query = "SELECT trimmed FROM log WHERE name = ?"
            row = connection.execute(query, (log,)).fetchone()
            return row[0] if row is not None else 0

        return await self._read(trimmed)

    async def overdue(self, keep: Keep) -> list[str]:
        """As Store.overdue."""
        since_ms = None if keep.since_ts is None else round(keep.since_ts * 1000)

        def overdue(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(
                "SELECT name FROM log WHERE trimmed < head AND (head - trimmed > ? OR"
                " (SELECT ts_ms FROM entry WHERE log = log.id AND seq = trimmed + 1) < ?)",
                (keep.entries, since_ms),
            )
            return [name for (name,) in rows]

        return await self._read(overdue)

    async def trim(self, log: str, keep: Keep, *, limit: int) -> int:
        """As Store.trim."""
        writing = self._open_log
        return await _run(self._writer, lambda: writing.trim(log, keep, limit))

    async def search(
        self, log: str, sought: Wanted, *, before: int, through: int, limit: int
    ) -> Hits:
        """As Store.search."""
        index = self._open_index
        return await self._searcher.run(
            lambda: index.search(log, sought, before=before, through=through, limit=limit)
        )

    async def index(self) -> int:
        """As Store.index."""
        return await self._searcher.run(self._open_index.index)

    @property
    def _open_index(self) -> SearchIndex:
        # The file is opened by the first call, in the thread that searches.
        if self._index is None:
            self._index = SearchIndex(self._path, self._epoch)
        return self._index

    async def _read(self, call: Callable[[sqlite3.Connection], T]) -> T:
        def read() -> T:
            try:
                return self._read_once(call)
            except sqlite3.Error as error:
                if not is_spoilt(error):
                    raise
                return self._read_once(call)

        return await _run(self._reader, read)

    def _read_once(self, call: Callable[[sqlite3.Connection], T]) -> T:
        if self._readable is None:
            self._open_reader()
        assert self._readable is not None
        try:
            return call(self._readable)
        except sqlite3.Error as error:
            if is_spoilt(error):  # whoever reads next gets another one, as soon as can be
                self._close_reader()
            raise

    async def open(self, *, new_epoch: bool = False) -> None:
        """Open both connections, the writer's first: it makes the file.

        Raises: StoreOpenError: see open_sqlite_store().
        Cancel: closes the store.
        """
        try:
            await self._writer.run(lambda: self._open_writer(new_epoch))
            await self._reader.run(self._open_reader)
        except (sqlite3.Error, OSError) as error:
            raise StoreOpenError(_cannot_open(self._path, error)) from error

    async def aclose(self) -> None:
        """Close both connections, the writer's last: it checkpoints.

        Cancel: may have happened.
        """
        with trio.CancelScope(shield=True):
            if self._index is not None:
                await self._searcher.run(self._index.close)
            await self._reader.run(self._close_reader)
            await self._writer.run(self._close_writer)

    # These run in the threads, so that even when open() is cancelled, the closing comes
    # after the opening, and knows what there is to close.

    def _open_writer(self, new_epoch: bool) -> None:
        self._log, self._epoch, self._found = _opened(self._path, new_epoch=new_epoch)

    def _open_reader(self) -> None:
        self._readable = connect_to(self._path, read_only=True)

    def _close_reader(self) -> None:
        connection, self._readable = self._readable, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _close_writer(self) -> None:
        if self._log is not None:
            self._log.close()

    @property
    def _open_log(self) -> Writer:
        assert self._log is not None, "the store is not open"
        return self._log


def _opened(path: Path, *, new_epoch: bool) -> tuple[Writer, str, Found]:
    # Nobody but the owner reads what people said to each other.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    aside = _put_aside(path)
    connection = connect(path)
    try:
        with transaction(connection):
            version = check_ours(path, connection)
            entries = bring_up_to_date(connection, secrets.token_hex(8))
            before = meta(connection)
            marker = read_marker(path)
            epoch, life = before["epoch"], int(before["life"])
            put_there = aside is not None
            why = why_another_past(before, marker, asked=new_epoch, put_there=put_there)
            if why and version:
                epoch, life = secrets.token_hex(8), 0
                _begin_anew(connection, epoch)
            live_on(connection, life + 1)
        if not version and aside is None:
            why = "" if marker is None else "what was stored here is gone"
        marker = Marker(epoch, life + 1)
        write_marker(path, marker)
        migrated = entries if version not in (0, SCHEMA_VERSION) else None
        if aside is not None:
            why += f"; what another file had left beside it is now in {aside.name}"
        found = Found(migrated, why)
        return Writer(path, connection, marker), epoch, found
    except BaseException:
        connection.close()
        raise


def _put_aside(path: Path) -> Path | None:
    try:
        return put_strange_wal_aside(path)
    except ForeignFileError as error:
        raise StoreOpenError(f"{path} {error}. Name another file with --data") from None


def _begin_anew(connection: sqlite3.Connection, epoch: str) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
    connection.execute("DELETE FROM meta WHERE key = ?", (COPIED,))
    # Who was here in another past is not here now: nobody's name or place is kept for a
    # device that may have left, or be somebody else, since. All begin anew anyway.
    connection.execute("DELETE FROM remembered")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    try:
        lock = lock_file(path)
    except filelock.Timeout:
        raise StoreOpenError(
            f"{path} is in use by another server; stop that one, or name another file"
            " with --data"
        ) from None
    except OSError as error:
        raise StoreOpenError(_cannot_open(path, error)) from error
    try:
        yield
    finally:
        lock.release()


def _cannot_open(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} can't be made: its directory does not exist"
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return (
            f"{path} is not a trio_chat data file; it was left as it is."
            " Name another file with --data"
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{path} can't be used: {reason}"


async def _run(worker: Worker, call: Callable[[], T]) -> T:
    try:
        return await worker.run(call)
    except sqlite3.Error as error:
        raise StoreError(f"the data file failed: {error}") from error
