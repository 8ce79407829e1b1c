"""retention: the server keeps thirty entries of each room, and gives up the rest.

Six people talk; others are cut off, stalled, slow or killed meanwhile, and the server is
killed in the middle of its trimming. Whoever comes back, or falls behind, finds that
entries are gone: it must be told exactly which, and have all the others. Lines that are
sent again, although their entries are gone, must not be said twice.
"""

from typing import Final

from simulator import links
from simulator.faults import nemesis
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World
from trio_chat.server import Limits

KEPT: Final = 30
KINDS: Final = ("cut", "partition", "stall", "kill", "server killed", "server stopped")
BACK_S: Final = 120.0


async def story(world: World) -> None:
    """Talk, be away, and come back to what is left."""
    chance = world.seed.stream("story")
    await world.start_server()
    world.keeps_only(KEPT)
    people = [
        *cast.talkers(world.seed, 6, lines=60, pause_s=0.3, burst=15),
        *cast.flappers(world.seed, 1, drops=6, pause_s=1.0),
        *cast.laggards(world.seed, 2, breaks=3, break_s=3.0),
        *cast.latecomers(world.seed, 1, within_s=6),
        *cast.readers(2),
    ]
    small = links.small_buffers(links.LINKS["calm"])
    world.connect([script.nick for script in people], small)
    world.enter(people)
    await nemesis(world, chance, KINDS, times=5, pause_s=1.0)
    world.healed(within_s=BACK_S)
    await world.until_settled(within_s=BACK_S)


SCENARIO = Scenario(
    "retention",
    f"12 people, and a server that keeps {KEPT} entries of each room",
    story,
    on_disk=True,
    limits=Limits(
        keep_entries=KEPT,
        trim_every_s=0.5,
        trim_entries=7,
        page_entries=5,
        queue_batches_max=8,
        queue_bytes_max=8 * 1024,
    ),
)
