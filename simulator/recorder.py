"""Writes the history down while it happens, and knows how far everyone is."""

from collections import Counter
from collections.abc import Callable

import trio

from simulator.history import (
    Closed,
    Cut,
    Done,
    Event,
    Fail,
    Gap,
    Gone,
    History,
    Invoke,
    Kept,
    Killed,
    Linked,
    Log,
    Maybe,
    Ok,
    Opened,
    Record,
    Reset,
    Restarted,
    Restored,
    Resumed,
    Saw,
    Stalled,
    TurnedAway,
)


class Recorder:
    """The one book that all bots of a run write in.

    Shape:  its time begins when it is made. It grows with the run, so a run has to have
            an end. `clock_s` and `wake` are for worlds that have their own time, and bots
            that live in other runs than whoever waits for them.
    """

    def __init__(
        self,
        clock_s: Callable[[], float] = trio.current_time,
        wake: Callable[[trio.lowlevel.ParkingLot], object] = (
            trio.lowlevel.ParkingLot.unpark_all
        ),
    ) -> None:
        self._clock_s = clock_s
        self._wake = wake
        self.counts: Counter[type[Event]] = Counter()
        """How many records of each kind there are."""
        self.online: set[str] = set()
        """The bots that have a connection."""
        self.done: set[str] = set()
        """The bots that are at the end of their scripts."""
        self.unsettled: dict[tuple[str, int], Invoke | Kept] = {}
        """The lines that were said and neither accepted nor refused."""
        self.last_n: Counter[str] = Counter()
        """The last number of each bot, over all its lives."""
        self.stalled: set[str] = set()
        """The bots that read little or nothing for now."""
        self._records: list[Record] = []
        self._heads: dict[str, int] = {}
        self._cursors: dict[tuple[str, str], int] = {}
        self._closed = False
        self._begun_s = clock_s()
        self._waiting: dict[Callable[[], bool], trio.lowlevel.ParkingLot] = {}

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return self._clock_s() - self._begun_s

    def behind(self) -> list[tuple[str, str, int, int]]:
        """Who has not read a room to its end: bot, room, cursor, head."""
        return [
            (bot, room, cursor, self._heads[room])
            for (bot, room), cursor in self._cursors.items()
            if cursor < self._heads[room]
        ]

    def inside(self, bot: str, room: str) -> bool:
        """Whether the bot is a member of the room."""
        return (bot, room) in self._cursors

    def add(self, record: Record) -> None:
        """Write it down, if the run is not over."""
        if self._closed:
            return
        self._records.append(record)
        self.counts[type(record)] += 1
        self._keep_up(record)
        for waiting in [each for each in self._waiting if each()]:
            self._wake(self._waiting.pop(waiting))

    def close(self) -> None:
        """The run is over: what its remains do while they are cleared away is no part."""
        self._closed = True

    def leave_open(self, bot: str) -> None:
        """Its author is killed or goes: no line of it will be answered in this life."""
        lines = [line for line in self.unsettled.values() if line.bot == bot]
        for line in lines:
            self.add(Maybe(self.now_s, bot, line.room, line.n))

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until this is true; it is asked after each record, not by us only.

        Cancel: atomic.
        """
        if true():
            await trio.lowlevel.checkpoint()
            return
        # A function of our own: the same one may be waited for twice.
        condition = lambda: true()  # noqa: E731, PLW0108
        lot = self._waiting[condition] = trio.lowlevel.ParkingLot()
        try:
            await lot.park()
        finally:
            self._waiting.pop(condition, None)

    def history(self, log: Log | None = None) -> History:
        """All that was written down so far, by time."""
        # What came through pipes may have come late; each bot's own order stays.
        return History(tuple(sorted(self._records, key=lambda each: each.at_s)), log)

    def _keep_up(self, record: Record) -> None:
        match record:
            case Invoke() | Kept() | Ok() | Fail() | Maybe():
                self._keep_lines(record)
            case Opened() | Closed() | Saw() | Gap() | Reset() | Restored():
                self._keep_views(record)
            case Linked(bot=bot):
                self.online.add(bot)
            case Cut(bot=bot) | TurnedAway(bot=bot):
                self.online.discard(bot)
            case Killed(bot=bot) | Gone(bot=bot) | Restarted(bot=bot):
                self._end_life(bot)
            case Stalled(bot=bot):
                self.stalled.add(bot)
            case Resumed(bot=bot):
                self.stalled.discard(bot)
            case Done(bot=bot):
                self.done.add(bot)
            case _:
                pass

    def _keep_lines(self, record: Invoke | Kept | Ok | Fail | Maybe) -> None:
        if isinstance(record, Invoke | Kept):
            self.unsettled[record.bot, record.n] = record
            self.last_n[record.bot] = max(record.n, self.last_n[record.bot])
        else:
            self.unsettled.pop((record.bot, record.n), None)
        if isinstance(record, Ok):
            self._raise_head(record.room, record.seq)

    def _keep_views(self, record: Opened | Closed | Saw | Gap | Reset | Restored) -> None:
        match record:
            case Opened(bot=bot, room=room, after=after, head=head):
                self._cursors.setdefault((bot, room), after)
                self._raise_head(room, head)
            case Saw(bot=bot, room=room, seq=seq):
                self._cursors[bot, room] = seq
                self._raise_head(room, seq)
            case Gap(bot=bot, room=room, through=through):
                self._cursors[bot, room] = through
            case Closed(bot=bot, room=room):
                self._cursors.pop((bot, room), None)
            case Reset(bot=bot):
                self._forget_views(bot)
            case Restored():
                self._cursors.clear()
                self._heads.clear()

    def _end_life(self, bot: str) -> None:
        self.online.discard(bot)
        self.stalled.discard(bot)
        self.done.discard(bot)
        self._forget_views(bot)

    def _forget_views(self, bot: str) -> None:
        for place in [place for place in self._cursors if place[0] == bot]:
            del self._cursors[place]

    def _raise_head(self, room: str, seq: int) -> None:
        self._heads[room] = max(seq, self._heads.get(room, 0))
