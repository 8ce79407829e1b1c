"""The durable store: one SQLite file, one thread that writes, group commit.

Why one thread and one connection write and checkpoint: a commit with an fsync costs the
same for one draft as for hundreds, so whatever arrives during one commit shares the next;
and SQLite before 3.51.3 can corrupt a WAL when two connections checkpoint at once. Reads
have a connection of their own that can't write.
"""

import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import filelock
import trio

from trio_chat.errors import StoreError, StoreOpenError
from trio_chat.store.interface import (
    Appended,
    Conflict,
    Draft,
    Entry,
    Missing,
    Outcome,
    entry_of,
    says_the_same,
)
from trio_chat.worker import OpenWorker, Worker, open_thread_worker

APPLICATION_ID: Final = 0x7472696F
"""In the file's header: "trio". A file with another one is not ours."""
SCHEMA_VERSION: Final = 1
"""In the file's header; a file with a larger one comes from a newer trio_chat."""

_WAL_PAGES: Final = 200
"""Checkpoint this often: small and steady beats rare and long (p99 8.5 against 19 ms)."""

# A rowid table with two narrow indexes writes the texts in sequence: 1.3 to 1.8 times as
# fast as one clustered by (log, seq).
_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    log INTEGER NOT NULL REFERENCES log (id),
    seq INTEGER NOT NULL,
    device TEXT,
    n INTEGER,
    nick TEXT NOT NULL,
    kind TEXT NOT NULL,
    "to" TEXT,
    ts_ms INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE UNIQUE INDEX entry_by_seq ON entry (log, seq);
CREATE UNIQUE INDEX entry_by_author ON entry (log, device, n) WHERE device IS NOT NULL;
"""

_COLUMNS: Final = 'seq, nick, text, ts_ms, kind, "to"'

T = TypeVar("T")


@asynccontextmanager
async def open_sqlite_store(
    path: Path, *, open_worker: OpenWorker = open_thread_worker
) -> AsyncIterator["SqliteStore"]:
    """A durable Store in the file at `path`, which is made if it is not there.

    Shape:  the file belongs to this block alone until it ends.
    Raises: StoreOpenError: it can't be written, is not a trio_chat file, is in use by
            another server, or was written by a newer version. The file is unchanged.
    Cancel: atomic; leaving waits for the write that is under way.
    """
    async with open_worker() as writer, open_worker() as reader:
        with _lock(path):
            store = SqliteStore(path, writer, reader)
            try:
                await store.open()
                yield store
            finally:
                await store.aclose()


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

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """As Store.append."""
        log = self._open_log
        return await _run(self._writer, lambda: log.append(drafts, ts))

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        """As Store.read."""

        def read() -> list[Entry]:
            rows = self._open_readable.execute(
                f"SELECT {_COLUMNS} FROM entry"  # noqa: S608 (our own column names)
                " WHERE log = (SELECT id FROM log WHERE name = ?)"
                " AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                (log, after, through, limit),
            )
            return [_entry(log, row) for row in rows]

        return await _run(self._reader, read)

    async def heads(self) -> dict[str, int]:
        """As Store.heads."""

        def heads() -> dict[str, int]:
            return dict(
                self._open_readable.execute(
                    "SELECT name, (SELECT max(seq) FROM entry WHERE log = log.id) FROM log"
                )
            )

        return await _run(self._reader, heads)

    async def open(self) -> None:
        """Open both connections, the writer's first: it makes the file.

        Raises: StoreOpenError: see open_sqlite_store().
        Cancel: closes the store.
        """
        try:
            await self._writer.run(self._open_writer)
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

    def _open_writer(self) -> None:
        self._log = _open_log(self._path)

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


class _Log:
    """The writing connection; every method runs in the writer's thread."""

    def __init__(self, connection: sqlite3.Connection, epoch: str) -> None:
        self.epoch = epoch
        self._connection = connection
        self._known: dict[str, tuple[int, int]] = {}  # log -> (its id, its head)

    def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        try:
            with _transaction(self._connection):
                return [self._append(draft, ts) for draft in drafts]
        except BaseException:
            self._known.clear()  # what was numbered in vain will be given again
            raise

    def _append(self, draft: Draft, ts: float) -> Outcome:
        if draft.known_only:
            return self._known_before(draft) or Missing()
        entry = self._put(draft, draft.log, ts)
        if entry is None:
            known = self._known_before(draft)
            assert known is not None, "the index has an entry that is not there"
            return known
        copies = [self._put(draft, log, ts) for log in draft.copies]
        entries = (entry, *(copy for copy in copies if copy is not None))
        return Appended(entries, duplicate=False)

    def _put(self, draft: Draft, log: str, ts: float) -> Entry | None:
        """Number it in `log`; None if the author's identity stands there already."""
        log_id, head = self._head(log)
        entry = entry_of(draft, log=log, seq=head + 1, ts=ts)
        identity = (draft.device, draft.n) if log == draft.log else (None, None)
        cursor = self._connection.execute(
            'INSERT INTO entry (log, seq, device, n, nick, kind, "to", ts_ms, text)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (log, device, n) WHERE device IS NOT NULL DO NOTHING",
            (
                log_id,
                entry.seq,
                *identity,
                entry.nick,
                entry.kind,
                entry.to,
                round(entry.ts * 1000),
                entry.text,
            ),
        )
        if cursor.rowcount == 0:
            return None
        self._known[log] = (log_id, entry.seq)
        return entry

    def _known_before(self, draft: Draft) -> Appended | Conflict | None:
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM entry"  # noqa: S608 (our own column names)
            " WHERE log = (SELECT id FROM log WHERE name = ?) AND device = ? AND n = ?",
            (draft.log, draft.device, draft.n),
        ).fetchone()
        if row is None:
            return None
        entry = _entry(draft.log, row)
        if says_the_same(entry, draft):
            return Appended((entry,), duplicate=True)
        return Conflict(entry.seq)

    def _head(self, log: str) -> tuple[int, int]:
        if log not in self._known:
            self._known[log] = self._looked_up(log)
        return self._known[log]

    def _looked_up(self, log: str) -> tuple[int, int]:
        execute = self._connection.execute
        row = execute("SELECT id FROM log WHERE name = ?", (log,)).fetchone()
        if row is None:
            inserted = execute("INSERT INTO log (name) VALUES (?)", (log,))
            assert inserted.lastrowid is not None
            return inserted.lastrowid, 0
        head = execute("SELECT max(seq) FROM entry WHERE log = ?", row).fetchone()[0]
        return row[0], head or 0

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _open_log(path: Path) -> _Log:
    # Nobody but the owner reads what people said to each other.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        _check_ours(path, connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        # Who was killed between writing a transaction and syncing it leaves one that reads
        # as committed, and that a loss of power would still take: we would show and accept
        # what is not durable. This syncs all that is there.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with _transaction(connection):
            _make_schema(connection)
        row = connection.execute("SELECT value FROM meta WHERE key = 'epoch'")
        return _Log(connection, row.fetchone()[0])
    except BaseException:
        connection.close()
        raise


def _check_ours(path: Path, connection: sqlite3.Connection) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (tables or application_id) and application_id != APPLICATION_ID:
        raise StoreOpenError(
            f"{path} is a database of another program; it was left as it is."
            " Name another file with --data"
        )
    if version > SCHEMA_VERSION:
        raise StoreOpenError(
            f"{path} was written by a newer trio_chat (schema {version}; this one knows"
            f" {SCHEMA_VERSION}); it was left as it is. Install that version"
        )


def _make_schema(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version:
        return
    for statement in _SCHEMA.split(";\n"):
        connection.execute(statement)
    epoch = secrets.token_hex(8)
    connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (epoch,))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


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


def _entry(log: str, row: tuple[int, str, str, int, str, str | None]) -> Entry:
    seq, nick, text, ts_ms, kind, to = row
    return Entry(log=log, seq=seq, nick=nick, text=text, ts=ts_ms / 1000, kind=kind, to=to)
