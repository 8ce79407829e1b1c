"""The last lines of a room as they read now: what one can answer, edit, or react to.

Pure, and bounded: what is older can still be named by its number, but is not quoted.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from trio_chat.client.events import Entry
from trio_chat.protocol.messages import Kind

RECENT_MAX: Final = 500
"""Lines of a room."""
QUOTED_CHARS_MAX: Final = 200
"""Of what others have said; one's own is kept whole, to be edited."""


@dataclass(frozen=True, slots=True)
class Known:
    """A line, as all that was said about it has it now."""

    seq: int
    nick: str
    text: str
    kind: Kind
    own: bool
    goes_to: str
    """Where what is said about it goes: the room, or "@nick"."""
    gone: bool = False
    """Whether it was taken back; then its text is, too."""
    mine: frozenset[str] = frozenset()
    """One's own reactions to it."""


Recent: TypeAlias = tuple[Known, ...]
"""In the order of their seqs, RECENT_MAX at most."""


def with_entry(recent: Recent, entry: Entry, *, own: bool) -> Recent:
    """What is known after this entry; `own`: one has said it oneself."""
    if entry.is_line:
        return _with_line(recent, entry, own)
    known = find(recent, entry.ref)
    if known is None:
        return recent
    changed = _changed(known, entry, own)
    if changed is known:
        return recent
    at = _place(recent, known.seq)
    return (*recent[:at], changed, *recent[at + 1 :])


def find(recent: Recent, seq: int | None) -> Known | None:
    """The line with this number, if it is known."""
    if seq is None:
        return None
    at = _place(recent, seq)
    return recent[at] if at < len(recent) and recent[at].seq == seq else None


def last(recent: Recent, *, own: bool) -> Known | None:
    """One's own last line that is there, or the last one of somebody else."""
    there = (each for each in reversed(recent) if each.own == own and not each.gone)
    return next(there, None)


def _with_line(recent: Recent, entry: Entry, own: bool) -> Recent:
    if recent and entry.seq <= recent[-1].seq:
        return recent  # one has been here before
    text = entry.text if own else entry.text[:QUOTED_CHARS_MAX]
    known = Known(entry.seq, entry.nick, text, entry.kind, own, entry.reply_to)
    return (*recent[-RECENT_MAX + 1 :], known)


def _changed(known: Known, entry: Entry, own: bool) -> Known:
    match entry.kind:
        case "edit" if not known.gone:
            text = entry.text if known.own else entry.text[:QUOTED_CHARS_MAX]
            return replace(known, text=text)
        case "delete":
            return replace(known, text="", gone=True)
        case "react" if own:
            return replace(known, mine=known.mine | {entry.text})
        case "unreact" if own:
            return replace(known, mine=known.mine - {entry.text})
        case _:
            return known


def _place(recent: Recent, seq: int) -> int:
    return bisect_left(recent, seq, key=lambda known: known.seq)
