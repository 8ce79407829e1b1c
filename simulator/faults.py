"""What can go wrong while people talk, as a table, and somebody who makes it go wrong.

A fault is a coroutine: it does its harm, waits, and undoes what can be undone. It takes
whom it hits, and for how long, from chance of its own.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import trio

from simulator.bots import talker
from simulator.stage import Way
from simulator.world import World

_SHORT_S: Final = (0.05, 3.0)
_TROUBLED_S: Final = (1.0, 15.0)
"""How long a disk is in trouble: it is written to only now and then."""
_LONG_S: Final = (20.0, 70.0)
"""Longer than a heartbeat's patience: the link is given up meanwhile."""
_FOR_EVER: Final = 0.3
"""How many of those who died never come back: only these can leave a ghost behind."""
_WAYS: Final[tuple[Way, ...]] = ("both", "both", "up", "down")
_LONG: Final = 0.3
"""How often that is, where time is free."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One thing that can go wrong.

    Shape:  `to` is what it is done to: the "people", the "server", or its "disk".
    """

    name: str
    to: str
    happen: Callable[[World, random.Random], Awaitable[None]]


async def nemesis(
    world: World, chance: random.Random, kinds: Sequence[str], *, times: int, pause_s: float
) -> None:
    """Have so many of these faults happen, one after the other.

    Cancel: leaves the last one as it is: World.healed() undoes it.
    """
    for _ in range(times):
        await trio.sleep(chance.expovariate(1 / pause_s))
        await FAULTS[chance.choice(kinds)].happen(world, chance)


def _some(world: World, chance: random.Random) -> list[str]:
    people = list(world.people)
    return chance.sample(people, chance.randint(1, max(1, len(people) // 2)))


async def _a_while(world: World, chance: random.Random) -> None:
    is_long = world.time_is_free and chance.random() < _LONG
    await trio.sleep(chance.uniform(*(_LONG_S if is_long else _SHORT_S)))


# --- people and their connections ----------------------------------------------------


async def _cut(world: World, chance: random.Random) -> None:
    world.cut(_some(world, chance))


async def _partition(world: World, chance: random.Random) -> None:
    world.partition(_some(world, chance), chance.choice(_WAYS))
    await _a_while(world, chance)
    world.heal()


async def _stall(world: World, chance: random.Random) -> None:
    nicks = _some(world, chance)
    world.stall(nicks, others_within_s=60.0)
    await _a_while(world, chance)
    world.unstall(nicks)


async def _kill(world: World, chance: random.Random) -> None:
    await _gone(world, chance, world.kill)


async def _power_off(world: World, chance: random.Random) -> None:
    await _gone(world, chance, world.power_off)


async def _gone(
    world: World, chance: random.Random, end: Callable[[str], Awaitable[None]]
) -> None:
    nick = chance.choice(world.people)
    rooms = world.places(nick)
    await end(nick)
    await _a_while(world, chance)
    if len(world.people) > 1 and chance.random() < _FOR_EVER:
        return
    lines = chance.randint(0, 5)
    life = world.life(nick)
    world.come_back(
        talker(chance, nick, rooms, lines=lines, pause_s=0.5, first=1000 * life)
    )


# --- the server ----------------------------------------------------------------------


async def _kill_server(world: World, chance: random.Random) -> None:
    await world.kill_server()
    await trio.sleep(chance.uniform(0, 3))
    await world.start_server()


async def _stop_server(world: World, chance: random.Random) -> None:
    await world.stop_server()
    await trio.sleep(chance.uniform(0, 3))
    await world.start_server()


async def _pause_server(world: World, chance: random.Random) -> None:
    world.pause_server()
    await _a_while(world, chance)
    world.resume_server()


async def _power_off_server(world: World, chance: random.Random) -> None:
    await world.power_off_server()
    await trio.sleep(chance.uniform(0, 10))
    await world.start_server()


# --- its disk ------------------------------------------------------------------------


async def _full_disk(world: World, chance: random.Random) -> None:
    world.note("the server's disk is full")
    disk = world.stage.disk()
    disk.bytes_max = disk.bytes_used
    await trio.sleep(chance.uniform(*_TROUBLED_S))
    disk.bytes_max = None
    world.note("the server's disk has space again")


async def _io_errors(world: World, chance: random.Random) -> None:
    operation: Literal["write", "sync"] = "write" if chance.random() < 0.5 else "sync"
    times = chance.randint(1, 5)
    world.note(f"the next {times} times that the server's disk is to {operation}, it fails")
    world.stage.disk().failing(operation, times=times)
    await trio.sleep(chance.uniform(*_TROUBLED_S))
    world.stage.disk().failing()


async def _dies_at_a_write(world: World, chance: random.Random) -> None:
    await _dies(world, chance, sync=False)


async def _dies_at_a_sync(world: World, chance: random.Random) -> None:
    await _dies(world, chance, sync=True)


async def _dies(world: World, chance: random.Random, *, sync: bool) -> None:
    number, power = chance.randint(1, 12), chance.random() < 0.7
    with trio.move_on_after(10):
        await world.server_dies_at(number, sync=sync, power=power)
    await trio.sleep(chance.uniform(0, 3))
    await world.start_server()


FAULTS: Final = {
    kind.name: kind
    for kind in (
        FaultKind("cut", "people", _cut),
        FaultKind("partition", "people", _partition),
        FaultKind("stall", "people", _stall),
        FaultKind("kill", "people", _kill),
        FaultKind("power off", "people", _power_off),
        FaultKind("server killed", "server", _kill_server),
        FaultKind("server stopped", "server", _stop_server),
        FaultKind("server paused", "server", _pause_server),
        FaultKind("server loses power", "disk", _power_off_server),
        FaultKind("disk full", "disk", _full_disk),
        FaultKind("I/O errors", "disk", _io_errors),
        FaultKind("dies at a write", "disk", _dies_at_a_write),
        FaultKind("dies at a sync", "disk", _dies_at_a_sync),
    )
}
"""All of them, by name."""


def kinds_of(to: str) -> tuple[str, ...]:
    """The names of the faults of one kind of victim."""
    return tuple(kind.name for kind in FAULTS.values() if kind.to == to)
