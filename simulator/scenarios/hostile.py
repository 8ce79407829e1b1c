"""hostile: four people talk to the server without our client, and mean no good.

They send noise, half lines, endless lines, forged entries; they flood it, ask and never
listen, and pretend to be somebody else. Eight others talk meanwhile. These must not notice
anything, and when all have gone the server holds nothing that it did not hold before.
"""

from typing import Final

from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World

TALK_S: Final = 60.0


async def story(world: World) -> None:
    """Talk, while others do their worst."""
    await world.start_server()
    world.enter([*cast.talkers(world.seed, 8, lines=20), *cast.readers(2)])
    world.attack(cast.hostiles(world.seed, 4, tricks=4))
    world.healed(within_s=TALK_S)
    await world.until_settled(within_s=TALK_S)
    await world.until_attackers_gave_up()


SCENARIO = Scenario("hostile", "10 people talk, and 4 others mean no good", story)
