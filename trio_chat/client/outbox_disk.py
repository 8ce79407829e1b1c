"""The file of an outbox: what is in it, and one transaction after the other. All blocks."""

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import filelock

from trio_chat.client.outbox import Ticket
from trio_chat.database import ForeignFileError, Form, lock_file, open_file, transaction
from trio_chat.errors import OutboxError
from trio_chat.protocol.messages import Kind

FORM: Final = Form(
    application_id=0x74726F62,  # "trob"
    version=1,
    schema="""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE line (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    text TEXT NOT NULL,
    kind TEXT NOT NULL,
    typed_ms INTEGER NOT NULL
);
""",
)
FILES_MAX: Final = 64
"""Of one nick on one server: that many clients at a time."""

Row: TypeAlias = tuple[int, str, str, Kind, int]
"""n, room, text, kind, typed_ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file holds when it is opened."""

    path: Path
    device: str
    released_n: int
    last_n: int
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One transaction.

    Shape:  of the lines that are there after it, the first `release_lines` may be sent.
            `all_rows` are all lines that there are, where the file may hold others.
    """

    puts: Sequence[tuple[str, str, Kind, int]]
    gone: Sequence[int]
    release_lines: int
    all_rows: Sequence[Row] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a transaction has made.

    Shape:  `numbers` of what was put in; lines up to `released_n` may be sent.
    """

    numbers: Sequence[int]
    released_n: int


class OutboxDisk:
    """The file of an outbox, and the lock on it; every method blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: filelock.BaseFileLock | None = None
        self._connection: sqlite3.Connection | None = None

    def open(self) -> Found:
        """Take a file that nobody has, and read it.

        Raises: OutboxError: there is none; the text says why.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path, self._lock = _lock_one(self._path)
            self._connection = open_file(self._path, FORM)
            with transaction(self._connection):
                return self._found(self._connection)
        except (sqlite3.Error, OSError, ForeignFileError) as error:
            raise OutboxError(f"the outbox {self._path} {_why(error)}") from error

    def write(self, change: Change) -> Written:
        """Make the change durable.

        Raises: OutboxError: nobody knows whether it was made. The file is opened anew the
                next time: until a change with `all_rows` it may hold anything.
        """
        try:
            if self._connection is None:
                self._connection = open_file(self._path, FORM)
            with transaction(self._connection):
                return self._written(self._connection, change)
        except (sqlite3.Error, OSError, ForeignFileError) as error:
            # What a failed sync was to make sure, no later one on the same file does.
            self._disconnect()
            raise OutboxError(f"the outbox {self._path} {_why(error)}") from error

    def close(self) -> None:
        """Give the file back; there need not be one."""
        self._disconnect()
        if self._lock is not None:
            self._lock.release()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _found(self, connection: sqlite3.Connection) -> Found:
        execute = connection.execute
        new = secrets.token_hex(16)
        execute("INSERT OR IGNORE INTO meta VALUES ('device', ?), ('released', 0)", (new,))
        meta = dict(execute("SELECT key, value FROM meta"))
        return Found(
            path=self._path,
            device=meta["device"],
            released_n=int(meta["released"]),
            last_n=_last_n(connection),
            rows=execute(
                "SELECT n, room, text, kind, typed_ms FROM line ORDER BY n"
            ).fetchall(),
        )

    def _written(self, connection: sqlite3.Connection, change: Change) -> Written:
        if change.all_rows is not None:
            connection.execute("DELETE FROM line")
            connection.executemany(
                "INSERT INTO line (n, room, text, kind, typed_ms) VALUES (?, ?, ?, ?, ?)",
                change.all_rows,
            )
        connection.executemany("DELETE FROM line WHERE n = ?", [(n,) for n in change.gone])
        insert = "INSERT INTO line (room, text, kind, typed_ms) VALUES (?, ?, ?, ?)"
        numbers = [connection.execute(insert, row).lastrowid for row in change.puts]
        if change.release_lines:
            _release(connection, change.release_lines)
        return Written(
            numbers=[n for n in numbers if n is not None],
            released_n=_released_n(connection),
        )


def _release(connection: sqlite3.Connection, lines: int) -> None:
    last = connection.execute(
        "SELECT n FROM line ORDER BY n LIMIT 1 OFFSET ?", (lines - 1,)
    )
    (n,) = last.fetchone() or (_last_n(connection),)
    # Never less: what was released once may have been sent.
    if n > _released_n(connection):
        connection.execute("UPDATE meta SET value = ? WHERE key = 'released'", (n,))


def _released_n(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = 'released'").fetchone()
    return int(row[0])


def _last_n(connection: sqlite3.Connection) -> int:
    """The last number that was given, although its row may be gone."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'line'")
    return int((row.fetchone() or (0,))[0])


def _lock_one(path: Path) -> tuple[Path, filelock.BaseFileLock]:
    """A file that nobody has: the first with a line in it, or else the first."""
    spare: tuple[Path, filelock.BaseFileLock] | None = None
    for each in _siblings(path):
        if spare is not None and not each.exists():
            break
        with suppress(filelock.Timeout):
            lock = lock_file(each)
            if _has_lines(each):
                if spare is not None:
                    spare[1].release()
                return each, lock
            if spare is None:
                spare = each, lock
            else:
                lock.release()
    if spare is None:
        raise OSError(f"{FILES_MAX} clients of this nick are running")
    return spare


def _siblings(path: Path) -> Iterator[Path]:
    yield path
    for number in range(2, FILES_MAX + 1):
        yield path.with_stem(f"{path.stem}-{number}")


def _has_lines(path: Path) -> bool:
    if not path.exists():
        return False
    # One that can't be used is no reason not to use another.
    try:
        with closing(open_file(path, FORM)) as connection:
            return bool(connection.execute("SELECT 1 FROM line LIMIT 1").fetchone())
    except (sqlite3.Error, OSError, ForeignFileError):
        return False


def _why(error: Exception) -> str:
    if isinstance(error, ForeignFileError):
        return str(error)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return "is not one; it was left as it is"
    strerror = error.strerror if isinstance(error, OSError) else None
    return f"can't be used: {strerror or error}"


def ticket_of(row: Row) -> Ticket:
    """The line of a row."""
    n, room, text, kind, typed_ms = row
    return Ticket(room, n, text, kind, typed_ms / 1000)


def row_of(ticket: Ticket) -> Row:
    """The row of a line."""
    typed_ms = round(ticket.typed_s * 1000)
    return ticket.n, ticket.room, ticket.text, ticket.kind, typed_ms
