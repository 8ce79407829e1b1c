"""What a server's protocol has to say about itself, for the load to speak and check it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias


class Said(NamedTuple):
    """An entry: a line that somebody said, as it reaches a member."""

    nick: str
    n: int
    """The author's own count."""
    end: int
    """Where it ends among the bytes that it was found in."""
    seq: int = 0
    """Its number in the room; 0: this protocol has none."""


class Joined(NamedTuple):
    """From now on the member gets all that is said."""


class Accepted(NamedTuple):
    """The server has the author's line for good."""

    n: int


class Answer(NamedTuple):
    """The server is to be told something, such as that one is still there."""

    data: bytes


class Refusal(NamedTuple):
    """The server does not want what it was asked: the measuring can't go on."""

    reason: str


Aside: TypeAlias = Joined | Accepted | Answer | Refusal
"""What reaches a member besides entries, as far as the load has to know it."""


class Dialect(Protocol):
    """A protocol, seen from a member.

    Shape:  an entry is the same bytes for all who get it.
    """

    @property
    def numbered(self) -> bool:
        """Whether entries have a seq, and authors are told `Accepted`.

        Else a line counts as taken once anybody has it, and of the order only that of
        each author's lines is promised.
        """

    @property
    def echoes(self) -> bool:
        """Whether authors get what they say as the others do."""

    @property
    def asks(self) -> bytes:
        """What is in all that wants an `Answer` of who is in; empty: nothing does."""

    @property
    def longest_text_bytes(self) -> int:
        """Of a line that may be said."""

    def enter(self, nick: str, room: str) -> bytes:
        """A member's first bytes; what more it takes comes as `Answer`."""

    def say(self, nick: str, room: str, numbers: Sequence[int], text_bytes: int) -> bytes:
        """Lines of one author, with these numbers."""

    def cut(self, data: bytes) -> int:
        """How many of these bytes are whole entries and asides."""

    def runs(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """Whole entries and asides: pieces of one kind each, and whether it is entries."""

    def entries(self, run: bytes) -> Iterator[Said]:
        """The entries of such a piece.

        Raises: ValueError: one is none that was said here.
        """

    def asides(self, run: bytes, room: str) -> Iterator[Aside]:
        """What matters of a piece of the other kind, to a member of a room."""
