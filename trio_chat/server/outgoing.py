"""What is on its way to one peer: written at once if the socket takes it, else queued.

The rule of the fan-out: an offer never waits and never wakes a task while the socket is
ready. What the socket does not take goes into the peer's own memory channel, and a writer
that drains it whole into each send runs only as long as there is something in it. So an
idle peer costs no task, and a slow one costs nobody else anything.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeAlias

import trio

from trio_chat.server.crew import Starter
from trio_chat.server.limits import Limits
from trio_chat.wire import Sending

_LOOKS = 12
_Ends: TypeAlias = tuple[trio.MemorySendChannel[bytes], trio.MemoryReceiveChannel[bytes]]


class StalledError(Exception):
    """The peer takes nothing; the link is of no use any more."""


class Outgoing:
    """The sending half of a link; the writer runs in `nursery`.

    Shape:  bytes leave in the order in which they were taken. There is a memory channel
            only as long as there is something in it: most peers, most of the time, have
            nothing to wait for, and an empty one is as large as all else of a peer.
    """

    __slots__ = (
        *("_batches_max", "_bytes_max", "_event", "_finished", "_held", "_nursery"),
        *("_queue_ends", "_queued_bytes", "_sending", "_stall_s", "_writing"),
        *("now", "trouble"),
    )

    def __init__(
        self,
        sending: Sending,
        nursery: Starter,
        limits: Limits,
    ) -> None:
        self._sending = sending
        self.now: Callable[[bytes], int] = sending.now
        """Writes as many leading bytes as the socket takes; how many. Whoever calls it asks
        keep() for the rest, in the same step. It is the socket's own function, without one
        of ours around it: a room of 200 calls it 200 times for a line.

        Raises: OSError: it takes nothing now.
        """
        self._nursery = nursery
        self._bytes_max = limits.queue_bytes_max
        self._stall_s = limits.stall_s
        self._batches_max = limits.queue_batches_max
        self._queue_ends: _Ends | None = None
        self.trouble = ""
        """Why the writer has given up, for people; empty as long as it has not."""
        self._queued_bytes = 0
        self._writing = False
        self._finished = False
        self._held: list[bytes] | None = None
        self._event: trio.Event | None = None

    def offer(self, data: bytes) -> bool:
        """Take the bytes, all or none, without waiting; False if the queue is full."""
        try:
            taken = self.now(data)
        except OSError:
            taken = 0
        return taken == len(data) or self.keep(data, taken)

    def keep(self, data: bytes, taken: int) -> bool:
        """Take what now() has left of these bytes; False, if that is all, and too much."""
        if self.clear:
            # Full for now, or broken: the writer will find out which.
            return self._begin_writing(data[taken:])
        if self._finished or self._queued_bytes + len(data) > self._bytes_max:
            return False
        return self._queue(data)

    def hold(self) -> None:
        """Keep what is offered from here on, for let_go(), in the same step, to write."""
        if self.clear:
            self._held, self.now = [], self._hold_back

    def let_go(self, last: bytes) -> bool:
        """Write what was held and these bytes, in one go; False, as from offer()."""
        held, self._held = self._held, None
        if held is None:
            return self.offer(last)
        self.now = self._sending.now
        return self.offer(b"".join((*held, last)))

    def _hold_back(self, data: bytes) -> int:
        assert self._held is not None
        self._held.append(data)
        if sum(map(len, self._held)) > self._bytes_max:
            self.let_go(b"")
        return len(data)

    async def send(self, data: bytes) -> None:
        """Take the bytes, as soon as there is space.

        Cancel: atomic: all of the bytes are taken, or none.
        """
        # A checkpoint even when there is space: a peer that asks for much at once must
        # not keep the others waiting for all of its answers.
        await trio.lowlevel.checkpoint()
        while not self.offer(data):
            await self._drained.wait()

    async def finish(self, last_words: bytes) -> None:
        """Take these bytes as the last ones, and wait until the socket has all.

        Cancel: may have happened.
        """
        await self.send(last_words)
        self._finished, self.now = True, _not_now
        while self._writing:
            await self._drained.wait()

    @property
    def clear(self) -> bool:
        """Whether the socket is ready, as far as is known: an offer is taken, whole."""
        return not (self._writing or self._finished)

    async def cleared(self) -> None:
        """Returns once nothing waits for the socket; never after finish().

        Cancel: atomic.
        """
        while not self.clear:
            await self._drained.wait()

    @property
    def _drained(self) -> trio.Event:
        """Set as soon as something of the queue is gone."""
        if self._event is None:
            self._event = trio.Event()
        return self._event

    def _begin_writing(self, rest: bytes) -> bool:
        self._queue_ends = trio.open_memory_channel[bytes](self._batches_max)
        # A single rest always fits: nothing is written by halves.
        self._queue(rest)
        self._writing, self.now = True, _not_now
        self._nursery.start_soon(self._write)
        return True

    def _queue(self, data: bytes) -> bool:
        assert self._queue_ends is not None
        try:
            self._queue_ends[0].send_nowait(data)
        except trio.WouldBlock:
            return False
        self._queued_bytes += len(data)
        return True

    async def _write(self) -> None:
        try:
            # Only the whole of it is kept meanwhile, not its pieces too.
            while data := b"".join(self._ready()):
                await self._send_whole(data)
                self._queued_bytes -= len(data)
                self._wake()
        finally:
            self._writing, self._queue_ends = False, None
            if self.clear:
                self.now = self._sending.now
            self._wake()

    def _ready(self) -> Iterator[bytes]:
        assert self._queue_ends is not None
        with suppress(trio.WouldBlock):
            while True:
                yield self._queue_ends[1].receive_nowait()

    async def _send_whole(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[await self._some(rest) :]

    async def _some(self, rest: memoryview) -> int:
        """Send at least a byte of it; how many.

        Shape:  a kernel says that there is space only when a third of its buffer is free,
                which takes a slow reader hours; so what is on its way is looked at too.
        """
        in_flight = self._sending.in_flight()
        look_s = self._stall_s if in_flight is None else self._stall_s / _LOOKS
        stalls_at_s = trio.current_time() + self._stall_s
        while trio.current_time() < stalls_at_s:
            with trio.move_on_after(look_s):
                return await self._sending.some(rest)
            now_in_flight = self._sending.in_flight()
            if now_in_flight != in_flight:
                in_flight = now_in_flight
                stalls_at_s = trio.current_time() + self._stall_s
        self.trouble = f"took nothing for {self._stall_s:g} s"
        raise StalledError(self.trouble)

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None


def _not_now(_data: bytes) -> int:
    """What now() is while something waits that goes first."""
    return 0
