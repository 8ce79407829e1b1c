"""Promises that are not built yet: each by its number, and each will turn green.

Small stories in virtual worlds, in which the checker of the promise has something to find.
Whoever builds the promise takes the mark away here, and "not yet" from the checker.
"""

import pytest
import trio

from simulator.bots import Pause, Say, Script, reader
from simulator.checkers import CHECKERS, Finding
from simulator.links import LINKS, small_buffers
from simulator.run import run_in_world
from simulator.scenarios import Scenario
from simulator.virtual.seeds import Seed
from simulator.world import World

NOT_YET = {checker.name for checker in CHECKERS if checker.expected == "not yet"}
ROOMS = ("lobby",)
BACK_S = 60.0


def say(nick: str, *texts: str, after_s: float = 1.0) -> Script:
    return Script(nick, ROOMS, (Pause(after_s), Say("lobby", texts)))


async def away_for_a_moment(world: World) -> None:
    """Ben loses his connection, and is back before anybody could miss him."""
    await world.start_server()
    world.enter([say("ada", "a", "b"), reader("ben", ROOMS)])
    await world.until_accepted(2, within_s=BACK_S)
    world.cut(["ben"])
    world.healed(within_s=BACK_S)
    await world.until_settled(within_s=BACK_S)


async def quick_restart(world: World) -> None:
    """The server is asked to end, and serves again in the same second."""
    await world.start_server()
    world.enter([say("ada", "a", "b"), reader("ben", ROOMS), reader("cyd", ROOMS)])
    await world.until_accepted(2, within_s=BACK_S)
    await world.stop_server()
    await world.start_server()
    world.healed(within_s=BACK_S)
    await world.until_settled(within_s=BACK_S)


async def killed_in_the_middle_of_a_line(world: World) -> None:
    """Ada's machine dies while the network is gone; she starts it again."""
    await world.start_server()
    world.enter([say("ada", "a", "b"), reader("ben", ROOMS)])
    await world.until_accepted(2, within_s=BACK_S)
    await world.kill("ada")
    world.come_back(say("ada", "c", "d", after_s=0.5))
    await trio.sleep(0.4)
    world.partition(["ada"])
    await world.until_unanswered(2, within_s=BACK_S)
    await world.power_off("ada")  # a kernel that lives would still send them
    await trio.sleep(1)
    world.heal()
    world.come_back(say("ada", "e"))
    world.healed(within_s=BACK_S)
    await world.until_settled(within_s=BACK_S)


async def crawling(world: World) -> None:
    """Ben is far behind, and gets some bytes a second: less than a slice in a minute."""
    await world.start_server()
    texts = tuple(f"{number} {'x' * 4000}" for number in range(200))
    world.connect(["ben"], small_buffers(LINKS["calm"]))
    world.enter([say("ada", *texts), reader("ben", ROOMS)])
    await world.until_accepted(1, within_s=BACK_S)
    world.crawl(["ben"], bytes_per_s=100, others_within_s=BACK_S)
    await trio.sleep(400)
    world.walk(["ben"])
    world.connect(["ben"], LINKS["calm"])
    world.healed(within_s=600)
    await world.until_settled(within_s=600)


STORIES = {
    "grace": away_for_a_moment,
    "restart": quick_restart,
    "outbox": killed_in_the_middle_of_a_line,
    "patient": crawling,
}


def finding(name: str) -> Finding:
    """What the checker of this name finds in its story; nothing else is wrong there."""
    summary = "something that is not built yet"
    scenario = Scenario(name, summary, STORIES[name], on_disk=name == "outbox")
    played = run_in_world(scenario, Seed(1))
    assert played.troubles == ()
    assert played.passed
    found = {checker.name: each for checker, each in played.findings}[name]
    assert found.answer != "unknown", found.reason
    return found


def test_there_is_a_story_for_each_promise_that_is_not_built() -> None:
    """None is forgotten; those that were built stay, and have to pass."""
    assert STORIES.keys() >= NOT_YET


def test_a_slow_reader_is_not_dropped_while_its_link_lives() -> None:
    """P6: it is set aside, and reads on at its own pace."""
    assert finding("patient").answer == "ok"


def test_what_was_typed_survives_the_death_of_its_client() -> None:
    """P7: it was on the client's disk before it left the input."""
    assert finding("outbox").answer == "ok"


def test_a_short_absence_makes_no_noise() -> None:
    """P8: nobody hears of it within the grace."""
    assert finding("grace").answer == "ok"


def test_a_quick_restart_makes_no_noise() -> None:
    """P10: who comes back within the grace was never away."""
    assert finding("restart").answer == "ok"


@pytest.mark.parametrize("name", sorted(STORIES))
def test_its_checker_finds_it_by_now(name: str) -> None:
    """An expected failure is one because of the promise, and of nothing else."""
    if name in NOT_YET:
        found = finding(name)
        assert found.answer == "violated"
        assert len(found.proof) >= 2
