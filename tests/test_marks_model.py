"""One person's devices, a server that is killed, and what each knows of what was read.

Real clients talk to a real server. Devices read on, in any order; links break in any
moment, the server is restarted or killed, a device is quit or killed and lives again, and
the room is left and joined: in whatever order Hypothesis likes. At each moment: what a
device, or the store, knows never sinks, and is nothing that nobody has read. Once all is
well again all devices know the same: the most that any has read, but for what only those
knew that were killed.
"""

import random
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from tests.server.harness import MemoryListener, Person, recording
from trio_chat import Client, open_client
from trio_chat.addresses import Address
from trio_chat.client.events import Closed, Entry, Marked, Opened
from trio_chat.client.link import LinkLostError
from trio_chat.client.marks import MARK_EVERY_S
from trio_chat.client.outbox import Outbox
from trio_chat.server import Limits, Running, serve
from trio_chat.server.marks import KEPT_AS
from trio_chat.store import MemoryStore

DEVICES = ("desk", "phone", "work")
CONVERGED_S = 120.0
LIMITS = Limits(history_entries=3)


class Store(MemoryStore):
    """Sees to it that no mark sinks."""

    sunk = False

    async def remember(self, values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if name.startswith(KEPT_AS):
                before = self._remembered.get(name, "-1")
                self.sunk |= value is None or int(value) < int(before)
        await super().remember(values)


class Cable(trio.abc.Stream):
    """A device's end of a link, which may be cut."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._or_broken(self._stream.send_all(data))

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self._or_broken(self._stream.receive_some(max_bytes)))

    async def _or_broken(self, doing: Awaitable[Any]) -> Any:
        try:
            return await doing
        except trio.ClosedResourceError:
            raise trio.BrokenResourceError("it was cut") from None

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)


class Device:
    """One of the person's, over all lives."""

    def __init__(self, name: str, world: "World") -> None:
        self.name = name
        self.known = -1
        """The most it was told of, or has read, in this life."""
        self.heard = 0
        self.said = -1
        self.client: Client | None = None
        self._world = world
        self._stream: trio.abc.Stream | None = None
        self._life = trio.CancelScope()
        self._dead = trio.Event()
        self._lives = 0
        self._leaving = False

    async def live(self) -> None:
        """Begin a life, if this is none."""
        if self.client is None:
            await self._world.nursery.start(self._live)

    async def _live(self, *, task_status: trio.TaskStatus[None]) -> None:
        self._lives += 1
        self._dead, self._leaving = trio.Event(), False
        self.known, self.heard, self.said = -1, 0, -1
        with trio.CancelScope() as self._life:
            async with open_client(
                "here:1",
                nick=self.name,
                outbox=Outbox(device=self.name),
                person="secret",
                insist=True,
                rng=random.Random(self._lives),
                dial=self._dial,
                wall_clock_s=lambda: 1e6 * self._lives + trio.current_time(),
            ) as self.client:
                task_status.started()
                async for event in self.client:
                    self._hear(event)
        self.client = None
        self._dead.set()

    async def _dial(self, _address: Address) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        if self._world.listener is None:
            raise LinkLostError("nobody listens")
        ours, theirs = memory_stream_pair()
        self._world.listener._send.send_nowait(theirs)
        self._stream = Cable(ours)
        return self._stream

    def _hear(self, event: object) -> None:
        match event:
            case Opened(read=int(read)) | Marked(seq=read) if not self._leaving:
                assert read >= self.known, "a mark has sunk"
                assert read <= self._world.most_read, "nobody has read that"
                self.known = read
            case Entry(seq=seq) if not self._leaving:
                self.heard = seq
            case Closed():  # what it knows from here on is what the server says
                self.known, self.heard, self._leaving = -1, 0, False
            case _:
                pass

    def read(self, share: float) -> None:
        """Read some of what was heard."""
        seq = int(share * self.heard)
        if self.client is not None and "lobby" in self.client.rooms and self.heard:
            self.said, self.known = max(self.said, seq), max(self.known, seq)
            self._world.most_read = max(self._world.most_read, seq)
            self.client.mark_nowait("lobby", seq)

    async def cut(self) -> None:
        """The link breaks, and what is on its way is lost."""
        if self._stream is not None:
            await trio.aclose_forcefully(self._stream)
            await wait_all_tasks_blocked()  # the client knows it

    async def end(self, *, killed: bool) -> None:
        """This life ends, with a goodbye or without."""
        if self.client is None:
            return
        if killed or self.client.state != "online":
            self._world.may_be_lost = True
        if killed:
            await self.cut()
            self._life.cancel()
        else:
            await self.client.aclose()
        await self._dead.wait()

    def leave_and_join(self) -> None:
        """Leave the room, and come again at once."""
        if self.client is not None and "lobby" in self.client.rooms:
            self.heard, self._leaving = 0, True
            self.client.leave_nowait("lobby")
            self.client.join_nowait("lobby")


class World:
    """The server, the devices, and somebody who says something."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.store = Store("epoch")
        self.most_read = -1
        self.may_be_lost = False
        self.listener: MemoryListener | None = None
        self.devices = [Device(name, self) for name in DEVICES]
        self._life = trio.CancelScope()
        self._stopped = trio.Event()
        self._running: Running | None = None
        self._number = 0

    async def start(self) -> None:
        """Start the server, if there is none."""
        if self.listener is None:
            self._stopped = trio.Event()
            await self.nursery.start(self._serve)

    async def _serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        listener = MemoryListener()
        with trio.CancelScope() as self._life:
            async with trio.open_nursery() as nursery:
                self._running = await nursery.start(
                    partial(
                        serve,
                        [listener],
                        self.store,
                        log=recording([]),
                        new_secret=lambda: "secret",
                        rng=random.Random(1),
                        limits=LIMITS,
                    )
                )
                self.listener = listener
                task_status.started()
        self._stopped.set()

    async def stop(self, *, killed: bool) -> None:
        """End the server, with a goodbye or without."""
        if self.listener is None:
            return
        self.listener = None
        assert self._running is not None
        if killed:
            # What it has not written only those know who are there.
            self.may_be_lost |= any(device.client is None for device in self.devices)
            self._life.cancel()
        else:
            self._running.drain()
        await self._stopped.wait()

    async def say(self, lines: int) -> None:
        """Somebody says so many lines."""
        if self.listener is None:
            return
        ours, theirs = memory_stream_pair()
        self.listener._send.send_nowait(theirs)
        bob, self._number = Person(ours), self._number + 1
        await bob.send({"t": "hello", "v": 1, "nick": f"bob{self._number}"})
        await bob.send({"t": "join", "room": "lobby", "history": 0})
        for _ in range(lines):
            await bob.say("x")
        for _ in range(lines):
            await bob.hear("accepted")
        await trio.aclose_forcefully(ours)

    async def converge(self) -> None:
        """All is well again; what everybody knows then."""
        await self.start()
        for device in self.devices:
            await device.live()
        await trio.sleep(CONVERGED_S)
        known = {device.known for device in self.devices}
        assert len(known) == 1, f"they know {[each.known for each in self.devices]}"
        (read,) = known
        if self.may_be_lost:
            assert read >= max(device.said for device in self.devices)
        else:
            assert read == self.most_read
        kept = await self.store.remembered(KEPT_AS)
        assert [int(value) for value in kept.values()] == ([read] if read >= 0 else [])
        assert not self.store.sunk


WHICH = st.sampled_from(range(len(DEVICES)))
STEPS = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 9)),
    st.tuples(st.just("read"), WHICH, st.floats(0, 1)),
    st.tuples(st.just("read"), WHICH, st.floats(0, 1)),
    st.tuples(st.just("read"), WHICH, st.floats(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from((0.05, 0.3, MARK_EVERY_S, 3.0))),
    st.tuples(st.just("cut"), WHICH),
    st.tuples(st.just("end"), WHICH, st.booleans()),
    st.tuples(st.just("live"), WHICH),
    st.tuples(st.just("leave"), WHICH),
    st.tuples(st.just("stop"), st.booleans()),
    st.tuples(st.just("start")),
)


async def play(steps: list[tuple[object, ...]]) -> None:
    async with trio.open_nursery() as nursery:
        world = World(nursery)
        await world.start()
        for device in world.devices:
            await device.live()
        await world.say(9)
        await trio.sleep(1)
        for step in steps:
            await do(world, step)
        await world.converge()
        nursery.cancel_scope.cancel()


async def do(world: World, step: tuple[object, ...]) -> None:
    match step:
        case ("say", int(lines)):
            await world.say(lines)
        case ("read", int(which), float(share)):
            world.devices[which].read(share)
        case ("wait", float(seconds)):
            await trio.sleep(seconds)
        case ("cut", int(which)):
            await world.devices[which].cut()
        case ("end", int(which), bool(killed)):
            await world.devices[which].end(killed=killed)
        case ("live", int(which)):
            await world.devices[which].live()
        case ("leave", int(which)):
            world.devices[which].leave_and_join()
        case ("stop", bool(killed)):
            await world.stop(killed=killed)
        case ("start",):
            await world.start()


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_marks_merge_to_the_most_that_was_read(steps: list[tuple[object, ...]]) -> None:
    trio.run(play, steps, clock=MockClock(autojump_threshold=0))
