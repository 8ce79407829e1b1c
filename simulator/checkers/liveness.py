"""P5: when the faults are over, everything gets done, in time."""

from simulator.checkers.checker import OK, Checker, Finding, idle, unknown, violated
from simulator.checkers.deadlines import Stretch, Waiting
from simulator.history import Down, Fault, Gone, Healed, History, Killed


def check(history: History) -> Finding:
    """After Healed everyone is back, every line answered and every room read, in time.

    Shape:  until the next fault. Who hardly reads owes nothing meanwhile.
    """
    waiting = Waiting()
    stretch: Stretch | None = None
    healed = False
    for record in history.records:
        if stretch is not None:
            finding = waiting.late(record, stretch)
            if isinstance(record, Gone | Killed):
                finding = _overdue_of(record.bot, waiting, record.at_s, stretch)
            elif isinstance(record, Fault | Down | Healed):
                finding = _overdue(waiting, record.at_s, stretch)
                stretch = None
            if finding is not None:
                return finding
        waiting.note(record)
        if isinstance(record, Healed):
            healed = True
            stretch = Stretch(record, record.within_s)
    if not healed:
        return idle("the story does not say when its faults are over")
    if stretch is None:
        return OK
    finding = _overdue(waiting, history.records[-1].at_s, stretch)
    return finding or _undecided(waiting, stretch) or OK


def _overdue(waiting: Waiting, now_s: float, stretch: Stretch) -> Finding | None:
    for bot in sorted(waiting.offline):
        finding = _overdue_of(bot, waiting, now_s, stretch)
        if finding is not None:
            return finding
    return waiting.overdue(now_s, stretch)


def _overdue_of(
    bot: str, waiting: Waiting, now_s: float, stretch: Stretch
) -> Finding | None:
    cut = waiting.offline.get(bot)
    if cut is None:
        return waiting.overdue_of(bot, now_s, stretch)
    if max(cut.at_s, stretch.begun.at_s) + stretch.within_s < now_s:
        return violated(f"{bot} has not come back", stretch.begun, cut)
    return None


def _undecided(waiting: Waiting, stretch: Stretch) -> Finding | None:
    still = waiting.anything()
    if still is None:
        return None
    return unknown("the story was over before the time was", stretch.begun, still)


CHECKER = Checker("liveness", "P5", "after the faults everything got done, in time", check)
