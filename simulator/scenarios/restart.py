"""restart: the server is killed in the middle, and comes back. Three times.

Ten people talk, and two answer, react and edit. When some lines are on their way, the
server dies: of kill -9 between two instructions, of its machine's loss of power, or because
it was asked to end. Some of these lines are stored and some are not, and their authors
can't know. A moment later it serves again: same data, same address. Nobody tells the
people; they come back by themselves and send again what had no answer. Every accepted line
must be there, once, and nobody may miss one or see one twice.
"""

from typing import Final

import trio

from simulator.faults import FAULTS
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World

KINDS: Final = ("server killed", "server killed", "server stopped", "server loses power")
TIMES: Final = 3
ACT_S: Final = 60.0
"""No act takes longer."""
ON_THEIR_WAY: Final = 4
ANSWER_S: Final = 0.003
"""In about this time a line gets its answer; the server dies somewhere in it."""


async def story(world: World) -> None:
    """Talk, die, come back, and talk on until all is said."""
    chance = world.seed.stream("story")
    people = [
        *cast.talkers(world.seed, 10, lines=25),
        *cast.answerers(world.seed, 2, lines=25),
        *cast.readers(1),
        *cast.latecomers(world.seed, 1),
    ]
    lines = sum(script.lines for script in people)
    kinds = KINDS if world.loses_power else KINDS[:-1]

    await world.start_server()
    world.enter(people)
    for number in range(TIMES):
        await world.until_accepted(
            int(lines * (number + chance.uniform(0.3, 0.9)) / (TIMES + 1)), within_s=ACT_S
        )
        await world.until_unanswered(ON_THEIR_WAY, within_s=ACT_S)
        await trio.sleep(chance.uniform(0, ANSWER_S))
        await FAULTS[chance.choice(kinds)].happen(world, chance)

    world.healed(within_s=ACT_S)
    await world.until_settled(within_s=ACT_S)


SCENARIO = Scenario(
    "restart",
    "14 people, and a server that dies three times",
    story,
    on_disk=True,
    real=True,
)
