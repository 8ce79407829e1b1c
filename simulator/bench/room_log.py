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

from simulator.bench.dialects.dialect import Dialect, Said


@dataclass(eq=False, slots=True)
class Author:
    """Who says things in a room."""

    nick: str
    sent_s: list[float] = field(default_factory=list)
    """When each line was sent: that of number n is at n - 1."""
    accepted: int = 0
    """The last number that was: by the server's word, or as somebody has it."""
    heard: int = 0
    """The last number that is in the log."""
    places: list[int] = field(default_factory=list)
    """Where its lines are in the log, the first entry being 0."""

    @property
    def in_flight(self) -> int:
        return len(self.sent_s) - self.accepted


class Mark(NamedTuple):
    """An entry that is timed."""

    end: int
    """Where it ends among the bytes."""
    nick: str
    sent_s: float


class RoomLog:
    """All that was heard in a room by anybody, from its first entry on."""

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        authors: Mapping[str, Author],
        mark_every: int = 1,
    ) -> None:
        self.name = name
        self.dialect = dialect
        self.authors = authors
        """Those of this room."""
        self.mark_every = mark_every
        self.bytes = bytearray()
        self.ends: list[int] = []
        """Where each entry ends among the bytes: that of seq 1 is the first."""
        self.marks: list[Mark] = []
        self.faults: list[str] = []
        """What is wrong with the log itself, for people."""
        self.accepted = 0
        """How many lines were, of all authors."""
        self.taken: set[str] = set()
        """Whose lines were accepted since somebody has emptied this."""

    def __len__(self) -> int:
        return len(self.ends)

    def count_at(self, at: int) -> int:
        """How many whole entries are in the first `at` bytes."""
        return bisect_right(self.ends, at)

    def end_of(self, count: int) -> int:
        """How many bytes the first `count` entries are."""
        return self.ends[count - 1] if count else 0

    def entry(self, seq: int) -> bytes | None:
        """The bytes of an entry; None: there is none with this number."""
        if not 0 < seq <= len(self.ends):
            return None
        return bytes(self.bytes[self.end_of(seq - 1) : self.end_of(seq)])

    def accept(self, nick: str, n: int) -> None:
        """The author's lines up to this one are taken."""
        author = self.authors[nick]
        self.accepted += n - author.accepted
        author.accepted = n
        self.taken.add(nick)

    def author(self, said: Said) -> Author:
        """Who said it.

        Raises: ValueError: nobody did.
        """
        author = self.authors.get(said.nick)
        if author is None or not 0 < said.n <= len(author.sent_s):
            raise ValueError(f"nobody said {said.nick}'s {said.n}")
        return author

    def extend(self, entries: bytes) -> int:
        """Take what follows the last entry; how many of the bytes do.

        Shape:  whole entries; from the first one that is not the next on, none.
        Raises: ValueError: one is none that was said here.
        """
        begin, taken = len(self.bytes), 0
        for said in self.dialect.entries(entries):
            author = self.author(said)
            if not self._is_next(said, author):
                break
            if said.n != author.heard + 1:
                self.faults.append(f"{said.nick}'s {said.n} follows its {author.heard}")
            if not self.dialect.numbered and said.n > author.accepted:
                self.accept(said.nick, said.n)
            author.heard = said.n
            author.places.append(len(self.ends))
            taken = said.end
            self.ends.append(begin + taken)
            if len(self.ends) % self.mark_every == 0:
                sent_s = author.sent_s[said.n - 1]
                self.marks.append(Mark(begin + taken, said.nick, sent_s))
        self.bytes += entries[:taken]
        return taken

    def _is_next(self, said: Said, author: Author) -> bool:
        if self.dialect.numbered:
            return said.seq == len(self.ends) + 1
        return said.n == author.heard + 1
