"""What waits for a slow terminal, and what is skipped when that is too much. Pure.

What waits is two seconds of the terminal's time at most, in three parts:

    what comes next | one row that counts what was skipped | the newest

When the newest become too many, the oldest of them are counted too, and go. So what is
printed is whole for about a second, then a row says how much is missing, and it goes on
with what is new. One's own lines, and what is for oneself, are never skipped, nor is
anything that is no line of somebody's: a flood of those has to wait on the server.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from trio_chat.ui.state import Line, Note, Said, Skipped, Trouble

AROUND_CHARS: Final = 45
"""What a line has besides its text and its author: time, brackets, colours."""
NEXT_SHARE: Final = 0.5
"""So much of what may wait comes next; it follows what was printed without a hole."""
NEWEST_SHARE: Final = 0.25
"""So much of it is left of the newest, when they become too many."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A line that was not printed yet."""

    line: Line
    number: int
    """In the order in which lines came. A row for skipped ones has that of the first."""
    chars: int


def weight(line: Line) -> int:
    """About how many characters it takes to print a line."""
    match line:
        case Said(entry=entry):
            return len(entry.text) + len(entry.nick) + AROUND_CHARS
        case Note(text=text) | Trouble(text=text):
            return len(text) + AROUND_CHARS
        case _:
            return 2 * AROUND_CHARS


def thinned(waiting: Iterable[Waiting], chars_max: float) -> list[Waiting]:
    """What is left to be printed where no more than so much may wait.

    Shape:  in the order in which they came, each line or a row that counts it. No two such
            rows stand side by side. It may be more than `chars_max` if there is so much
            that is not skipped.
    """
    waiting = list(waiting)
    next_ = _head(waiting, chars_max * NEXT_SHARE)
    newest = max(next_, len(waiting) - _tail(waiting, chars_max * NEWEST_SHARE))
    return [*waiting[:next_], *_skimmed(waiting[next_:newest]), *waiting[newest:]]


def chars_of(waiting: Iterable[Waiting]) -> int:
    """About how many characters all of them take."""
    return sum(each.chars for each in waiting)


def _head(waiting: Sequence[Waiting], chars_max: float) -> int:
    """How many come next: up to where something is skipped already, or as many as fit."""
    chars = 0
    for index, each in enumerate(waiting):
        chars += each.chars
        if chars > chars_max or isinstance(each.line, Skipped):
            return index
    return len(waiting)


def _tail(waiting: Sequence[Waiting], chars_max: float) -> int:
    """How many of the last fit."""
    chars = 0
    for count, each in enumerate(reversed(waiting)):
        chars += each.chars
        if chars > chars_max:
            return count
    return len(waiting)


def _skimmed(waiting: Sequence[Waiting]) -> Iterator[Waiting]:
    """Those that are never skipped, and one row in the place of each run of others."""
    for room, run in groupby(waiting, _skipped_of):
        lines = list(run)
        yield from lines if room is None else (_counted(room, lines),)


def _skipped_of(waiting: Waiting) -> str | None:
    """The room for whose sake a line may be skipped; None: it may not."""
    match waiting.line:
        case Skipped(room=room):
            return room
        case Said(entry=entry, own=False, called="") if not entry.direct:
            return entry.room
        case _:
            return None


def _counted(room: str, run: Sequence[Waiting]) -> Waiting:
    first, last = run[0].line, run[-1].line
    lines = sum(each.line.lines if isinstance(each.line, Skipped) else 1 for each in run)
    after = first.after if isinstance(first, Skipped) else _seq(first) - 1
    through = last.through if isinstance(last, Skipped) else _seq(last)
    row = Skipped(room, lines, after, through)
    return Waiting(row, run[0].number, weight(row))


def _seq(line: Line) -> int:
    assert isinstance(line, Said)
    return line.entry.seq
