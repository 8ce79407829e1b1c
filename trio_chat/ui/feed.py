"""What stands between the lines: a rule where a day begins, and who came and went as one.

Pure: what was printed last is a value, so that whatever front end prints the lines has
the same rows in between.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from trio_chat.ui.state import Day, Line, Missing, Moved, Note, Rule, Said, Skipped

FOLDED_S: Final = 2.0
"""Who comes and goes within this time, with nothing said meanwhile, shares a row."""
NAMED_MAX: Final = 5
"""Of more people only the number is told."""
_Date: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Feed:
    """What was printed last, as far as what comes next depends on it."""

    date: _Date
    """The local day of the last line."""
    moves: tuple[Moved, ...] = ()
    """Who came and went since, not told yet: at most one for each person."""


def begin_feed(now: float) -> Feed:
    """Nothing was printed yet; the first day that is told is another than today."""
    return Feed(_date(now))


def fed(feed: Feed, lines: Iterable[Line], now: float) -> tuple[Feed, list[Line]]:
    """What is printed for these lines.

    Shape:  comings and goings are kept for settled(), or until something else is printed.
    Units:  `now` in seconds since 1970.
    """
    printed: list[Line] = []
    for line in lines:
        if isinstance(line, Moved):
            feed = replace(feed, moves=_moved(feed.moves, line))
            continue
        feed, told = settled(feed, now)
        printed += told
        date = _date_of(line, now)
        if date is not None and date != feed.date:
            feed = replace(feed, date=date)
            printed.append(Day(line.entry.ts if isinstance(line, Said) else now))
        printed.append(line)
    return feed, printed


def settled(feed: Feed, now: float) -> tuple[Feed, list[Line]]:
    """What is printed when those who came and went are to be told now."""
    if not feed.moves:
        return feed, []
    return fed(replace(feed, moves=()), [Note(_folded(feed.moves))], now)


def _moved(moves: tuple[Moved, ...], move: Moved) -> tuple[Moved, ...]:
    # Who came and went again, or was back at once, is where they were before.
    others = tuple(each for each in moves if each.nick != move.nick)
    undone = any(each.nick == move.nick and each.came != move.came for each in moves)
    return others if undone else (*others, move)


def _folded(moves: tuple[Moved, ...]) -> str:
    if len(moves) == 1:
        return moves[0].words
    came = [move.nick for move in moves if move.came]
    went = [move.nick for move in moves if not move.came]
    if len(moves) <= NAMED_MAX:
        groups = (
            sign + ", ".join(nicks) for sign, nicks in (("+", came), ("-", went)) if nicks
        )
        return "  ".join(groups)
    counts = ((len(came), "joined"), (len(went), "left"))
    return ", ".join(f"{_people(number)} {verb}" for number, verb in counts if number)


def _people(number: int) -> str:
    return f"{number:,} people" if number > 1 else "1 person"


def _date_of(line: Line, now: float) -> _Date | None:
    """The day that a line is of; None: it has no time."""
    match line:
        case Said(entry=entry):
            return _date(entry.ts)
        case Rule() | Day() | Missing() | Skipped():
            return None
        case _:
            return _date(now)


def _date(ts: float) -> _Date:
    local = local_time(ts)
    return local.tm_year, local.tm_mon, local.tm_mday


def local_time(ts: float) -> time.struct_time:
    """The moment as this machine's clocks show it; the beginning of 1970 for nonsense."""
    try:
        return time.localtime(ts)
    except (OverflowError, OSError, ValueError):  # the server's clock is anybody's guess
        return time.localtime(0)
