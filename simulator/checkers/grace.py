"""P8: a short absence makes no noise: nobody is told that somebody went and came."""

from simulator.checkers.absences import absences_of, missed, proof
from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.history import History


def check(history: History) -> Finding:
    """Whoever vanishes from a list was away for longer than the grace, or had left.

    Shape:  short absences because the server was down are the matter of `restart`.
    """
    records = history.until_settled()
    if not any(each.short and not each.outage for each in absences_of(records)):
        return idle("nobody was away for a short time")
    for found in missed(history, lambda absence: not absence.short):
        absence = found.absence
        if absence is not None and absence.short and not absence.outage:
            where = f"#{found.news.room}"
            reason = f"{found.nick} was away from {where} for a moment, and it was told"
            return violated(reason, *proof(found))
    return OK


CHECKER = Checker("grace", "P8", "nobody was told of a short absence", check)
