"""P11: when everyone has gone, the server holds what it held before anybody came."""

from simulator.checkers.checker import OK, Checker, Finding, idle, unknown, violated
from simulator.history import (
    Cut,
    Gone,
    History,
    Killed,
    Linked,
    Resources,
    TurnedAway,
)


def check(history: History) -> Finding:
    """No more tasks and sockets than at the beginning, whenever nobody is there."""
    baseline: Resources | None = None
    compared = False
    online: set[str] = set()
    for record in history.records:
        match record:
            case Linked(bot=bot):
                online.add(bot)
            case Cut(bot=bot) | Gone(bot=bot) | Killed(bot=bot) | TurnedAway(bot=bot):
                online.discard(bot)
            case Resources() if not online and baseline is None:
                baseline = record
            case Resources() if not online and baseline is not None:
                compared = True
                if record.tasks > baseline.tasks:
                    extra = record.tasks - baseline.tasks
                    reason = f"everyone has gone, and {extra} tasks are left"
                    return violated(reason, baseline, record)
                if record.sockets > baseline.sockets:
                    extra = record.sockets - baseline.sockets
                    reason = f"everyone has gone, and {extra} sockets are left"
                    return violated(reason, baseline, record)
            case _:
                pass
    if baseline is None:
        return idle("nobody counted what the server holds")
    if not compared:
        return unknown("nobody counted again after everyone had gone", baseline)
    return OK


CHECKER = Checker("hygiene", "P11", "nothing was left of those who had gone", check)
