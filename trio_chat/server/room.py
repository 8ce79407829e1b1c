"""A room: its members, and how what is durable reaches each of them.

Why a member can fall behind without anyone waiting, and still get every entry once:

1. A member is live or behind, and both change in steps without an await. Live means: it
   was offered everything up to the room's head, and will be offered every later batch.
2. A batch that a live member's queue does not take sets it aside, with its cursor at the
   head from before that batch. It is behind from then on, and costs the room nothing.
3. A member that is behind is served by its own peer, page by page, from the log: what
   follows the cursor, never past the head. When its cursor is the head it goes live in
   the same step, so nothing can come between.

Joining is being behind with a short backlog, so there is one way for all of them.
A member whose session has lost its link is away: it keeps its place in the list, is told
nothing and costs nothing. When its session joins again, a new Member has the old one's
place, so the lost peer's pager, which may be in the middle of a page for the old one,
can't touch it; and nobody else is told anything, since the list is what it was.

Who came and who left is not in the log: a member that was behind gets the whole list
anew when it goes live, if the list has changed since it had it last. Such changes are
collected, and told by the batch (herald.py says when), always before anything that follows
them: entries, or a list that has them already. So whoever could be live and finds news
untold waits until they are told, and then has the list and is live in the same step.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from trio_chat.protocol import messages
from trio_chat.protocol.framing import encode
from trio_chat.protocol.messages import INBOX, Message
from trio_chat.server.figures import Figures
from trio_chat.store.interface import Entry

_NICKS_PER_LINE = 1_000


class Resident(Protocol):
    """What a room needs of a session."""

    nick: str


class Taker(Protocol):
    """What a room needs of what writes to a peer."""

    @property
    def now(self) -> Callable[[bytes], int]:
        """Writes as many leading bytes as go at once; how many. Raises: OSError: none."""

    def keep(self, data: bytes, taken: int) -> bool:
        """Take what now() has left of these bytes; False, if that is all, and too much."""

    def offer(self, data: bytes) -> bool:
        """Take the bytes, all or none, without waiting: now(), and keep() for the rest."""


class Reader(Protocol):
    """What a room needs of a peer."""

    @property
    def taker(self) -> Taker:
        """What takes bytes for it."""

    def serve(self, member: "Member") -> None:
        """Bring a member that is behind up to the head."""


class Standing(Enum):
    """How far a member is."""

    LIVE = auto()
    """It is offered every batch."""
    BEHIND = auto()
    """Its peer reads the log for it."""
    WAITING = auto()
    """It has everything up to the head, and is live once the news were told."""
    HELD = auto()
    """It wants nothing for now."""
    AWAY = auto()
    """Its session has no link, or has not asked for the room on this one."""
    GONE = auto()
    """It has left."""


@dataclass(eq=False, slots=True)
class Member:
    """One session in one room, as far as one peer reads it."""

    room: "Room"
    resident: Resident
    reader: Reader | None
    """None: it is away."""
    cursor: int = 0
    """All up to here was handed to the peer; while live, the room's head stands for it."""
    standing: Standing = Standing.HELD
    greeted: bool = False
    """Whether the join that it is behind for was answered."""
    presence_seen: int = -1
    """While behind: the version of the member list that it was sent since, or a part of."""
    parts_had: int = 0
    """Of that list."""
    read: int | None = None
    """Its read mark, as it was when it joined."""


@dataclass(eq=False, slots=True)
class Room:
    """A numbered, ordered log with members.

    Shape:  `log` is its name in the store, `name` its name on the wire. An inbox has one
            device's session as its member and tells nobody about it.
    """

    log: str
    name: str
    head: int
    frame_bytes_max: int
    members: dict[Resident, Member] = field(default_factory=dict)
    presence: int = 0
    """The version of the member list; each change of it counts one up."""
    figures: Figures = field(default_factory=Figures)
    _live: dict[Member, Taker] = field(default_factory=dict)
    has_news: "Callable[[Room], None]" = lambda room: room.tell()
    """Is told of a room that has something to tell(); by itself it does so at once."""
    _roll_call: tuple[bytes, ...] = ()
    """The member list, encoded; nothing if it has changed since."""
    _news: list[Message] = field(default_factory=list)
    """Changes of the member list that nobody was told yet."""
    _asking: dict[Member, None] = field(default_factory=dict)
    """Who wants the list once they are told: nobody, as long as there are none."""

    @property
    def inbox(self) -> bool:
        return self.name == INBOX

    # --- what reaches the members ----------------------------------------------------

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Offer what has become durable to all live members: one batch, encoded once.

        Shape:  `entries` follow the head without a hole. A batch that no queue could take
                whole goes in several frames.
        """
        self.tell()
        before = self.head
        assert entries[0].seq == before + 1, "the log has a hole"
        self.head = entries[-1].seq
        for frame, last in self.frames(entries):
            self._offer(frame, before)
            self.figures.deliveries += len(self._live) * (last - before)
            before = last

    def move_on(self, head: int) -> None:
        """The log goes up to here, and nobody was offered that: all read it from there."""
        self.tell()
        before, self.head = self.head, head
        for member in list(self._live):
            del self._live[member]
            self._behind(member, before)

    def announce(self, message: Message) -> None:
        """Have all live members told about a change of the member list."""
        self.presence += 1
        self._roll_call = ()
        self._news.append(message)
        if len(self._news) == 1:
            self.has_news(self)

    def tell(self) -> None:
        """Tell all live members what is new, in one batch, and whoever asks the list."""
        if not self._news:
            return
        news, self._news = self._news, []
        for frame in _parts(encode(news), self.frame_bytes_max):
            self._offer(frame, self.head)
        asking, self._asking = self._asking, {}
        for member in asking:
            if member.standing is Standing.LIVE:
                self._list(member)
            elif member.standing is Standing.WAITING and not self._settled(member):
                self._behind(member, self.head)

    def frames(self, entries: Sequence[Entry]) -> Iterator[tuple[bytes, int]]:
        """The entries as the wire has them, each part with the seq of its last one.

        Shape:  no part is longer than a queue takes, but for one with a single entry in
                it. Mostly there is one part.
        """
        whole = self._encoded(entries)
        count = 0
        for frame in _parts(whole, self.frame_bytes_max):
            count += frame.count(b"\n")
            yield frame, entries[count - 1].seq

    def _encoded(self, entries: Sequence[Entry]) -> bytes:
        return encode([as_wire(self.name, entry) for entry in entries])

    def _offer(self, frame: bytes, cursor: int) -> None:
        # Once for each delivery: the socket's own send(), and nothing of ours around it.
        size, full = len(frame), []
        for member, taker in self._live.items():
            try:
                taken = taker.now(frame)
            except OSError:
                taken = 0
            if taken != size and not taker.keep(frame, taken):
                full.append(member)
        for member in full:
            del self._live[member]
            self._behind(member, cursor)
        self.figures.members_set_aside += len(full)

    # --- where a member stands -------------------------------------------------------

    def enter(self, resident: Resident, reader: Reader) -> Member:
        """A new member, held until it says from where it wants to read."""
        member = self.members[resident] = Member(self, resident, reader)
        if not self.inbox:
            self.announce(messages.Joined(room=self.name, nick=resident.nick))
        return member

    def empty_seat(self, member: Member) -> None:
        """The member has no link for now; nobody is told."""
        self._live.pop(member, None)
        member.standing = Standing.AWAY
        # What a whole grace keeps is a place, not the peer that was in it.
        member.reader = None

    def seat_again(self, resident: Resident, reader: Reader) -> Member:
        """The member is back, in its old place; held until it says from where to read."""
        member = self.members[resident] = Member(self, resident, reader)
        return member

    def keep_seat(self, resident: Resident) -> Member:
        """A member of before a restart, which is not back yet."""
        member = Member(self, resident, None, standing=Standing.AWAY)
        self.members[resident] = member
        self._roll_call = ()
        return member

    def read_from(self, member: Member, cursor: int) -> None:
        """The member wants what follows `cursor`; it is told so, and then served."""
        self._live.pop(member, None)
        member.greeted = False
        self._behind(member, min(cursor, self.head))

    def hold(self, member: Member) -> None:
        """The member wants nothing until it says from where."""
        self._live.pop(member, None)
        member.standing = Standing.HELD

    def welcome(self, member: Member) -> bool:
        """Answer the join of a member that has everything, and have it live.

        Shape:  False: it is still to be served; it has more to read, or can't take that.
        """
        assert member.reader is not None
        if member.greeted or member.cursor != self.head:
            return False
        if not member.reader.taker.offer(self.greeting(member)):
            return False
        member.greeted = True
        return self.go_live(member)

    def go_live(self, member: Member) -> bool:
        """The member has everything up to the head: it is live, or as good as that.

        Shape:  called in the step in which that was found. False: it has to be sent the
                member list before, and that takes a while.
        """
        assert member.cursor == self.head, "going live over a hole"
        if not self._news:
            return self._settled(member)
        member.standing = Standing.WAITING
        self._asking[member] = None
        return True

    def _settled(self, member: Member) -> bool:
        """Make the member live, with the list if it has not had it; False: as go_live."""
        assert member.reader is not None
        had = member.presence_seen == self.presence and member.parts_had
        first, *others = self.roll_call()[had:] or (b"",)
        if others or (first and not member.reader.taker.offer(first)):
            return False
        member.standing = Standing.LIVE
        self._live[member] = member.reader.taker
        return True

    def list_members(self, member: Member) -> None:
        """The member wants to know who is here: now, or when it will be told other things.

        Shape:  the list of a moment ago, sent after news of a change, would undo it; one
                that is ahead of the news would be wrong after them.
        """
        member.presence_seen = -1
        if self._news:
            self._asking[member] = None
        elif member in self._live:
            self._list(member)

    def _list(self, member: Member) -> None:
        first, *others = self.roll_call()
        if others or not self._live[member].offer(first):
            del self._live[member]
            self._behind(member, self.head)
            self.figures.members_set_aside += 1

    def remove(self, member: Member, reason: str) -> None:
        """The member is one no longer; the others are told."""
        del self.members[member.resident]
        self._live.pop(member, None)
        member.standing = Standing.GONE
        if not self.inbox:
            nick = member.resident.nick
            self.announce(messages.Left(room=self.name, nick=nick, reason=reason))

    def _behind(self, member: Member, cursor: int) -> None:
        member.cursor = cursor
        member.presence_seen = -1
        member.standing = Standing.BEHIND
        assert member.reader is not None
        member.reader.serve(member)

    # --- what a member is told about the room ----------------------------------------

    def greeting(self, member: Member) -> bytes:
        """The answer to a join: from where the member reads."""
        opened = messages.Room(
            room=self.name, after=member.cursor, head=self.head, read=member.read
        )
        return encode([opened])

    def gap(self, after: int, through: int) -> bytes:
        """The entries in between are no longer kept, as the wire has it."""
        gone = messages.Gap(
            room=self.name, after=after, through=through, reason="no longer kept"
        )
        return encode([gone])

    def owes_list(self, member: Member) -> bool:
        """Whether a member that is behind is to be sent the member list, or more of it.

        Shape:  a list that changes while it is on its way is begun anew when the member is
                at the head, so that what is said goes on meanwhile. So is one that would
                change anyhow before that: there are news.
        """
        if member.presence_seen == self.presence:
            return member.parts_had < len(self.roll_call())
        return not self._news and (member.presence_seen < 0 or member.cursor == self.head)

    def next_of_list(self, member: Member) -> bytes:
        """The next part of the member list; the first one, if the list has changed."""
        if member.presence_seen != self.presence:
            member.presence_seen, member.parts_had = self.presence, 0
        member.parts_had += 1
        return self.roll_call()[member.parts_had - 1]

    def roll_call(self) -> tuple[bytes, ...]:
        """Who is there, a thousand names a line; nothing for an inbox.

        Shape:  parts that a queue takes, the same objects for all until the list changes:
                a thousand members that read nothing hold one list of each other.
        """
        if not self._roll_call:
            self._roll_call = tuple(_parts(self._encoded_list(), self.frame_bytes_max))
        return self._roll_call or (b"",)

    def _encoded_list(self) -> bytes:
        if self.inbox:
            return b""
        nicks = [resident.nick for resident in self.members]
        starts = range(0, max(len(nicks), 1), _NICKS_PER_LINE)
        return encode(
            messages.Members(
                room=self.name,
                nicks=tuple(nicks[start : start + _NICKS_PER_LINE]),
                more=start + _NICKS_PER_LINE < len(nicks),
                first=start == 0 and len(nicks) > _NICKS_PER_LINE,
            )
            for start in starts
        )


def as_wire(room: str, entry: Entry) -> messages.Entry:
    """An entry of the store as the wire has it, the same bytes whenever it was read."""
    return messages.Entry(
        room=room,
        seq=entry.seq,
        nick=entry.nick,
        text=entry.text,
        ts=entry.ts,
        # What is the default is left out, if it is the very same object.
        kind="text" if entry.kind == "text" else entry.kind,
        to=entry.to,
        ref=entry.ref,
    )


def _parts(lines: bytes, bytes_max: int) -> Iterator[bytes]:
    """Whole lines, as many as go into so many bytes; a longer line alone."""
    start = 0
    while start < len(lines):
        end = len(lines)
        if end - start > bytes_max:
            # A line has no other newline than its last byte.
            end = lines.rfind(b"\n", start, start + bytes_max) + 1
            end = end or lines.find(b"\n", start) + 1
        yield lines[start:end]
        start = end
