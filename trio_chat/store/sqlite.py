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
from typing import Final, TypeVar

import filelock
import trio

from trio_chat.errors import StoreError, StoreOpenError
from trio_chat.store import chain
from trio_chat.store.interface import (
    Appended,
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
from trio_chat.store.marker import Marker, read_marker, write_marker
from trio_chat.store.schema import (
    COLUMNS,
    SCHEMA_VERSION,
    as_entry,
    bring_up_to_date,
    check_ours,
    meta,
)
from trio_chat.worker import OpenWorker, Worker, open_thread_worker

_WAL_PAGES: Final = 200
"""Checkpoint this often: small and steady beats rare and long (p99 8.5 against 19 ms)."""

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

COPIED: Final = "copied"
"""What a backup says of itself, until a server has opened it."""

T = TypeVar("T")


@asynccontextmanager
async def open_sqlite_store(
    path: Path, *, open_worker: OpenWorker = open_thread_worker, new_epoch: bool = False
) -> AsyncIterator["SqliteStore"]:
    """A durable Store in the file at `path`, which is made if it is not there.

    Shape:  the file belongs to this block alone until it ends. It gets a new epoch when it
            is a backup or an older copy (see marker.py), or when `new_epoch` asks for it.
    Raises: StoreOpenError: it can't be written, is not a trio_chat file, is in use by
            another server, or was written by a newer version. The file is unchanged.
    Cancel: atomic; leaving waits for the write that is under way.
    """
    async with open_worker() as writer, open_worker() as reader:
        with _lock(path):
            store = SqliteStore(path, writer, reader)
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

    def __init__(self, path: Path, writer: Worker, reader: Worker) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._log: _Log | None = None
        self._readable: sqlite3.Connection | None = None

    @property
    def epoch(self) -> str:
        return self._open_log.epoch

    @property
    def found(self) -> Found:
        """What there was to do when it was opened."""
        return self._open_log.found

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
                " WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
                (prefix,),
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

    async def _read(self, call: Callable[[sqlite3.Connection], T]) -> T:
        def read() -> T:
            try:
                return call(self._open_readable)
            except sqlite3.Error as error:
                if not _is_spoilt(error):
                    raise
                self._close_reader()
                self._open_reader()
                return call(self._open_readable)

        return await _run(self._reader, read)

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
            await self._reader.run(self._close_reader)
            await self._writer.run(self._close_writer)

    # These run in the threads, so that even when open() is cancelled, the closing comes
    # after the opening, and knows what there is to close.

    def _open_writer(self, new_epoch: bool) -> None:
        self._log = _open_log(self._path, new_epoch=new_epoch)

    def _open_reader(self) -> None:
        self._readable = _open_readable(self._path)

    def _close_reader(self) -> None:
        if self._readable is not None:
            self._readable.close()

    def _close_writer(self) -> None:
        if self._log is not None:
            self._log.close()

    @property
    def _open_log(self) -> "_Log":
        assert self._log is not None, "the store is not open"
        return self._log

    @property
    def _open_readable(self) -> sqlite3.Connection:
        assert self._readable is not None, "the store is not open"
        return self._readable


@dataclass(slots=True)
class _Head:
    """Where a log ends."""

    log_id: int
    seq: int
    chain: bytes
    trimmed: int


class _Log:
    """The connection that writes; every method runs in the writer's thread.

    Shape:  after an error that may have spoilt it the connection is closed, and the next
            call opens another: an fsync that failed is not asked for again on the same
            file handle, which would say that all is well.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, marker: Marker, found: Found
    ) -> None:
        self.epoch = marker.epoch
        self.found = found
        self._path = path
        self._life = marker.life
        self._connection: sqlite3.Connection | None = connection
        self._heads: dict[str, _Head] = {}
        self._moved: set[str] = set()  # logs whose heads are not in the file yet

    def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        with self._transaction() as connection:
            outcomes = [self._append(connection, draft, ts) for draft in drafts]
            heads = [self._heads[log] for log in sorted(self._moved)]
            connection.executemany(
                "UPDATE log SET head = ?, chain = ? WHERE id = ?",
                ((head.seq, head.chain, head.log_id) for head in heads),
            )
            self._moved.clear()
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
                        "INSERT INTO remembered VALUES (?1, ?2)"
                        " ON CONFLICT (name) DO UPDATE SET value = ?2",
                        (name, value),
                    )

    def close(self) -> None:
        if self._connection is None:
            return
        # A disk that fails now has nothing to take back: the marker stays behind.
        with suppress(sqlite3.Error, OSError):
            with _transaction(self._connection):
                _live_on(self._connection, self._life + 1)
            write_marker(self._path, Marker(self.epoch, self._life + 1))
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            self._connection = _connected(self._path)
        connection = self._connection
        try:
            with _transaction(connection):
                yield connection
        except BaseException as error:
            # What was numbered in vain will be given again.
            self._heads.clear()
            self._moved.clear()
            if _is_spoilt(error) or connection.in_transaction:
                self._connection = None
                with suppress(sqlite3.Error):
                    connection.close()
            raise

    def _append(self, connection: sqlite3.Connection, draft: Draft, ts: float) -> Outcome:
        if draft.known_only:
            return _known_before(connection, draft) or Missing()
        last_n = _last_n(connection, self._head(connection, draft.log), draft.device)
        if draft.n <= last_n:
            return _known_before(connection, draft) or Late(last_n)
        entries = [
            self._put(connection, draft, log, ts) for log in (draft.log, *draft.copies)
        ]
        return Appended(tuple(entries), duplicate=False)

    def _put(
        self, connection: sqlite3.Connection, draft: Draft, log: str, ts: float
    ) -> Entry:
        """Number it in `log`, which has not got it."""
        head = self._head(connection, log)
        entry = entry_of(draft, log=log, seq=head.seq + 1, ts=ts)
        device, n = (draft.device, draft.n) if log == draft.log else (None, None)
        link = chain.link(head.chain, entry, device, n)
        connection.execute(
            'INSERT INTO entry (log, seq, device, n, nick, kind, "to", ts_ms, text, chain)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                head.log_id,
                entry.seq,
                device,
                n,
                entry.nick,
                entry.kind,
                entry.to,
                round(entry.ts * 1000),
                entry.text,
                link,
            ),
        )
        head.seq, head.chain = entry.seq, link
        self._moved.add(log)
        return entry

    def _head(self, connection: sqlite3.Connection, log: str) -> _Head:
        head = self._heads.get(log)
        if head is None:
            head = self._heads[log] = _looked_up(connection, log)
        return head


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
    if last_n is None and head.trimmed:
        # What is gone came before what is kept, and so did its numbers.
        (last_n,) = connection.execute(
            "SELECT max(n) FROM said WHERE log = ?"
            " AND device = (SELECT id FROM device WHERE name = ?)",
            (head.log_id, device),
        ).fetchone()
    return last_n or 0


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


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
        raise


def _is_spoilt(error: BaseException) -> bool:
    """Whether a connection with this error is better not used again."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SPOILT


def _open_log(path: Path, *, new_epoch: bool) -> _Log:
    # Nobody but the owner reads what people said to each other.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = _connected(path)
    try:
        with _transaction(connection):
            version = check_ours(path, connection)
            entries = bring_up_to_date(connection, secrets.token_hex(8))
            before = meta(connection)
            marker = read_marker(path)
            epoch, life = before["epoch"], int(before["life"])
            why = _why_another_past(before, marker, asked=new_epoch)
            if why and version:
                epoch, life = secrets.token_hex(8), 0
                _begin_anew(connection, epoch)
            _live_on(connection, life + 1)
        marker = Marker(epoch, life + 1)
        write_marker(path, marker)
        migrated = entries if version not in (0, SCHEMA_VERSION) else None
        return _Log(path, connection, marker, Found(migrated, why if version else ""))
    except BaseException:
        connection.close()
        raise


def _why_another_past(before: dict[str, str], marker: Marker | None, *, asked: bool) -> str:
    """Why clients must not take what is in the file for what they know; empty: they may."""
    if asked:
        return "a new epoch was asked for"
    if COPIED in before:
        return "the file is a backup"
    if marker is not None and not marker.knows(before["epoch"], int(before["life"])):
        return "the file is not the one that was here last, or an older copy of it"
    return ""


def _begin_anew(connection: sqlite3.Connection, epoch: str) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
    connection.execute("DELETE FROM meta WHERE key = ?", (COPIED,))
    # Who was here in another past is not here now: nobody's name or place is kept for a
    # device that may have left, or be somebody else, since. All begin anew anyway.
    connection.execute("DELETE FROM remembered")


def _live_on(connection: sqlite3.Connection, life: int) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE key = 'life'", (str(life),))


def _connected(path: Path) -> sqlite3.Connection:
    """A connection for writing to a file that is there."""
    # Not by its plain path: SQLite would make a file that was taken away anew, and empty.
    # And never os.open() here: closing that would end the locks that others of ours hold.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
    try:
        check_ours(path, connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute("PRAGMA secure_delete = ON")  # what is trimmed is gone
        # Who was killed between writing a transaction and syncing it leaves one that reads
        # as committed, and that a loss of power would still take: we would show and accept
        # what is not durable. This syncs all that is there; where somebody who reads the
        # file keeps it from that, the first transaction of ours does.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_readable(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    lock = filelock.FileLock(f"{path}.lock", timeout=0, mode=0o600)
    try:
        path.parent.stat()  # the lock would make the directory, which is nobody's wish
        lock.acquire()
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
