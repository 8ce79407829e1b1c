"""overload: more is said than some can take.

Six people talk in bursts of up to two hundred lines. Two stop taking in anything at all
for a while (their machines' buffers fill up), one gets two kilobytes a second and no
more, and two look away for seconds again and again. The server may keep little for each
of them. Whoever keeps up must not feel it, and whoever does not must have everything in
the end.
"""

from typing import Final

import trio

from simulator import links
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World
from trio_chat.server import Limits

STALLS: Final = 3
OTHERS_S: Final = 5.0
"""What the others' lines may take meanwhile, their own bursts included."""
CAUGHT_UP_S: Final = 300.0


async def story(world: World) -> None:
    """Talk too much, then wait for everyone."""
    chance = world.seed.stream("story")
    await world.start_server()
    talkers = cast.talkers(world.seed, 6, lines=400, pause_s=0.5, burst=200)
    readers = cast.readers(3)
    laggards = cast.laggards(world.seed, 2, breaks=3, break_s=2.0)
    stalled = [script.nick for script in readers[:2]]
    small = links.small_buffers(links.LINKS["calm"])
    world.connect([script.nick for script in (*readers, *laggards)], small)
    world.enter([*talkers, *readers, *laggards])
    await world.until_accepted(50, within_s=CAUGHT_UP_S)
    slow = [readers[2].nick]
    world.crawl(slow, bytes_per_s=2000, others_within_s=OTHERS_S)
    for _ in range(STALLS):
        world.stall(stalled, others_within_s=OTHERS_S)
        await trio.sleep(chance.uniform(0.5, 10))
        world.unstall(stalled)
        await trio.sleep(chance.uniform(0, 0.5))
    world.walk(slow)
    world.healed(within_s=CAUGHT_UP_S)
    await world.until_settled(within_s=CAUGHT_UP_S)


SCENARIO = Scenario(
    "overload",
    "6 people say 2,400 lines, and 5 can't keep up",
    story,
    limits=Limits(queue_batches_max=8, queue_bytes_max=16 * 1024, page_entries=16),
)
