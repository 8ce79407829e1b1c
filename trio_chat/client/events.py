"""All that can happen to a client, as values: what a front end or a bot is told."""

from typing import Final, Literal, TypeAlias

import msgspec

from trio_chat.protocol.messages import INBOX, LINES, Kind

GONE: Final = "no longer kept"
"""The reason of a gap that nothing will ever fill."""


class Event(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower):
    """What all events have in common: immutable, and one JSON object when encoded."""


class Entry(Event, frozen=True):
    """An entry of a room's log, each once, in the order of `seq`, without a hole."""

    room: str
    """The room; `@` for a direct message."""
    seq: int
    """Its place in the room's log."""
    nick: str
    """Who said it. Untrusted, as are all strings here: clean before showing."""
    text: str
    """What was said; in an edit, what the entry says now; in a reaction, the reaction."""
    ts: float
    """Seconds since 1970, UTC, by the server's clock."""
    kind: Kind = "text"
    """`me` is an action; all but that and `text` say something about another entry."""
    to: str | None = None
    """In a direct message of one's own: the other person."""
    ref: int | None = None
    """The seq, in this room, of the entry that it is about: a reply to it, an edit of it,
    its deletion, or a reaction."""

    @property
    def is_line(self) -> bool:
        """Whether it was said, and is not only about something that was said before."""
        return self.kind in LINES

    @property
    def direct(self) -> bool:
        """Whether it was said to one person alone."""
        return self.room == INBOX

    @property
    def reply_to(self) -> str:
        """Where an answer goes: the room, or "@nick" for a direct message."""
        return f"@{self.to or self.nick}" if self.direct else self.room


class Gap(Event, frozen=True):
    """Entries of the room that can't be had any more; those behind them follow."""

    room: str
    """The room; `@` for direct messages."""
    after: int
    """The last one before them."""
    through: int
    """The last one of them."""
    reason: str
    """What has become of them, as in "no longer kept"."""


class Opened(Event, frozen=True):
    """One is a member of the room; its entries after `after` follow."""

    room: str
    """The room, as the server writes it."""
    after: int
    """The cursor: what came up to here is had, or was not asked for."""
    head: int
    """The last seq given so far."""
    read: int | None = None
    """One has read up to here, on whatever device; None: nothing is known."""


class Marked(Event, frozen=True):
    """One has read a room further, on another device."""

    room: str
    """The room; for `@` it says at the beginning how far one had read."""
    seq: int
    """One has read up to here."""


class Closed(Event, frozen=True):
    """One is not a member of the room, or no longer."""

    room: str
    """The room, as it was asked for."""
    reason: str
    """Why."""


class Members(Event, frozen=True):
    """Who is in the room: replaces what was known."""

    room: str
    """The room."""
    nicks: tuple[str, ...]
    """All of them, oneself too, in the order of their joining."""


class Joined(Event, frozen=True):
    """Somebody became a member."""

    room: str
    """The room."""
    nick: str
    """Who."""


class Left(Event, frozen=True):
    """Somebody else is no longer a member."""

    room: str
    """The room."""
    nick: str
    """Who."""
    reason: str
    """Why: "left", "quit", "timed out" …"""


class Renamed(Event, frozen=True):
    """A member, maybe oneself, has another name now."""

    room: str
    """The room."""
    nick: str
    """The name until now."""
    to: str
    """The name from now on."""


class Named(Event, frozen=True):
    """The server knows one by this name now."""

    nick: str
    """One's own name, as everyone sees it."""


class Queued(Event, frozen=True):
    """A line of one's own is in the outbox."""

    room: str
    """Where it goes; `@nick` for a direct message."""
    n: int
    """Its number, until it is accepted or refused."""
    text: str
    """What will be said."""
    kind: Kind = "text"
    """As in an entry."""
    ref: int | None = None
    """As in an entry."""


class Accepted(Event, frozen=True):
    """A line of one's own is durable on the server."""

    room: str
    """Where it went."""
    n: int
    """Its number in the outbox."""
    seq: int
    """Its place in the room's log."""


class Cancelled(Event, frozen=True):
    """A line of one's own was taken back: it was not sent, and never will be."""

    room: str
    """Where it would have gone."""
    n: int
    """Its number in the outbox."""
    text: str
    """What would have been said."""


class Refused(Event, frozen=True):
    """The server did not do what was asked; a line of one's own comes back."""

    code: str
    """One of docs/wire.md §5."""
    reason: str
    """A sentence for people."""
    room: str | None = None
    """What it was about."""
    n: int | None = None
    """The line's number in the outbox, where it was about a line."""
    text: str | None = None
    """The line."""


State: TypeAlias = Literal["connecting", "online", "offline", "waiting"]


class Status(Event, frozen=True):
    """The link's state has changed; `reason` says it in a sentence for people."""

    state: State
    """`offline`: trying again in `retry_in_s`. `waiting`: for another nick."""
    reason: str
    """As in "connection refused by 127.0.0.1:8765; trying again in 2 s"."""
    retry_in_s: float | None = None
    """Seconds until the next try."""


class Reset(Event, frozen=True):
    """The server's past is another one: what was shown may be gone, rooms begin anew."""

    reason: str
    """A sentence for people."""


def gap_words(gap: Gap) -> str:
    """What a gap is about, in a sentence for people."""
    first, last = gap.after + 1, gap.through
    which = f"entry {first:,}" if first == last else f"entries {first:,} to {last:,}"
    where = "your direct messages" if gap.room == INBOX else f"#{gap.room}"
    verb = "is" if first == last else "are"
    return f"{which} of {where} {verb} {gap.reason or 'missing'}"


ClientEvent: TypeAlias = (
    Entry
    | Gap
    | Opened
    | Marked
    | Closed
    | Members
    | Joined
    | Left
    | Renamed
    | Named
    | Queued
    | Accepted
    | Cancelled
    | Refused
    | Status
    | Reset
)
"""Everything a client can be told."""
