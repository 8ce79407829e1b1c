"""SQLite files that keep what they were told: how they are locked, opened and written."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import filelock

_MAGIC: Final = b"SQLite format 3\0"
_IN_WAL_MODE: Final = b"\2\2"
"""What stands behind the magic and the page size (2 bytes) where there may be a WAL."""

WAL_PAGES: Final = 200
"""Checkpoint this often: small and steady beats rare and long (p99 8.5 against 19 ms)."""


class ForeignFileError(Exception):
    """The file is not of the form that was asked for; the text says in which way.

    Shape:  the text is the end of a sentence that begins with the path. The file is as it
            was.
    """


class NewerFileError(ForeignFileError):
    """The file is ours, of a version that was not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A kind of file: what marks it as one, and what is in it."""

    application_id: int
    """In the file's header. A file with another one is not ours."""
    version: int
    """In the file's header; a file with a larger one comes from a newer trio_chat."""
    schema: str
    """Statements for a new file."""
    upgrades: Mapping[int, str] = field(default_factory=dict)
    """Statements that make a file of that version one of the next."""


def lock_file(path: Path) -> filelock.BaseFileLock:
    """The file at `path` is this process's alone, until the lock is released.

    Raises: filelock.Timeout: it is in use. OSError: there can't be a lock.
    """
    path.parent.stat()  # the lock would make the directory, which is nobody's wish
    lock = filelock.FileLock(f"{path}.lock", timeout=0, mode=0o600)
    lock.acquire()
    return lock


def open_file(path: Path, form: Form) -> sqlite3.Connection:
    """A connection that may write, to a file that is made if it is not there.

    Shape:  what is found in the file is durable. Nobody else can read it. Each
            transaction() is durable once it is over.
    Raises: ForeignFileError, sqlite3.Error, OSError: it can't be used, and is unchanged.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        version = check_form(connection, form.application_id, form.version)
        make_durable(connection)
        if not version:
            _make(connection, form)
        elif version < form.version:
            _make_over(connection, form, version)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to a file that is there: none is made.

    Raises: sqlite3.Error: there is none, or it can't be used.
    """
    # Not by its plain path: SQLite would make a file that was taken away anew, and empty,
    # and what is read there is that nothing was ever stored.
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)


def has_strange_wal(path: Path) -> bool:
    """Whether the write-ahead log beside the file at `path` is another file's.

    Shape:  a database that has one says so in its header, on the disk, before it has it.
            One that does not, or is empty, was put in the place of another whose server was
            killed. SQLite asks for no more than the name: it would read, and write, the
            last changes of the one over the pages of the other. A copy whose header says so
            too, one that was not made by VACUUM or a backup, can't be told from the file.
    Raises: ForeignFileError: beside one, this is no database at all. OSError.
    Source: https://www.sqlite.org/fileformat2.html#file_format_version_numbers
    """
    wal = _beside(path, "-wal")
    if not (wal.exists() and wal.stat().st_size):
        return False
    with path.open("rb") as file:  # after the WAL: the header came first
        header = file.read(len(_MAGIC) + 4)
    if header and not header.startswith(_MAGIC):
        raise ForeignFileError("is no database; it was left as it is")
    return not header.endswith(_IN_WAL_MODE)


def put_strange_wal_aside(path: Path) -> Path | None:
    """Rename the write-ahead log that is another file's, for good; its new name.

    Shape:  None: there is none. For who holds the file's lock and has not opened it yet.
            Nothing is removed: with the file that it belongs to it can be used again.
    Raises: ForeignFileError, OSError.
    """
    if not has_strange_wal(path):
        return None
    number = 1
    while any(_aside(path, end, number).exists() for end in ("-wal", "-shm")):
        number += 1
    _beside(path, "-wal").rename(_aside(path, "-wal", number))
    with suppress(FileNotFoundError):
        _beside(path, "-shm").rename(_aside(path, "-shm", number))
    # From here on the file may say that it has a WAL, and then that one must not be back.
    sync_directory(path.parent)
    return _aside(path, "-wal", number)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}{end}")


def _aside(path: Path, end: str, number: int) -> Path:
    return _beside(path, f"{end}.aside-{number}")


def sync_directory(directory: Path) -> None:
    """Make the names in it durable, where a system can do that."""
    with suppress(OSError):  # there are systems where a directory can't be opened
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing of it, durable once the block is left.

    Shape:  if COMMIT itself raises, it may be either.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
        raise


def check_form(connection: sqlite3.Connection, application_id: int, version: int) -> int:
    """The version of the schema in the file; 0: it is empty.

    Raises: ForeignFileError, sqlite3.Error.
    """
    (found_id,) = connection.execute("PRAGMA application_id").fetchone()
    (found_version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (tables or found_id) and found_id != application_id:
        raise ForeignFileError("is a database of another program; it was left as it is")
    if found_version > version:
        raise NewerFileError(
            f"was written by a newer trio_chat (schema {found_version}; this one knows"
            f" {version}); it was left as it is"
        )
    return int(found_version)


def make_durable(connection: sqlite3.Connection) -> None:
    """From now on each transaction is durable once it is over, and so is what is there.

    Raises: sqlite3.Error.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    # Who was killed between writing a transaction and syncing it leaves one that reads as
    # committed, and that a loss of power would still take: we would act on what is not
    # durable. This syncs all that is there; where somebody who reads the file keeps it from
    # that, the first transaction of ours does.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def run_statements(connection: sqlite3.Connection, statements: str) -> None:
    """Execute statements that end with a semicolon and a newline, in a transaction or not.

    Raises: sqlite3.Error.
    """
    # Not executescript(), which would commit first.
    for statement in statements.split(";\n"):
        connection.execute(statement)


def _make(connection: sqlite3.Connection, form: Form) -> None:
    with transaction(connection):
        run_statements(connection, form.schema)
        connection.execute(f"PRAGMA application_id = {form.application_id}")
        connection.execute(f"PRAGMA user_version = {form.version}")


def _make_over(connection: sqlite3.Connection, form: Form, version: int) -> None:
    """Have a file of an older version be of this one, whole or not at all."""
    with transaction(connection):
        for older in range(version, form.version):
            run_statements(connection, form.upgrades[older])
        connection.execute(f"PRAGMA user_version = {form.version}")
