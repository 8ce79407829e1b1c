"""P1: what somebody has read is never unread: no view goes back, and no room shrinks."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.views import Read, View, in_views
from simulator.history import Gap, History, Opened, Saw

_Place = tuple[str, str]


def check(history: History) -> Finding:
    """No new entry comes behind an older one, and no room ends before what was read of it.

    Shape:  the end of a room is compared over cuts, stays and lives: it is one log.
    """
    furthest: dict[_Place, Read] = {}
    seen: dict[View, dict[int, Saw]] = {}
    anything = False
    for view, record in in_views(history.records):
        place = record.bot, record.room
        reached = furthest.get(place)
        if isinstance(record, Opened):
            if reached is not None and record.head < _end(reached):
                return _shrunk(reached, record)
        elif isinstance(record, Saw):
            anything = True
            entries = seen.setdefault(view, {})
            last = next(reversed(entries.values()), None)
            if last is not None and record.seq < last.seq and record.seq not in entries:
                reason = f"{record.bot} in #{record.room} went back to {record.seq}"
                return violated(reason, last, record)
            entries.setdefault(record.seq, record)
        if reached is None or _end(record) > _end(reached):
            furthest[place] = record
    return OK if anything else unknown("nobody saw anything")


def _end(record: Read) -> int:
    match record:
        case Saw(seq=seq):
            return seq
        case Gap(through=through):
            return through
        case Opened(head=head):
            return head


def _shrunk(reached: Read, record: Opened) -> Finding:
    return violated(
        f"{record.bot} knew #{record.room} up to {_end(reached)}, and it went back to"
        f" {record.head}",
        reached,
        record,
    )


CHECKER = Checker(
    "monotonic", "P1", "what a bot had read of a room was never taken back", check
)
