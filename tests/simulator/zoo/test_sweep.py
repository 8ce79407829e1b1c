"""One short conversation, broken at each of its points in turn: nothing is by chance."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from simulator.bots import Pause, Say, Script
from simulator.run import Run, run_in_world
from simulator.scenarios import Scenario
from simulator.virtual.seeds import Seed
from simulator.virtual_stage import VirtualStage
from simulator.world import World
from tests.simulator.zoo.bug import found_in
from tests.simulator.zoo.in_peers import another_identity_on_each_link
from tests.simulator.zoo.in_stores import who_said_what_is_known_until_the_server_ends

ROOMS = ("lobby",)
BACK_S = 30.0
SEED = Seed(1)
TICK_S = 0.001


def talk(nick: str, *texts: str, first_s: float, every_s: float) -> Script:
    steps = [step for text in texts for step in (Say("lobby", (text,)), Pause(every_s))]
    return Script(nick, ROOMS, (Pause(first_s), *steps))


PEOPLE = (
    talk("ada", "a1", "a2", "a3", first_s=0.050, every_s=0.004),
    talk("ben", "b1", "b2", first_s=0.053, every_s=0.009),
    talk("cyd", "c1", "c2", "c3", "c4", "c5", first_s=0.052, every_s=0.005),
)
"""Three people, ten lines."""

Break = Callable[[World, VirtualStage], Awaitable[None]]


async def nothing(_world: World, _stage: VirtualStage) -> None:
    pass


async def cut(world: World, stage: VirtualStage, *, at: int) -> None:
    """The connection on which that segment arrives is reset behind it."""
    world.note(f"a connection breaks behind segment {at}")
    stage.world.network.cut_after(stage.server, segments=at)


async def kill(world: World, _stage: VirtualStage, *, at: int) -> None:
    """The server is killed in that millisecond, and started again."""
    await trio.sleep(at / 1000)
    await world.kill_server()
    await world.start_server()


def conversation(broken: Break = nothing, *, segments: list[int] | None = None) -> Run:
    """What becomes of it; the number of its segments is added to `segments`."""

    async def story(world: World) -> None:
        stage = world.stage
        assert isinstance(stage, VirtualStage)
        await world.start_server()
        world.enter(PEOPLE)
        await broken(world, stage)
        world.healed(within_s=BACK_S)
        await world.until_settled(within_s=BACK_S)
        if segments is not None:
            segments.append(stage.world.network.segments)

    return run_in_world(Scenario("golden", "ten lines", story), SEED, tick_s=TICK_S)


def segments_of_it() -> range:
    """Each of them, as a point at which to break it."""
    segments: list[int] = []
    assert conversation(segments=segments).passed
    return range(1, segments[0] + 1)


def found_at(break_at: Callable[..., Awaitable[None]], points: range) -> list[set[str]]:
    """Who finds something, for each point at which it is broken."""
    return [found_in(conversation(partial(break_at, at=at))) for at in points]


# --- each segment is the last one ----------------------------------------------------


def test_a_connection_may_break_behind_any_segment() -> None:
    """46 of them: hellos, joins, lines, answers, entries, lists."""
    found = found_at(cut, segments_of_it())
    assert len(found) >= 40
    assert set().union(*found) == set()


def test_a_resend_under_a_new_identity_is_found_behind_many_segments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind 31 of 58, and by nobody but the checker for it."""
    points = segments_of_it()
    another_identity_on_each_link(monkeypatch)
    found = found_at(cut, points)
    assert sum(map(bool, found)) > len(points) // 3
    assert set().union(*found) == {"once"}


# --- each millisecond is the server's last -------------------------------------------

MILLISECONDS = range(90)
"""From before the first hello to after the last answer."""


def test_the_server_may_be_killed_in_any_millisecond() -> None:
    assert set().union(*found_at(kill, MILLISECONDS)) == set()


def test_a_server_that_forgets_who_said_what_is_found_in_many_milliseconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In 15 of 90: whenever a line was stored and its author had not heard of it."""
    who_said_what_is_known_until_the_server_ends(monkeypatch)
    found = found_at(kill, MILLISECONDS)
    assert sum(map(bool, found)) >= 8
    assert set().union(*found) == {"once"}
