"""Several machines whose programs share one trio run: enough to test a network with.

The clock is the whole trick: trio asks it how long to sleep exactly when nobody has
anything to do, so that is when the next event of the network happens.
"""

import io
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import trio

from simulator.virtual import _trio
from simulator.virtual.link import Link
from simulator.virtual.network import Network
from simulator.virtual.seeds import Seed
from simulator.virtual.timeline import NS, Timeline, to_ns
from simulator.virtual.trace import Trace

T = TypeVar("T")

_IDLE_TURNS_MAX = 10_000


class SimClock(trio.abc.Clock):
    """Time passes only when all tasks wait, and then at once."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._idle_turns = 0

    def start_clock(self) -> None:
        """It needs no start."""

    def current_time(self) -> float:
        """The timeline's."""
        return self._timeline.now_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """All tasks wait: go to whatever comes first."""
        if _trio.somebody_waits_for_idle():
            return 1.0  # it is woken before that
        when = self._timeline.next_ns()
        if deadline != math.inf:
            wake_ns = to_ns(deadline)
            while wake_ns / NS < deadline:  # a float's last bit
                wake_ns += 1
            when = wake_ns if when is None else min(when, wake_ns)
        if when is None:
            # A cancellation or a call from outside may be under way: ask once more.
            self._idle_turns += 1
            if self._idle_turns > _IDLE_TURNS_MAX:
                raise AssertionError("all tasks wait, and nothing will ever happen")
            return 0
        self._idle_turns = 0
        self._timeline.advance(when)
        return 0


@dataclass(frozen=True)
class Machine:
    """A machine whose tasks are those of the one run."""

    name: str
    address: str

    def wake(self, lot: trio.lowlevel.ParkingLot) -> None:
        """At once."""
        lot.unpark_all()


class Bench:
    """A network with machines a, b and c on it.

    Shape:  `lines`: the trace so far, if it was wanted.
    """

    def __init__(
        self,
        *,
        link: Link | None = None,
        seed: int = 1,
        tick_s: float = 0.0,
        traced: bool = False,
        patience_s: float = 900,
    ) -> None:
        self._written = io.BytesIO()
        self.timeline = Timeline(tick_s)
        self.trace = Trace(self.timeline, self._written if traced else None)
        self._seed = Seed(seed)
        self.net = Network(
            self.timeline, self.trace, self._seed, link=link, patience_s=patience_s
        )
        self.a, self.b, self.c = (
            Machine(name, f"10.0.0.{number}") for number, name in enumerate("abc", 1)
        )
        for machine in (self.a, self.b, self.c):
            self.net.attach(machine)

    @property
    def lines(self) -> list[str]:
        """The trace so far."""
        return self._written.getvalue().decode().splitlines()

    @property
    def now_s(self) -> float:
        """Since the beginning."""
        return self.timeline.now_ns / NS

    @contextmanager
    def on(self, machine: Machine) -> Iterator[None]:
        """What opens a socket here does so on that machine; no await inside may be
        interleaved with another machine's."""
        factory = trio.socket.set_custom_socket_factory(self.net.factory(machine))
        resolver = trio.socket.set_custom_hostname_resolver(self.net.resolver(machine))
        try:
            yield
        finally:
            trio.socket.set_custom_socket_factory(factory)
            trio.socket.set_custom_hostname_resolver(resolver)

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Run it to its end, in no real time."""
        chance = self._seed.stream("scheduler")
        with _trio.scheduled_by(lambda: chance):
            return trio.run(main, clock=SimClock(self.timeline))

    async def listen(
        self, machine: Machine, port: int = 7000, *, backlog: int = 128
    ) -> trio.SocketListener:
        """A listener on that machine."""
        with self.on(machine):
            listeners = await trio.open_tcp_listeners(port, backlog=backlog)
        (listener,) = listeners
        return listener

    async def connect(
        self, machine: Machine, to: Machine, port: int = 7000
    ) -> trio.SocketStream:
        """A stream from that machine to the other."""
        with self.on(machine):
            return await trio.open_tcp_stream(to.name, port)

    async def pair(self) -> tuple[trio.SocketStream, trio.SocketStream]:
        """A stream from a to b, and its other end."""
        listener = await self.listen(self.b, 0)
        port = listener.socket.getsockname()[1]
        ends: list[trio.SocketStream] = []

        async def accept() -> None:
            ends.append(await listener.accept())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept)
            ends.append(await self.connect(self.a, self.b, port))
        await listener.aclose()
        client, server = sorted(ends, key=lambda end: end.socket.getsockname()[0])
        return client, server
