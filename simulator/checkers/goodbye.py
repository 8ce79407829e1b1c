"""P10: who is sent away kindly knows when to come back, and does, not all at once."""

from collections.abc import Sequence
from typing import Final

from simulator.checkers.checker import OK, Checker, Finding, idle, unknown, violated
from simulator.history import (
    Cut,
    Down,
    Gone,
    History,
    Killed,
    Linked,
    Settled,
    Stalled,
    TurnedAway,
)

_MANY: Final = 5
_SPREAD_S: Final = 0.02
"""By chance five of them come so close once in a million restarts."""


def check(history: History) -> Finding:
    """Each bot that was there when the server was asked to end came back, at its own time.

    Shape:  not five bots within a blink of each other; who hardly reads is not asked.
    """
    slow = {each.bot for each in history.records if isinstance(each, Stalled)}
    online: set[str] = set()
    sent: dict[str, Down] = {}
    cuts: dict[str, Cut] = {}
    down: Down | None = None
    sent_back: list[Cut] = []
    for record in history.until_settled():
        match record:
            case Linked(bot=bot):
                online.add(bot)
                sent.pop(bot, None)
            case Down():
                down = record if record.kindly else None
                sent_back = []
                sent |= dict.fromkeys(online - slow, record) if record.kindly else {}
            case Cut(bot=bot):
                if bot in online and bot in sent and down is not None:
                    cuts[bot] = record
                    sent_back.append(record)
                    if _at_once(sent_back):
                        reason = "several bots are to come back in the same moment"
                        return violated(reason, down, *sent_back[:2])
                online.discard(bot)
            case Killed(bot=bot) | Gone(bot=bot):
                online.discard(bot)
                sent.pop(bot, None)
            case TurnedAway(bot=bot):
                online.discard(bot)
            case _:
                pass
    return _absent(history, sent, cuts)


def _at_once(cuts: Sequence[Cut]) -> bool:
    """Whether so many come back so close together that nobody spread them."""
    times_s = [cut.retry_in_s or 0.0 for cut in cuts]
    return len(cuts) >= _MANY and max(times_s) - min(times_s) < _SPREAD_S


def _absent(history: History, sent: dict[str, Down], cuts: dict[str, Cut]) -> Finding:
    if not any(isinstance(each, Down) and each.kindly for each in history.records):
        return idle("the server was not asked to end")
    settled = isinstance(history.until_settled()[-1], Settled)
    for bot, down in sent.items():
        if not settled:
            return unknown(f"the story was over before {bot} came back", down)
        if bot in cuts:
            return violated(f"{bot} did not come back", down, cuts[bot])
        return violated(f"{bot} never heard that the server went", down)
    return OK


CHECKER = Checker(
    "goodbye", "P10", "who was sent away came back, each at another time", check
)
