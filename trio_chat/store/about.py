"""What a draft is about: the entry it refers to, in its own log and in those of the copies.

Only in the transaction that appends it can be said whose that entry is, and that it is
there.
"""

import sqlite3
from typing import TypeAlias

from trio_chat.store.interface import Astray, Draft, Outcome, reaches_all, why_not_about
from trio_chat.store.schema import COLUMNS, as_entry

Refs: TypeAlias = dict[str, int]
"""The numbers of the entry in the logs of the copies."""


def needs_entry(draft: Draft) -> bool:
    """Whether the entry itself has to be looked at, not only its number."""
    return draft.changes or draft.to is not None or bool(draft.copies)


def find_about(connection: sqlite3.Connection, draft: Draft) -> Refs | Outcome:
    """What a draft refers to in the logs of the copies, or why it can't be about that.

    Shape:  for a draft that needs_entry(); all that was numbered is in the file.
    Raises: sqlite3.Error.
    """
    assert draft.ref is not None
    row = connection.execute(
        f"SELECT device, origin, n, {COLUMNS} FROM entry"  # noqa: S608 (our own names)
        " WHERE log = (SELECT id FROM log WHERE name = ?) AND seq = ?",
        (draft.log, draft.ref),
    ).fetchone()
    if row is None:
        return Astray(draft.ref)
    device, origin, n, *columns = row
    entry = as_entry(draft.log, tuple(columns))
    if not reaches_all(draft, entry):
        return Astray(draft.ref)
    if draft.changes:
        unfit = why_not_about(draft, entry, device)
        if unfit is not None:
            return unfit
    refs: Refs = {}
    for copy in draft.copies:
        seq = _seq_in(connection, copy, device, origin, n)
        if seq is None:
            return Astray(draft.ref)
        refs[copy] = seq
    return refs


def _seq_in(
    connection: sqlite3.Connection,
    log: str,
    device: str | None,
    origin: str | None,
    n: int | None,
) -> int | None:
    """The same entry in another log: the copy of one's own, or what this is a copy of."""
    column, author = ("origin", device) if device is not None else ("device", origin)
    (seq,) = connection.execute(
        "SELECT max(seq) FROM entry"  # noqa: S608 (our own names)
        f" WHERE log = (SELECT id FROM log WHERE name = ?) AND {column} = ? AND n = ?",
        (log, author, n),
    ).fetchone()
    return int(seq) if seq is not None else None
