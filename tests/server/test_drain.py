"""A server that stops: what was accepted is finished, and everyone is told."""

from collections.abc import Mapping, Sequence

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

from tests.server.harness import open_world
from tests.server.test_journal import SlowStore
from trio_chat.errors import StoreError
from trio_chat.store import Draft, MemoryStore, Outcome


async def test_draining_finishes_what_was_read_and_says_when_to_come_back(
    autojump_clock: MockClock,
) -> None:
    store = SlowStore()
    async with open_world(store) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        await ada.say("just in time")
        await trio.sleep(0.5)
        world.running.drain()
        assert (await ada.hear("accepted"))["seq"] == 1
        goodbyes = [await person.hear("bye") for person in (ada, bob)]
        assert all(1 <= bye["back_in_s"] <= 3 for bye in goodbyes)
        assert await ada.ended()
        assert await store.heads() == {"lobby": 1}


async def test_draining_ends_in_time_even_with_peers_that_take_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_world(drain_s=5) as world:
        ada = await world.person("ada")
        stuck = await world.person("stuck", pair=lockstep_stream_pair)
        await ada.say("hi")
        await ada.texts(1)
        world.running.drain()
        await trio.sleep(1.9)
        assert not world.events("stopped")
        await trio.sleep(0.2)  # two seconds are for last words
        assert world.events("stopped")
        del stuck


class Busy(MemoryStore):
    """Each write takes so long, and fails, once told to; a thread can't be cancelled."""

    def __init__(self, took_s: float) -> None:
        super().__init__("e")
        self.took_s = took_s
        self.failing = False

    async def _fail(self) -> None:
        if self.failing:
            with trio.CancelScope(shield=True):
                await trio.sleep(self.took_s)
            raise StoreError("database is locked")

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        await self._fail()
        return await super().append(drafts, ts)

    async def remember(self, values: Mapping[str, str | None]) -> None:
        await self._fail()
        await super().remember(values)


@pytest.mark.parametrize("took_s", [0.1, 1.0, 4.0])
async def test_draining_ends_in_time_while_the_disk_fails(
    autojump_clock: MockClock, took_s: float
) -> None:
    store = Busy(took_s)
    async with open_world(store) as world:
        people = [await world.person(f"p{number}") for number in range(8)]
        store.failing = True
        for person in people[:4]:
            await person.say("before")
        for late in ("late", "later"):  # one waits for a write, one for the next
            await world.dial().send(
                {"t": "hello", "v": 1, "nick": late, "device": late},
                {"t": "join", "room": "lobby"},
            )
            await trio.sleep(0.02)
        world.running.drain()
        await people[5].send({"t": "join", "room": "den"}, {"t": "bye"})
        # What each of the two that write to the disk has begun, and one more each.
        await trio.sleep(2 * took_s + 2.5)
        assert world.events("stopped")


async def test_draining_waits_for_a_disk_that_takes_long_but_no_longer_than_it_may(
    autojump_clock: MockClock,
) -> None:
    class Slow(MemoryStore):
        async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
            await trio.sleep(30)
            return await super().append(drafts, ts)

        async def remember(self, values: Mapping[str, str | None]) -> None:
            await super().remember(values)
            if "tony" in str(values):
                await trio.sleep(30)

    async with open_world(Slow("e"), drain_s=5) as world:
        people = [await world.person(f"p{number}") for number in range(3)]
        await people[0].say("hi")
        tony = world.dial()
        await tony.send(
            {"t": "hello", "v": 1, "nick": "tony", "device": "T"},
            {"t": "join", "room": "lobby"},
        )
        await trio.sleep(0.1)
        world.running.drain()
        await trio.sleep(4.9)
        assert not world.events("stopped")
        await trio.sleep(0.2)
        assert world.events("stopped")


async def test_a_draining_server_takes_no_new_peers(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        world.running.drain()
        await ada.hear("bye")
        with pytest.raises(trio.ClosedResourceError):  # the listener is closed
            world.dial()
