"""What outlives a connection: a device's nick and its places, and how long they are kept.

A device has one session. Its nick and its places in rooms belong to the session; a peer
is only bound to it, so a link that breaks takes nothing away at once. What the others are
told follows from that:

1. A link that is lost: nothing, for the grace. Then "left", with the reason of the loss.
2. A device that comes back: nothing. Its new peer takes the place of the old one, if
   that is still there, in one step; it asks for its rooms, and goes on from its cursors.
   A room that it does not ask for within the grace is left. If it comes back under
   another name (because it was renamed, or the answer to its wish was lost), it is renamed.
3. A server that starts again: nothing. It finds the sessions in its store, all of them
   without a link, and gives them a grace. With another epoch the store has forgotten
   them: who was here in another past may have left, or be called otherwise, since.
4. A goodbye, or a leave: "left", at once. So does the loss of a client that has named no
   device: it can't come back as who it was.

A session has no cursors: only the client knows what it has, and says so in each join. Nor
has it a token: the device is one, and the store is given only a fingerprint of it.

Why graces need no task each: all of one length end in the order in which they began. So
each length is a queue, the first of each is the next to end, and one task waits for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from trio_chat.server.room import Member, Reader, Standing

KEPT_AS: Final = "session/"
"""What a session's name in the store begins with; the device's fingerprint follows."""
TIMED_OUT: Final = "timed out"


class Guest(Reader, Protocol):
    """What a session needs of a peer."""

    def supersede(self) -> None:
        """End: the same device is here again."""


@dataclass(eq=False, slots=True)
class Session:
    """Who somebody is on one device, and where; outlives its connections.

    Shape:  `device` is its fingerprint. Without a `guest` it waits for its device.
    """

    nick: str
    device: str
    guest: Guest | None = None
    lasting: bool = True
    """Whether its device can come back: it can't, if the client has named none."""
    attempt: int = 0
    """Of the last hello; larger in each later one of the device."""
    person: str = ""
    """Whose device it is, as a fingerprint; the device's own, if it has told no other."""
    memberships: dict[str, Member] = field(default_factory=dict)
    entering: tuple[str, ...] = ()
    """Rooms that it is about to be in, as soon as that is durable, by one request or more:
    that of a peer that was superseded, and its successor's."""
    lost: str = TIMED_OUT
    """Why the last link was lost, for people."""
    ended: bool = False

    @property
    def waits(self) -> bool:
        """Whether something is kept for it that it has not asked for on this link."""
        return any(member.standing is Standing.AWAY for member in self.memberships.values())


class Kept(msgspec.Struct, frozen=True):
    """What the store keeps of a session."""

    nick: str
    rooms: tuple[str, ...]


def kept_of(session: Session) -> str | None:
    """The session as the store keeps it; None if there is nothing to keep."""
    rooms = tuple(dict.fromkeys((*session.memberships, *session.entering)))
    if session.ended or not session.lasting or not rooms:
        return None
    return msgspec.json.encode(Kept(session.nick, rooms)).decode()


def from_kept(name: str, value: str) -> tuple[Session, tuple[str, ...]] | None:
    """A session that the store has kept, and its rooms; None if it makes no sense.

    Shape:  it is in none of its rooms yet.
    """
    try:
        kept = msgspec.json.decode(value, type=Kept)
    except msgspec.MsgspecError:
        return None
    device = name.removeprefix(KEPT_AS)
    return Session(kept.nick, device), kept.rooms


@dataclass(frozen=True, slots=True)
class _Grace:
    ends_s: float
    seats: int


class Graces:
    """Until when which session is waited for: queues of those that end in their order."""

    def __init__(self) -> None:
        self._queues: dict[float, dict[Session, _Grace]] = {}
        self.seats = 0
        """The places that are kept, as they were when their graces began."""

    def __contains__(self, session: object) -> bool:
        return any(session in queue for queue in self._queues.values())

    @property
    def next_s(self) -> float:
        """When the next one ends; never, if there is none."""
        return min(map(_first_end_s, self._queues.values()), default=float("inf"))

    def begin(self, session: Session, now_s: float, grace_s: float) -> None:
        """Wait for this session, from now on."""
        self.drop(session)
        grace = _Grace(now_s + grace_s, len(session.memberships))
        self._queues.setdefault(grace_s, {})[session] = grace
        self.seats += grace.seats

    def drop(self, session: Session) -> None:
        """Wait for it no longer."""
        for queue in self._queues.values():
            if session in queue:
                self.seats -= queue.pop(session).seats

    def take_ended(self, now_s: float) -> Iterator[Session]:
        """Those that need not be waited for any more, in the order of their ends."""
        while self.next_s <= now_s:
            yield self.take_first()

    def take_first(self) -> Session:
        """The one whose grace is the first to end; there is one."""
        queue = min(self._queues.values(), key=_first_end_s)
        session = next(iter(queue))
        self.drop(session)
        return session


def _first_end_s(queue: dict[Session, _Grace]) -> float:
    return next((grace.ends_s for grace in queue.values()), float("inf"))
