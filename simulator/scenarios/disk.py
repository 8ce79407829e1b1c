"""disk: the server's disk is full, fails, or is left without power in the middle.

Eight people talk. Six times something happens to the disk: it has no space, a write or a
sync fails, or everything ends at exactly the nth write or the nth sync, with what was not
synced lost, kept or torn. The server starts again on what is left. What it had accepted
must be there; what it had not may be, but once.
"""

from typing import Final

from simulator.faults import kinds_of, nemesis
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World

BACK_S: Final = 120.0


async def story(world: World) -> None:
    """Talk, and talk on."""
    chance = world.seed.stream("story")
    await world.start_server()
    world.enter([*cast.talkers(world.seed, 8, lines=30, pause_s=3.0), *cast.readers(2)])
    await nemesis(world, chance, kinds_of("disk"), times=6, pause_s=1.0)
    world.healed(within_s=BACK_S)
    await world.until_settled(within_s=BACK_S)


SCENARIO = Scenario(
    "disk", "10 people, and a disk that fails six times", story, on_disk=True
)
