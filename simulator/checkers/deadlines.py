"""Deadlines: in a stretch of time, who waits for what, since when, and too long."""

from collections import defaultdict
from dataclasses import dataclass

from simulator.checkers.checker import Finding, violated
from simulator.history import (
    Closed,
    Cut,
    Fail,
    Gap,
    Gone,
    Invoke,
    Kept,
    Killed,
    Linked,
    Maybe,
    Ok,
    Opened,
    Record,
    Restarted,
    Resumed,
    Saw,
    Stalled,
    TurnedAway,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From here on, each answer and each entry has to come in time."""

    begun: Record
    within_s: float


@dataclass(slots=True)
class _View:
    opened: Opened
    cursor: int


class Waiting:
    """Everything that somebody waits for; it reads the history once, from its beginning.

    Shape:  who hardly reads, or has no connection, waits for nothing here: its time begins
            when it reads again, or is connected again.
    """

    def __init__(self) -> None:
        self.stalled: dict[str, Stalled] = {}
        self.offline: dict[str, Cut | TurnedAway] = {}
        """Who had a connection, and lost it."""
        self._lines: dict[str, dict[int, Invoke | Kept]] = defaultdict(dict)
        self._known: dict[str, dict[int, Record]] = defaultdict(dict)
        self._heads: dict[str, int] = defaultdict(int)
        self._views: dict[str, dict[str, _View]] = defaultdict(dict)
        self._ready_s: dict[str, float] = {}

    # --- what has come, and was it late ----------------------------------------------

    def late(self, record: Record, stretch: Stretch) -> Finding | None:
        """Whether what this record brings was due before; asked before it is noted."""
        match record:
            case Ok(bot=bot, n=n) | Fail(bot=bot, n=n):
                line = self._lines[bot].get(n)
                return None if line is None else self._answer(line, record, stretch)
            case Saw():
                return self._entry(record, stretch)
            case _:
                return None

    def _answer(
        self, line: Invoke | Kept, record: Ok | Fail, stretch: Stretch
    ) -> Finding | None:
        since_s = self._since_s(line.bot, line, stretch)
        if self._excused(line.bot) or record.at_s <= since_s + stretch.within_s:
            return None
        waited_s = record.at_s - since_s
        reason = f"{line.bot} waited {waited_s:.1f} s for an answer"
        return violated(reason, stretch.begun, line, record)

    def _entry(self, record: Saw, stretch: Stretch) -> Finding | None:
        view = self._views[record.bot].get(record.room)
        known = self._known[record.room].get(record.seq)
        if view is None or known is None or self._excused(record.bot):
            return None
        since_s = max(self._since_s(record.bot, known, stretch), view.opened.at_s)
        if record.at_s <= since_s + stretch.within_s:
            return None
        waited_s = record.at_s - since_s
        where = f"#{record.room} {record.seq}"
        reason = f"{record.bot} waited {waited_s:.1f} s for {where}"
        return violated(reason, stretch.begun, known, record)

    # --- what has not come -----------------------------------------------------------

    def overdue(self, now_s: float, stretch: Stretch) -> Finding | None:
        """Whether something was due by now, and has not come."""
        if now_s <= stretch.begun.at_s + stretch.within_s:
            return None
        bots = self._lines.keys() | self._views.keys()
        found = (self.overdue_of(bot, now_s, stretch) for bot in sorted(bots))
        return next((finding for finding in found if finding is not None), None)

    def overdue_of(self, bot: str, now_s: float, stretch: Stretch) -> Finding | None:
        """As overdue, for one bot."""
        if bot in self.stalled or bot in self.offline:
            return None
        for line in self._lines.get(bot, {}).values():
            if self._since_s(bot, line, stretch) + stretch.within_s < now_s:
                reason = f"number {line.n} of {bot} has had no answer"
                return violated(reason, stretch.begun, line)
        for room, view in self._views.get(bot, {}).items():
            known = self._known[room].get(view.cursor + 1)
            if known is None:
                continue
            since_s = max(self._since_s(bot, known, stretch), view.opened.at_s)
            if since_s + stretch.within_s < now_s:
                reason = f"{bot} has not seen #{room} {view.cursor + 1}"
                return violated(reason, stretch.begun, known)
        return None

    def anything(self) -> Record | None:
        """Something that somebody still waits for."""
        for bot, lines in self._lines.items():
            if lines and bot not in self.stalled:
                return next(iter(lines.values()))
        for bot, views in self._views.items():
            for room, view in views.items():
                if bot not in self.stalled and view.cursor < self._heads[room]:
                    return view.opened
        return next(iter(self.offline.values()), None)

    def _since_s(self, bot: str, record: Record, stretch: Stretch) -> float:
        ready_s = self._ready_s.get(bot, record.at_s)
        return max(record.at_s, stretch.begun.at_s, ready_s)

    def _excused(self, bot: str) -> bool:
        return bot in self.stalled or bot in self.offline

    # --- keeping up ------------------------------------------------------------------

    def note(self, record: Record) -> None:
        """Keep up with what has happened."""
        match record:
            case Invoke(bot=bot, n=n) | Kept(bot=bot, n=n):
                self._lines[bot][n] = record
            case Ok(bot=bot, n=n, room=room, seq=seq):
                self._lines[bot].pop(n, None)
                self._learn(room, seq, record)
            case Fail(bot=bot, n=n) | Maybe(bot=bot, n=n):
                self._lines[bot].pop(n, None)
            case Opened() | Saw() | Gap() | Closed():
                self._read(record)
            case _:
                self._connect(record)

    def _read(self, record: Opened | Saw | Gap | Closed) -> None:
        views = self._views[record.bot]
        match record:
            case Opened(room=room, after=after):
                cursor = views[room].cursor if room in views else after
                views[room] = _View(record, cursor)
            case Saw(room=room, seq=seq):
                self._learn(room, seq, record)
                if room in views:
                    views[room].cursor = max(views[room].cursor, seq)
            case Gap(room=room, through=through):
                if room in views:
                    views[room].cursor = max(views[room].cursor, through)
            case Closed(room=room):
                views.pop(room, None)

    def _connect(self, record: Record) -> None:
        match record:
            case Linked(bot=bot):
                self.offline.pop(bot, None)
                self._ready_s[bot] = record.at_s
            case Cut(bot=bot) | TurnedAway(bot=bot):
                self.offline.setdefault(bot, record)
            case Killed(bot=bot) | Gone(bot=bot) | Restarted(bot=bot):
                self._lines.pop(bot, None)
                self._views.pop(bot, None)
                self.offline.pop(bot, None)
                self.stalled.pop(bot, None)
            case Stalled(bot=bot):
                self.stalled[bot] = record
            case Resumed(bot=bot):
                self.stalled.pop(bot, None)
                self._ready_s[bot] = record.at_s
            case _:
                pass

    def _learn(self, room: str, seq: int, record: Record) -> None:
        self._known[room].setdefault(seq, record)
        self._heads[room] = max(self._heads[room], seq)
