"""The events that wait to be read: bounded, whatever the reader does.

Two queues, each with its policy. Events of rooms wait for the reader, `ROOM_EVENTS_MAX`
of them; when there is no room the client lets the server hold that room, and asks again
from its cursor once half have been read: nothing is lost, nothing grows. Events about
oneself (accepted, refused, status) overtake them, so that a bot that waits for its own
line in the middle of a flood gets its answer; only someone who never reads can have
`OWN_EVENTS_MAX` of those, and then the oldest are forgotten.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from trio_chat.client.events import ClientEvent

ROOM_EVENTS_MAX: Final = 1_024
OWN_EVENTS_MAX: Final = 2_048


class Mailbox:
    """Events in, events out; `on_space` is called when half of it has been read."""

    def __init__(self, on_space: Callable[[], None], *, kept: bool = True) -> None:
        self._rooms: deque[ClientEvent] = deque()
        self._own: deque[ClientEvent] = deque(maxlen=OWN_EVENTS_MAX if kept else 0)
        self._on_space = on_space
        self._kept = kept
        self._refused = False
        self._closed = False
        self._arrived = trio.Event()

    def tell(self, event: ClientEvent) -> None:
        """Keep an event about oneself; it overtakes those of rooms."""
        self._own.append(event)
        self._arrived.set()

    def put(self, event: ClientEvent) -> None:
        """Keep an event of a room, in order, even when there is no space for more.

        Shape:  only for what comes at most once for each room and link.
        """
        if self._kept:
            self._rooms.append(event)
            self._arrived.set()

    def offer(self, event: ClientEvent) -> bool:
        """Keep an event of a room, if there is space."""
        if len(self._rooms) >= ROOM_EVENTS_MAX:
            self._refused = True
            return False
        self.put(event)
        return True

    async def next(self) -> ClientEvent:
        """The next event.

        Raises: trio.EndOfChannel: the client was closed, and all were read.
        Cancel: atomic.
        """
        await self._any()
        return self._take()

    async def all(self) -> list[ClientEvent]:
        """All events that wait, at least one.

        Raises: trio.EndOfChannel: the client was closed, and all were read.
        Cancel: atomic.
        """
        await self._any()
        return [self._take() for _ in range(len(self._own) + len(self._rooms))]

    async def _any(self) -> None:
        await trio.lowlevel.checkpoint()
        while not (self._own or self._rooms):
            if self._closed:
                raise trio.EndOfChannel
            # Whoever else waits here has to hear of the same arrival.
            if self._arrived.is_set():
                self._arrived = trio.Event()
            await self._arrived.wait()

    def _take(self) -> ClientEvent:
        if self._own:
            return self._own.popleft()
        event = self._rooms.popleft()
        if self._refused and len(self._rooms) <= ROOM_EVENTS_MAX // 2:
            self._refused = False
            self._on_space()
        return event

    def close(self) -> None:
        """No more events; those that wait can still be read."""
        self._closed = True
        self._arrived.set()
