"""P5: an author reads its own lines: what was accepted is there, wherever it reads."""

from collections import defaultdict

from simulator.checkers.accepted import accepted_of, passed_over
from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.lines import lines_of
from simulator.history import History, Linked, Ok, Opened, Stalled


def check(history: History) -> Finding:
    """No author reads past its accepted line unseen, or in a room that ends before it."""
    lines, _ = lines_of(history.records)
    accepted = accepted_of(lines)
    if not accepted:
        return unknown("no line was accepted")
    for (bot, room, *_), line, ok, landing in passed_over(history, accepted):
        if bot == line.invoke.bot:
            reason = f"{bot} read past its own #{room} {ok.seq} unseen"
            return violated(reason, line.invoke, ok, landing)
    return _not_there(history) or OK


def _not_there(history: History) -> Finding | None:
    """Whether a room on a new link ends before what was accepted on an earlier one.

    Shape:  answers overtake what a bot has not read yet, so that on the same link the
            two say nothing about each other; nor do they for who hardly reads at all.
    """
    late_readers = {each.bot for each in history.records if isinstance(each, Stalled)}
    fresh: dict[str, dict[str, Ok]] = defaultdict(dict)
    known: dict[tuple[str, str], Ok] = {}
    for record in history.records:
        match record:
            case Ok(bot=bot, room=room, seq=seq):
                last = fresh[bot].get(room)
                if last is None or seq > last.seq:
                    fresh[bot][room] = record
            case Linked(bot=bot):
                for room, ok in fresh.pop(bot, {}).items():
                    if (bot, room) not in known or ok.seq > known[bot, room].seq:
                        known[bot, room] = ok
            case Opened(bot=bot, room=room, head=head) if bot not in late_readers:
                own = known.get((bot, room))
                if own is not None and head < own.seq:
                    reason = f"{bot} came back to #{room}, which ends before its own line"
                    return violated(reason, own, record)
            case _:
                pass
    return None


CHECKER = Checker("own", "P5", "every author found its accepted lines again", check)
