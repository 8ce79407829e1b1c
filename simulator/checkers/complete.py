"""P5: in the end everyone who is still there has the whole log, up to its head."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.views import Read, cursor_of
from simulator.history import (
    Closed,
    Gap,
    Gone,
    History,
    Killed,
    Logged,
    Ok,
    Opened,
    Record,
    Resumed,
    Saw,
    Stalled,
)

_Views = dict[str, dict[str, Read]]


def check(history: History) -> Finding:
    """The last entry that each member of a room saw is the room's last.

    Shape:  at the moment in which all had come to rest, or at the end if it never did. Who
            hardly reads at that moment owes nothing.
    """
    views: _Views = {}
    heads: dict[str, Record | Logged] = {}
    stalled: set[str] = set()
    for record in history.until_settled():
        match record:
            case Opened(bot=bot, room=room):
                views.setdefault(bot, {}).setdefault(room, record)
            case Saw(bot=bot, room=room) | Gap(bot=bot, room=room):
                views.setdefault(bot, {})[room] = record
            case Closed(bot=bot, room=room):
                views.get(bot, {}).pop(room, None)
            case Killed(bot=bot) | Gone(bot=bot):
                views.pop(bot, None)
            case Stalled(bot=bot):
                stalled.add(bot)
            case Resumed(bot=bot):
                stalled.discard(bot)
            case _:
                pass
        if isinstance(record, Opened | Saw | Ok):
            _raise_head(heads, record.room, record)
    for room, entries in (history.log or {}).items():
        if entries:
            _raise_head(heads, room, entries[-1])
    for bot in stalled:
        views.pop(bot, None)
    return _judged(views, heads)


def _judged(views: _Views, heads: dict[str, Record | Logged]) -> Finding:
    if not any(views.values()):
        return unknown("nobody was there at the end")
    for bot, rooms in views.items():
        for room, place in rooms.items():
            cursor = cursor_of(place)
            head = _seq(heads[room])
            if cursor < head:
                reason = f"{bot} has #{room} up to {cursor}, and it goes up to {head}"
                return violated(reason, place, heads[room])
    return OK


def _raise_head(
    heads: dict[str, Record | Logged], room: str, record: Record | Logged
) -> None:
    if room not in heads or _seq(record) > _seq(heads[room]):
        heads[room] = record


def _seq(record: Record | Logged) -> int:
    match record:
        case Saw(seq=seq) | Ok(seq=seq) | Logged(seq=seq):
            return seq
        case Opened(head=head):
            return head
        case _:
            return 0


CHECKER = Checker(
    "complete", "P5", "in the end everyone had every room up to its head", check
)
