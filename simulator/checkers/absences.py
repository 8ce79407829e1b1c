"""Absences: when a bot was not in a room, and whether the others may be told so.

Nobody can look into the server, so each of these times is bounded by what bots wrote down:
an absence begins with the last sign of life before its bot noticed anything, and ends
when the bot reads the room again. Whatever can't be told for certain is in favour of the
server.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.checkers.linked import AFTERMATH_S
from simulator.checkers.rosters import News, follow
from simulator.history import (
    Closed,
    Cut,
    Down,
    Fail,
    Fault,
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
_EARLY_S: Final = 35.0
"""So much sooner than its bot the others may hear of an absence."""
_LATE_S: Final = 45.0
"""So much later than its bot they may hear of its end, over a link that was cut off."""
_BURST_S: Final = 3.0
_SILENCE_S: Final = 2.0
"""What comes in a burst after such a silence, and then the end of the link: a network that
was not whole may have held up all of it. It shows when the network was whole again, and
not how long the server had had the bot."""

_SIGNS: Final = (Linked, Opened, Saw, Ok, Fail, Members, Joined, Left, Renamed)
"""What shows that a bot's link was alive."""


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


class _Attendance:
    """Who is in which room, by its own account, and since when it is not."""

    def __init__(self) -> None:
        self.absences: list[Absence] = []
        self._inside: dict[str, set[str]] = defaultdict(set)
        self._away: dict[str, dict[str, Absence]] = defaultdict(dict)
        self._lost: dict[str, tuple[Cut | Killed | Gone, float]] = {}
        """Each bot's first loss of a connection."""
        self._known: set[tuple[str, str]] = set()
        self._down_s = float("-inf")

    def note(self, record: Record, sign_s: float) -> None:
        """Keep up; `sign_s` is when the bot of this record was heard of last."""
        match record:
            case Down(at_s=at_s):
                self._down_s = at_s
            case Opened():
                self._come(record)
            case Closed(bot=bot, room=room):
                self._inside[bot].discard(room)
                self._go(room, record, record.at_s)
            case Cut(bot=bot) | Killed(bot=bot) | Gone(bot=bot):
                self._lost.setdefault(bot, (record, sign_s))
                for room in sorted(self._inside.pop(bot, ())):
                    self._go(room, record, sign_s)
            case _:
                pass

    def _come(self, record: Opened) -> None:
        bot, room = record.bot, record.room
        if (bot, room) not in self._known and bot in self._lost:
            # The server may have let it in, and it may never have heard of that.
            self._go(room, *self._lost[bot])
        self._known.add((bot, room))
        self._inside[bot].add(room)
        absence = self._away[bot].pop(room, None)
        if absence is not None:
            absence.back = record
            absence.outage = self._down_s >= absence.begun_s - _EARLY_S

    def _go(self, room: str, cause: Cut | Killed | Gone | Closed, begun_s: float) -> None:
        absence = Absence(cause.bot, room, cause, begun_s)
        self._away[cause.bot][room] = absence
        self.absences.append(absence)


def absences_of(records: Sequence[Record]) -> list[Absence]:
    """All of them; those of one bot in one room in their order."""
    attendance = _Attendance()
    signs: dict[str, list[float]] = defaultdict(list)
    fault_s = float("-inf")
    for record in records:
        if isinstance(record, Fault) and record.holds:
            fault_s = record.at_s
        if isinstance(record, _SIGNS):
            signs[record.bot].append(record.at_s)
        bot = getattr(record, "bot", "")
        whole = fault_s + AFTERMATH_S < record.at_s
        attendance.note(record, _last_sign_s(signs[bot], record.at_s, whole=whole))
    return attendance.absences


def _last_sign_s(signs: Sequence[float], now_s: float, *, whole: bool) -> float:
    """When the bot of these signs was certainly heard of last."""
    if not signs:
        return now_s
    burst = bisect_left(signs, now_s - _BURST_S)
    held = 0 < burst < len(signs) and signs[burst] - signs[burst - 1] > _SILENCE_S
    return signs[burst - 1] if held and not whole else signs[-1]


def missed(history: History, excuses: Callable[[Absence], bool]) -> Iterator[Missed]:
    """Who vanished from whose list without an absence that excuses it.

    Shape:  only up to the moment in which all had come to rest: until then every lost
            connection was noticed. Who hardly reads, or hardly read, is not asked, nor
            asked about.
    """
    records = history.until_settled()
    slow = {each.bot for each in records if isinstance(each, Stalled)}
    known = {(each.bot, each.room) for each in records if isinstance(each, Opened)}
    ledger = _Ledger(absences_of(records), excuses, known)
    for told in follow(records, {}):
        for nick, since in told.vanished.items():
            asked = slow.isdisjoint((nick, told.news.bot))
            if asked and not ledger.excused(nick, told.news):
                yield Missed(told.news, since, nick, ledger.last(nick, told.news))


class _Ledger:
    """Which absences can be behind what was told at a time."""

    def __init__(
        self,
        absences: Sequence[Absence],
        excuses: Callable[[Absence], bool],
        known: set[tuple[str, str]],
    ) -> None:
        self._known = known
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

    def excused(self, nick: str, news: News) -> bool:
        """Whether one had begun before the news, and was not over for too long."""
        place = nick, news.room
        if place not in self._known:
            return True  # by its own account it was never there
        over = bisect_right(self._ended[place], news.at_s)
        return bisect_right(self._begun[place], news.at_s) > over

    def last(self, nick: str, news: News) -> Absence | None:
        """The one that the news is about, if there is any."""
        absences = self._all[nick, news.room]
        for early_s in (0.0, _EARLY_S):
            until_s = news.at_s + early_s
            begun = bisect_right(absences, until_s, key=lambda each: each.begun_s)
            if begun and not _told_long_ago(absences[begun - 1], news):
                return absences[begun - 1]
        return None


def _told_long_ago(absence: Absence, news: News) -> bool:
    return absence.back is not None and absence.back.at_s + _LATE_S <= news.at_s


def proof(found: Missed) -> tuple[Record, ...]:
    """The three records that show it: why it was away, that it was back, what was told."""
    if found.absence is None:
        return found.since, found.news
    back = () if found.absence.back is None else (found.absence.back,)
    return found.absence.cause, found.news, *back
