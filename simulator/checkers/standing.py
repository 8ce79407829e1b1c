"""Standing: who is connected, and who hardly reads, when a story comes to rest."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.history import (
    Cut,
    Gone,
    Killed,
    Linked,
    Record,
    Resumed,
    Stalled,
    TurnedAway,
)


@dataclass(slots=True)
class Standing:
    """Who can be asked, and who can be asked about."""

    online: set[str] = field(default_factory=set)
    """Who has a connection."""
    stalled: set[str] = field(default_factory=set)
    """Who hardly reads."""


def standing(records: Iterable[Record]) -> Standing:
    """How everyone stands after these."""
    now = Standing()
    for record in records:
        match record:
            case Linked(bot=bot):
                now.online.add(bot)
            case Cut(bot=bot) | TurnedAway(bot=bot):
                now.online.discard(bot)
            case Killed(bot=bot) | Gone(bot=bot):
                now.online.discard(bot)
                now.stalled.discard(bot)
            case Stalled(bot=bot):
                now.stalled.add(bot)
            case Resumed(bot=bot):
                now.stalled.discard(bot)
            case _:
                pass
    return now
