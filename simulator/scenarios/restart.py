"""restart: the server is killed with -9 in the middle, and comes back.

The same people as in `smoke` talk. When about a third is said, and some lines are on their
way, the server dies, between two instructions, without a goodbye: some of these lines are
not stored, and some are, and their authors can't know. A moment later it serves again: same
data file, same port.
Nobody tells the people; they come back by themselves and send again what had no answer.
Every accepted line must be there, once, and nobody may miss one or see one twice.
"""

from typing import Final

import trio

from simulator.scenarios import smoke
from simulator.scenarios.scenario import Scenario
from simulator.world import World

ACT_S: Final = 30.0
"""No act takes longer."""
ON_THEIR_WAY: Final = 4
ANSWER_S: Final = 0.003
"""In about this time a line gets its answer; the server dies somewhere in it."""


async def story(world: World) -> None:
    """Talk, die, come back, and talk on until all is said."""
    chance = world.seed.stream("story")
    scripts = smoke.cast(world.seed)
    lines = sum(script.lines for script in scripts)

    await world.start_server()
    world.enter(scripts)
    await world.until_accepted(int(lines * chance.uniform(0.2, 0.5)), within_s=ACT_S)
    await world.until_unanswered(ON_THEIR_WAY, within_s=ACT_S)
    await trio.sleep(chance.uniform(0, ANSWER_S))

    await world.kill_server()
    await trio.sleep(chance.uniform(0, 1))
    await world.start_server()

    await world.until_settled(within_s=2 * ACT_S)


SCENARIO = Scenario(
    "restart", "the same, and the server is killed with -9 in the middle", story
)
