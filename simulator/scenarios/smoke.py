"""smoke: a good day. Twenty people talk in four rooms, and nothing goes wrong.

Sixteen talk, in bursts, in some of the rooms. Three only read, in all of them. One comes
late, and has to get from the log what the others saw happen. When all is said, everyone
must have it all.
"""

from typing import Final

from simulator.bots import Script
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.virtual.seeds import Seed
from simulator.world import World

SETTLED_S: Final = 30.0
"""By then all is said and seen; on an idle machine it takes three."""


def people(seed: Seed) -> list[Script]:
    """Twenty of them."""
    return [
        *cast.talkers(seed, 16, lines=25),
        *cast.readers(3),
        *cast.latecomers(seed, 1),
    ]


async def story(world: World) -> None:
    """Everyone talks until all is said."""
    await world.start_server()
    world.enter(people(world.seed))
    world.healed(within_s=SETTLED_S)
    await world.until_settled(within_s=SETTLED_S)


SCENARIO = Scenario(
    "smoke", "20 people talk in 4 rooms, and nothing goes wrong", story, real=True
)
