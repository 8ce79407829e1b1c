"""Reads every log again, and says whether it is whole or where not.

It only reads, in pieces of a thousand entries, each in a read transaction of its own, so
that it can be used on the file of a live server: that one appends and trims meanwhile, and
waits for nothing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trio_chat.database import ForeignFileError, connect_to, has_strange_wal
from trio_chat.errors import StoreOpenError
from trio_chat.store import chain
from trio_chat.store.interface import log_words
from trio_chat.store.schema import COLUMNS, SCHEMA_VERSION, as_entry, check_ours

_PIECE: Final = 1_000
_TYPES: Final = (int, str, str, int, str, str | None, int | None)
"""Of the columns; SQLite itself would take anything."""
_AUTHOR_TYPES: Final = (str | None, int | None, str | None)


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a log is not what it was."""

    log: str
    """Empty: it is about the file as a whole."""
    seq: int
    """The first entry that is wrong, or 0."""
    what: str
    """In a sentence."""

    def __str__(self) -> str:
        place = [log_words(self.log)] if self.log else []
        place += [f"{self.seq}"] if self.seq else []
        return f"{' '.join(place)}: {self.what}" if place else self.what


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in a data file."""

    logs: int
    entries: int
    trimmed: int
    """The entries that are no longer kept, as far as they are told."""
    faults: tuple[Fault, ...]
    """At most one for each log: what comes behind it proves nothing more."""

    @property
    def whole(self) -> bool:
        """Whether everything is there, once, and as it was."""
        return not self.faults


def verify(path: Path) -> Verdict:
    """Read a data file again, from the first entry that is kept to the last.

    Raises: StoreOpenError: it can't be opened, or is none of this version's.
    """
    with open_for_reading(path) as connection:
        try:
            names = dict(connection.execute("SELECT id, name FROM log ORDER BY id"))
            strays = [each for each in _logs_with_entries(connection) if each not in names]
        except sqlite3.Error as error:
            return Verdict(0, 0, 0, (_unreadable("", 0, error),))
        readings = [_Reading(connection, *each) for each in names.items()]
        faults = [fault for each in readings if (fault := each.fault()) is not None]
        faults += _small_faults(connection)
        if strays:
            faults.append(Fault("", 0, f"entries of {len(strays)} logs without names"))
        entries = sum(each.count for each in readings)
        trimmed = sum(each.trimmed for each in readings)
        return Verdict(len(names), entries, trimmed, tuple(faults))


def _logs_with_entries(connection: sqlite3.Connection) -> Iterator[int]:
    # From one to the next by the index: the whole table is read once, and not here.
    log_id: int | None = -1
    query = "SELECT min(log) FROM entry WHERE log > ?"
    while log_id is not None:
        (log_id,) = connection.execute(query, (log_id,)).fetchone()
        if log_id is not None:
            yield log_id


def _small_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    # They are in no log and in no chain, so there is no more to hold them against.
    before = ""
    try:
        for name, value in connection.execute("SELECT * FROM remembered ORDER BY name"):
            if not (isinstance(name, str) and isinstance(value, str)):
                yield Fault("", 0, "a small value, or its name, is no text")
                return
            if name <= before:
                yield Fault("", 0, "the small values are not in their order")
                return
            before = name
    except sqlite3.Error as error:
        yield Fault("", 0, f"the small values can't be read: {error}")


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a data file of this version, which may be a live server's.

    Raises: StoreOpenError: it can't be opened, or is none of this version's.
    """
    if not path.exists():
        raise StoreOpenError(f"{path} is not there")
    _check_alone(path)
    try:
        connection = connect_to(path, read_only=True)
    except sqlite3.Error as error:
        raise StoreOpenError(f"{path} can't be read: {error}") from error
    try:
        version = _version(path, connection)
        if version == 0:
            raise StoreOpenError(
                f"{path} is empty: no server has stored anything in it, or what it had is"
                " gone. Put a backup in its place before you start a server on it"
            )
        if version < SCHEMA_VERSION:
            raise StoreOpenError(
                f"{path} was written by an older trio_chat (schema {version}; this one"
                f" needs {SCHEMA_VERSION}): start a server on it once, which makes it over"
            )
        yield connection
    finally:
        connection.close()


def _check_alone(path: Path) -> None:
    try:
        strange = has_strange_wal(path)
    except ForeignFileError as error:
        raise StoreOpenError(f"{path} can't be read: it {error}") from None
    except OSError as error:
        raise StoreOpenError(f"{path} can't be read: {error.strerror}") from error
    if strange:
        raise StoreOpenError(
            f"{path}-wal is what another file left that was in this place, and would be"
            f" read as a part of it: start a server on {path} once, which puts it aside"
        )


def _version(path: Path, connection: sqlite3.Connection) -> int:
    try:
        return check_ours(path, connection)
    except sqlite3.Error as error:
        raise StoreOpenError(f"{path} can't be read: {error}") from error


class _Reading:
    """One log, read from its anchor to its head."""

    def __init__(self, connection: sqlite3.Connection, log_id: int, name: str) -> None:
        self.count = 0
        self.trimmed = 0
        self._connection = connection
        self._log_id = log_id
        self._name = name
        self._seq = -1
        self._chain = chain.START

    def fault(self) -> Fault | None:
        """The first thing that is wrong; None if all is well."""
        try:
            while True:
                with _snapshot(self._connection):
                    fault = self._piece()
                if fault is not None:
                    return fault if fault.what else None
        except sqlite3.Error as error:
            return _unreadable(self._name, max(self._seq, 0) + 1, error)

    def _piece(self) -> Fault | None:
        """The next entries; a fault without words when there are no more."""
        head, link, self.trimmed, anchor = self._connection.execute(
            "SELECT head, chain, trimmed, anchor FROM log WHERE id = ?", (self._log_id,)
        ).fetchone()
        if self._seq < self.trimmed:  # at the beginning, or overtaken by the trimming
            self._seq, self._chain = self.trimmed, anchor
            if self._anything_before(self.trimmed):
                return Fault(self._name, self.trimmed, "it was given up, and is there")
        rows = self._connection.execute(
            f"SELECT chain, device, n, origin, {COLUMNS} FROM entry"  # noqa: S608 (our names)
            " WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?",
            (self._log_id, self._seq, _PIECE),
        )
        read = self._seq
        for stored, device, n, origin, *columns in rows:
            what = self._judged(stored, (device, n, origin), tuple(columns))
            if what:
                return Fault(self._name, self._seq + 1, what)
            self._seq += 1
            self.count += 1
        if self._seq > read:
            return None
        return self._end(head, link)

    def _anything_before(self, trimmed: int) -> bool:
        query = "SELECT 1 FROM entry WHERE log = ? AND seq <= ? LIMIT 1"
        return bool(self._connection.execute(query, (self._log_id, trimmed)).fetchone())

    def _judged(
        self,
        stored: bytes,
        author: tuple[str | None, int | None, str | None],
        columns: tuple[object, ...],
    ) -> str:
        """What is wrong with the entry that should be the next one; empty: nothing."""
        due = self._seq + 1
        if columns[0] != due:
            return f"it is missing; the next one that is there is {columns[0]}"
        found = (*columns, *author)
        if not all(map(isinstance, found, (*_TYPES, *_AUTHOR_TYPES))):
            return "a number is no number, or a text no text"
        device, n, origin = author
        if device is not None and n is not None:
            places = self._with_identity(device, n)
            if places != [due]:
                others = [seq for seq in places if seq != due]
                also = f"that of {others[0]}, too" if others else "not to be found by it"
                return f"its author's number {n} is {also}"
        entry = as_entry(self._name, columns)  # type: ignore[arg-type]
        link = chain.link(self._chain, entry, device, n, origin)
        if link != stored:
            return "it is not what was stored: its hash is another one"
        self._chain = link
        return ""

    def _with_identity(self, device: str, n: int) -> list[int]:
        """Where this identity stands, by the index that holds it unique, and elsewhere."""
        identity = (self._log_id, device, n)
        found = self._connection.execute(
            "SELECT seq FROM entry INDEXED BY entry_by_author"
            " WHERE log = ? AND device = ? AND n = ?"
            " UNION ALL SELECT seq FROM said WHERE log = ?"
            " AND device = (SELECT id FROM device WHERE name = ?) AND n = ?",
            (*identity, *identity),
        )
        return [seq for (seq,) in found]

    def _end(self, head: int, link: bytes) -> Fault:
        if self._seq > head:
            return Fault(self._name, head + 1, "it is there, and was never given")
        if self._seq < head:
            return Fault(self._name, self._seq + 1, f"it is missing; {head} were given")
        if self._chain != link:
            return Fault(self._name, head, "it is the last one by number, not by its hash")
        return Fault(self._name, 0, "")


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _unreadable(log: str, seq: int, error: sqlite3.Error) -> Fault:
    return Fault(log, seq, f"it can't be read: {error}")
