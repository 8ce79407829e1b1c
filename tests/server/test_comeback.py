"""Who comes back is counted once, by what it had missed; who is new is not."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

from tests.server.harness import Person, World, open_world
from tests.server.test_retention import filled
from trio_chat.server.comeback import Comeback
from trio_chat.server.figures import Figures, Missed

GRACE_S = 10.0


async def reconnects(world: World) -> dict[str, int]:
    """Those that are counted by now, once nothing happens any more."""
    await trio.sleep(0.01)
    return dict(+world.running.look().reconnects)


async def arrive(world: World, *joins: dict[str, Any], **hello: Any) -> Person:
    """Ada's device, which asks for rooms as soon as it is welcome."""
    person = world.dial(hello.pop("pair", trio.testing.memory_stream_pair))
    await person.send({"t": "hello", "v": 1, "nick": "ada", "device": "d", **hello})
    await person.hear("welcome")
    await person.send(*({"t": "join", "room": "lobby", **join} for join in joins))
    return person


async def come_back(
    world: World, *joins: dict[str, Any], away_s: float = 1, **hello: Any
) -> Person:
    """Ada was in the lobby up to its head, and loses her link for a while."""
    ada = await arrive(world, {})
    await ada.hear("members")
    await ada.stream.aclose()
    await trio.sleep(away_s)
    return await arrive(world, *joins, **hello)


@pytest.mark.parametrize("away_s", [1, 60])
@pytest.mark.parametrize(
    ("after", "missed"), [(10, "lossless"), (7, "recovered"), (2, "gapped"), (11, "gapped")]
)
async def test_a_device_that_comes_back_is_counted_by_what_it_had_missed(
    autojump_clock: MockClock, away_s: float, after: int, missed: str
) -> None:
    """To its session, or when that was over: then it is its cursor that tells."""
    async with open_world(await filled(10), keep_entries=5) as world:
        ada = await come_back(world, {"after": after}, away_s=away_s)
        if away_s > GRACE_S:
            assert await reconnects(world) == {}  # it may ask for more rooms
            await trio.sleep(GRACE_S)
            await ada.send({"t": "ping", "id": 1})
        assert await reconnects(world) == {missed: 1}
        await ada.send({"t": "bye"})
        assert await reconnects(world) == {missed: 1}


async def test_the_worst_of_its_rooms_decides(autojump_clock: MockClock) -> None:
    store = await filled(3)
    async with open_world(store) as world:
        ada = await arrive(world, {}, {"room": "den"})
        await ada.rest()
        await ada.stream.aclose()
        await trio.sleep(1)
        ada = await arrive(world, {"after": 1})
        assert await reconnects(world) == {}  # there is still the den
        await ada.send({"t": "join", "room": "den", "after": 0})
        assert await reconnects(world) == {"recovered": 1}


async def test_a_room_it_never_asks_for_is_waited_for_as_long_as_for_its_session(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await arrive(world, {}, {"room": "den"})
        await ada.rest()
        await ada.stream.aclose()
        ada = await arrive(world, {"after": 0})
        await trio.sleep(GRACE_S + 1)
        await ada.send({"t": "ping", "id": 1})
        assert await reconnects(world) == {"lossless": 1}


async def test_a_room_that_it_leaves_is_not_waited_for(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await arrive(world, {}, {"room": "den"})
        await ada.rest()
        await ada.stream.aclose()
        ada = await arrive(world, {"after": 0})
        await ada.send({"t": "leave", "room": "den"})
        assert await reconnects(world) == {"lossless": 1}


async def test_a_program_that_was_started_again_comes_anew(
    autojump_clock: MockClock,
) -> None:
    async with open_world(await filled(10), keep_entries=5) as world:
        ada = await come_back(world, {"history": 9})
        await trio.sleep(GRACE_S)
        await ada.send({"t": "ping", "id": 1})
        assert await reconnects(world) == {"anew": 1}


async def test_a_link_that_ends_before_its_backlog_was_read_is_unfinished(
    autojump_clock: MockClock,
) -> None:
    async with open_world(await filled(100), page_entries=5, queue_batches_max=1) as world:
        ada = await come_back(world, {"after": 1}, pair=lockstep_stream_pair)
        assert await reconnects(world) == {}
        await trio.aclose_forcefully(ada.stream)
        assert await reconnects(world) == {"unfinished": 1}


async def test_a_link_that_asks_for_nothing_is_unfinished(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await come_back(world)
        await ada.send({"t": "bye"})
        assert await reconnects(world) == {"unfinished": 1}


async def test_a_ghost_that_makes_way_is_no_reconnect_and_its_successor_is_one(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ghost = await arrive(world, {}, attempt=1)
        await ghost.hear("members")
        await arrive(world, {"after": 0}, attempt=2)
        assert await reconnects(world) == {"lossless": 1}
        assert await ghost.ended()
        assert await reconnects(world) == {"lossless": 1}


async def test_who_is_new_is_no_reconnect(autojump_clock: MockClock) -> None:
    """Nor is who was set aside, held a room, or comes to one late, from wherever it is."""
    async with open_world(await filled(5)) as world:
        ada = await arrive(world, {})
        await ada.hear("members")
        await ada.send({"t": "hold", "room": "lobby"})
        await ada.send({"t": "join", "room": "lobby", "after": 3})
        await ada.hear("entry")
        await trio.sleep(GRACE_S)
        await ada.send({"t": "join", "room": "den", "after": 0}, {"t": "bye"})
        assert await reconnects(world) == {}


async def test_a_hello_that_is_refused_is_no_reconnect(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        await arrive(world, {}, attempt=2)
        late = world.dial()
        hello = {"t": "hello", "v": 1, "nick": "ada", "device": "d", "attempt": 1}
        await late.send(hello)
        await late.hear("refused")
        await late.stream.aclose()
        assert await reconnects(world) == {}


def test_what_it_keeps_of_rooms_is_bounded_as_its_places_are() -> None:
    comeback = Comeback(Figures(), GRACE_S)
    comeback.begin(["lobby"], 0)
    for number in range(1_000):
        comeback.joined(f"r{number}", 1, 2, 0, new=True)
        comeback.left(f"r{number}")
    assert len({*comeback._awaited, *comeback._resumed}) == 1


def test_nothing_is_counted_before_its_hello() -> None:
    figures = Figures()
    comeback = Comeback(figures, GRACE_S)
    comeback.judge(99, owed=False)
    comeback.end(99, owed=False)
    assert not +figures.reconnects
    assert set(figures.reconnects) == set(Missed)
