"""partition: the network falls apart, in one direction or both, and is whole again.

Ten people talk over wifi. Five times some of them can't reach the server, or can't hear
it, for a blink or for longer than anybody's patience. TCP keeps what is on its way and
brings it late; whoever has given up meanwhile comes back, and sends again. Lines may be
late, but not lost, doubled or out of order.
"""

from typing import Final

from simulator import links
from simulator.faults import nemesis
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World

WHOLE_S: Final = 180.0
"""By then everyone has noticed that the network is whole."""


async def story(world: World) -> None:
    """Talk on, whoever can be reached."""
    chance = world.seed.stream("story")
    await world.start_server()
    people = [
        *cast.talkers(world.seed, 8, lines=20, pause_s=8.0 if world.time_is_free else 1.0),
        *cast.readers(2),
        *cast.latecomers(world.seed, 1, within_s=20),
    ]
    world.connect([script.nick for script in people], links.LINKS["wifi"])
    world.enter(people)
    await nemesis(world, chance, ["partition"], times=5, pause_s=2.0)
    world.healed(within_s=WHOLE_S)
    await world.until_settled(within_s=WHOLE_S)


SCENARIO = Scenario(
    "partition", "11 people, and a network that falls apart five times", story, real=True
)
