"""A server that stops: what was accepted is finished, and everyone is told."""

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

from tests.server.harness import open_world
from tests.server.test_journal import SlowStore


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


async def test_a_draining_server_takes_no_new_peers(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        world.running.drain()
        await ada.hear("bye")
        with pytest.raises(trio.ClosedResourceError):  # the listener is closed
            world.dial()
