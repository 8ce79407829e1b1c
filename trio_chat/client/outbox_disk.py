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
from trio_chat.database import (
    ForeignFileError,
    Form,
    check_form,
    connect_to,
    lock_file,
    open_file,
    transaction,
)
from trio_chat.errors import OutboxError
from trio_chat.protocol.messages import Kind

FORM: Final = Form(
    application_id=0x74726F62,  # "trob"
    version=2,
    schema="""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE line (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    text TEXT NOT NULL,
    kind TEXT NOT NULL,
    typed_ms INTEGER NOT NULL,
    ref INTEGER
);
""",
    upgrades={1: "ALTER TABLE line ADD COLUMN ref INTEGER;\n"},
)
FILES_MAX: Final = 64
"""Of one nick on one server: that many clients at a time."""

Put: TypeAlias = tuple[str, str, Kind, int, int | None]
"""room, text, kind, typed_ms, ref."""
Row: TypeAlias = tuple[int, str, str, Kind, int, int | None]
"""n, room, text, kind, typed_ms, ref."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file holds when it is opened."""

    device: str
    released_n: int
    last_n: int
    rows: Sequence[Row]
    lines_elsewhere: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What memory knows of a file: all that it has to hold."""

    released_n: int
    last_n: int
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One transaction.

    Shape:  of the lines that are there after it, the first `release_lines` may be sent.
            `known` is what was there before it, where the file may hold something else.
    """

    puts: Sequence[Put]
    gone: Sequence[int]
    release_lines: int
    known: Known | None


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
        self.path = path
        """The file; after an error it may be another one."""
        self._first = path
        self._device = ""
        self._making = False  # a file of ours that may have no device in it yet
        self._lock: filelock.BaseFileLock | None = None
        self._connection: sqlite3.Connection | None = None

    def open(self) -> Found:
        """Take a file that nobody has, and read it.

        Raises: OutboxError: there is none; the text says why.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path, self._lock = _lock_one(self.path)
            self._connection = open_file(self.path, FORM)
            with transaction(self._connection):
                return self._found(self._connection)
        except (sqlite3.Error, OSError, ForeignFileError) as error:
            raise OutboxError(f"the outbox {self.path} {_why(error)}") from error

    def write(self, change: Change) -> Written:
        """Make the change durable.

        Raises: OutboxError: nobody knows whether it was made. The next change needs what is
                `known`: the file is opened anew, and may hold anything.
        """
        try:
            if self._connection is None:
                assert change.known is not None
                self._keep_or_replace()
                self._connection = open_file(self.path, FORM)
            with transaction(self._connection):
                if change.known is not None:
                    _restore(self._connection, self._device, change.known)
                return self._written(self._connection, change)
        except (sqlite3.Error, OSError, ForeignFileError) as error:
            # What a failed sync was to make sure, no later one on the same file does.
            self._disconnect()
            raise OutboxError(f"the outbox {self.path} {_why(error)}") from error

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

    def _keep_or_replace(self) -> None:
        """Have a file that is ours, or one that is nobody's.

        Raises: sqlite3.Error, OSError, ForeignFileError.
        """
        assert self._lock is not None
        ours = {self._device, ""} if self._making else {self._device}
        if self._lock.is_locked and self.path.exists() and _device_in(self.path) in ours:
            return
        # Whoever removed our file may have removed the lock with it: take one anew. What
        # is there now is left to its owner, with its device and its numbers.
        self._lock.release()
        self.path, self._lock = _lock_new(self._first)
        self._making = True

    def _found(self, connection: sqlite3.Connection) -> Found:
        execute = connection.execute
        new = secrets.token_hex(16)
        execute("INSERT OR IGNORE INTO meta VALUES ('device', ?), ('released', 0)", (new,))
        meta = dict(execute("SELECT key, value FROM meta"))
        self._device = meta["device"]
        return Found(
            device=meta["device"],
            released_n=int(meta["released"]),
            last_n=_last_n(connection),
            rows=execute(
                "SELECT n, room, text, kind, typed_ms, ref FROM line ORDER BY n"
            ).fetchall(),
            lines_elsewhere=_lines_elsewhere(self._first, self.path),
        )

    def _written(self, connection: sqlite3.Connection, change: Change) -> Written:
        connection.executemany("DELETE FROM line WHERE n = ?", [(n,) for n in change.gone])
        insert = "INSERT INTO line (room, text, kind, typed_ms, ref) VALUES (?, ?, ?, ?, ?)"
        numbers = [connection.execute(insert, row).lastrowid for row in change.puts]
        if change.release_lines:
            _release(connection, change.release_lines)
        return Written(
            numbers=[n for n in numbers if n is not None],
            released_n=_released_n(connection),
        )


def _restore(connection: sqlite3.Connection, device: str, known: Known) -> None:
    """Make the file what it has to be, whatever it is: ours, an older copy, or empty."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('released', 0)")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('device', ?)", (device,))
    connection.execute("DELETE FROM line")
    connection.executemany(
        "INSERT INTO line (n, room, text, kind, typed_ms, ref) VALUES (?, ?, ?, ?, ?, ?)",
        known.rows,
    )
    # No number is given twice, and what may have been sent is never held again. What we do
    # not know of may have come further than what we know.
    last_n = max(known.last_n, _last_n(connection))
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'line'")
    connection.execute("INSERT INTO sqlite_sequence VALUES ('line', ?)", (last_n,))
    _mark_released(connection, known.released_n)


def _release(connection: sqlite3.Connection, lines: int) -> None:
    last = connection.execute(
        "SELECT n FROM line ORDER BY n LIMIT 1 OFFSET ?", (lines - 1,)
    )
    (n,) = last.fetchone() or (_last_n(connection),)
    _mark_released(connection, n)


def _mark_released(connection: sqlite3.Connection, n: int) -> None:
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
            if _lines_in(each):
                if spare is not None:
                    spare[1].release()
                return each, lock
            if spare is None:
                spare = each, lock
            else:
                lock.release()
    if spare is None:
        raise _too_many()
    return spare


def _lock_new(path: Path) -> tuple[Path, filelock.BaseFileLock]:
    """A file that is not there yet."""
    for each in _siblings(path):
        with suppress(filelock.Timeout):
            lock = lock_file(each)
            if not each.exists():
                return each, lock
            lock.release()
    raise _too_many()


def _too_many() -> OSError:
    return OSError(f"{FILES_MAX} clients of this nick are running")


def _siblings(path: Path) -> Iterator[Path]:
    yield path
    for number in range(2, FILES_MAX + 1):
        yield path.with_stem(f"{path.stem}-{number}")


def _open_as_it_is(path: Path) -> closing[sqlite3.Connection]:
    # Not open_file: somebody else may be making it.
    return closing(connect_to(path))


def _device_in(path: Path) -> str:
    """Whose file it is; empty: nobody's that we know of, or it is just being made."""
    with _open_as_it_is(path) as file:
        try:
            if not check_form(file, FORM.application_id, FORM.version):
                return ""
        except ForeignFileError:
            return ""
        row = file.execute("SELECT value FROM meta WHERE key = 'device'").fetchone()
    return str(row[0]) if row is not None else ""


def _lines_in(path: Path) -> int:
    """How many lines wait in the file; 0 if there is none, or none that can be used."""
    if not path.exists():
        return 0
    # One that can't be used is no reason not to use another.
    try:
        with _open_as_it_is(path) as connection:
            check_form(connection, FORM.application_id, FORM.version)
            return int(connection.execute("SELECT count(*) FROM line").fetchone()[0])
    except (sqlite3.Error, OSError, ForeignFileError):
        return 0


def _lines_elsewhere(first: Path, own: Path) -> int:
    """How many lines wait in files that nobody has, but for our own."""
    others = ((each, _lines_in(each)) for each in _siblings(first) if each != own)
    return sum(lines for each, lines in others if lines and _is_nobodys(each))


def _is_nobodys(path: Path) -> bool:
    # For a moment it is ours: who comes in that very moment takes another one.
    try:
        lock_file(path).release()
    except (filelock.Timeout, OSError):
        return False
    return True


def _why(error: Exception) -> str:
    if isinstance(error, ForeignFileError):
        return str(error)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return "is not one; it was left as it is"
    strerror = error.strerror if isinstance(error, OSError) else None
    return f"can't be used: {strerror or error}"


def ticket_of(row: Row) -> Ticket:
    """The line of a row."""
    n, room, text, kind, typed_ms, ref = row
    return Ticket(room, n, text, kind, typed_ms / 1000, ref)


def row_of(ticket: Ticket) -> Row:
    """The row of a line."""
    typed_ms = round(ticket.typed_s * 1000)
    return ticket.n, ticket.room, ticket.text, ticket.kind, typed_ms, ticket.ref
