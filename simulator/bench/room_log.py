"""A room's entries as the bytes in which they came, checked once for all who read them.

All members of a room get the same bytes for the same entry. So only whoever is ahead has
its entries taken apart (is it the next number? is it its author's next line?); for the
others it is enough to compare bytes, which costs next to nothing: that is what makes the
load faster than the server it is put on.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.bench.dialect import heard


@dataclass(slots=True)
class Author:
    """Who says things in a room."""

    nick: str
    sent_s: list[float] = field(default_factory=list)
    """When each line was sent: that of number n is at n - 1."""
    accepted: int = 0
    """The last number that was."""
    heard: int = 0
    """The last number that is in the log."""

    @property
    def in_flight(self) -> int:
        return len(self.sent_s) - self.accepted


class Mark(NamedTuple):
    """An entry that is timed."""

    end: int
    """Where its line ends among the bytes."""
    sent_s: float


class RoomLog:
    """All that was heard in a room by anybody, from its first entry on."""

    def __init__(self, authors: Mapping[str, Author], mark_every: int = 1) -> None:
        self.lines = bytearray()
        self.ends: list[int] = []
        """Where each line ends among the bytes: that of seq 1 is the first."""
        self.marks: list[Mark] = []
        self.faults: list[str] = []
        """What is wrong with the log itself, for people."""
        self._authors = authors
        self._mark_every = mark_every

    def __len__(self) -> int:
        return len(self.ends)

    def count_at(self, at: int) -> int:
        """How many entries the first `at` bytes are."""
        return bisect_right(self.ends, at)

    def line(self, seq: int) -> bytes | None:
        """The line of an entry; None: there is none with this number."""
        if not 0 < seq <= len(self.ends):
            return None
        begin = self.ends[seq - 2] if seq > 1 else 0
        return bytes(self.lines[begin : self.ends[seq - 1]])

    def extend(self, lines: bytes) -> int:
        """Take what follows the last entry; how many of the bytes do.

        Shape:  whole lines; from the first one that is not the next number on, none.
        """
        begin = end = len(self.lines)
        for line in lines.split(b"\n")[:-1]:
            seq, nick, n = heard(line)
            if seq != len(self.ends) + 1:
                break
            end += len(line) + 1
            self.ends.append(end)
            author = self._authors[nick]
            if n != author.heard + 1:
                self.faults.append(f"{nick}'s {n} follows its {author.heard}")
            author.heard = n
            if seq % self._mark_every == 0:
                self.marks.append(Mark(end, author.sent_s[n - 1]))
        self.lines += lines[: end - begin]
        return end - begin
