"""The words of all logs, in a file of their own beside the data file.

Everything here can be had again from the data file, so nothing of it is ever waited for by
who says something: it is not written in the writer's transactions, but read from the log a
little later, some entries at a time, and before a search as far as that search needs. What
holds:

1. What is found is read from the data file, and found there again: an index that is wrong
   can leave something out, and never shows what was trimmed, or what nobody said.
2. The index knows of each log how far it goes, and the hash of the chain at that place. If
   the data file has another one there, it has another past, and the log is read anew.
3. How far it goes is written with what was read, in one transaction. A power loss takes the
   last of these, and never a part of one (WAL, synchronous=NORMAL).
4. A file that can't be read, or is of another epoch or form, is removed and made again.

SQLite reads the logs in C, without Python and its lock, but for texts that are not ASCII:
a big log can be read while everything else goes on.

Every method runs in the one thread that searches.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from trio_chat.database import (
    ForeignFileError,
    NewerFileError,
    check_form,
    connect_to,
    has_strange_wal,
    run_statements,
    transaction,
)
from trio_chat.errors import SearchError
from trio_chat.store.interface import Hits
from trio_chat.store.search_log import (
    CHUNK,
    LAST_SEQ,
    DataError,
    Log,
    drop,
    find_log,
    forget,
    has_chain,
    look_through,
    only_data,
    searched,
    take,
)
from trio_chat.words import Wanted, spelled

APPLICATION_ID: Final = 0x74726978
"""In the file's header: "trix". A file with another one is not ours."""
VERSION: Final = 1
"""Of what is in it, and of what words are: a file with another one is made again."""
CATCH_UP: Final = 20 * CHUNK
"""Entries that a search reads at most, before it says that the index is not so far."""
_REMOVALS_MAX: Final = 3
"""Of a damaged file in one life; then it is the machine that is damaged."""

# A row of `line` is an entry: its id has the log in the upper bits, so that one log, newest
# first, is one run of ids. The tokenizer is the plainest there is: what is a word is said
# by trio_chat.words alone. A line that was edited has the words of the last edit, whose seq
# is in `change`; one that was deleted has none, and 0. To find words by their beginning
# SQLite puts all that begin so together, before the first is found: an index of short
# beginnings makes the file larger by half, and a search of a million lines fifty times as
# fast. How many words a line has is of no use here (`columnsize`).
_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    done INTEGER NOT NULL DEFAULT 0,
    chain BLOB NOT NULL DEFAULT x'',
    trimmed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE change (line INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE VIRTUAL TABLE line
    USING fts5 (words, tokenize = 'ascii', prefix = '2 3', columnsize = 0)
"""


class SearchIndex:
    """The index of one data file; get one, call it in one thread, close it there.

    Shape:  opened by the first call. `epoch` is the data file's.
    """

    def __init__(self, data: Path, epoch: str) -> None:
        self._data = data
        self._path = index_path(data)
        self._epoch = epoch
        self._connection: sqlite3.Connection | None = None
        self._checked: set[int] = set()
        """Logs whose past was found to be the data file's, in this life."""
        self._unreadable: set[int] = set()
        """Logs that the data file can't be read of; a search tries them again."""
        self._behind: list[Log] = []
        """Logs that went further than the index when this was last asked for."""
        self._removals = 0

    def search(
        self, log: str, sought: Wanted, *, before: int, limit: int, through: int
    ) -> Hits:
        """As Store.search.

        Raises: SearchError.
        """
        with self._open() as connection:
            place = find_log(connection, log)
            if place is None or not sought:
                return Hits((), None)
            self._catch_up(connection, place, through)
            return searched(connection, log, place, sought, min(before, through + 1), limit)

    def index(self) -> int:
        """Read some more of the logs that go further than the index; how many entries.

        Shape:  0: there is nothing to do.
        Raises: SearchError.
        """
        looked_at = 0
        with self._open() as connection:
            while looked_at < CHUNK:
                place = self._next(connection)
                if place is None:
                    break
                looked_at += self._read_some(connection, place)
        return looked_at

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        connection, self._connection = self._connection, None
        self._checked.clear()
        self._behind.clear()
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    # --- the file --------------------------------------------------------------------

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self._connection = self._opened()
            yield self._connection
        except DataError as error:
            raise SearchError(f"the data file can't be read: {error}") from error
        except (sqlite3.Error, OSError) as error:
            self.close()
            if self._is_damaged(error):
                self._removals += 1
                with suppress(OSError):
                    _remove(self._path)
                raise SearchError(
                    "the search index was damaged, and is made anew"
                ) from error
            raise SearchError(_why(error)) from error

    def _opened(self) -> sqlite3.Connection:
        with suppress(FileNotFoundError, ForeignFileError):
            if has_strange_wal(self._path) or not self._path.stat().st_size:
                _remove(self._path)
        if not self._path.exists():
            _remove(self._path)  # what is left beside it would be taken for its own
        # Nobody but the owner reads what people said to each other.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = connect_to(self._path)
        try:
            return self._made_ready(connection)
        except BaseException:
            connection.close()
            raise

    def _made_ready(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            version = check_form(connection, APPLICATION_ID, VERSION)
        except NewerFileError:
            version = -1
        except ForeignFileError as error:
            raise SearchError(f"{self._path.name} {error}") from None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")
        if version and self._is_of_another_past(connection, version):
            connection.close()
            _remove(self._path)
            return self._opened()
        if not version:
            self._make(connection)
        uri = f"{self._data.absolute().as_uri()}?mode=ro"
        connection.execute("ATTACH ? AS data", (uri,))
        connection.create_function("spelled", 1, spelled, deterministic=True)
        return connection

    def _is_of_another_past(self, connection: sqlite3.Connection, version: int) -> bool:
        if version != VERSION:
            return True
        row = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        return bool(row != (self._epoch,))

    def _make(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            run_statements(connection, _SCHEMA)
            connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (self._epoch,))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def _is_damaged(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorcode", None)
        damaged = code is not None and code & 0xFF in (
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
            sqlite3.SQLITE_ERROR,  # a table is not there, or not as it was made
        )
        return damaged and "no such module" not in str(error) and self._removals_left

    @property
    def _removals_left(self) -> bool:
        return self._removals < _REMOVALS_MAX

    # --- reading the logs ------------------------------------------------------------

    def _next(self, connection: sqlite3.Connection) -> Log | None:
        """A log of which there is something to read, or to give up."""
        while True:
            while self._behind:
                place = self._behind[-1]
                done, trimmed = self._done(connection, place)
                behind = done < place.head or trimmed < place.trimmed
                if behind and place.id not in self._unreadable:
                    return place
                self._behind.pop()
            self._behind = self._all_behind(connection)
            if not self._behind:
                return None

    def _all_behind(self, connection: sqlite3.Connection) -> list[Log]:
        with only_data():
            rows = connection.execute(
                "SELECT data.log.id, head, data.log.trimmed FROM data.log"
                " LEFT JOIN main.log ON main.log.id = data.log.id"
                " WHERE head > coalesce(done, 0)"
                " OR data.log.trimmed > coalesce(main.log.trimmed, 0)"
            )
            return [Log(*row) for row in rows if row[0] not in self._unreadable]

    def _catch_up(self, connection: sqlite3.Connection, place: Log, through: int) -> None:
        through = min(through, place.head)
        left = CATCH_UP
        while (done := self._done(connection, place)[0]) < through:
            if left <= 0:
                percent = 100 * (done - place.trimmed) // max(place.head - place.trimmed, 1)
                raise SearchError(
                    f"the search index of this room is being made ({max(percent, 0)} %):"
                    " try again in a while"
                )
            left -= self._read_some(connection, place)

    def _read_some(self, connection: sqlite3.Connection, place: Log) -> int:
        """Give up what is trimmed, or else read some entries more; how many.

        Raises: DataError: the data file can't be read there.
        """
        done, trimmed = self._done(connection, place)
        if trimmed < min(place.trimmed, done):
            return forget(connection, place, trimmed, min(place.trimmed, done))
        first = max(done, place.trimmed) + 1
        last = min(first + CHUNK - 1, place.head)
        if last > LAST_SEQ:
            raise SearchError(f"the index takes no more than {LAST_SEQ:,} lines of a room")
        try:
            with transaction(connection):
                take(connection, place, first, last)
        except sqlite3.DatabaseError as error:
            # Whose fault is it? The data file is asked for the same alone.
            with self._skipping(place), only_data():
                look_through(connection, place, first, last)
            raise error from None
        return max(last - first + 1, 1)

    @contextmanager
    def _skipping(self, place: Log) -> Iterator[None]:
        try:
            yield
        except DataError:
            self._unreadable.add(place.id)
            raise

    def _done(self, connection: sqlite3.Connection, place: Log) -> tuple[int, int]:
        """How far the index goes in this log, and what of it was given up."""
        row = connection.execute(
            "SELECT done, chain, trimmed FROM main.log WHERE id = ?", (place.id,)
        ).fetchone()
        if row is None:
            return 0, 0
        done, chain, trimmed = row
        if place.id not in self._checked:
            if not has_chain(connection, place, done, chain):
                drop(connection, place)
                done = trimmed = 0
            self._checked.add(place.id)
        return done, trimmed


def index_path(data: Path) -> Path:
    """Where the index of a data file is."""
    return data.with_name(f"{data.name}-search")


# --- trouble -------------------------------------------------------------------------


def _remove(path: Path) -> None:
    """Remove the index; what stands beside it goes after it, and is nothing without it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _why(error: Exception) -> str:
    if "no such module" in str(error):
        return "the SQLite of this server has no full text search (FTS5)"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"the search index can't be used: {reason}"
