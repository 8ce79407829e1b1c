"""P1: a room is one log, and everyone reads it by its numbers, without a hole."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.trimmed import untrue
from simulator.checkers.views import Read, View, cursor_of, in_views
from simulator.history import Gap, History, Opened, Saw


def check(history: History) -> Finding:
    """Each bot's view of each room counts up by one from where the bot came in.

    Shape:  an entry that comes again is the matter of `once`: here only its absence counts.
            A gap is told where the reading stands, and only of what need not be kept.
    """
    last: dict[View, Read] = {}
    anything = False
    for view, record in in_views(history.records):
        before = last.get(view)
        if isinstance(record, Opened):
            if before is None:
                last[view] = record
            elif record.after != cursor_of(before):
                return _seam(before, record)
            continue
        anything = True
        if before is None:
            reason = f"{record.bot} saw #{record.room} without being in it"
            return violated(reason, record)
        if isinstance(record, Gap):
            if record.after != cursor_of(before):
                return _gap_elsewhere(before, record)
        elif record.seq > cursor_of(before) + 1:
            return _hole(before, record)
        if cursor_of(record) > cursor_of(before):
            last[view] = record
    return untrue(history) or (OK if anything else unknown("nobody saw anything"))


def _gap_elsewhere(before: Read, record: Gap) -> Finding:
    return violated(
        f"{record.bot} in #{record.room} had read up to {cursor_of(before)}, and was"
        f" told of a gap after {record.after}",
        before,
        record,
    )


def _hole(before: Read, record: Saw) -> Finding:
    expected = cursor_of(before) + 1
    return violated(
        f"{record.bot} in #{record.room}: {expected} was due, and {record.seq} came",
        before,
        record,
    )


def _seam(before: Read, record: Opened) -> Finding:
    return violated(
        f"{record.bot} in #{record.room} had read up to {cursor_of(before)}, and"
        f" went on after {record.after}",
        before,
        record,
    )


CHECKER = Checker(
    "order", "P1", "every bot saw every room in seq order, without a hole", check
)
