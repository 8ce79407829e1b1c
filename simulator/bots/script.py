"""What a bot will do, as data: it can be printed, compared and shortened."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from trio_chat.protocol.messages import Kind

WHOLE_LOG: Final = 1_000_000
"""More entries than any room of a story has."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say these lines one after the other, without waiting for an answer."""

    room: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while, like somebody who reads."""

    for_s: float


@dataclass(frozen=True, slots=True)
class Join:
    """Become a member of a room, and read it from its beginning."""

    room: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Stop being a member of a room."""

    room: str


@dataclass(frozen=True, slots=True)
class Dawdle:
    """Take nothing of what comes, for a while; the connection stays."""

    for_s: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Lose the connection from this end, as somebody does who walks out of the wifi."""


@dataclass(frozen=True, slots=True)
class About:
    """Say something about an entry of the room; a line like any other while there is none.

    Shape:  an `edit` is about one's own last line that was accepted, all else about the
            last entry that was read.
    """

    room: str
    text: str
    kind: Kind = "text"


Step: TypeAlias = Say | About | Pause | Join | Leave | Dawdle | Drop


@dataclass(frozen=True, slots=True)
class Script:
    """A bot: who it is, where it is from the start, and what it does there.

    Shape:  after the last step it stays, and reads.
    """

    nick: str
    rooms: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    history: int = WHOLE_LOG
    """How many entries of a room's past it asks for."""

    @property
    def places(self) -> tuple[str, ...]:
        """All rooms in which it will be at the end."""
        places = dict.fromkeys(self.rooms)
        for step in self.steps:
            match step:
                case Join(room=room):
                    places[room] = None
                case Leave(room=room):
                    places.pop(room, None)
                case _:
                    pass
        return tuple(places)

    @property
    def lines(self) -> int:
        """How many lines it will say."""
        said = sum(len(step.texts) for step in self.steps if isinstance(step, Say))
        return said + sum(isinstance(step, About) for step in self.steps)
