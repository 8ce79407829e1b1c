"""The simplest chat there is: lines of text, as the yardsticks speak it.

A member's first line is its nick and its room; what it says then reaches the others as
`nick: text`. The server's own lines begin with a star; the first one is the greeting.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.bench.dialects.dialect import Aside, Joined, Said
from simulator.bench.dialects.lines import TEXT, Runs, said_in, text, whole_lines

_runs: Final = Runs(rb"[^*\n]")
_ENTRY: Final = re.compile(rb"(\w+): " + TEXT + rb"\n")
_GREETING: Final = b"* welcome"


class Plain:
    """No number, no echo, no word that anything was taken."""

    numbered = False
    echoes = False
    asks = b""
    longest_text_bytes = 512

    def enter(self, nick: str, room: str) -> bytes:
        """As Dialect.enter."""
        return f"{nick} {room}\n".encode()

    def say(self, nick: str, room: str, numbers: Sequence[int], text_bytes: int) -> bytes:
        """As Dialect.say; who says it and where is known by the connection."""
        del nick, room
        return "".join(f"{text(n, text_bytes)}\n" for n in numbers).encode()

    def cut(self, data: bytes) -> int:
        """As Dialect.cut."""
        return whole_lines(data)

    def runs(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """As Dialect.runs."""
        return _runs(data)

    def entries(self, run: bytes) -> Iterator[Said]:
        """As Dialect.entries."""
        return said_in(run, _ENTRY)

    def asides(self, run: bytes, room: str) -> Iterator[Aside]:
        """As Dialect.asides; others' coming and going does not matter."""
        del room
        for _ in range(run.count(_GREETING)):
            yield Joined()
