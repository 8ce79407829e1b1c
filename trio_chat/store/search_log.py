"""One log in the search index: what is read into it, what is given up, what is found.

Every function runs in the one thread that searches, on a connection to the index, where the
data file is attached as `data`; see search_index.py.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec

from trio_chat.database import transaction
from trio_chat.store.interface import SAID, Entry, Hits
from trio_chat.store.schema import COLUMNS, as_entry
from trio_chat.words import Wanted, holds, spelled

CHUNK: Final = 1_024
"""Entries that are read in one transaction; a search that comes meanwhile waits for it."""
CHUNK_CHARS: Final = 128 * 1024
"""Characters in them: with so many a chunk is full. Texts may be long, and such that one
takes as long as a thousand others."""
WINDOW: Final = 1_000_000
"""Entries in which is looked at once: what SQLite does there can't be cut short."""
WINDOWS: Final = 4
"""In which one search looks at most; the next one goes on behind them."""
_SEQ_BITS: Final = 32
LAST_SEQ: Final = 2**_SEQ_BITS - 1
"""The last entry of a log that the index can name."""


class Log(NamedTuple):
    """A log as the data file has it."""

    id: int
    head: int
    trimmed: int


class DataError(Exception):
    """The data file can't be read there; the index is as good as before."""


def find_log(connection: sqlite3.Connection, name: str) -> Log | None:
    with only_data():
        row = connection.execute(
            "SELECT id, head, trimmed FROM data.log WHERE name = ?", (name,)
        ).fetchone()
    return None if row is None else Log(*row)


def _row(place: Log, seq: int) -> int:
    return place.id << _SEQ_BITS | seq


def fitting(
    connection: sqlite3.Connection, place: Log, first: int, last: int
) -> tuple[int, int]:
    """Up to where a chunk goes that begins with `first`, and what of a full one it is.

    Shape:  in entries: a chunk that is full of long texts is as much as CHUNK short ones.
    """
    chars = 0
    rows = connection.execute(
        "SELECT seq, length(text) FROM data.entry WHERE log = ? AND seq BETWEEN ? AND ?"
        " ORDER BY seq",
        (place.id, first, last),
    )
    for seq, length in rows:
        chars += length
        if chars >= CHUNK_CHARS:
            return seq, CHUNK
    return last, max(last - first + 1, 1)


def take(connection: sqlite3.Connection, place: Log, first: int, last: int) -> None:
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
        "INSERT INTO main.log (id, done, chain, trimmed) VALUES (:log, :done, coalesce("
        " (SELECT chain FROM data.entry WHERE log = :log AND seq = :done), x''), :trimmed)"
        " ON CONFLICT (id) DO UPDATE"
        " SET done = excluded.done, chain = excluded.chain, trimmed = excluded.trimmed",
        {"log": place.id, "done": max(last, first - 1), "trimmed": place.trimmed},
    )


def _take_changes(
    connection: sqlite3.Connection, place: Log, first: int, last: int
) -> None:
    """Have older lines read as these entries say."""
    changes = connection.execute(
        "SELECT seq, kind, ref, text FROM data.entry WHERE log = ? AND seq BETWEEN ? AND ?"
        " AND kind IN ('edit', 'delete') AND ref > ? ORDER BY seq",
        (place.id, first, last, place.trimmed),
    ).fetchall()
    for seq, kind, ref, text in changes:
        line, edits = _row(place, ref), kind == "edit"
        connection.execute(
            "INSERT INTO change VALUES (?, ?)"
            " ON CONFLICT (line) DO UPDATE SET seq = excluded.seq WHERE seq > 0",
            (line, seq if edits else 0),
        )
        if edits:  # of one that was deleted there is no line any more
            words = (spelled(text), line)
            connection.execute("UPDATE line SET words = ? WHERE rowid = ?", words)
        else:
            connection.execute("DELETE FROM line WHERE rowid = ?", (line,))


def look_through(connection: sqlite3.Connection, place: Log, first: int, last: int) -> None:
    connection.execute(
        "SELECT sum(length(text)), max(kind) FROM data.entry"
        " WHERE log = ? AND seq BETWEEN ? AND ?",
        (place.id, first, last),
    ).fetchone()


def forget(connection: sqlite3.Connection, place: Log, after: int, through: int) -> int:
    """Give up what the index has of these entries, some at a time; how many."""
    if not after:  # there may be none before the first that it has
        (oldest,) = connection.execute(
            "SELECT min(rowid) FROM line WHERE rowid BETWEEN ? AND ?",
            (_row(place, 1), _row(place, through)),
        ).fetchone()
        after = through if oldest is None else (oldest & LAST_SEQ) - 1
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


def drop(connection: sqlite3.Connection, place: Log) -> None:
    """Have the log read anew: the index has another past of it."""
    lines = _row(place, 1), _row(place, LAST_SEQ)
    with transaction(connection):
        connection.execute("DELETE FROM line WHERE rowid BETWEEN ? AND ?", lines)
        connection.execute("DELETE FROM change WHERE line BETWEEN ? AND ?", lines)
        connection.execute("DELETE FROM main.log WHERE id = ?", (place.id,))


def has_chain(connection: sqlite3.Connection, place: Log, done: int, chain: bytes) -> bool:
    """Whether what was read up to here is what the data file had there."""
    if done > place.head:
        return False
    if done < place.trimmed:
        return True  # all of it is gone, whatever it was
    with only_data():
        row = connection.execute(
            "SELECT CASE WHEN trimmed = :done THEN anchor ELSE"
            " (SELECT chain FROM data.entry WHERE log = :log AND seq = :done) END"
            " FROM data.log WHERE id = :log",
            {"log": place.id, "done": done},
        ).fetchone()
    return row is not None and row[0] == chain


# --- searching -----------------------------------------------------------------------


def searched(
    connection: sqlite3.Connection,
    log: str,
    place: Log,
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
    connection: sqlite3.Connection, place: Log, sought: Wanted, first: int, last: int
) -> Iterator[int]:
    if first > last:
        return
    rows = connection.execute(
        "SELECT rowid FROM line WHERE line MATCH ? AND rowid BETWEEN ? AND ?"
        " ORDER BY rowid DESC",
        (_expression(sought), _row(place, first), _row(place, min(last, LAST_SEQ))),
    )
    for (row,) in rows:
        yield row & LAST_SEQ


def _entry(connection: sqlite3.Connection, log: str, place: Log, seq: int) -> Entry | None:
    """The entry as it reads now; None: it was trimmed since."""
    entry = _read(connection, log, place, seq)
    row = connection.execute(
        "SELECT seq FROM change WHERE line = ?", (_row(place, seq),)
    ).fetchone()
    if entry is None or row is None:
        return entry
    edit = _read(connection, log, place, row[0])
    return None if edit is None else msgspec.structs.replace(entry, text=edit.text)


def _read(connection: sqlite3.Connection, log: str, place: Log, seq: int) -> Entry | None:
    with only_data():
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


@contextmanager
def only_data() -> Iterator[None]:
    """In this block nothing but the data file is asked."""
    try:
        yield
    except sqlite3.Error as error:
        raise DataError(str(error)) from error
