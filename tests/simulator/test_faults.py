"""Faults: each does its harm, undoes what can be undone, and is written down."""

import random
from collections.abc import Sequence

import pytest

from simulator.faults import FAULTS, kinds_of, nemesis
from simulator.history import Down, Fault, Killed, Restarted, Stalled, Up
from simulator.run import Run, run_in_world
from simulator.scenarios import SCENARIOS, Scenario
from simulator.virtual import UnavailableError
from simulator.virtual.seeds import Seed
from simulator.world import World
from tests.simulator.zoo.stories import BACK_S, few

TIMES = 3
TOLD = (Fault, Down, Killed, Stalled)
"""What a fault leaves in the history."""


def story_with(
    kinds: Sequence[str], *, times: int = TIMES, on_disk: bool = False
) -> Scenario:
    async def story(world: World) -> None:
        await world.start_server()
        world.enter(few(world.seed))
        chance = world.seed.stream("story")
        await nemesis(world, chance, kinds, times=times, pause_s=0.5)
        world.healed(within_s=BACK_S)
        await world.until_settled(within_s=BACK_S)

    return Scenario("faults", "a few faults", story, on_disk=on_disk)


def played(scenario: Scenario, seed: int = 1) -> Run:
    try:
        return run_in_world(scenario, Seed(seed))
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_in_the_history_and_over_in_the_end(kind: str) -> None:
    """As often as it happened; who looks for the reason finds it in the verdict."""
    run = played(story_with([kind], on_disk=FAULTS[kind].to == "disk"))
    assert run.passed
    told = [each for each in run.history.records if isinstance(each, TOLD)]
    assert len(told) >= TIMES


def test_a_server_that_went_down_is_up_again() -> None:
    """As often as it died, in whichever way."""
    run = played(story_with(["server killed", "server stopped"], times=5))
    ups = sum(isinstance(each, Up) for each in run.history.records)
    downs = sum(isinstance(each, Down) for each in run.history.records)
    assert ups == downs == 5


def test_some_who_die_never_come_back_but_never_all() -> None:
    """Only of those who stay away a ghost can be left."""
    run = played(story_with(["kill", "power off"], times=20))
    died = sum(isinstance(each, Killed) for each in run.history.records)
    back = sum(isinstance(each, Restarted) for each in run.history.records)
    assert died == 20
    assert 0 < died - back < 5
    assert run.passed


def test_every_fault_is_of_one_victim() -> None:
    """A story can take all that happens to people, or to the disk."""
    victims = ("people", "server", "disk")
    assert [kind for to in victims for kind in kinds_of(to)] == list(FAULTS)


def test_the_faults_are_by_chance_that_is_given() -> None:
    """The same chance, the same faults."""
    notes = [
        [
            each.what
            for each in played(
                story_with(list(kinds_of("people")), times=6), seed
            ).history.records
            if isinstance(each, Fault)
        ]
        for seed in (1, 1, 2)
    ]
    assert notes[0] == notes[1] != notes[2]


def test_what_needs_a_disk_says_so() -> None:
    """A story with faults of a disk has its server on one."""
    assert SCENARIOS["disk"].on_disk
    assert random.Random(1).choice(kinds_of("disk")) in FAULTS
