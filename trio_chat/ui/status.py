"""The status line, and what waits above the input: what fits, the weightiest first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from trio_chat.client.events import Queued
from trio_chat.sanitise import LINE_END, Clean, clean
from trio_chat.ui.cells import cells, clip
from trio_chat.ui.state import Room, View, destination, said_in

Fragments: TypeAlias = list[tuple[str, Clean]]
"""Pieces of text, each with the name of its style."""

QUEUED_SHOWN_MAX: Final = 3
_BETWEEN: Final = clean(" \u00b7 ")
_TIGHT: Final = clean(" ")
_ROOM_CELLS: Final = (16, 8, 6)
"""What is left of a room's name where there is no space for more."""
_REASON_CELLS: Final = (60, 40, 24, 16)
_DROPPED: Final[Fragments] = []


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the status line, in all its lengths."""

    rank: int
    """The lower, the sooner it is shortened."""
    forms: Sequence[Fragments]
    """From the longest to the shortest; an empty one is left out."""


def status(view: View, columns: int) -> Fragments:
    """The status line: the link, the room, what waits, what is unread, oneself.

    Shape:  no wider than `columns`, from 40 on. The link, the room, the number of lines
            that wait, and what is unread and for oneself are always there, however short.
    """
    pieces = _online(view) if view.state == "online" else _offline(view)
    pieces = [piece for piece in pieces if any(piece.forms)]
    lengths = [0] * len(pieces)
    while True:
        drawn = [piece.forms[at] for piece, at in zip(pieces, lengths, strict=True)]
        line = _joined([form for form in drawn if form])
        if sum(cells(text) for _, text in line) <= columns:
            return line
        longer = [
            at for at, piece in enumerate(pieces) if lengths[at] + 1 < len(piece.forms)
        ]
        if not longer:
            return _joined([form for form in drawn if form], _TIGHT)
        lengths[min(longer, key=lambda at: pieces[at].rank)] += 1


def _online(view: View) -> list[_Piece]:
    return [
        _Piece(9, [_one("online", "online")]),
        _room(view),
        _members(view),
        _nick(view),
        _sending(view),
        *_doing(view),
        _unread(view),
    ]


def _offline(view: View) -> list[_Piece]:
    # What happens next and what is kept for it come first: that is what one asks now.
    return [
        _link(view),
        _queued(view),
        _room(view),
        *_doing(view),
        _unread(view),
        _nick(view),
        _reason(view),
    ]


def _joined(drawn: Sequence[Fragments], between: Clean = _BETWEEN) -> Fragments:
    return [part for form in drawn for part in (("", between), *form)][1:]


def _one(role: str, text: str) -> Fragments:
    return [(f"class:{role}" if role else "", clean(text))]


# --- the pieces ----------------------------------------------------------------------


def _link(view: View) -> _Piece:
    if view.retry_in_s is None:
        return _Piece(9, [_one(view.state, view.state)])
    seconds = math.ceil(view.retry_in_s - 0.05)  # clocks are not that exact
    again = f"again in {_duration(seconds)}" if seconds > 0 else "trying again"
    long = [*_one(view.state, view.state), ("", _BETWEEN), *_one("room", again)]
    return _Piece(7, [long, _one(view.state, f"{view.state} {_duration(seconds)}")])


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


def _room(view: View) -> _Piece:
    name = f"#{clean(view.current)}" if view.current else "no room"
    return _Piece(6, [_one("room", clip(name, most)) for most in (80, *_ROOM_CELLS)])


def _members(view: View) -> _Piece:
    nicks = view.room.nicks if view.room is not None else ()
    return _Piece(1, [_one("", f"{len(nicks):,} here") if nicks else _DROPPED, _DROPPED])


def _nick(view: View) -> _Piece:
    return _Piece(2, [_one("", clip(clean(view.nick), 24)), _DROPPED])


def _queued(view: View) -> _Piece:
    if not view.queued:
        return _Piece(9, [])
    return _Piece(9, [_one("queued", f"{len(view.queued):,} queued")])


def _sending(view: View) -> _Piece:
    # With a link a line is gone in a moment: what is shown then is what takes longer.
    if view.sending is None:
        return _Piece(9, [])
    return _Piece(
        4,
        [_one("queued", str(view.sending)), _one("queued", f"{len(view.queued):,} queued")],
    )


def _doing(view: View) -> list[_Piece]:
    saving = [_one("queued", "saving \u2026")] if view.saving else []
    long, short = "leaving after the last answers", "leaving \u2026"
    leaving = [_one("queued", long), _one("queued", short)] if view.leaving else []
    return [_Piece(8, saving), _Piece(3, leaving)]


def _reason(view: View) -> _Piece:
    # When the next try is stands at the beginning, and counts.
    reason = clean(view.reason.partition("; trying again")[0])
    if not reason:
        return _Piece(0, [])
    forms = [_one("", clip(reason, most)) for most in (200, *_REASON_CELLS)]
    return _Piece(0, [*forms, _DROPPED])


def _unread(view: View) -> _Piece:
    """The other rooms: all of them, then those that matter, then their sum."""
    rooms = [room for room in view.rooms if room.unread and room.name not in view.muted]
    muted = [room for room in view.rooms if room.unread and room.name in view.muted]
    called = [room for room in muted if room.calls]
    if not (rooms or muted):
        return _Piece(5, [])
    by_weight = sorted([*rooms, *called], key=lambda room: (-room.calls, -room.unread))
    some = (_some_rooms(by_weight[:number], by_weight[number:]) for number in (3, 2, 1))
    quiet = [counts(room, muted=True) for room in muted]
    forms = [_joined([*(counts(room) for room in rooms), *quiet])]
    forms += [*some, _sum(by_weight)] if by_weight else [_DROPPED]
    return _Piece(5, forms)


def _some_rooms(shown: Sequence[Room], others: Sequence[Room]) -> Fragments:
    forms = [counts(room) for room in shown]
    return _joined([*forms, _sum(others)] if others else forms)


def counts(room: Room, *, muted: bool = False) -> Fragments:
    """A room, and what is unread in it."""
    name = clip(clean(room.name), _ROOM_CELLS[0])
    role = "" if muted else "unread"
    return [*_one(role, f"#{name} {room.unread:,}"), *_calls(room.calls)]


def _sum(rooms: Sequence[Room]) -> Fragments:
    unread, calls = sum(room.unread for room in rooms), sum(room.calls for room in rooms)
    return [*_one("unread", f"+{_short(unread)}"), *_calls(calls)]


def _short(number: int) -> str:
    return f"{number}" if number < 1_000 else f"{min(number // 1_000, 999)}k"


def _calls(number: int) -> Fragments:
    return [("", _TIGHT), *_one("called", f"@{number:,}")] if number else []


# --- above the input -----------------------------------------------------------------


def queued(view: View, columns: int) -> Fragments:
    """What was typed and waits for a link: the beginnings of the last lines."""
    waiting = () if view.state == "online" else view.queued
    shown = waiting[-QUEUED_SHOWN_MAX:]
    unseen = len(waiting) - len(shown)
    rows = [f"\u2026 {unseen:,} more"] if unseen else []
    rows += [
        f"\u2026 {_elsewhere(line, view)}{clean(said_in(line)[: 4 * columns])}"
        for line in shown
    ]
    shown_rows = [_one("queued", clip(row, columns)) for row in rows]
    return _joined(shown_rows, LINE_END)


def _elsewhere(line: Queued, view: View) -> str:
    return "" if line.room == view.current else f"{clean(destination(line.room))} "
