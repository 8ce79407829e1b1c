"""What somebody wants to say about a line: which one is meant, and what goes out for it."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from trio_chat.protocol.messages import INBOX, Kind
from trio_chat.ui.pointing import About, Point
from trio_chat.ui.recent import Known, find, last
from trio_chat.ui.state import View


@dataclass(frozen=True, slots=True)
class Draft:
    """What goes out."""

    room: str
    """The room; `@nick` for a direct message."""
    text: str
    kind: Kind
    ref: int


@dataclass(frozen=True, slots=True)
class ToChange:
    """For the input: a line that one wants to edit, as it reads now."""

    text: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """What is meant is not known; why, and what to do."""

    reason: str


Meant: TypeAlias = Draft | ToChange | Unclear


def meant(view: View, about: About) -> Meant:
    """What is to be done for this wish."""
    point, known = _line(view, about)
    if point is None:
        return Unclear(_NOBODY if about.kind in ("text", "react") else _NOTHING_OWN)
    if about.kind == "edit" and not about.text.strip():
        return _to_change(point, known)
    if point.inbox and known is None:
        return Unclear(f"{point} is not known here: whom is it for?")
    room = view.current if known is None else known.goes_to
    kind: Kind = about.kind
    if kind == "react" and about.text in _mine(view, room, point.seq, known):
        kind = "unreact"
    return Draft(room, about.text, kind, point.seq)


_NOBODY: Final = "nobody else has said anything here yet: ^N names a line by its number"
_NOTHING_OWN: Final = "you have said nothing here yet: ^N names a line by its number"


def _line(view: View, about: About) -> tuple[Point | None, Known | None]:
    if about.point is not None:
        log = INBOX if about.point.inbox else view.current
        return about.point, find(view.recent.get(log, ()), about.point.seq)
    own = about.kind in ("edit", "delete")
    known = last(view.recent.get(view.current, ()), own=own)
    return (None if known is None else Point(known.seq)), known


def _to_change(point: Point, known: Known | None) -> Meant:
    if known is None or not known.own:
        return Unclear(f"what {point} says is not known here: /edit {point} TEXT")
    if known.gone:
        return Unclear(f"{point} was taken back")
    return ToChange(f"/edit {point} {known.text}")


def _mine(view: View, room: str, seq: int, known: Known | None) -> frozenset[str]:
    """One's own reactions to a line, with those that are on their way."""
    mine = known.mine if known is not None else frozenset()
    for line in view.queued:
        if (line.room, line.ref) == (room, seq):
            if line.kind == "react":
                mine |= {line.text}
            elif line.kind == "unreact":
                mine -= {line.text}
    return mine
