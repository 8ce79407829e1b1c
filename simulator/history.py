"""What bots did and saw, as values: all that a checker may know of a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Event:
    """What all records have in common; `at_s` counts from the start of the run."""

    at_s: float
    """Seconds, by the clock of the one process in which all bots live."""


@dataclass(frozen=True, slots=True)
class Invoke(Event):
    """A bot said a line: it is in the bot's outbox.

    Shape:  no bot says the same text twice in one room, so (bot, room, text) is the line.
    """

    bot: str
    room: str
    n: int
    """The line's number in the bot's outbox."""
    text: str


@dataclass(frozen=True, slots=True)
class Ok(Event):
    """The server accepted the line. A line with neither Ok nor Fail may be in the log."""

    bot: str
    room: str
    n: int
    seq: int


@dataclass(frozen=True, slots=True)
class Fail(Event):
    """The server refused the line: it is not in the log and never will be."""

    bot: str
    room: str
    n: int
    reason: str


@dataclass(frozen=True, slots=True)
class Opened(Event):
    """A bot is a member of a room, and reads on after the entry `after`."""

    bot: str
    room: str
    after: int
    head: int
    """The last seq of the room, by the word of the server."""


@dataclass(frozen=True, slots=True)
class Closed(Event):
    """A bot is no longer a member of a room."""

    bot: str
    room: str
    reason: str


@dataclass(frozen=True, slots=True)
class Saw(Event):
    """A bot was shown an entry."""

    bot: str
    room: str
    seq: int
    nick: str
    text: str


@dataclass(frozen=True, slots=True)
class Linked(Event):
    """A bot has a connection."""

    bot: str


@dataclass(frozen=True, slots=True)
class Cut(Event):
    """A bot has lost its connection."""

    bot: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reset(Event):
    """A bot was told that the server has another past than before."""

    bot: str


@dataclass(frozen=True, slots=True)
class Done(Event):
    """A bot is at the end of its script; it stays, and reads."""

    bot: str


@dataclass(frozen=True, slots=True)
class Fault(Event):
    """Something was done to the server."""

    what: str


Record: TypeAlias = (
    Invoke | Ok | Fail | Opened | Closed | Saw | Linked | Cut | Reset | Done | Fault
)
"""Everything a history is made of."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the final log: what the store held after the server had ended."""

    room: str
    seq: int
    nick: str
    text: str


Log: TypeAlias = Mapping[str, Sequence[Logged]]
"""The final log: each room's entries in the order of the store."""
Entry: TypeAlias = Saw | Logged
"""An entry as somebody saw it, or as the store held it."""
Proof: TypeAlias = Record | Logged
"""What a checker may point at."""


@dataclass(frozen=True, slots=True)
class History:
    """One run.

    Shape:  `records` in the order in which they happened. `log` is None where nobody could
            look into the store.
    """

    records: tuple[Record, ...]
    log: Log | None = None

    def entries(self) -> Iterator[Entry]:
        """Every entry as often as it was seen, and once more as the store held it."""
        for record in self.records:
            if isinstance(record, Saw):
                yield record
        for logged in (self.log or {}).values():
            yield from logged
