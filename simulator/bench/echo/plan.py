"""What is measured: how much is said, and what kind of terminal it is shown on."""

from dataclasses import dataclass
from typing import Final

LINE_WORDS: Final = "said to be read, or not"
"""What ends every line that is said, so that a line takes as much as people's lines do."""
LETTERS: Final = "".join(map(chr, (*range(0x410, 0x450), *range(0x460, 0x480))))
"""What is typed: letters that nothing else on this screen has. So the first one of its
kind that comes out of the terminal is the echo of that key, and nothing else can be."""
LINE_LETTERS: Final = 24
"""So many, and the line is cleared: no letter comes again while it may still be seen."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal, as far as a program can tell one from another."""

    name: str
    bytes_per_s: int | None = None
    """How much it takes; None: as much as is written."""
    answers: bool = True
    """Whether it answers when it is asked how it is, as terminals do since the VT100."""


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement."""

    lines_per_s: int
    screen: Screen

    @property
    def title(self) -> str:
        """It, for people."""
        return f"{self.screen.name}, {self.lines_per_s:,} lines/s"


FAST: Final = Screen("fast terminal")
SLOW: Final = Screen("100 kB/s", 100_000)
DEAF: Final = Screen("100 kB/s, answers nothing", 100_000, answers=False)
LAZY: Final = Screen("30 kB/s", 30_000)

CASES: Final = (
    *(Case(rate, FAST) for rate in (0, 500, 5_000)),
    *(Case(rate, SLOW) for rate in (0, 500, 5_000)),
    Case(5_000, LAZY),
    Case(5_000, DEAF),
)


def text_of(author: str, number: int) -> str:
    """The line with this number, from 1 on, of this author."""
    return f"{author}:{number} {LINE_WORDS}"
