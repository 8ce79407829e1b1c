"""The two stages: in a world, and with processes; the same story on both."""

import pytest
import trio

from simulator.bots import Hostile, Pause, Say, Script, reader
from simulator.errors import StoryError
from simulator.history import Invoke, Ok, Resources, Restarted, Saw
from simulator.process_stage import open_process_stage
from simulator.recorder import Recorder
from simulator.run import Run, run_in_world, run_with_processes
from simulator.scenarios import Scenario
from simulator.virtual.seeds import Seed
from simulator.world import World
from trio_chat.server.room import Room

PATIENCE_S = 60.0
ROOMS = ("lobby",)


def say(nick: str, *texts: str, after_s: float = 0.1) -> Script:
    return Script(nick, ROOMS, (Pause(after_s), Say("lobby", texts)))


async def two_lives(world: World) -> None:
    """Ada talks, is killed, lives again; the server is killed, and starts again."""
    await world.start_server()
    world.enter([say("ada", "one", "two"), reader("ben", ROOMS)])
    await world.until_accepted(2, within_s=PATIENCE_S)
    await world.kill("ada")
    await world.kill_server()
    await world.start_server()
    world.come_back(say("ada", "three"))
    await world.until_accepted(3, within_s=PATIENCE_S)
    world.cut(["ben"])
    world.stall(["ben"], others_within_s=PATIENCE_S)
    world.unstall(["ben"])
    world.partition(["ben"])
    world.healed(within_s=PATIENCE_S)
    await world.until_settled(within_s=PATIENCE_S)


STORY = Scenario("two lives", "a talker and a server that die", two_lives)


def check(played: Run) -> None:
    """What it has to be, on each stage."""
    records = played.history.records
    assert played.troubles == ()
    assert played.passed
    assert [each.text for each in records if isinstance(each, Invoke)] == [
        "one",
        "two",
        "three",
    ]
    # What was accepted just before a death may be asked for again: it is the same number.
    accepted = [each.seq for each in records if isinstance(each, Ok)]
    assert [*dict.fromkeys(accepted)] == [1, 2, 3]
    assert sum(isinstance(each, Restarted) for each in records) == 1
    assert {each.bot for each in records if isinstance(each, Saw)} == {"ada", "ben"}
    assert played.history.log is not None
    assert [each.text for each in played.history.log["lobby"]] == ["one", "two", "three"]


def test_a_story_in_a_world() -> None:
    """Its tasks and sockets are counted as well."""
    played = run_in_world(STORY, Seed(1))
    check(played)
    assert sum(isinstance(each, Resources) for each in played.history.records) == 2


@pytest.mark.processes
async def test_the_same_story_with_processes() -> None:
    with trio.fail_after(PATIENCE_S):
        check(await run_with_processes(STORY, Seed(1), Recorder()))


def test_a_world_without_a_tick_of_its_own_takes_one_by_the_seed() -> None:
    """The tick is explored like everything else, unless it is given."""
    ticks = {run_in_world(STORY, Seed(seed)).tick_s for seed in range(12)}
    assert len(ticks) > 2
    assert run_in_world(STORY, Seed(1), tick_s=0.005).tick_s == 0.005


async def server_twice(world: World) -> None:
    await world.start_server()
    await world.stop_server()
    await world.stop_server()
    await world.start_server()


def test_to_stop_a_server_that_is_gone_is_no_trouble() -> None:
    """And it can be started again."""
    assert run_in_world(Scenario("x", "x", server_twice), Seed(1)).troubles == ()


def test_a_server_that_meets_a_bug_is_a_trouble_also_if_nobody_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is found when the server is asked to end."""

    def fall_over(*_arguments: object) -> None:
        raise ZeroDivisionError("on purpose")

    async def leave(world: World) -> None:
        await world.start_server()
        world.enter([reader("ada", ROOMS)])
        await world.until_settled(within_s=PATIENCE_S)

    monkeypatch.setattr(Room, "remove", fall_over)
    played = run_in_world(Scenario("x", "x", leave), Seed(1))
    assert "the server met a bug" in played.troubles[0].reason


@pytest.mark.processes
async def test_a_stage_of_processes_refuses_what_it_can_not_do() -> None:
    """With a sentence: a story that asks first can be played there."""
    with trio.fail_after(PATIENCE_S):
        async with open_process_stage(Seed(1), Recorder()) as stage:
            assert not stage.loses_power
            with pytest.raises(StoryError, match="lose power"):
                await stage.power_off("ada")
            with pytest.raises(StoryError, match="lose power"):
                await stage.power_off_server()
            with pytest.raises(StoryError, match="disk fail"):
                stage.disk()
            with pytest.raises(StoryError, match="die at a write"):
                await stage.server_dies_at(1, sync=False, power=False)
            with pytest.raises(StoryError, match="be attacked"):
                stage.enter(Hostile("mal", ("noise",)))


@pytest.mark.processes
async def test_a_bot_that_the_server_does_not_want_ends_the_run() -> None:
    """Two with one name: the second one's trouble is the run's."""

    async def one_name(world: World) -> None:
        await world.start_server()
        world.enter([reader("ada", ROOMS)])
        world.enter([Script("ADA", ROOMS)])
        await world.until_settled(within_s=PATIENCE_S)

    with trio.fail_after(PATIENCE_S):
        played = await run_with_processes(Scenario("x", "x", one_name), Seed(1), Recorder())
    assert "was refused" in played.troubles[0].reason
