"""Tiny stories for planted bugs: few people, few lines, one trouble."""

import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import trio

from simulator.bots import (
    Hostile,
    Leave,
    Pause,
    Say,
    Script,
    answerer,
    latecomer,
    reader,
    talker,
)
from simulator.errors import StoryError
from simulator.faults import FAULTS
from simulator.links import LINKS, small_buffers
from simulator.scenarios import Scenario
from simulator.virtual.link import Link
from simulator.virtual.seeds import Seed
from simulator.world import World
from trio_chat.server import Limits

ROOMS: Final = ("lobby", "kitchen")
SOON_S: Final = 10.0
"""On a day without trouble all is said and seen by then."""
BACK_S: Final = 120.0
"""Everyone is back by then, whatever it was."""
DEADLY: Final = {"kill", "power off"}
"""Faults of people's machines and programs."""
SCANT: Final = Limits(queue_batches_max=2, queue_bytes_max=1024, page_entries=4)
"""A server that keeps next to nothing for whoever is slow."""

Cast = Callable[[Seed], Iterable[Script]]
Act = Callable[[World, random.Random], Awaitable[None]]


def few(
    seed: Seed, *, talkers: int = 3, lines: int = 6, burst: int = 3, pause_s: float = 0.3
) -> list[Script]:
    """Some who talk, one who reads, one who comes late."""
    nicks = ("ada", "ben", "cyd", "dee", "eve")[:talkers]
    return [
        *(
            talker(
                seed.stream("script", nick),
                nick,
                ROOMS,
                lines=lines,
                pause_s=pause_s,
                burst=burst,
            )
            for nick in nicks
        ),
        reader("rea", ROOMS),
        latecomer("lou", ROOMS, after_s=seed.stream("script", "lou").uniform(0.2, 2)),
    ]


def told(
    name: str,
    *acts: Act,
    cast: Cast = few,
    link: Link | None = None,
    limits: Limits | None = None,
    on_disk: bool = False,
    within_s: float = SOON_S,
    keep: int | None = None,
) -> Scenario:
    """A story: people come, these things happen, and all gets done in time."""
    if keep is not None:
        limits = replace(limits or Limits(), keep_entries=keep, trim_every_s=0.1)

    async def story(world: World) -> None:
        chance = world.seed.stream("story")
        await world.start_server()
        if keep is not None:
            world.keeps_only(keep)
        people = list(cast(world.seed))
        if link is not None:
            world.connect([script.nick for script in people], link)
        world.enter(people)
        for act in acts:
            await act(world, chance)
        world.healed(within_s=within_s)
        await world.until_settled(within_s=within_s)

    return Scenario(name, "a tiny story", story, on_disk=on_disk, limits=limits)


def quiet(cast: Cast = few, **options: Any) -> Scenario:
    """A day on which nothing goes wrong."""
    return told("quiet", cast=cast, **options)


def troubled(
    *kinds: str,
    times: int = 3,
    link: Link = LINKS["wifi"],
    within_s: float = BACK_S,
    on_disk: bool | None = None,
    moment_s: tuple[float, float] = (0, 0.05),
    **options: Any,
) -> Scenario:
    """A day on which these faults happen, each in the middle of a line if there is one.

    Shape:  without any kind it is the same day without faults. A fault comes at some
            `moment_s` after a line was said.
    """

    async def trouble(world: World, chance: random.Random) -> None:
        await trio.sleep(chance.expovariate(1 / 0.5))
        with suppress(StoryError):
            await world.until_unanswered(1, within_s=2)
        await trio.sleep(chance.uniform(*moment_s))
        await FAULTS[chance.choice(kinds)].happen(world, chance)

    if on_disk is None:
        # Who dies keeps its outbox only if it is on a disk.
        on_disk = any(FAULTS[kind].to == "disk" or kind in DEADLY for kind in kinds)
    acts = [trouble] * times if kinds else []
    return told(
        " and ".join(kinds) or "no trouble",
        *acts,
        link=link,
        within_s=within_s,
        on_disk=on_disk,
        **options,
    )


# --- stories for one bug -------------------------------------------------------------


def attacked(*tricks: str) -> Scenario:
    """A day on which somebody plays these tricks."""

    async def attack(world: World, _chance: random.Random) -> None:
        world.attack([Hostile("mal", tricks)])
        await world.until_attackers_gave_up()

    return told("attacked", attack)


def chatty(seed: Seed) -> list[Script]:
    """Two who say much at once, one who reads, one who comes late."""
    return few(seed, talkers=2, lines=60, burst=30)


def answering(seed: Seed) -> list[Script]:
    """The few, and one who says something about what they say."""
    ann = seed.stream("script", "ann")
    return [*few(seed), answerer(ann, "ann", ROOMS, lines=12, pause_s=0.3)]


def many(seed: Seed) -> list[Script]:
    """Five who talk, in two rooms."""
    return few(seed, talkers=5, lines=8)


def busy(seed: Seed) -> list[Script]:
    """Three who hardly pause, and three who come in the middle of it."""
    return [
        *few(seed, lines=40, burst=2, pause_s=0.05),
        *(
            latecomer(nick, ROOMS, after_s=seed.stream("script", nick).uniform(0.2, 1))
            for nick in ("liz", "len")
        ),
    ]


def leavers(seed: Seed) -> list[Script]:
    """Three who talk all the time, two who leave meanwhile, for good."""
    chance = seed.stream("leavers")
    return [
        *few(seed, lines=20),
        *(
            Script(nick, ("lobby",), (Pause(chance.uniform(0.5, 3)), Leave("lobby")))
            for nick in ("liz", "len")
        ),
    ]


def _line(nick: str, *texts: str, after_s: float) -> Script:
    return Script(nick, ("lobby",), (Pause(after_s), Say("lobby", texts)))


def _ada_says_one_thing(_seed: Seed) -> list[Script]:
    return [_line("ben", "hello", after_s=0.5), _line("ada", "once", after_s=1)]


def interrupted(*nicks: str) -> Scenario:
    """These lose their connections in the middle of the talk."""

    async def cut(world: World, _chance: random.Random) -> None:
        await world.until_accepted(8, within_s=SOON_S)
        if nicks:
            world.cut(nicks)

    return told("interrupted", cut)


def forgetful(*, cut: bool = True) -> Scenario:
    """Rea is away while more is said than the server keeps."""

    def ben(_seed: Seed) -> list[Script]:
        texts = tuple(f"{number}" for number in range(40))
        first = Say("lobby", texts[:5])
        rest = Say("lobby", texts[5:])
        script = Script("ben", ("lobby",), (Pause(1), first, Pause(5), rest))
        return [reader("rea", ("lobby",)), script]

    async def part(world: World, _chance: random.Random) -> None:
        await world.until_accepted(5, within_s=SOON_S)
        await trio.sleep(1)
        if cut:
            world.cut(["rea"])
            world.partition(["rea"])
        await world.until_accepted(40, within_s=SOON_S)
        await trio.sleep(1)
        world.heal()

    return told("forgetful", part, cast=ben, keep=10, within_s=BACK_S)


def unanswered(*, parted: bool = True) -> Scenario:
    """Ada is cut off from the answer to her line, which is not kept until she is back."""

    def cast(_seed: Seed) -> list[Script]:
        texts = tuple(f"{number}" for number in range(20))
        ben = Script("ben", ("lobby",), (Pause(5), Say("lobby", texts)))
        return [reader("rea", ("lobby",)), ben, _line("ada", "once", after_s=1)]

    async def part(world: World, chance: random.Random) -> None:
        await world.until_unanswered(1, within_s=SOON_S)
        if parted:
            # A millisecond to the server, at least three to be stored and answered.
            await trio.sleep(chance.uniform(0.0015, 0.002))
            world.partition(["ada"])
            await trio.sleep(60)
        world.heal()

    return told("unanswered", part, cast=cast, keep=1, within_s=BACK_S)


def killed_at_a_line(
    *, again: bool = False, killed: bool = True, on_disk: bool = False
) -> Scenario:
    """Ada is killed before she hears what became of her line; she may live again."""

    async def kill(world: World, chance: random.Random) -> None:
        await world.until_accepted(1, within_s=SOON_S)
        await world.until_unanswered(1, within_s=SOON_S)
        if not killed:
            return
        # It takes a millisecond to the server, at least three to be stored and answered.
        await trio.sleep(chance.uniform(0.0015, 0.002))
        await world.kill("ada")
        if again:
            world.come_back(_line("ada", "and again", after_s=1))

    return told("killed at a line", kill, cast=_ada_says_one_thing, on_disk=on_disk)


def dark_at_a_line(*, dark: bool = True) -> Scenario:
    """Ada says something that does not get through; she loses power, and is back."""

    async def part(world: World, _chance: random.Random) -> None:
        await world.until_accepted(1, within_s=SOON_S)
        world.partition(["ada"])
        await world.until_unanswered(1, within_s=SOON_S)
        await trio.sleep(1)
        if dark:
            await world.power_off("ada")
        world.heal()
        if dark:
            world.come_back(_line("ada", "and again", after_s=1))

    return told(
        "dark at a line", part, cast=_ada_says_one_thing, on_disk=True, within_s=BACK_S
    )


def replaced(*, away: bool = True) -> Scenario:
    """Rea loses power, and is back in the same rooms before anybody has noticed."""

    async def off_and_on(world: World, chance: random.Random) -> None:
        await world.until_accepted(6, within_s=SOON_S)
        if away:
            await world.power_off("rea")
            await trio.sleep(chance.uniform(1, 10))
            world.come_back(reader("rea", ROOMS))

    return told("replaced", off_and_on)


def parted_at_a_hello(*, parted: bool = True) -> Scenario:
    """All come back over a bad link, when the network falls apart for some seconds."""

    async def part(world: World, chance: random.Random) -> None:
        await world.until_accepted(6, within_s=BACK_S)
        world.cut(world.people)
        if parted:
            await trio.sleep(chance.uniform(0.5, 2))
            world.partition(world.people)
            await trio.sleep(chance.uniform(10, 20))
            world.heal()

    return told("parted at a hello", part, link=LINKS["harsh"], within_s=BACK_S)


def far_behind(*, cut: bool = True) -> Scenario:
    """Ada comes late over a slow link, says something at once, and is cut off."""

    def ben(_seed: Seed) -> list[Script]:
        texts = tuple(f"{number} {'x' * 200}" for number in range(100))
        return [_line("ben", *texts, after_s=0)]

    async def interrupt(world: World, _chance: random.Random) -> None:
        await world.until_accepted(100, within_s=SOON_S)
        world.connect(["ada"], small_buffers(Link(bandwidth_bytes_per_s=4000)))
        world.enter([_line("ada", "here I am", after_s=0.2)])
        await world.until_accepted(101, within_s=SOON_S)
        if cut:
            world.cut(["ada"])

    return told("far behind", interrupt, cast=ben, limits=SCANT, within_s=BACK_S)


def stalled(*, stall: bool = True) -> Scenario:
    """Rea's machine takes in nothing for a while; the others are not to feel it."""

    async def stop(world: World, _chance: random.Random) -> None:
        await world.until_accepted(20, within_s=SOON_S)
        if stall:
            world.stall(["rea"], others_within_s=2.0)
            await trio.sleep(5)
            world.unstall(["rea"])

    return told(
        "stalled", stop, cast=partial(few, lines=60, burst=20), link=small_buffers(Link())
    )


def crawling(*, slow: bool = True) -> Scenario:
    """Rea gets little, and answers; she is not to be dropped for that."""

    def ada(_seed: Seed) -> list[Script]:
        texts = tuple(f"{number} {'x' * 400}" for number in range(60))
        return [reader("rea", ("lobby",)), _line("ada", *texts, after_s=1)]

    async def crawl(world: World, _chance: random.Random) -> None:
        if slow:
            world.crawl(["rea"], bytes_per_s=2000, others_within_s=SOON_S)
            await trio.sleep(30)
            world.walk(["rea"])

    return told("crawling", crawl, cast=ada, within_s=BACK_S)


def killed_and_dark(*, killed: bool = True) -> Scenario:
    """The server is killed at a sync; the next one loses its power as soon as it serves."""

    async def trouble(world: World, chance: random.Random) -> None:
        await trio.sleep(chance.uniform(0, 0.5))
        if killed:
            with trio.move_on_after(10):
                await world.server_dies_at(chance.randint(1, 3), sync=True, power=False)
        else:
            await world.kill_server()
        await world.start_server()
        await trio.sleep(chance.uniform(0.5, 3))
        await world.power_off_server()
        await world.start_server()

    return told(
        "killed and dark", *[trouble] * 3, link=LINKS["wifi"], within_s=BACK_S, on_disk=True
    )
