"""The kinds of bots: who talks, who reads, who comes and goes, who does neither well."""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.bots.script import (
    About,
    Dawdle,
    Drop,
    Join,
    Leave,
    Pause,
    Say,
    Script,
    Step,
)
from trio_chat.protocol.messages import Kind

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
_ABOUT: Final[tuple[Kind, ...]] = ("text", "text", "react", "edit")
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


def talker(  # noqa: PLR0913
    rng: random.Random,
    nick: str,
    rooms: Sequence[str],
    *,
    lines: int,
    pause_s: float,
    burst: int = _BURST_LINES_MAX,
    first: int = 1,
) -> Script:
    """Says `lines` lines in some of the rooms, sometimes several at once.

    Shape:  in one room at least and reads them all; no line is said twice: each has its
            number, from `first` on. Between two bursts, of at most `burst` lines, it
            pauses, for `pause_s` on average.
    """
    chosen = tuple(sorted(rng.sample(rooms, rng.randint(1, len(rooms)))))
    steps = _talk(rng, chosen, range(first, first + lines), pause_s, burst)
    return Script(nick, chosen, tuple(steps))


def answerer(
    rng: random.Random, nick: str, rooms: Sequence[str], *, lines: int, pause_s: float
) -> Script:
    """Says something about what was said: answers, reactions, and edits of its own."""
    steps: list[Step] = []
    for number in range(1, lines + 1):
        kind = rng.choice(_ABOUT)
        text = f"{number} 👍" if kind == "react" else _line(rng, number)
        steps += [_pause(rng, pause_s), About(rng.choice(rooms), text, kind)]
    return Script(nick, tuple(rooms), tuple(steps))


def reader(nick: str, rooms: Sequence[str]) -> Script:
    """Says nothing and misses nothing."""
    return Script(nick, tuple(rooms))


def lurker(nick: str, rooms: Sequence[str]) -> Script:
    """Says nothing, and asks for nothing of the past."""
    return Script(nick, tuple(rooms), history=0)


def latecomer(nick: str, rooms: Sequence[str], *, after_s: float) -> Script:
    """Comes when much was said already, and reads it all from the beginning."""
    return Script(nick, (), (Pause(after_s), *map(Join, rooms)))


def roamer(
    rng: random.Random, nick: str, rooms: Sequence[str], *, visits: int, pause_s: float
) -> Script:
    """Goes from room to room, says something in each, and leaves most of them again.

    Shape:  is in all rooms at the end.
    """
    steps: list[Step] = []
    inside: dict[str, None] = {}
    for number in range(1, visits + 1):
        room = rng.choice(rooms)
        if room not in inside:
            steps.append(Join(room))
            inside[room] = None
        steps += [Say(room, (_line(rng, number),)), _pause(rng, pause_s)]
        if rng.random() < 0.6:
            steps += [Leave(room), _pause(rng, pause_s)]
            del inside[room]
    steps += [Join(room) for room in rooms if room not in inside]
    return Script(nick, (), tuple(steps))


def laggard(
    rng: random.Random, nick: str, rooms: Sequence[str], *, breaks: int, break_s: float
) -> Script:
    """Reads, then takes nothing for a while, then reads again."""
    steps: list[Step] = []
    for _ in range(breaks):
        steps += [_pause(rng, break_s), Dawdle(rng.uniform(0.5, 1.5) * break_s)]
    return Script(nick, tuple(rooms), tuple(steps))


def flapper(
    rng: random.Random, nick: str, rooms: Sequence[str], *, drops: int, pause_s: float
) -> Script:
    """Talks, and loses its connection again and again, often right behind a line."""
    steps: list[Step] = []
    for number in range(1, drops + 1):
        steps += [_pause(rng, pause_s), Say(rng.choice(rooms), (_line(rng, number),))]
        if rng.random() < 0.5:
            steps.append(_pause(rng, pause_s / 10))
        steps.append(Drop())
    return Script(nick, tuple(rooms), tuple(steps))


def _pause(rng: random.Random, pause_s: float) -> Pause:
    return Pause(rng.expovariate(1 / pause_s))


def _talk(
    rng: random.Random, rooms: Sequence[str], numbers: range, pause_s: float, burst: int
) -> Iterator[Step]:
    rest = numbers
    while rest:
        yield _pause(rng, pause_s)
        count = min(rng.randint(1, burst), len(rest))
        yield Say(rng.choice(rooms), tuple(_line(rng, number) for number in rest[:count]))
        rest = rest[count:]


def _line(rng: random.Random, number: int) -> str:
    return f"{number}. {rng.choice(_THINGS)} {rng.choice(_NEWS)}"
