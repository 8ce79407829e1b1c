"""The kinds of bots: a talker, a reader, a latecomer."""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.bots.script import Join, Pause, Say, Script, Step

_BURST_LINES_MAX: Final = 5
_THINGS: Final = (
    "the kettle",
    "my train",
    "the café on the corner",
    "that odd test",
    "your umbrella",
    "the cat from next door",
    "the 17:40 ferry",
    "le vélo rouge",
    "お茶",
)
_NEWS: Final = (
    "is late again",
    "works now, no idea why",
    "was here a minute ago",
    'said "hello"',
    "needs a new battery",
    "smells of rain",
    "has gone 🌧",
    "is on the way",
)


def talker(
    rng: random.Random, nick: str, rooms: Sequence[str], *, lines: int, pause_s: float
) -> Script:
    """Says `lines` lines in some of the rooms, sometimes several at once.

    Shape:  in one room at least and reads them all; no line is said twice. Between two
            bursts it pauses, for `pause_s` on average.
    """
    chosen = tuple(sorted(rng.sample(rooms, rng.randint(1, len(rooms)))))
    return Script(nick, chosen, tuple(_talk(rng, chosen, lines, pause_s)))


def reader(nick: str, rooms: Sequence[str]) -> Script:
    """Says nothing and misses nothing."""
    return Script(nick, tuple(rooms))


def latecomer(nick: str, rooms: Sequence[str], *, after_s: float) -> Script:
    """Comes when much was said already, and reads it all from the beginning."""
    return Script(nick, (), (Pause(after_s), *map(Join, rooms)))


def _talk(
    rng: random.Random, rooms: Sequence[str], lines: int, pause_s: float
) -> Iterator[Step]:
    said = 0
    while said < lines:
        yield Pause(rng.expovariate(1 / pause_s))
        burst = min(rng.randint(1, _BURST_LINES_MAX), lines - said)
        texts = tuple(_line(rng, said + number) for number in range(1, burst + 1))
        yield Say(rng.choice(rooms), texts)
        said += burst


def _line(rng: random.Random, number: int) -> str:
    return f"{number}. {rng.choice(_THINGS)} {rng.choice(_NEWS)}"
