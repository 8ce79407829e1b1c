"""What protocols have in common whose streams are lines."""

import re
from collections.abc import Iterator
from typing import Final

from simulator.bench.dialects.dialect import Said

PADDING: Final = "x"
TEXT: Final = rb"(\d+) x*"
"""A pattern: what an author says, with its number."""


def text(n: int, text_bytes: int) -> str:
    """What an author says as its number `n`."""
    return f"{n} ".ljust(text_bytes, PADDING)


def whole_lines(data: bytes) -> int:
    """How many of these bytes are whole lines."""
    return data.rfind(b"\n") + 1


def said_in(run: bytes, entry: re.Pattern[bytes]) -> Iterator[Said]:
    """The entries of a piece that is nothing but entries.

    Shape:  the pattern's first group is the nick, its second one the author's count.
    Raises: ValueError: something else is among them.
    """
    end = 0
    while end < len(run):
        found = entry.match(run, end)
        if found is None:
            raise ValueError(f"nobody said {run[end : end + 200]!r}")
        end = found.end()
        yield Said(found[1].decode(), int(found[2]), end)


class Runs:
    """Tells lines of entries from others, by how a line begins.

    Shape:  whole lines. By runs: asides stand in clusters, if at all.
    """

    def __init__(self, entry_begins: bytes) -> None:
        self._begins = re.compile(entry_begins)
        self._entry = re.compile(rb"\n(?=" + entry_begins + rb")")
        self._aside = re.compile(rb"\n(?!" + entry_begins + rb"|\Z)")

    def __call__(self, lines: bytes) -> Iterator[tuple[bool, bytes]]:
        """As Dialect.runs."""
        at = 0
        while at < len(lines):
            entries = self._begins.match(lines, at) is not None
            found = (self._aside if entries else self._entry).search(lines, at)
            end = found.end() if found else len(lines)
            yield entries, lines[at:end]
            at = end
