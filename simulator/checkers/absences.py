"""Absences: when a bot was not in a room, and whether the others may be told so.

Nobody can look into the server, so each of these times is bounded by what bots wrote down:
an absence begins with the last sign of life before its bot noticed anything, and ends
when the bot reads the room again. Whatever can't be told for certain is in favour of the
server.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.checkers.rosters import News, follow
from simulator.history import (
    Closed,
    Cut,
    Down,
    Fail,
    Gone,
    History,
    Joined,
    Killed,
    Left,
    Linked,
    Members,
    Ok,
    Opened,
    Record,
    Renamed,
    Saw,
    Stalled,
)

SHORT_S: Final = 8.0
"""Less than the grace of 10 s (P8), whatever the way of a message adds."""
_EARLY_S: Final = 5.0
"""So much sooner than its bot the others may hear of an absence."""
_LATE_S: Final = 45.0
"""So much later than its bot they may hear of its end, over a link that was cut off."""


@dataclass(slots=True)
class Absence:
    """A bot is not in a room, or can't be heard there."""

    bot: str
    room: str
    cause: Cut | Killed | Gone | Closed
    begun_s: float
    back: Opened | None = None
    outage: bool = False
    """The server was down meanwhile."""

    @property
    def short(self) -> bool:
        """Whether it was over well within the grace, and not of the bot's own will."""
        if isinstance(self.cause, Gone | Closed) or self.back is None:
            return False
        return self.back.at_s - self.begun_s < SHORT_S


@dataclass(frozen=True, slots=True)
class Missed:
    """Somebody vanished from a bot's list; `absence` is the one that it can't be for."""

    news: News
    since: News
    """By which the bot knew that the other one was there."""
    nick: str
    absence: Absence | None


def absences_of(records: Sequence[Record]) -> list[Absence]:
    """All of them, in the order in which they were noticed."""
    absences: list[Absence] = []
    away: dict[str, dict[str, Absence]] = defaultdict(dict)
    inside: dict[str, set[str]] = defaultdict(set)
    signs: dict[str, float] = {}
    down_s = float("-inf")
    for record in records:
        match record:
            case Down(at_s=at_s):
                down_s = at_s
            case Opened(bot=bot, room=room):
                if room in away[bot]:
                    absence = away[bot].pop(room)
                    absence.back = record
                    absence.outage = down_s >= absence.begun_s - _EARLY_S
                inside[bot].add(room)
            case Closed(bot=bot, room=room):
                inside[bot].discard(room)
                away[bot].pop(room, None)
                away[bot][room] = Absence(bot, room, record, record.at_s)
                absences.append(away[bot][room])
            case Cut(bot=bot) | Killed(bot=bot) | Gone(bot=bot):
                begun_s = signs.get(bot, record.at_s)
                for room in sorted(inside.pop(bot, ())):
                    away[bot][room] = Absence(bot, room, record, begun_s)
                    absences.append(away[bot][room])
            case _:
                pass
        if isinstance(
            record,
            Linked | Opened | Saw | Ok | Fail | Members | Joined | Left | Renamed,
        ):
            signs[record.bot] = record.at_s
    return absences


def missed(history: History, excuses: Callable[[Absence], bool]) -> Iterator[Missed]:
    """Who vanished from whose list without an absence that excuses it.

    Shape:  only up to the moment in which all had come to rest: until then every lost
            connection was noticed. Who hardly reads, or hardly read, is not asked, nor
            asked about.
    """
    records = history.until_settled()
    slow = {each.bot for each in records if isinstance(each, Stalled)}
    absences = absences_of(records)
    ledger = _Ledger(absences, excuses)
    for told in follow(records, {}):
        for nick, since in told.vanished.items():
            if slow.isdisjoint((nick, told.news.bot)) and not ledger.excused(
                nick, since, told.news
            ):
                yield Missed(told.news, since, nick, ledger.last(nick, told.news))


class _Ledger:
    """Which absences can be behind what was told at a time."""

    def __init__(
        self, absences: Sequence[Absence], excuses: Callable[[Absence], bool]
    ) -> None:
        self._begun: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._ended: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._all: dict[tuple[str, str], list[Absence]] = defaultdict(list)
        for absence in absences:
            place = absence.bot, absence.room
            self._all[place].append(absence)
            if excuses(absence):
                self._begun[place].append(absence.begun_s - _EARLY_S)
                if absence.back is not None:
                    self._ended[place].append(absence.back.at_s + _LATE_S)

    def excused(self, nick: str, since: News, news: News) -> bool:
        """Whether one began before the news, and was not over and told before `since`."""
        place = nick, news.room
        over = bisect_right(self._ended[place], since.at_s)
        return bisect_right(self._begun[place], news.at_s) > over

    def last(self, nick: str, news: News) -> Absence | None:
        """The last one that had begun by then."""
        absences = self._all[nick, news.room]
        begun = bisect_right(absences, news.at_s, key=lambda each: each.begun_s - _EARLY_S)
        return absences[begun - 1] if begun else None


def proof(found: Missed) -> tuple[Record, ...]:
    """The three records that show it: why it was away, that it was back, what was told."""
    if found.absence is None:
        return found.since, found.news
    back = () if found.absence.back is None else (found.absence.back,)
    return found.absence.cause, found.news, *back
