"""What the terminal client knows, as a value, and what is printed of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from trio_chat.client.events import AGAIN, Entry, Gap, Queued, State
from trio_chat.client.outbox import Progress, Ticket
from trio_chat.protocol.messages import INBOX
from trio_chat.ui.lookalikes import Likes
from trio_chat.ui.pointing import typed_about
from trio_chat.ui.recent import Known, Recent
from trio_chat.words import NOTHING, Wanted

SHOWN_CHARS_MAX: Final = 50
"""Of a line in a list of several."""
KEPT_ENTRIES_MAX: Final = 200
"""Of a room that is not looked at; of older ones only the number is kept."""
SPEAKERS_MAX: Final = 50
TOLD_NEWS_MIN: Final = 10
"""Fewer lines that one has missed without a link just follow."""


# --- what is printed -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A line that somebody said."""

    entry: Entry
    """All about it."""
    own: bool = False
    """Whether one said it oneself."""
    to: str = ""
    """In a direct message: whom it is for."""
    called: str = ""
    """One's own nick, if the line is for it."""
    about: Known | None = None
    """The line that it is about, as it read before, if that is known."""
    like: str = ""
    """Whom somebody else would take its author for."""

    @property
    def reacts(self) -> bool:
        """Whether it is a reaction to another line, or takes one back."""
        return self.entry.kind in ("react", "unreact")


@dataclass(frozen=True, slots=True)
class Reacted:
    """Reactions to one line that came together, in their order; at least one."""

    all: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know in passing."""

    text: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that did not work, and what to do."""

    text: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Somebody came into the room, or went."""

    nick: str
    came: bool
    reason: str = ""
    """Why they went."""

    @property
    def words(self) -> str:
        """It as a sentence."""
        if self.came:
            return f"{self.nick} joined"
        reason = f" ({self.reason})" if self.reason not in ("", "left") else ""
        return f"{self.nick} left{reason}"


@dataclass(frozen=True, slots=True)
class Missing:
    """Here are lines that can't be had."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class Rule:
    """From here on the lines are of this room."""

    room: str
    remark: str = ""
    news: bool = False
    """Whether the remark is about lines that are new."""


@dataclass(frozen=True, slots=True)
class Day:
    """From here on the lines are of the day in which this moment is."""

    ts: float


@dataclass(frozen=True, slots=True)
class Recalled:
    """A line from before, which was asked for: it shows its number."""

    said: Said
    sought: Wanted = NOTHING
    """What is marked in it."""
    here: bool = False
    """Whether it is the one that was asked for."""
    dated: bool = False
    """Whether it shows its day, for it does not stand among the others of that day."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Here are lines that were not printed: the terminal is slower than the room."""

    room: str
    lines: int
    after: int
    """They follow this seq, but for some that were printed."""
    through: int
    """This seq is the last."""


Line: TypeAlias = (
    Said | Recalled | Reacted | Note | Trouble | Moved | Missing | Skipped | Rule | Day
)
"""What is printed above the input; strings in it are as they came, not cleaned yet."""


# --- what is known -------------------------------------------------------------------


class Room(msgspec.Struct, frozen=True):
    """A room that one is in, or will be as soon as the server hears of it."""

    # No dataclass, nor is the view: each line that is heard makes some new ones, and these
    # are made in a tenth of the time.

    name: str
    nicks: tuple[str, ...] = ()
    """Its members, in the order of their joining."""
    opened: bool = False
    """Whether the server has let us in."""
    cut_off: bool = False
    """Whether the link was lost since."""
    unread: int = 0
    """What others have said since one last looked, here or on another device."""
    calls: int = 0
    """How many of those are for oneself."""
    read: int = 0
    """The seq of the last line that was printed: nothing is printed twice."""
    speakers: tuple[str, ...] = ()
    """Who spoke last, the last one first, SPEAKERS_MAX at most; without oneself."""
    kept: tuple[Entry | Gap, ...] = ()
    """What was said since one last looked, oldest first, KEPT_ENTRIES_MAX at most."""
    not_kept: int = 0
    """How many came before those."""
    back: int = 0
    """The oldest line that was printed, or follows, has this seq; 0: none does."""
    hole: tuple[int, int] | None = None
    """Lines left out last that may be had: those after this seq, through the other."""
    mark: int | None = None
    """One has read up to here, on whatever device; None: nobody knows. See ui/unread.py."""
    heard: int = 0
    """All up to here was told, or will not be."""
    floor: int = 0
    """What is not behind this is not known line by line."""
    news: tuple[int, ...] = ()
    """The seqs of what others have said behind the mark, as far as they are known."""
    called: tuple[int, ...] = ()
    """Those of them that are for oneself."""
    divider: tuple[int, int] | None = None
    """Behind this seq begin so many new lines: a rule is to say so."""
    about: Mapping[int, Known] = msgspec.field(default_factory=dict)
    """By seq: what those that are about a line are about, as it read before them."""


class View(msgspec.Struct, frozen=True):
    """All that the screen shows, and nothing else.

    Shape:  `rooms` in the order of joining; `current` is one of them, or "" without any.
    """

    nick: str
    current: str
    rooms: tuple[Room, ...]
    state: State = "connecting"
    reason: str = ""
    """Why the link is as it is, in a sentence."""
    retry_in_s: float | None = None
    """Without a link: how long until the next try, 0 while it is made; None: not known."""
    inbox: Room = Room(INBOX)
    """Direct messages: they are printed wherever one is, and have a read mark."""
    left: Mapping[str, int] = msgspec.field(default_factory=dict)
    """What was printed of rooms that one is not in any more: `read` of each."""
    likes: Likes = Likes()
    """Whom one has met, and who of them looks like somebody else."""
    muted: frozenset[str] = frozenset()
    """The rooms that are not to call one."""
    told: State = "connecting"
    """What the rows that were printed say of the link."""
    queued: tuple[Queued, ...] = ()
    """One's own lines that are not accepted yet, in the order of typing."""
    sending: Progress | None = None
    """How far they have come, if it takes more than a moment."""
    saving: bool = False
    """Whether the line in the input waits for a disk that takes its time."""
    leaving: bool = False
    """Whether one has gone, but for the answers to one's last lines."""
    recent: Mapping[str, Recent] = msgspec.field(default_factory=dict)
    """The last lines of each room, and of one's direct messages."""

    @property
    def why(self) -> str:
        """The reason alone: when the next try is counts down elsewhere."""
        return self.reason.partition(AGAIN)[0]

    @property
    def room(self) -> Room | None:
        """The room that one looks at."""
        return self.find(self.current)

    def find(self, name: str) -> Room | None:
        """The room of this name, if one is in it."""
        return next((room for room in self.rooms if room.name == name), None)

    def log(self, name: str) -> Room | None:
        """As find(), and one's direct messages."""
        return self.inbox if name == INBOX else self.find(name)


class Update(msgspec.Struct, frozen=True):
    """What follows from an event."""

    view: View
    lines: tuple[Line, ...] = ()
    """To be printed, in this order."""
    back: str = ""
    """A line that was not taken: for the input, as it was typed."""


def begin(nick: str, *rooms: str) -> View:
    """What is known at the start; the first room is the one that is looked at."""
    return View(nick, rooms[0], tuple(map(Room, rooms)))


# --- small change --------------------------------------------------------------------


def typed(line: Queued | Ticket) -> str:
    """A line of one's own, as it has to be typed."""
    if line.ref is not None:
        return typed_about(line.room, line.kind, line.ref, line.text)
    if line.room.startswith("@"):
        return f"/msg {line.room[1:]} {line.text}"
    if line.kind == "me":
        return f"/me {line.text}"
    return f"/{line.text}" if line.text.startswith("/") else line.text


def said_in(line: Queued | Ticket) -> str:
    """A line of one's own in a list: its text, or what it says about another one."""
    return line.text if line.ref is None else typed(line)


def place(room: str) -> str:
    """A room, or one's direct messages, in words."""
    return "direct messages" if room == INBOX else f"#{room}" if room else "no room"


def destination(room: str) -> str:
    """A room, or one person, as it is written."""
    return room if room.startswith("@") else f"#{room}"


def short(text: str) -> str:
    """As much of a text as goes into a list."""
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[: SHOWN_CHARS_MAX - 1]}\u2026"


def count(number: int, what: str) -> str:
    """So many of something, in words."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
