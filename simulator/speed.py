"""How fast worlds are on this machine: simulated seconds for each second of CPU."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from simulator.bots import Pause, Say, Script
from simulator.bots.script import Step
from simulator.run import run_in_world
from simulator.scenarios import Scenario
from simulator.virtual import Link, Seed
from simulator.world import World

TICK_S: Final = 0.001
_TALK_S: Final = 30
_PATIENCE_S: Final = 120.0
_WORLDS: Final = 20
_RUNS: Final = 3
_SMALL_WORLDS: Final = ((3, 4), (5, 10))
_LINK: Final = Link(latency_s=0.02, jitter_s=0.02)


def speed(show: Callable[[str], None]) -> None:
    """Measure, and say line by line what was found.

    Shape:  each figure is the best of three runs: whatever else the machine does can only
            make one worse. The checkers' work is in it.
    """
    show(f"people in one room, a line each per second, for {_TALK_S} s; tick {TICK_S} s")
    for people in (20, 100):
        cpu_s = min(_cpu_s(people, _TALK_S, 1.0, 1) for _ in range(_RUNS))
        deliveries = people * people * _TALK_S
        show(
            f"{people:>5} people {_TALK_S / cpu_s:8.1f} simulated s per CPU-s"
            f" {deliveries / cpu_s:10,.0f} deliveries per CPU-s"
        )
    for people, lines in _SMALL_WORLDS:
        cpu_s = min(_cpu_s(people, lines, 0.5, _WORLDS) for _ in range(_RUNS))
        show(
            f"worlds of {people} people with {lines} lines each:"
            f" {_WORLDS / cpu_s:.1f} per CPU-s"
        )


def _cpu_s(people: int, lines: int, pause_s: float, worlds: int) -> float:
    cast = [_person(f"person-{number}", lines, pause_s) for number in range(people)]

    async def story(world: World) -> None:
        await world.start_server()
        world.connect([script.nick for script in cast], _LINK)
        world.enter(cast)
        world.healed(within_s=_PATIENCE_S)
        await world.until_settled(within_s=_PATIENCE_S)

    scenario = Scenario("speed", "everyone says something now and then", story)
    begun_s = time.process_time()
    for number in range(worlds):
        run = run_in_world(scenario, Seed(number), tick_s=TICK_S)
        assert run.passed, run.failures
    return time.process_time() - begun_s


def _person(nick: str, lines: int, pause_s: float) -> Script:
    return Script(nick, ("lobby",), tuple(_steps(nick, lines, pause_s)))


def _steps(nick: str, lines: int, pause_s: float) -> Iterator[Step]:
    for number in range(lines):
        yield Pause(pause_s)
        yield Say("lobby", (f"{number}. something of {nick}",))
