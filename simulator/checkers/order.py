"""P1: a room is one log, and everyone reads it by its numbers, without a hole."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.history import Closed, History, Opened, Saw

_Place = tuple[str, str]


def check(history: History) -> Finding:
    """Each bot's view of each room counts up by one from where the bot came in.

    Shape:  an entry that comes again is the matter of `once`: here only its absence counts.
    """
    last: dict[_Place, Opened | Saw] = {}
    anything = False
    for record in history.records:
        match record:
            case Opened(bot=bot, room=room, after=after):
                before = last.get((bot, room))
                if before is None:
                    last[bot, room] = record
                elif after != _cursor(before):
                    return _seam(before, record)
            case Closed(bot=bot, room=room):
                last.pop((bot, room), None)
            case Saw(bot=bot, room=room, seq=seq):
                anything = True
                before = last.get((bot, room))
                if before is None:
                    return violated(f"{bot} saw #{room} without being in it", record)
                if seq > _cursor(before) + 1:
                    return _hole(before, record)
                if seq > _cursor(before):
                    last[bot, room] = record
            case _:
                pass
    return OK if anything else unknown("nobody saw anything")


def _cursor(place: Opened | Saw) -> int:
    return place.seq if isinstance(place, Saw) else place.after


def _hole(before: Opened | Saw, record: Saw) -> Finding:
    expected = _cursor(before) + 1
    return violated(
        f"{record.bot} in #{record.room}: {expected} was due, and {record.seq} came",
        before,
        record,
    )


def _seam(before: Opened | Saw, record: Opened) -> Finding:
    return violated(
        f"{record.bot} in #{record.room} had read up to {_cursor(before)}, and"
        f" went on after {record.after}",
        before,
        record,
    )


CHECKER = Checker(
    "order", "P1", "every bot saw every room in seq order, without a hole", check
)
