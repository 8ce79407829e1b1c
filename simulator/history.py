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
            Here, and in all that follows, `text` is in the form of simulator.words: also
            what is said about an entry is a line.
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
class Maybe(Event):
    """The line's author was killed, or went, before there was an answer.

    Shape:  nobody can say whether it is in the log; an answer may still come, to the
            author's next life.
    """

    bot: str
    room: str
    n: int


@dataclass(frozen=True, slots=True)
class Kept(Event):
    """A line of an earlier life, without an answer, is in the bot's outbox again."""

    bot: str
    room: str
    n: int
    text: str


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
class Gap(Event):
    """A bot was told that entries can't be had: those after `after` through `through`."""

    bot: str
    room: str
    after: int
    through: int


@dataclass(frozen=True, slots=True)
class Linked(Event):
    """A bot has a connection."""

    bot: str


@dataclass(frozen=True, slots=True)
class Cut(Event):
    """A bot has lost its connection."""

    bot: str
    reason: str
    retry_in_s: float | None = None
    """When it will try again, if it knows."""


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """A bot breaks its own connection, as its script has it."""

    bot: str


@dataclass(frozen=True, slots=True)
class Reset(Event):
    """A bot was told that the server has another past than before."""

    bot: str


@dataclass(frozen=True, slots=True)
class Done(Event):
    """A bot is at the end of its script; it stays, and reads."""

    bot: str


@dataclass(frozen=True, slots=True)
class Members(Event):
    """A bot was told who is in a room: this replaces what it knew."""

    bot: str
    room: str
    nicks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined(Event):
    """A bot was told that somebody came into a room."""

    bot: str
    room: str
    nick: str


@dataclass(frozen=True, slots=True)
class Left(Event):
    """A bot was told that somebody is no longer in a room."""

    bot: str
    room: str
    nick: str
    reason: str


@dataclass(frozen=True, slots=True)
class Renamed(Event):
    """A bot was told that somebody in a room has another name."""

    bot: str
    room: str
    nick: str
    to: str


@dataclass(frozen=True, slots=True)
class Stranger(Event):
    """Somebody comes who is not to be trusted; what it says and sees is not told here."""

    nick: str
    tricks: tuple[str, ...] = ()
    """What it will try, by name."""


@dataclass(frozen=True, slots=True)
class TurnedAway(Event):
    """A bot said hello, and was refused."""

    bot: str
    reason: str


@dataclass(frozen=True, slots=True)
class Killed(Event):
    """A bot's process is killed: it can do nothing about it, and has no connection."""

    bot: str


@dataclass(frozen=True, slots=True)
class Restarted(Event):
    """A bot that was killed, or had gone, lives again: the same nick, the same device.

    Shape:  what it reads from here on is a new view, wherever it begins.
    """

    bot: str


@dataclass(frozen=True, slots=True)
class Gone(Event):
    """A bot says goodbye and ends; written down before it does."""

    bot: str


@dataclass(frozen=True, slots=True)
class Stalled(Event):
    """From here on a bot reads little or nothing of what it is sent."""

    bot: str
    lives: bool
    """It still answers on its link, so nobody may drop it (P6)."""
    others_within_s: float
    """What the story allows the others between a line, its answer and its being seen."""


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """A bot that was stalled reads again."""

    bot: str


@dataclass(frozen=True, slots=True)
class Down(Event):
    """The server goes down; written down before it does."""

    kindly: bool
    """It was asked to end, and may say goodbye; otherwise it was killed."""


@dataclass(frozen=True, slots=True)
class Up(Event):
    """The server serves again."""


@dataclass(frozen=True, slots=True)
class Restored(Event):
    """The server was given an older past, as from a backup."""


@dataclass(frozen=True, slots=True)
class Keeps(Event):
    """From here on the server keeps only the last entries of each room."""

    entries: int
    """So many of them; it may keep more, and never less."""


@dataclass(frozen=True, slots=True)
class Healed(Event):
    """All faults are over: from here on everything has to get done, in time."""

    within_s: float
    """What the story allows: for the coming back, for an answer, for catching up."""


@dataclass(frozen=True, slots=True)
class Settled(Event):
    """All has come to rest: what is not there now will not come.

    Shape:  after the last step and the last fault, longer than any bound on noticing that
            somebody is gone, and before the first goodbye at the end.
    """


@dataclass(frozen=True, slots=True)
class Resources(Event):
    """What the server holds, counted from outside.

    Shape:  the first one, before anybody came, is the baseline. Those after everyone has
            gone are written down when the server has had its time to notice.
    """

    tasks: int
    sockets: int


@dataclass(frozen=True, slots=True)
class Fault(Event):
    """Something was done to the server, to a link or to a bot."""

    what: str
    holds: bool = False
    """Whether what is under way may come late for it, and all at once."""


Record: TypeAlias = (
    Invoke
    | Ok
    | Fail
    | Maybe
    | Kept
    | Opened
    | Closed
    | Saw
    | Gap
    | Members
    | Joined
    | Left
    | Renamed
    | Linked
    | Cut
    | Dropped
    | Reset
    | Stranger
    | TurnedAway
    | Done
    | Killed
    | Restarted
    | Gone
    | Stalled
    | Resumed
    | Down
    | Up
    | Restored
    | Keeps
    | Healed
    | Settled
    | Resources
    | Fault
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

    def until_settled(self) -> Sequence[Record]:
        """What happened until all had come to rest; everything, if it never did."""
        for end in range(len(self.records), 0, -1):
            if isinstance(self.records[end - 1], Settled):
                return self.records[:end]
        return self.records

    def entries(self) -> Iterator[Entry]:
        """Every entry as often as it was seen, and once more as the store held it."""
        for record in self.records:
            if isinstance(record, Saw):
                yield record
        for logged in (self.log or {}).values():
            yield from logged
