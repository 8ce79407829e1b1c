"""disconnect: connections break, machines vanish, programs are killed, and come back.

Eight people talk; two have connections that never last. Six times something happens to
some of them: a connection is reset, a program dies of kill -9, a machine loses power and
says goodbye to nobody. Everyone comes back, sends again what had no answer, and reads on
where it was. Nothing may be missing, and nothing may be there twice.
"""

from typing import Final

from simulator import links
from simulator.faults import nemesis
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World

KINDS: Final = ("cut", "cut", "stall", "kill", "power off")
BACK_S: Final = 120.0
"""For the coming back: a ghost keeps its nick until the server has noticed."""


async def story(world: World) -> None:
    """Talk, break, come back, and talk on until all is said."""
    chance = world.seed.stream("story")
    await world.start_server()
    people = [
        *cast.talkers(world.seed, 8, lines=20, pause_s=2.0 if world.time_is_free else 0.5),
        *cast.flappers(world.seed, 2, drops=8, pause_s=0.8),
        *cast.readers(2),
    ]
    link = links.any_of(chance, ["calm", "wifi"])
    world.connect([script.nick for script in people], link)
    world.enter(people)
    kinds = KINDS if world.loses_power else KINDS[:-1]
    await nemesis(world, chance, kinds, times=6, pause_s=0.5)
    world.healed(within_s=BACK_S)
    await world.until_settled(within_s=BACK_S)


SCENARIO = Scenario(
    "disconnect",
    "12 people whose connections, programs and machines do not last",
    story,
    on_disk=True,
    real=True,
)
