"""What befalls the network between the people and their server."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import trio

from simulator.proxy import WAYS, Proxy

_CALM_S_MAX: Final = 0.3


async def bad_weather(proxy: Proxy, chance: random.Random, counts: Counter[str]) -> None:
    """Cut, hold, delay and break into pieces, somebody's link each time, for ever.

    Cancel: what holds at that moment stays so: calm() takes it back.
    """
    async with trio.open_nursery() as nursery:
        while True:
            await trio.sleep(chance.uniform(0, _CALM_S_MAX))
            what, how = chance.choice(_WEATHER)
            counts[what] += 1
            nursery.start_soon(how, proxy, chance.choice(proxy.names), chance)


async def _cut(proxy: Proxy, name: str, chance: random.Random) -> None:
    chance.choice((proxy.cut, proxy.close))(name)
    await trio.lowlevel.checkpoint()


async def _cut_in_a_line(proxy: Proxy, name: str, chance: random.Random) -> None:
    proxy.limit(name, chance.randint(1, 5_000), chance.choice(WAYS))
    await trio.lowlevel.checkpoint()


async def _stall(proxy: Proxy, name: str, chance: random.Random) -> None:
    ways = chance.choice((WAYS, WAYS[:1], WAYS[1:]))
    proxy.stall(name, *ways)
    await trio.sleep(chance.uniform(0.1, 1.5))
    proxy.resume(name, *ways)


async def _delay(proxy: Proxy, name: str, chance: random.Random) -> None:
    proxy.delay(name, chance.uniform(0.01, 0.2), 0.1)
    await trio.sleep(chance.uniform(0.5, 2))
    proxy.delay(name, 0)


async def _chop(proxy: Proxy, name: str, chance: random.Random) -> None:
    proxy.chop(name, chance.choice((1, 10, 100)))
    await trio.sleep(chance.uniform(0.5, 2))
    proxy.chop(name, None)


_Weather: TypeAlias = Callable[[Proxy, str, random.Random], Awaitable[None]]
_WEATHER: Final[Sequence[tuple[str, _Weather]]] = (
    ("cuts", _cut),
    ("cuts in a line", _cut_in_a_line),
    ("stalls", _stall),
    ("delays", _delay),
    ("breaks into pieces", _chop),
)
