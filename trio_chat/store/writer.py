"""The connection that writes: numbers drafts, gives up entries, keeps small values.

Every method runs in the one thread that writes.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trio_chat.database import connect_to, make_durable, transaction
from trio_chat.errors import StoreError
from trio_chat.store import chain
from trio_chat.store.about import Refs, find_about, needs_entry
from trio_chat.store.interface import (
    Appended,
    Astray,
    Conflict,
    Draft,
    Entry,
    Keep,
    Late,
    Missing,
    Outcome,
    Trimmed,
    entry_of,
    log_words,
    says_the_same,
)
from trio_chat.store.marker import Marker, write_marker
from trio_chat.store.schema import COLUMNS, as_entry, check_ours, live_on

_INSERT: Final = (
    'INSERT INTO entry (log, seq, device, n, nick, kind, "to", ts_ms, text, chain)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_LONGER: Final = (
    'INSERT INTO entry (log, seq, device, n, nick, kind, "to", ts_ms, text, chain,'
    " ref, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_NO_REFS: Final[Refs] = {}
_SPOILT: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""Errors after which another connection may do better: what this one has in its cache, or
believes of its file, may be wrong. A full or a busy file is no reason."""


@dataclass(slots=True)
class _Head:
    """Where a log ends."""

    log_id: int
    seq: int
    chain: bytes
    trimmed: int


class Writer:
    """Writes to one data file that is open.

    Shape:  after an error that may have spoilt it the connection is closed, and the next
            call opens another: an fsync that failed is not asked for again on the same
            file handle, which would say that all is well.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, marker: Marker) -> None:
        self._path = path
        self._epoch = marker.epoch
        self._life = marker.life
        self._connection: sqlite3.Connection | None = connection
        self._heads: dict[str, _Head] = {}
        # Of the transaction that is under way:
        self._moved: set[str] = set()  # logs whose heads are not in the file yet
        # Entries that are not in it yet: most have neither a `ref` nor an `origin`, and two
        # values less to bind are a tenth of what it costs to write them.
        self._rows: list[tuple[object, ...]] = []
        self._longer_rows: list[tuple[object, ...]] = []
        self._last_ns: dict[tuple[int, str], int] = {}  # by log and device

    def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        ts = round(ts, 3)
        with self._transaction() as connection:
            outcomes = [self._append(connection, draft, ts) for draft in drafts]
            self._insert(connection)
            heads = [self._heads[log] for log in sorted(self._moved)]
            connection.executemany(
                "UPDATE log SET head = ?, chain = ? WHERE id = ?",
                ((head.seq, head.chain, head.log_id) for head in heads),
            )
            self._moved.clear()
            self._last_ns.clear()
            return outcomes

    def trim(self, log: str, keep: Keep, limit: int) -> int:
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT id, head, trimmed FROM log WHERE name = ?", (log,)
            ).fetchone()
            if row is None:
                return 0
            log_id, head, trimmed = row
            oldest = connection.execute(
                "SELECT seq, ts_ms FROM entry WHERE log = ? ORDER BY seq LIMIT ?",
                (log_id, limit),
            ).fetchall()
            count = keep.spares(oldest, head)
            if count:
                _check_contiguous(log, trimmed, oldest[:count])
                _give_up(connection, log_id, trimmed + count)
                self._heads.pop(log, None)
            return count

    def remember(self, values: Mapping[str, str | None]) -> None:
        with self._transaction() as connection:
            for name, value in values.items():
                if value is None:
                    connection.execute("DELETE FROM remembered WHERE name = ?", (name,))
                else:
                    connection.execute(
                        "INSERT INTO remembered VALUES (?, ?)"
                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                        (name, value),
                    )

    def close(self) -> None:
        if self._connection is None:
            return
        # A disk that fails now has nothing to take back: the marker stays behind.
        with suppress(sqlite3.Error, OSError):
            with transaction(self._connection):
                live_on(self._connection, self._life + 1)
            write_marker(self._path, Marker(self._epoch, self._life + 1))
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            self._connection = connect(self._path)
        connection = self._connection
        try:
            with transaction(connection):
                yield connection
        except BaseException as error:
            # What was numbered in vain will be given again.
            self._heads.clear()
            self._moved.clear()
            self._rows.clear()
            self._longer_rows.clear()
            self._last_ns.clear()
            if is_spoilt(error) or connection.in_transaction:
                self._connection = None
                with suppress(sqlite3.Error):
                    connection.close()
            raise

    def _append(self, connection: sqlite3.Connection, draft: Draft, ts: float) -> Outcome:
        if draft.known_only:
            self._insert(connection)
            return _known_before(connection, draft) or Missing()
        about, refs = draft.ref, _NO_REFS
        if about is not None and not self._is_there(connection, draft.log):
            return Astray(about)  # and what is refused makes no log
        head = self._head(connection, draft.log)
        author = head.log_id, draft.device
        last_n = self._last_ns.get(author)
        if last_n is None:
            last_n = _last_n(connection, head, draft.device)
        if draft.n <= last_n:
            self._insert(connection)
            return _known_before(connection, draft) or Late(last_n)
        if about is not None:
            found = self._about(connection, draft, head)
            if not isinstance(found, dict):
                return found
            refs = found
        self._last_ns[author] = draft.n
        entry = self._put(connection, draft, draft.log, ts, about)
        copies = [
            self._put(connection, draft, log, ts, refs.get(log)) for log in draft.copies
        ]
        return Appended((entry, *copies), duplicate=False)

    def _about(
        self, connection: sqlite3.Connection, draft: Draft, head: _Head
    ) -> Refs | Outcome:
        """What the draft refers to in the logs of its copies, or why it can't do so."""
        assert draft.ref is not None
        if not 1 <= draft.ref <= head.seq:
            return Astray(draft.ref)
        if not needs_entry(draft):
            return _NO_REFS
        self._insert(connection)
        return find_about(connection, draft)

    def _put(
        self,
        connection: sqlite3.Connection,
        draft: Draft,
        log: str,
        ts: float,
        ref: int | None,
    ) -> Entry:
        """Number it in `log`, which has not got it."""
        head = self._head(connection, log)
        entry = entry_of(draft, log=log, seq=head.seq + 1, ts=ts, ref=ref)
        own = log == draft.log
        device, origin = (draft.device, None) if own else (None, draft.device)
        link = chain.link(head.chain, entry, device, draft.n, origin)
        row = (
            head.log_id,
            entry.seq,
            device,
            draft.n,
            entry.nick,
            entry.kind,
            entry.to,
            round(entry.ts * 1000),
            entry.text,
            link,
        )
        if own and ref is None:
            self._rows.append(row)
        else:
            self._longer_rows.append((*row, ref, origin))
        head.seq, head.chain = entry.seq, link
        self._moved.add(log)
        return entry

    def _insert(self, connection: sqlite3.Connection) -> None:
        """Put into the file what was numbered: at once, or before something is sought."""
        for statement, rows in (
            (_INSERT, self._rows),
            (_INSERT_LONGER, self._longer_rows),
        ):
            connection.executemany(statement, rows)
            rows.clear()

    def _head(self, connection: sqlite3.Connection, log: str) -> _Head:
        head = self._heads.get(log)
        if head is None:
            head = self._heads[log] = _looked_up(connection, log)
        return head

    def _is_there(self, connection: sqlite3.Connection, log: str) -> bool:
        query = "SELECT 1 FROM log WHERE name = ?"
        return log in self._heads or bool(connection.execute(query, (log,)).fetchone())


def _looked_up(connection: sqlite3.Connection, log: str) -> _Head:
    row = connection.execute(
        "SELECT id, head, chain, trimmed FROM log WHERE name = ?", (log,)
    ).fetchone()
    if row is not None:
        return _Head(*row)
    inserted = connection.execute("INSERT INTO log (name) VALUES (?)", (log,))
    assert inserted.lastrowid is not None
    return _Head(inserted.lastrowid, 0, chain.START, 0)


def _last_n(connection: sqlite3.Connection, head: _Head, device: str) -> int:
    """The largest number of this device in that log; 0 if there is none."""
    (last_n,) = connection.execute(
        "SELECT max(n) FROM entry WHERE log = ? AND device = ?", (head.log_id, device)
    ).fetchone()
    if not head.trimmed:
        return last_n or 0
    # What is gone came before what is kept; but its numbers need not be the smaller ones:
    # before schema 2 they were logged in any order.
    (gone_n,) = connection.execute(
        "SELECT max(n) FROM said WHERE log = ?"
        " AND device = (SELECT id FROM device WHERE name = ?)",
        (head.log_id, device),
    ).fetchone()
    return max(last_n or 0, gone_n or 0)


def _known_before(
    connection: sqlite3.Connection, draft: Draft
) -> Appended | Conflict | Trimmed | None:
    row = connection.execute(
        f"SELECT {COLUMNS} FROM entry"  # noqa: S608 (our own column names)
        " WHERE log = (SELECT id FROM log WHERE name = ?) AND device = ? AND n = ?",
        (draft.log, draft.device, draft.n),
    ).fetchone()
    if row is None:
        return _gone_before(connection, draft)
    known = as_entry(draft.log, row)
    if says_the_same(known, draft):
        return Appended((known,), duplicate=True)
    return Conflict(known.seq)


def _gone_before(connection: sqlite3.Connection, draft: Draft) -> Conflict | Trimmed | None:
    row = connection.execute(
        "SELECT seq, said FROM said WHERE log = (SELECT id FROM log WHERE name = ?)"
        " AND device = (SELECT id FROM device WHERE name = ?) AND n = ?",
        (draft.log, draft.device, draft.n),
    ).fetchone()
    if row is None:
        return None
    seq, said = row
    return Trimmed(seq) if said == chain.said(draft) else Conflict(seq)


def _check_contiguous(log: str, trimmed: int, oldest: Sequence[tuple[int, int]]) -> None:
    # To trim over a hole would make it look like one of ours.
    for due, (seq, _) in enumerate(oldest, start=trimmed + 1):
        if seq != due:
            raise StoreError(f"{due} of {log_words(log)} is missing in the data file")


def _give_up(connection: sqlite3.Connection, log_id: int, through: int) -> None:
    """Keep nothing but their identities of a log's entries up to `through`."""
    place = (log_id, through)
    connection.execute(
        "INSERT OR IGNORE INTO device (name) SELECT DISTINCT device FROM entry"
        " WHERE log = ? AND seq <= ? AND device IS NOT NULL",
        place,
    )
    rows = connection.execute(
        f"SELECT entry.device, n, {COLUMNS} FROM entry"  # noqa: S608 (our own names)
        " WHERE log = ? AND seq <= ? AND device IS NOT NULL",
        place,
    ).fetchall()
    connection.executemany(
        "INSERT INTO said VALUES (?, (SELECT id FROM device WHERE name = ?), ?, ?, ?)",
        (
            (log_id, device, n, columns[0], chain.said(as_entry("", tuple(columns))))
            for device, n, *columns in rows
        ),
    )
    connection.execute(
        "UPDATE log SET trimmed = ?, anchor ="
        " (SELECT chain FROM entry WHERE log = log.id AND seq = ?) WHERE id = ?",
        (through, through, log_id),
    )
    connection.execute("DELETE FROM entry WHERE log = ? AND seq <= ?", place)


def is_spoilt(error: BaseException) -> bool:
    """Whether a connection with this error is better not used again."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SPOILT


def connect(path: Path) -> sqlite3.Connection:
    """A connection for writing to a data file that is there.

    Raises: StoreOpenError: it is not ours. sqlite3.Error: it can't be used.
    """
    # Never os.open() here: closing that would end the locks that others of ours hold.
    connection = connect_to(path)
    try:
        check_ours(path, connection)
        make_durable(connection)
        connection.execute("PRAGMA secure_delete = ON")  # what is trimmed is gone
    except BaseException:
        connection.close()
        raise
    return connection
