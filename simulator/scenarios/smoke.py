"""smoke: a good day. Twenty people talk in four rooms, and nothing goes wrong.

Sixteen talk, in bursts, in some of the rooms. Three only read, in all of them. One comes
late, and has to get from the log what the others saw happen. When all is said, everyone
must have it all.
"""

from typing import Final

from simulator.bots import Script, latecomer, reader, talker
from simulator.scenarios.scenario import Scenario
from simulator.virtual.seeds import Seed
from simulator.world import World

ROOMS: Final = ("lobby", "kitchen", "café", "workshop")
TALKERS: Final = 16
READERS: Final = 3
LINES_EACH: Final = 25
PAUSE_S: Final = 0.25
"""Between two bursts of one talker, on average."""
SETTLED_S: Final = 30.0
"""By then all is said and seen; on an idle machine it takes three."""


def cast(seed: Seed) -> tuple[Script, ...]:
    """Twenty people, each from chance of its own."""
    talkers = [
        talker(seed.stream("script", nick), nick, ROOMS, lines=LINES_EACH, pause_s=PAUSE_S)
        for nick in (f"talker-{number:02}" for number in range(1, TALKERS + 1))
    ]
    readers = [reader(f"reader-{number}", ROOMS) for number in range(1, READERS + 1)]
    late_s = seed.stream("script", "latecomer").uniform(0.5, 1.5)
    return (*talkers, *readers, latecomer("latecomer", ROOMS, after_s=late_s))


async def story(world: World) -> None:
    """Everyone talks until all is said."""
    await world.start_server()
    world.enter(cast(world.seed))
    await world.until_settled(within_s=SETTLED_S)


SCENARIO = Scenario("smoke", "20 people talk in 4 rooms, and nothing goes wrong", story)
