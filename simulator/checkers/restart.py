"""P10: a restart makes no noise: who comes back in time was never told to be gone."""

from simulator.checkers.absences import absences_of, missed, proof
from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.history import History


def check(history: History) -> Finding:
    """Whoever vanishes from a list because of a restart was away longer than the grace."""
    records = history.until_settled()
    if not any(each.short and each.outage for each in absences_of(records)):
        return idle("the server was not down for a short time")
    for found in missed(history, lambda absence: not absence.short):
        absence = found.absence
        if absence is not None and absence.short and absence.outage:
            where = f"#{found.news.room}"
            reason = f"{found.nick} was away from {where} for the restart, and it was told"
            return violated(reason, *proof(found))
    return OK


CHECKER = Checker("restart", "P10", "nobody was told of a short restart", check)
