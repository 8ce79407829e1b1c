"""Who plays in the stories; each person's script comes from chance of its own."""

from collections.abc import Iterator
from typing import Final

from simulator.bots import (
    Hostile,
    Script,
    answerer,
    flapper,
    hostile,
    laggard,
    latecomer,
    lurker,
    reader,
    roamer,
    talker,
)
from simulator.virtual.seeds import Seed

ROOMS: Final = ("lobby", "kitchen", "café", "workshop")


def talkers(
    seed: Seed, count: int, *, lines: int, pause_s: float = 0.25, burst: int = 5
) -> list[Script]:
    """People who talk."""
    return [
        talker(
            seed.stream("script", nick),
            nick,
            ROOMS,
            lines=lines,
            pause_s=pause_s,
            burst=burst,
        )
        for nick in _nicks("talker", count)
    ]


def answerers(seed: Seed, count: int, *, lines: int, pause_s: float = 0.3) -> list[Script]:
    """People who say something about what was said."""
    return [
        answerer(seed.stream("script", nick), nick, ROOMS, lines=lines, pause_s=pause_s)
        for nick in _nicks("answerer", count)
    ]


def readers(count: int) -> list[Script]:
    """People who say nothing and miss nothing."""
    return [reader(nick, ROOMS) for nick in _nicks("reader", count)]


def lurkers(count: int) -> list[Script]:
    """People who say nothing, and want nothing of the past."""
    return [lurker(nick, ROOMS) for nick in _nicks("lurker", count)]


def latecomers(seed: Seed, count: int, *, within_s: float = 1.5) -> list[Script]:
    """People who come when much was said already."""
    return [
        latecomer(
            nick,
            ROOMS,
            after_s=seed.stream("script", nick).uniform(within_s / 3, within_s),
        )
        for nick in _nicks("latecomer", count)
    ]


def roamers(seed: Seed, count: int, *, visits: int, pause_s: float) -> list[Script]:
    """People who go from room to room."""
    return [
        roamer(seed.stream("script", nick), nick, ROOMS, visits=visits, pause_s=pause_s)
        for nick in _nicks("roamer", count)
    ]


def laggards(seed: Seed, count: int, *, breaks: int, break_s: float) -> list[Script]:
    """People who take nothing for a while, again and again."""
    return [
        laggard(seed.stream("script", nick), nick, ROOMS, breaks=breaks, break_s=break_s)
        for nick in _nicks("laggard", count)
    ]


def flappers(seed: Seed, count: int, *, drops: int, pause_s: float) -> list[Script]:
    """People whose connection does not last."""
    return [
        flapper(seed.stream("script", nick), nick, ROOMS, drops=drops, pause_s=pause_s)
        for nick in _nicks("flapper", count)
    ]


def hostiles(seed: Seed, count: int, *, tricks: int) -> list[Hostile]:
    """People who mean no good."""
    return [
        hostile(seed.stream("script", nick), nick, tricks=tricks)
        for nick in _nicks("hostile", count)
    ]


def _nicks(kind: str, count: int) -> Iterator[str]:
    return (f"{kind}-{number:02}" for number in range(1, count + 1))
