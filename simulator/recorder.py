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
    Fault,
    History,
    Invoke,
    Linked,
    Log,
    Ok,
    Opened,
    Record,
    Reset,
    Saw,
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
        self.unsettled: dict[tuple[str, int], Invoke] = {}
        """The lines that were said and neither accepted nor refused."""
        self._records: list[Record] = []
        self._heads: dict[str, int] = {}
        self._cursors: dict[tuple[str, str], int] = {}
        self._begun_s = clock_s()
        self._waiting = trio.lowlevel.ParkingLot()

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
        """Write it down."""
        self._records.append(record)
        self.counts[type(record)] += 1
        self._keep_up(record)
        self._wake(self._waiting)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until this is true; it is asked again after each record.

        Cancel: atomic.
        """
        while not true():
            await self._waiting.park()

    def history(self, log: Log | None = None) -> History:
        """All that was written down so far."""
        return History(tuple(self._records), log)

    def _keep_up(self, record: Record) -> None:
        match record:
            case Invoke(bot=bot, n=n):
                self.unsettled[bot, n] = record
            case Ok(bot=bot, room=room, n=n, seq=seq):
                self.unsettled.pop((bot, n), None)
                self._raise_head(room, seq)
            case Fail(bot=bot, n=n):
                self.unsettled.pop((bot, n), None)
            case Opened(bot=bot, room=room, after=after, head=head):
                self._cursors.setdefault((bot, room), after)
                self._raise_head(room, head)
            case Closed(bot=bot, room=room):
                self._cursors.pop((bot, room), None)
            case Saw(bot=bot, room=room, seq=seq):
                self._cursors[bot, room] = seq
                self._raise_head(room, seq)
            case Linked(bot=bot):
                self.online.add(bot)
            case Cut(bot=bot):
                self.online.discard(bot)
            case Done(bot=bot):
                self.done.add(bot)
            case Reset() | Fault():
                pass

    def _raise_head(self, room: str, seq: int) -> None:
        self._heads[room] = max(seq, self._heads.get(room, 0))
