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
from typing import Final, NamedTuple

import msgspec

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
from trio_chat.store.interface import SAID, Entry, Hits
from trio_chat.store.schema import COLUMNS, as_entry
from trio_chat.words import Wanted, holds, spelled

APPLICATION_ID: Final = 0x74726978
"""In the file's header: "trix". A file with another one is not ours."""
VERSION: Final = 1
"""Of what is in it, and of what words are: a file with another one is made again."""
CHUNK: Final = 256
"""Entries that are read in one transaction; a search that comes meanwhile waits for it."""
CATCH_UP: Final = 80 * CHUNK
"""Entries that a search reads at most, before it says that the index is not so far."""
WINDOW: Final = 1_000_000
"""Entries in which is looked at once: what SQLite does there can't be cut short."""
WINDOWS: Final = 4
"""In which one search looks at most; the next one goes on behind them."""
_REMOVALS_MAX: Final = 3
"""Of a damaged file in one life; then it is the machine that is damaged."""
_SEQ_BITS: Final = 32
_LAST_SEQ: Final = 2**_SEQ_BITS - 1

# A row of `line` is an entry: its id has the log in the upper bits, so that one log, newest
# first, is one run of ids. The tokenizer is the plainest there is: what is a word is said
# by trio_chat.words alone. A line that was edited has the words of the last edit, whose seq
# is in `change`; one that was deleted has none, and 0.
_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    done INTEGER NOT NULL DEFAULT 0,
    chain BLOB NOT NULL DEFAULT x'',
    trimmed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE change (line INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE VIRTUAL TABLE line USING fts5 (words, tokenize = 'ascii', prefix = '2 3')
"""


class _Log(NamedTuple):
    """A log as the data file has it."""

    id: int
    head: int
    trimmed: int


class _DataError(Exception):
    """The data file can't be read there; the index is as good as before."""


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
        self._removals = 0

    def search(
        self, log: str, sought: Wanted, *, before: int, limit: int, through: int
    ) -> Hits:
        """As Store.search.

        Raises: SearchError.
        """
        with self._open() as connection:
            place = _log(connection, log)
            if place is None or not sought:
                return Hits((), None)
            self._catch_up(connection, place, through)
            return _searched(
                connection, log, place, sought, min(before, through + 1), limit
            )

    def index(self) -> int:
        """Read some more of a log that goes further than the index; how many entries.

        Shape:  0: there is nothing to do.
        Raises: SearchError.
        """
        with self._open() as connection:
            place = self._next(connection)
            return 0 if place is None else self._read_some(connection, place)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        connection, self._connection = self._connection, None
        self._checked.clear()
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
        except _DataError as error:
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

    def _next(self, connection: sqlite3.Connection) -> _Log | None:
        """A log of which there is something to read, or to give up."""
        with _data():
            rows = connection.execute(
                "SELECT data.log.id, head, data.log.trimmed FROM data.log"
                " LEFT JOIN main.log ON main.log.id = data.log.id"
                " WHERE head > coalesce(done, 0)"
                " OR data.log.trimmed > coalesce(main.log.trimmed, 0)"
            )
            behind = (_Log(*row) for row in rows if row[0] not in self._unreadable)
            return next(behind, None)

    def _catch_up(self, connection: sqlite3.Connection, place: _Log, through: int) -> None:
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

    def _read_some(self, connection: sqlite3.Connection, place: _Log) -> int:
        """Give up what is trimmed, or else read some entries more; how many.

        Raises: _DataError: the data file can't be read there.
        """
        done, trimmed = self._done(connection, place)
        if trimmed < min(place.trimmed, done):
            return _forget(connection, place, trimmed, min(place.trimmed, done))
        first = max(done, place.trimmed) + 1
        last = min(first + CHUNK - 1, place.head)
        if last > _LAST_SEQ:
            raise SearchError(f"the index takes no more than {_LAST_SEQ:,} lines of a room")
        try:
            with transaction(connection):
                _take(connection, place, first, last)
        except sqlite3.DatabaseError as error:
            # Whose fault is it? The data file is asked for the same alone.
            with self._skipping(place), _data():
                _look_through(connection, place, first, last)
            raise error from None
        return max(last - first + 1, 1)

    @contextmanager
    def _skipping(self, place: _Log) -> Iterator[None]:
        try:
            yield
        except _DataError:
            self._unreadable.add(place.id)
            raise

    def _done(self, connection: sqlite3.Connection, place: _Log) -> tuple[int, int]:
        """How far the index goes in this log, and what of it was given up."""
        row = connection.execute(
            "SELECT done, chain, trimmed FROM main.log WHERE id = ?", (place.id,)
        ).fetchone()
        if row is None:
            return 0, 0
        done, chain, trimmed = row
        if place.id not in self._checked:
            if not _has_chain(connection, place, done, chain):
                _forget(connection, place, 0, done)
                connection.execute("DELETE FROM main.log WHERE id = ?", (place.id,))
                done = trimmed = 0
            self._checked.add(place.id)
        return done, trimmed


def index_path(data: Path) -> Path:
    """Where the index of a data file is."""
    return data.with_name(f"{data.name}-search")


# --- one log -------------------------------------------------------------------------


def _log(connection: sqlite3.Connection, name: str) -> _Log | None:
    with _data():
        row = connection.execute(
            "SELECT id, head, trimmed FROM data.log WHERE name = ?", (name,)
        ).fetchone()
    return None if row is None else _Log(*row)


def _row(place: _Log, seq: int) -> int:
    return place.id << _SEQ_BITS | seq


def _take(connection: sqlite3.Connection, place: _Log, first: int, last: int) -> None:
    """Put the words of these entries into the index, and say that it goes so far."""
    # In SQL, so that SQLite reads, cuts and writes without Python's lock; ASCII is what
    # has as many characters as bytes.
    connection.execute(
        "INSERT INTO line (rowid, words)"
        " SELECT ? | seq, CASE WHEN length(text) = length(CAST(text AS BLOB)) THEN text"
        " ELSE spelled(text) END"
        " FROM data.entry WHERE log = ? AND seq BETWEEN ? AND ? AND kind IN ('text', 'me')",
        (_row(place, 0), place.id, first, last),
    )
    _take_changes(connection, place, first, last)
    connection.execute(
        "INSERT INTO main.log (id, done, chain, trimmed) VALUES (?1, ?2, coalesce("
        " (SELECT chain FROM data.entry WHERE log = ?1 AND seq = ?2), x''), ?3)"
        " ON CONFLICT (id) DO UPDATE"
        " SET done = excluded.done, chain = excluded.chain, trimmed = excluded.trimmed",
        (place.id, max(last, first - 1), place.trimmed),
    )


def _take_changes(
    connection: sqlite3.Connection, place: _Log, first: int, last: int
) -> None:
    """Have older lines read as these entries say."""
    changes = connection.execute(
        "SELECT seq, kind, ref, text FROM data.entry WHERE log = ? AND seq BETWEEN ? AND ?"
        " AND kind IN ('edit', 'delete') AND ref > ? ORDER BY seq",
        (place.id, first, last, place.trimmed),
    ).fetchall()
    for seq, kind, ref, text in changes:
        line = _row(place, ref)
        edits = kind == "edit"
        changed = connection.execute(
            "INSERT INTO change VALUES (?, ?)"
            " ON CONFLICT (line) DO UPDATE SET seq = excluded.seq WHERE seq > 0",
            (line, seq if edits else 0),
        ).rowcount
        if not changed:
            continue  # what was deleted stays so
        if edits:
            words = (spelled(text), line)
            connection.execute("UPDATE line SET words = ? WHERE rowid = ?", words)
        else:
            connection.execute("DELETE FROM line WHERE rowid = ?", (line,))


def _look_through(
    connection: sqlite3.Connection, place: _Log, first: int, last: int
) -> None:
    connection.execute(
        "SELECT sum(length(text)), max(kind) FROM data.entry"
        " WHERE log = ? AND seq BETWEEN ? AND ?",
        (place.id, first, last),
    ).fetchone()


def _forget(connection: sqlite3.Connection, place: _Log, after: int, through: int) -> int:
    """Give up what the index has of these entries, some at a time; how many."""
    if not after:  # there may be none before the first that it has
        (oldest,) = connection.execute(
            "SELECT min(rowid) FROM line WHERE rowid BETWEEN ? AND ?",
            (_row(place, 1), _row(place, through)),
        ).fetchone()
        after = through if oldest is None else (oldest & _LAST_SEQ) - 1
    last = min(after + CHUNK, through)
    with transaction(connection):
        connection.execute(
            "DELETE FROM line WHERE rowid BETWEEN ? AND ?",
            (_row(place, after + 1), _row(place, last)),
        )
        connection.execute(
            "DELETE FROM change WHERE line BETWEEN ? AND ?",
            (_row(place, after + 1), _row(place, last)),
        )
        connection.execute("UPDATE main.log SET trimmed = ? WHERE id = ?", (last, place.id))
    return max(last - after, 1)


def _has_chain(
    connection: sqlite3.Connection, place: _Log, done: int, chain: bytes
) -> bool:
    """Whether what was read up to here is what the data file had there."""
    if done > place.head:
        return False
    if done < place.trimmed:
        return True  # all of it is gone, whatever it was
    with _data():
        row = connection.execute(
            "SELECT CASE WHEN trimmed = ?2 THEN anchor ELSE"
            " (SELECT chain FROM data.entry WHERE log = ?1 AND seq = ?2) END"
            " FROM data.log WHERE id = ?1",
            (place.id, done),
        ).fetchone()
    return row is not None and row[0] == chain


# --- searching -----------------------------------------------------------------------


def _searched(
    connection: sqlite3.Connection,
    log: str,
    place: _Log,
    sought: Wanted,
    before: int,
    limit: int,
) -> Hits:
    found: list[Entry] = []
    for _ in range(WINDOWS):
        first = max(before - WINDOW, place.trimmed + 1, 1)
        for seq in _seqs(connection, place, sought, first, before - 1):
            entry = _entry(connection, log, place, seq)
            if entry is None or entry.kind not in SAID or not holds(entry.text, sought):
                continue
            if len(found) == limit:
                return Hits(tuple(found), found[-1].seq)
            found.append(entry)
        before = first
        if before <= place.trimmed + 1:
            return Hits(tuple(found), None)
    return Hits(tuple(found), before)


def _seqs(
    connection: sqlite3.Connection, place: _Log, sought: Wanted, first: int, last: int
) -> Iterator[int]:
    if first > last:
        return
    rows = connection.execute(
        "SELECT rowid FROM line WHERE line MATCH ? AND rowid BETWEEN ? AND ?"
        " ORDER BY rowid DESC",
        (_expression(sought), _row(place, first), _row(place, min(last, _LAST_SEQ))),
    )
    for (row,) in rows:
        yield row & _LAST_SEQ


def _entry(connection: sqlite3.Connection, log: str, place: _Log, seq: int) -> Entry | None:
    """The entry as it reads now; None: it was trimmed since."""
    entry = _read(connection, log, place, seq)
    row = connection.execute(
        "SELECT seq FROM change WHERE line = ?", (_row(place, seq),)
    ).fetchone()
    if entry is None or row is None:
        return entry
    edit = _read(connection, log, place, row[0])
    return None if edit is None else msgspec.structs.replace(entry, text=edit.text)


def _read(connection: sqlite3.Connection, log: str, place: _Log, seq: int) -> Entry | None:
    with _data():
        row = connection.execute(
            f"SELECT {COLUMNS} FROM data.entry"  # noqa: S608 (our own column names)
            " WHERE log = ? AND seq = ?",
            (place.id, seq),
        ).fetchone()
    return None if row is None else as_entry(log, row)


def _expression(sought: Wanted) -> str:
    """What is looked for, in the words of FTS5.

    Shape:  what was typed has no say in it but between quotes, and words have none.
    """
    phrases = [f'"{" ".join(phrase)}"' for phrase in sought.phrases]
    return " AND ".join(phrases) + (" *" if sought.goes_on else "")


# --- trouble -------------------------------------------------------------------------


@contextmanager
def _data() -> Iterator[None]:
    """In this block nothing but the data file is asked."""
    try:
        yield
    except sqlite3.Error as error:
        raise _DataError(str(error)) from error


def _remove(path: Path) -> None:
    """Remove the index; what stands beside it goes after it, and is nothing without it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _why(error: Exception) -> str:
    if "no such module" in str(error):
        return "the SQLite of this server has no full text search (FTS5)"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"the search index can't be used: {reason}"
