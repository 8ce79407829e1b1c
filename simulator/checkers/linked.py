"""P6: nobody loses a connection for nothing."""

from typing import Final

from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.history import (
    Cut,
    Down,
    Dropped,
    Fault,
    Healed,
    History,
    Linked,
    Restarted,
    Resumed,
    Stalled,
    Up,
)

AFTERMATH_S: Final = 200.0
"""So long after a trouble a connection may still be given up for it: held segments come
late, and both ends have their patience."""


def check(history: History) -> Finding:
    """Each connection that was lost had been in trouble, or was broken by its own bot.

    Shape:  a fault is trouble for everyone: whom it hit is the story's business.
    """
    links: dict[str, Linked] = {}
    own: set[str] = set()
    stalled: set[str] = set()
    trouble_s = float("-inf")
    for record in history.until_settled():
        match record:
            case Linked(bot=bot):
                links[bot] = record
            case Dropped(bot=bot):
                own.add(bot)
            case Stalled(bot=bot):
                stalled.add(bot)
            case Fault() | Down() | Up() | Restarted() | Resumed():
                trouble_s = record.at_s
            case Healed() if trouble_s > float("-inf"):
                trouble_s = record.at_s
            case Cut(bot=bot, at_s=at_s) if bot in links:
                link = links.pop(bot)
                if bot in own | stalled or at_s < trouble_s + AFTERMATH_S:
                    own.discard(bot)
                    continue
                reason = f"{bot} lost its connection, and nothing had happened to it"
                return violated(reason, link, record)
            case _:
                pass
    return OK if links else idle("nobody was connected to the end")


CHECKER = Checker("linked", "P6", "nobody lost a connection without a reason", check)
