"""What stands between the lines: a rule where a day begins, and who came and went as one.

Pure: what was printed last is a value, so that whatever front end prints the lines has
the same rows in between.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from trio_chat.client.events import Entry
from trio_chat.ui.state import (
    Day,
    Line,
    Missing,
    Moved,
    Note,
    Reacted,
    Recalled,
    Rule,
    Said,
    Skipped,
)

FOLDED_S: Final = 2.0
"""Who comes and goes within this time, with nothing said meanwhile, shares a row."""
REACTIONS_MAX: Final = 50
"""More of them are not kept back."""
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
    reactions: tuple[Said, ...] = ()
    """Reactions since, not told yet: what was taken back again is not among them."""

    aloud: bool = False
    """Whether it is read aloud: then there are words for signs."""

    @property
    def waits(self) -> bool:
        """Whether there is something for settled() to tell."""
        return bool(self.moves or self.reactions)


def begin_feed(now: float, *, aloud: bool = False) -> Feed:
    """Nothing was printed yet; the first day that is told is another than today."""
    return Feed(_date(now), aloud=aloud)


def fed(feed: Feed, lines: Iterable[Line], now: float) -> tuple[Feed, list[Line]]:
    """What is printed for these lines.

    Shape:  comings and goings, and reactions, are kept for settled(), or until something
            else is printed.
    Units:  `now` in seconds since 1970.
    """
    printed: list[Line] = []
    for line in lines:
        if isinstance(line, Moved):
            feed = replace(feed, moves=_moved(feed.moves, line))
            continue
        few = len(feed.reactions) < REACTIONS_MAX
        if isinstance(line, Said) and line.reacts and few:
            feed = replace(feed, reactions=_reacting(feed.reactions, line))
            continue
        feed, told = settled(feed, now)
        printed += told
        date = _date_of(line, now)
        if date is not None and date != feed.date:
            feed = replace(feed, date=date)
            printed.append(Day(_ts_of(line, now)))
        printed.append(line)
    return feed, printed


def settled(feed: Feed, now: float) -> tuple[Feed, list[Line]]:
    """What is printed when those who came and went, and reactions, are to be told now."""
    if not feed.waits:
        return feed, []
    folded = _in_words if feed.aloud else _folded
    moves = (Note(folded(feed.moves)),) if feed.moves else ()
    told: list[Line] = [*moves, *_by_line(feed.reactions)]
    return fed(replace(feed, moves=(), reactions=()), told, now)


def _reacting(reactions: tuple[Said, ...], line: Said) -> tuple[Said, ...]:
    # Who takes a reaction back at once has not reacted.
    kept = tuple(each for each in reactions if not _undoes(line.entry, each.entry))
    return (*kept, line) if len(kept) == len(reactions) else kept


def _undoes(entry: Entry, earlier: Entry) -> bool:
    same = (entry.room, entry.ref, entry.nick, entry.text) == (
        *(earlier.room, earlier.ref, earlier.nick, earlier.text),
    )
    return same and entry.kind != earlier.kind


def _by_line(reactions: Iterable[Said]) -> list[Reacted]:
    lines: dict[tuple[str, int | None], tuple[Said, ...]] = {}
    for each in reactions:
        line = each.entry.room, each.entry.ref
        lines[line] = (*lines.get(line, ()), each)
    return [*map(Reacted, lines.values())]


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


def _in_words(moves: tuple[Moved, ...]) -> str:
    if not 1 < len(moves) <= NAMED_MAX:
        return _folded(moves)
    came = ", ".join(move.nick for move in moves if move.came)
    went = ", ".join(move.nick for move in moves if not move.came)
    groups = ((came, "joined"), (went, "left"))
    return "; ".join(f"{nicks} {verb}" for nicks, verb in groups if nicks)


def _people(number: int) -> str:
    return f"{number:,} people" if number > 1 else "1 person"


def _date_of(line: Line, now: float) -> _Date | None:
    """The day that a line is of; None: it has no time."""
    match line:
        case Said() | Reacted() | Recalled(dated=False):
            return _date(_ts_of(line, now))
        case Rule() | Day() | Missing() | Skipped() | Recalled():
            return None
        case _:
            return _date(now)


def _ts_of(line: Line, now: float) -> float:
    match line:
        case Said(entry=entry) | Recalled(said=Said(entry=entry)):
            return entry.ts
        case Reacted():
            return line.all[-1].entry.ts
        case _:
            return now


def _date(ts: float) -> _Date:
    local = local_time(ts)
    return local.tm_year, local.tm_mon, local.tm_mday


def local_time(ts: float) -> time.struct_time:
    """The moment as this machine's clocks show it; the beginning of 1970 for nonsense."""
    try:
        return time.localtime(ts)
    except (OverflowError, OSError, ValueError):  # the server's clock is anybody's guess
        return time.localtime(0)
