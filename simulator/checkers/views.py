"""Views: what one bot reads of one room without a break that it asked for."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from simulator.history import (
    Closed,
    Gap,
    Gone,
    Killed,
    Opened,
    Record,
    Restarted,
    Saw,
)

View: TypeAlias = tuple[str, str, int, int]
"""Bot, room, which life of the bot, which stay in the room."""


Read: TypeAlias = Opened | Saw | Gap
"""What moves somebody's cursor."""


def cursor_of(read: Read) -> int:
    """Where the reading stands after it."""
    match read:
        case Opened(after=after):
            return after
        case Saw(seq=seq):
            return seq
        case Gap(through=through):
            return through


def in_views(records: Iterable[Record]) -> Iterator[tuple[View, Read]]:
    """Everything that was read, with the view it belongs to.

    Shape:  a lost connection does not end a view: the reading goes on from the cursor.
            Who leaves a room, or lives anew, begins another one, from wherever it likes.
    """
    lives: Counter[str] = Counter()
    stays: Counter[tuple[str, str]] = Counter()
    for record in records:
        match record:
            case (
                Opened(bot=bot, room=room)
                | Saw(bot=bot, room=room)
                | Gap(bot=bot, room=room)
            ):
                yield (bot, room, lives[bot], stays[bot, room]), record
            case Closed(bot=bot, room=room):
                stays[bot, room] += 1
            case Killed(bot=bot) | Gone(bot=bot) | Restarted(bot=bot):
                lives[bot] += 1
            case _:
                pass
