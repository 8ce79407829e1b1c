"""P6: who reads slowly, or not at all, delays nobody else."""

from simulator.checkers.checker import OK, Checker, Finding, idle
from simulator.checkers.deadlines import Stretch, Waiting
from simulator.history import Down, Fault, Healed, History, Stalled


def check(history: History) -> Finding:
    """While somebody hardly reads, the others get answers and entries in time.

    Shape:  only as long as nothing else is wrong: between a fault and Healed nobody can
            say whose fault a delay is.
    """
    waiting = Waiting()
    stretch: Stretch | None = None
    calm, judged = True, False
    for record in history.records:
        if stretch is not None:
            finding = waiting.late(record, stretch)
            if finding is not None:
                return finding
        waiting.note(record)
        if isinstance(record, Fault | Down):
            calm = False
        elif isinstance(record, Healed):
            calm = True
        if stretch is not None and not (calm and waiting.stalled):
            finding = waiting.overdue(record.at_s, stretch)
            if finding is not None:
                return finding
            stretch = None
        if stretch is None and calm and isinstance(record, Stalled):
            judged = True
            stretch = Stretch(record, record.others_within_s)
    if not judged:
        return idle("nobody stopped reading while all else was well")
    if stretch is not None:
        return waiting.overdue(history.records[-1].at_s, stretch) or OK
    return OK


CHECKER = Checker("isolation", "P6", "nobody waited for those who hardly read", check)
