"""Has rooms tell who came and who left: at once where little happens, else by the batch.

Each change of a member list goes to every member, so a storm of joins in a room of 5,000
would be 12 million writes if each were told by itself. Instead a room collects its news,
and the herald has it tell all of them in one write to each member. When is the question:

1. Nobody waits for nothing: a lone change is told in the next turn of the scheduler.
2. The more there is to tell, the longer the telling takes, and the more is collected
   meanwhile. So batches grow with the load, as transactions do. But a disk works beside
   the server, and telling is the server's own work: done back to back it would leave no
   time for anything else. After each turn the herald rests for some times as long as that
   took, or until nobody else has anything to do. So presence never takes more than a fixed
   part of the time that others want, however large the rooms are, and nobody has to know
   how fast the machine is.
3. What the order of things depends on is not left to the herald. A room tells its news by
   itself before it hands on entries, so that all members see entries and changes in one
   and the same order; and whoever is about to be live waits for the news to be told, has
   the list, which is the same bytes for all who wait, and is live, all in that step.
"""

from collections import OrderedDict
from typing import Final, Protocol

import trio
import trio.testing

_REST: Final = 3
"""For each second of telling. Of a busy server's time presence has a fourth at most."""
_TURN_S: Final = 0.001
"""Rests are not worth their timers for less than that; so much is told without one."""


class Telling(Protocol):
    """What the herald needs of a room."""

    def tell(self) -> None:
        """Tell what is new, if there is anything."""


class Herald:
    """Knows which rooms have news; run() has them told."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[Telling, None] = OrderedDict()
        self._work = trio.Event()
        self._closed = False

    def has_news(self, room: Telling) -> None:
        """Have this room tell them, soon."""
        self._rooms[room] = None
        self._work.set()

    async def run(self) -> None:
        """Live until close() was called.

        Cancel: what is new is told no more, but by the rooms themselves.
        """
        while not self._closed:
            await self._work.wait()
            with trio.move_on_after(_REST * self._turn()):
                await trio.testing.wait_all_tasks_blocked()

    def close(self) -> None:
        """Nobody is there any more to whom anything could be told."""
        self._closed = True
        self._work.set()

    def _turn(self) -> float:
        """Have rooms tell, in the order of their news; how many seconds that took."""
        begun_s = now_s = trio.current_time()
        while self._rooms and now_s < begun_s + _TURN_S:
            room, _ = self._rooms.popitem(last=False)
            room.tell()
            now_s = trio.current_time()
        if not self._rooms:
            self._work = trio.Event()
        return now_s - begun_s
