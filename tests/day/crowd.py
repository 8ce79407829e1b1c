"""The others in the rooms: bots that talk, and count what they have said."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from typing import Final

import trio

from trio_chat import Client, open_client
from trio_chat.addresses import Address

BOTS: Final = ("cy", "dan", "eve", "fay")
_PHRASES: Final = (
    "the build is green again",
    "who has the keys?",
    "\u6771\u4eac is on the line, and the report is at https://example.org/reports/2031",
    "caf\u00e9 at ten \u2615 or later, it makes no difference to me, and the table is ours",
    "two rows\nof one line",
)
"""Short ones, long ones, wide ones, and one of two rows."""


class Crowd:
    """Some bots in the same rooms; get one from open_crowd()."""

    def __init__(self, bots: Sequence[Client]) -> None:
        self._bots = cycle(bots)
        self._number = len(bots)
        self._phrases = cycle(_PHRASES)
        self.said: Counter[str] = Counter()
        """How many lines, by room."""

    async def say(self, room: str, lines: int) -> None:
        """Say so many lines in a room, several bots at a time; all are durable then."""
        async with trio.open_nursery() as nursery:
            for _ in range(lines):
                self.said[room] += 1
                text = f"{room} {self.said[room]}: {next(self._phrases)}"
                nursery.start_soon(next(self._bots).say, room, text)

    async def call(self, nick: str, room: str) -> None:
        """Say a line to somebody."""
        self.said[room] += 1
        await next(self._bots).say(room, f"{nick}: {room} {self.said[room]}, look")


@asynccontextmanager
async def open_crowd(address: Address, rooms: Sequence[str]) -> AsyncIterator[Crowd]:
    """Bots that are in these rooms, and stay whatever happens to the server."""
    async with AsyncExitStack() as stack:
        bots = [
            await stack.enter_async_context(
                open_client(address, nick=nick, rooms=rooms, events=False, insist=True)
            )
            for nick in BOTS
        ]
        yield Crowd(bots)
