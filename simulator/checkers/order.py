"""P1: a room is one log, and everyone reads it by its numbers, without a hole."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.views import View, in_views
from simulator.history import History, Opened, Saw


def check(history: History) -> Finding:
    """Each bot's view of each room counts up by one from where the bot came in.

    Shape:  an entry that comes again is the matter of `once`: here only its absence counts.
    """
    last: dict[View, Opened | Saw] = {}
    anything = False
    for view, record in in_views(history.records):
        before = last.get(view)
        if isinstance(record, Opened):
            if before is None:
                last[view] = record
            elif record.after != _cursor(before):
                return _seam(before, record)
            continue
        anything = True
        if before is None:
            reason = f"{record.bot} saw #{record.room} without being in it"
            return violated(reason, record)
        if record.seq > _cursor(before) + 1:
            return _hole(before, record)
        if record.seq > _cursor(before):
            last[view] = record
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
