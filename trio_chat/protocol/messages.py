"""Every message of the wire, each direction a closed union: what docs/wire.md lists."""

from typing import Annotated, Final, Literal

import msgspec

PROTOCOL_VERSION: Final = 1
"""Spoken by both ends; see docs/wire.md §7 for what may change without raising it."""

INBOX: Final = "@"
"""The room name under which each device sees its own direct messages."""

TEXT_BYTES_MAX: Final = 16 * 1024
"""The longest text anybody may send, in bytes of UTF-8."""

REACTION_BYTES_MAX: Final = 32
"""The longest text of a reaction: one emoji with all its joiners, or a word."""

TEXT_ENCODED_BYTES_MAX: Final = 60 * 1024
"""As JSON a text of control characters grows sixfold; a line has to hold it."""

FETCHED_MAX: Final = 200
"""Entries that one `fetch` may ask for."""

FOUND_MAX: Final = 50
"""Entries that one `search` may ask for."""

WORDS_CHARS_MAX: Final = 256
"""What one may look for, in characters."""

CREDIT: Final = 64
"""Drafts without an answer, for a client whose server does not say how many it grants."""

COUNTER_MAX: Final = 2**53 - 1
"""The largest integer that every JSON implementation keeps exact."""

Count = Annotated[int, msgspec.Meta(ge=0, le=COUNTER_MAX)]
Number = Annotated[int, msgspec.Meta(ge=1, le=COUNTER_MAX)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Kind = Literal["text", "me", "edit", "delete", "react", "unreact"]
"""What a draft is. `text` and `me` stand for themselves, and with a `ref` they are replies.
All others need a `ref`, and say something about that entry: nothing in a log is changed."""

LINES: Final = frozenset({"text", "me"})
"""The kinds that are lines of their own: what the others say something about."""


class Message(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    tag_field="t",
    tag=str.lower,
    gc=False,  # no message leads back to itself, and there are very many
):
    """What both directions' messages have in common: immutable, tagged by `t`."""


# --- either direction ----------------------------------------------------------------


class Ping(Message, frozen=True):
    """Asks the other end for a `pong` with the same number: is the link alive?"""

    id: Count = 0
    """Comes back unchanged."""


class Pong(Message, frozen=True):
    """Answers a `ping`."""

    id: Count = 0
    """The number of the ping."""


class Bye(Message, frozen=True):
    """The last message of whoever says it: nothing follows, the link is closed."""

    reason: str = ""
    """For people."""
    back_in_s: Seconds | None = None
    """From a server that restarts: seconds to wait before coming back."""


class Mark(Message, frozen=True):
    """From the client: I have read up to here. From the server: so has one of you."""

    room: str
    """A room that was joined; `@` is one's own direct messages."""
    seq: Count
    """The last seq that was read. Marks only grow: a smaller one changes nothing."""


# --- client to server ----------------------------------------------------------------


class Hello(Message, frozen=True):
    """The client's first line: who it is, and which version it speaks."""

    v: int
    """The highest protocol version the client speaks."""
    nick: str
    """The name it wants; see docs/wire.md §4 for what a name may be."""
    device: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    """A secret of this client's own: its session, and half of its drafts' identity. None:
    one is made for this connection, and one can't come back, nor send again, after it."""
    attempt: Count = 0
    """Larger in each later connection of the device: a hello that was under way for long
    does not take the place of one that was said after it."""
    person: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    """A secret that all devices of one person share: they have their read marks in
    common. None: the device has its own."""
    software: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """For the server's log."""
    caps: Annotated[tuple[str, ...], msgspec.Meta(max_length=32)] = ()
    """Later abilities the client knows; the server uses none that is not listed."""


class Join(Message, frozen=True):
    """Become a member of a room, or go on in it from a cursor."""

    room: str
    """Made on the first join. `@` is the device's own direct messages."""
    after: Count | None = None
    """The cursor: entries that follow it are sent. None: the last `history` ones."""
    history: Count | None = None
    """How many past entries to send when there is no cursor. None: as the server likes."""


class Leave(Message, frozen=True):
    """Stop being a member."""

    room: str
    """A room that was joined."""


class Hold(Message, frozen=True):
    """Send nothing more of this room until the next `join` for it; stay its member."""

    room: str
    """A room that was joined."""


class Say(Message, frozen=True):
    """A draft for a room's log; answered by `accepted` or `refused`."""

    room: str
    """A room that was joined."""
    n: Number
    """The author's own counter: (device, n) is the draft's identity, for ever."""
    text: str
    """Non-empty, at most `text_bytes_max` bytes of UTF-8. Newlines are welcome."""
    kind: Kind = "text"
    """`me` is an action: "ada waves". `edit` has the whole new text of the entry `ref`,
    `delete` takes that entry back and has an empty text, `react` has a reaction to it, and
    `unreact` takes that one back; see docs/wire.md §9."""
    ref: Number | None = None
    """The seq of the entry in this log that it is about; None: it stands for itself."""


class Direct(Message, frozen=True):
    """A draft for one other person; answered by `accepted` or `refused`."""

    to: str
    """The nick of somebody who is here, or was a moment ago."""
    n: Number
    """The author's own counter, the same one as in `say`."""
    text: str
    """As in `say`."""
    kind: Kind = "text"
    """As in `say`."""
    ref: Number | None = None
    """As in `say`: the seq is that of the author's own `@`."""


class Nick(Message, frozen=True):
    """From the client: a wish for another name. From the server: the name one now has."""

    nick: str
    """The name."""


class Who(Message, frozen=True):
    """Asks who is in a room; answered by `members`."""

    room: str
    """A room that was joined."""


class Fetch(Message, frozen=True):
    """Asks for past entries; answered by `page`, or `refused`. No cursor moves by it."""

    room: str
    """A room that was joined, or `@`."""
    id: Count
    """Comes back in the answer."""
    after: Count
    """The entries that follow this one are meant …"""
    through: Number
    """… up to and including this one, at most 200 at once."""


class Search(Message, frozen=True):
    """Asks where words were said; answered by `found`, or `refused`."""

    room: str
    """A room that was joined, or `@`."""
    id: Count
    """Comes back in the answer."""
    words: Annotated[str, msgspec.Meta(max_length=WORDS_CHARS_MAX)]
    """All have to be there, the last one perhaps as the beginning of a longer one."""
    before: Number | None = None
    """Only entries before this one, as `found` has it. None: from the newest on."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=FOUND_MAX)] = 20
    """How many entries at most."""


# --- server to client ----------------------------------------------------------------


class Welcome(Message, frozen=True):
    """The server's first line: the hello was taken."""

    v: int
    """The version spoken from here on."""
    nick: str
    """The name, as the server writes it (Unicode NFC)."""
    epoch: str
    """Which past this server has. Another one than last time: forget all cursors."""
    software: str
    """For the client's log."""
    heartbeat_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)]
    """Silence after which each end sends a ping; twice that, and the link is dead."""
    text_bytes_max: int
    """The longest text that is taken, in bytes of UTF-8."""
    credit: Number = CREDIT
    """How many drafts the client may have sent on this link without an answer: each
    `accepted` or `refused` lets it send another one."""


class Room(Message, frozen=True):
    """Answers `join`: what follows are the entries after `after`, without a hole."""

    room: str
    """The room's name as the server writes it."""
    after: Count
    """The cursor from which entries are sent."""
    head: Count
    """The last seq given in this room so far."""
    read: Count | None = None
    """The read mark: the person has read up to here. None: no mark is known."""


class Members(Message, frozen=True):
    """Who is in a room: a snapshot that replaces what was known."""

    room: str
    """The room."""
    nicks: tuple[str, ...]
    """In the order of their joining; after a restart of the server in any."""
    more: bool = False
    """Another `members` follows that continues this one."""
    first: bool = False
    """Of several: the list begins with this one, and what came before it without an end,
    because the list has changed meanwhile, is void."""


class Entry(Message, frozen=True):
    """A numbered item of a room's log: durable, and the same for everyone."""

    room: str
    """The room."""
    seq: Number
    """Its place: 1, 2, 3 …, contiguous, given once."""
    nick: str
    """Who said it, by the name of that moment."""
    text: str
    """What was said. Untrusted: clean it before it reaches a terminal."""
    ts: float
    """Seconds since 1970, UTC, by the server's clock: for show, orders nothing."""
    kind: str = "text"
    """As in `say`. One that is not known is shown as a `text`."""
    to: str | None = None
    """In `@`: the other person, where the reader is the author."""
    ref: Number | None = None
    """The seq of the entry in this log that it is about."""


class Page(Message, frozen=True):
    """Answers `fetch`, in as many lines as it takes."""

    room: str
    """The room."""
    id: Count
    """The number of the `fetch`."""
    entries: tuple[Entry, ...] = ()
    """Some of what was asked for, in its order, as far as it has been given and is kept."""
    more: bool = False
    """Another `page` follows that continues this one."""
    trimmed_through: Count = 0
    """Of what was asked for, all up to this one is no longer kept; 0: nothing is gone."""


class Found(Message, frozen=True):
    """Answers `search`."""

    room: str
    """The room."""
    id: Count
    """The number of the `search`."""
    entries: tuple[Entry, ...] = ()
    """Newest first; one that was edited has the text that it has now. They may be fewer
    than asked for, or none, although there are more."""
    more: bool = False
    """There may be older ones …"""
    before: Count = 0
    """… and this is the `before` of the search that finds them."""


class Gap(Message, frozen=True):
    """Entries that can't be had: the cursor moves over them, and the gap is shown."""

    room: str
    """The room."""
    after: Count
    """The entries that follow this one are meant …"""
    through: Number
    """… up to and including this one."""
    reason: str = ""
    """What has become of them, for people: "no longer kept" …"""


class Accepted(Message, frozen=True):
    """A draft is durable. A draft that is sent again is accepted with the same seq."""

    room: str
    """Where it went; `@` for a direct message."""
    n: Number
    """The author's counter."""
    seq: Number
    """Its place in that log."""


class Refused(Message, frozen=True):
    """A request was understood and not done; nothing changed, the link goes on."""

    code: str
    """One of docs/wire.md §5."""
    reason: str
    """A sentence for people."""
    room: str | None = None
    """The room the request was about."""
    n: Number | None = None
    """The draft it was about."""
    id: Count | None = None
    """The `fetch` or `search` it was about."""


class Joined(Message, frozen=True):
    """Somebody became a member."""

    room: str
    """The room."""
    nick: str
    """Who."""


class Left(Message, frozen=True):
    """Somebody is no longer a member; to the one who left, the answer to `leave`."""

    room: str
    """The room."""
    nick: str
    """Who."""
    reason: str = ""
    """Why, for people: "left", "quit", "timed out" …"""


class Renamed(Message, frozen=True):
    """A member has another name now."""

    room: str
    """The room."""
    nick: str
    """The name until now."""
    to: str
    """The name from now on."""


class Error(Message, frozen=True):
    """A line could not be understood, or the link can't go on."""

    code: str
    """One of docs/wire.md §5."""
    reason: str
    """A sentence for people."""
    end: bool = False
    """True: the server closes the link after this line."""


ClientMessage = (
    Hello
    | Join
    | Leave
    | Hold
    | Say
    | Direct
    | Nick
    | Who
    | Mark
    | Fetch
    | Search
    | Ping
    | Pong
    | Bye
)
"""What a client may send."""

ServerMessage = (
    Welcome
    | Room
    | Members
    | Entry
    | Page
    | Found
    | Gap
    | Accepted
    | Refused
    | Joined
    | Left
    | Renamed
    | Nick
    | Mark
    | Error
    | Ping
    | Pong
    | Bye
)
"""What a server may send."""
