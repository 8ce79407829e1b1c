"""P5: who comes back to another past is told so, and nobody else is."""

from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.history import (
    Gone,
    History,
    Killed,
    Linked,
    Opened,
    Record,
    Reset,
    Restarted,
    Restored,
)


def check(history: History) -> Finding:
    """A Reset for each bot that was there before the server was given an older past."""
    restored: list[Restored] = []
    current: dict[str, int] = {}  # of bots that have met the server: its past, by number
    linked: dict[str, int] = {}
    for record in history.records:
        match record:
            case Restored():
                restored.append(record)
            case Reset(bot=bot):
                if current.get(bot, 0) >= len(restored):
                    return _for_nothing(record, restored)
                current[bot] = len(restored)
            case Linked(bot=bot):
                linked[bot] = len(restored)
                current.setdefault(bot, len(restored))
            case Opened(bot=bot) if current.get(bot, 0) < linked.get(bot, 0):
                reason = f"{bot} reads on as if nothing had been"
                return violated(reason, restored[linked[bot] - 1], record)
            case Killed(bot=bot) | Gone(bot=bot) | Restarted(bot=bot):
                current.pop(bot, None)
            case _:
                pass
    return OK if restored else idle("the server kept its past")


def _for_nothing(record: Reset, restored: list[Restored]) -> Finding:
    proof: list[Record] = [*restored[-1:], record]
    reason = f"{record.bot} was told of another past, and there was none"
    return violated(reason, *proof)


CHECKER = Checker("epoch", "P5", "who met another past was told, and nobody else", check)
