"""swarm: a random mixture of everything.

How many people of which kind, how much they say, what connects them, what goes wrong and
how often: all of it is drawn from the seed. What goes wrong with the people and what goes
wrong with the server are two stories at once, so that they meet. Then all is healed, and
everything must get done.
"""

import random
from typing import Final

import trio

from simulator import links
from simulator.bots import Say, Script
from simulator.faults import kinds_of, nemesis
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.virtual.seeds import Seed
from simulator.world import World

HEALED_S: Final = 300.0
WITNESS: Final = Script("witness", ("lobby",), (Say("lobby", ("is anybody left?",)),))
"""Comes when all is over. There may be nobody else who lives and has something to say."""


async def story(world: World) -> None:
    """Whatever the seed says."""
    chance = world.seed.stream("story")
    await world.start_server()
    people = _people(world.seed, chance)
    names = chance.choice([["calm"], ["wifi"], ["train"], ["harsh"], list(links.LINKS)])
    for script in people:
        world.connect([script.nick], links.any_of(chance, names))
    world.enter(people)
    if chance.random() < 0.3:
        world.attack(cast.hostiles(world.seed, 2, tricks=3))
    async with trio.open_nursery() as nursery:
        for to in (("people",), ("server", "disk")):
            kinds = [kind for each in to for kind in kinds_of(each)]
            some = chance.sample(kinds, chance.randint(1, len(kinds)))
            times = chance.choice((0, 1, 3, 6))
            nursery.start_soon(_trouble, world, "/".join(to), some, times)
    world.healed(within_s=HEALED_S)
    world.enter([WITNESS])
    await world.until_settled(within_s=HEALED_S)
    await world.until_attackers_gave_up()


def _people(seed: Seed, chance: random.Random) -> list[Script]:
    pause_s = chance.choice((0.1, 1.0, 5.0))
    return [
        *cast.talkers(
            seed,
            chance.randint(1, 8),
            lines=chance.choice((5, 15, 40)),
            pause_s=pause_s,
            burst=chance.choice((1, 5, 30)),
        ),
        *cast.readers(chance.randint(0, 3)),
        *cast.lurkers(chance.randint(0, 1)),
        *cast.latecomers(seed, chance.randint(0, 2), within_s=10),
        *cast.roamers(seed, chance.randint(0, 2), visits=6, pause_s=pause_s),
        *cast.laggards(seed, chance.randint(0, 2), breaks=2, break_s=3.0),
        *cast.flappers(seed, chance.randint(0, 2), drops=5, pause_s=pause_s),
    ]


async def _trouble(world: World, to: str, kinds: list[str], times: int) -> None:
    chance = world.seed.stream("trouble", to)
    await nemesis(world, chance, kinds, times=times, pause_s=2.0)


SCENARIO = Scenario(
    "swarm", "random people, links and troubles, all at once", story, on_disk=True
)
