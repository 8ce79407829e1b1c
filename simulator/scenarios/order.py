"""order: many talk at once, over all kinds of connections, and to the same rooms.

Twelve people talk fast, two answer, react and edit, two go from room to room, two read (one
of them only what comes), and two come late. Each is connected in another way: some by
cable, some from a train, where a line arrives in pieces and a second late. Nothing breaks.
All must see one order, and each author's lines in it as they were said.
"""

from typing import Final

from simulator import links
from simulator.scenarios import cast
from simulator.scenarios.scenario import Scenario
from simulator.world import World

TALK_S: Final = 120.0
"""By then all is said and seen, from a train as well."""


async def story(world: World) -> None:
    """Everyone talks until all is said."""
    await world.start_server()
    people = [
        *cast.talkers(world.seed, 12, lines=20, pause_s=0.1),
        *cast.answerers(world.seed, 2, lines=20),
        *cast.roamers(world.seed, 2, visits=8, pause_s=0.5),
        *cast.readers(1),
        *cast.lurkers(1),
        *cast.latecomers(world.seed, 2),
    ]
    for script in people:
        chance = world.seed.stream("link", script.nick)
        world.connect([script.nick], links.any_of(chance))
    world.enter(people)
    world.healed(within_s=TALK_S)
    await world.until_settled(within_s=TALK_S)


SCENARIO = Scenario("order", "20 people talk at once, over fast links and bad ones", story)
