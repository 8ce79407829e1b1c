"""P6: who reads slowly is not dropped while its link lives."""

from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.history import (
    Cut,
    Down,
    Fault,
    Gone,
    Healed,
    History,
    Killed,
    Resumed,
    Stalled,
)


def check(history: History) -> Finding:
    """No bot that hardly reads, but answers on its link, loses its connection.

    Shape:  only as long as nothing else is wrong: between a fault and Healed anybody may.
    """
    stalled: dict[str, Stalled] = {}
    calm, judged = True, False
    for record in history.records:
        match record:
            case Stalled(bot=bot, lives=True) if calm:
                judged = True
                stalled[bot] = record
            case Cut(bot=bot) if bot in stalled:
                reason = f"{bot} hardly read, and was dropped for it"
                return violated(reason, stalled[bot], record)
            case Resumed(bot=bot) | Killed(bot=bot) | Gone(bot=bot):
                stalled.pop(bot, None)
            case Fault() | Down():
                calm = False
                stalled.clear()
            case Healed():
                calm = True
            case _:
                pass
    return OK if judged else idle("nobody who hardly read was to be kept")


CHECKER = Checker("patient", "P6", "whoever hardly read kept its connection", check)
