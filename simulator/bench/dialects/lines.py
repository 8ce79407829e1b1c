"""What protocols have in common whose streams are lines."""

import re
from collections.abc import Iterator
from typing import Final

PADDING: Final = "x"


def text(n: int, text_bytes: int) -> str:
    """What an author says as its number `n`."""
    return f"{n} ".ljust(text_bytes, PADDING)


def whole_lines(data: bytes) -> int:
    """How many of these bytes are whole lines."""
    return data.rfind(b"\n") + 1


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
