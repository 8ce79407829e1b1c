"""Who is here, in which room, under which name: one state, changed in whole steps only.

Nothing here waits, so every method is atomic: names are never given twice, and all
members of a room are told of changes in the same order.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from trio_chat.errors import RefusedError
from trio_chat.protocol import messages, names
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import INBOX
from trio_chat.server.limits import Limits
from trio_chat.server.room import Member, Reader, Room
from trio_chat.store.interface import Entry


class Guest(Reader, Protocol):
    """What the hub needs of a peer that said hello."""

    device: str
    attempt: int
    memberships: dict[str, Member]

    def supersede(self) -> None:
        """End: the same device is here again."""


class Hub:
    """The server's whole state outside the store.

    Shape:  `heads` is the last seq of every log that has an entry.
    """

    def __init__(
        self,
        heads: dict[str, int],
        limits: Limits,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._heads = heads
        self._limits = limits
        self._log = log
        self._rooms: dict[str, Room] = {}
        self._guests: dict[str, Guest] = {}

    def __len__(self) -> int:
        return len(self._guests)

    # --- names -----------------------------------------------------------------------

    def arrive(self, guest: Guest) -> None:
        """Take the guest in under its nick; a ghost of the same device makes way.

        Raises: RefusedError: somebody else has the nick, or a later connection of the same
                device does: this hello was under way for too long.
        """
        holder = self._guests.get(names.same(guest.nick))
        if holder is not None:
            if holder.device != guest.device or holder.attempt > guest.attempt:
                raise _nick_taken(guest.nick)
            self.depart(holder, "replaced by its own new connection")
            holder.supersede()
        self._guests[names.same(guest.nick)] = guest

    def rename(self, guest: Guest, nick: str) -> None:
        """Give the guest another name, in all its rooms at once.

        Raises: RefusedError: somebody else has it; nothing has changed.
        """
        assert self._is_here(guest)
        if self._guests.get(names.same(nick), guest) is not guest:
            raise _nick_taken(nick)
        del self._guests[names.same(guest.nick)]
        self._guests[names.same(nick)] = guest
        old, guest.nick = guest.nick, nick
        for member in guest.memberships.values():
            if not member.room.inbox:
                member.room.announce(
                    messages.Renamed(room=member.room.name, nick=old, to=nick)
                )
        self._log.info("renamed", nick=old, to=nick)

    def depart(self, guest: Guest, reason: str) -> None:
        """The guest is gone from all its rooms, and its name is free; once is enough."""
        if not self._is_here(guest):
            return
        del self._guests[names.same(guest.nick)]
        for name in list(guest.memberships):
            self._remove(guest, name, reason)

    def called(self, nick: str) -> Guest:
        """The guest with this name.

        Raises: RefusedError: there is none.
        """
        guest = self._guests.get(names.same(nick))
        if guest is None:
            raise RefusedError(Code.NO_SUCH_NICK, f"nobody called {nick} is here")
        return guest

    def _is_here(self, guest: Guest) -> bool:
        return self._guests.get(names.same(guest.nick)) is guest

    # --- rooms -----------------------------------------------------------------------

    def join(self, guest: Guest, message: messages.Join) -> None:
        """Make the guest a member, if it is none yet, who reads from where it says.

        Raises: RefusedError: it is in too many rooms, or no room can have that name.
        """
        assert self._is_here(guest)
        name = message.room if message.room == INBOX else names.room(message.room)
        member = guest.memberships.get(name) or self._enter(guest, name)
        head = member.room.head
        history = message.history
        if history is None:
            history = self._limits.history_entries
        cursor = max(head - history, 0) if message.after is None else message.after
        member.room.read_from(member, cursor)

    def leave(self, guest: Guest, name: str) -> str:
        """Make the guest a member no longer; the room's name.

        Raises: RefusedError: it is none.
        """
        room = self.membership(guest, name).room
        self._remove(guest, room.name, "left")
        self._log.info("left", nick=guest.nick, room=room.name, members=len(room.members))
        return room.name

    def membership(self, guest: Guest, name: str) -> Member:
        """The guest as a member of the room.

        Raises: RefusedError: it is none.
        """
        member = guest.memberships.get(name) or guest.memberships.get(names.same(name))
        if member is None:
            raise RefusedError(Code.NOT_JOINED, f"you are not in {name[:32]!r}")
        return member

    def deliver(self, log: str, entries: Sequence[Entry]) -> None:
        """Bring what became durable to the room's members, if anybody is there."""
        self._heads[log] = entries[-1].seq
        if log in self._rooms:
            self._rooms[log].deliver(entries)

    def _enter(self, guest: Guest, name: str) -> Member:
        limit = self._limits.rooms_per_peer_max
        if name != INBOX and len(guest.memberships.keys() - {INBOX}) >= limit:
            raise RefusedError(
                Code.TOO_MANY_ROOMS, f"nobody can be in more than {limit} rooms at once"
            )
        log = inbox_of(guest) if name == INBOX else name
        room = self._rooms.get(log)
        if room is None:
            room = self._rooms[log] = Room(log, name, self._heads.get(log, 0))
        member = guest.memberships[name] = room.enter(guest)
        if not room.inbox:
            self._log.info("joined", nick=guest.nick, room=name, members=len(room.members))
        return member

    def _remove(self, guest: Guest, name: str, reason: str) -> None:
        member = guest.memberships.pop(name)
        room = member.room
        room.remove(member, reason)
        if not room.members:
            del self._rooms[room.log]


def inbox_of(guest: Guest) -> str:
    """The log of the device's own direct messages; no room's name begins with @."""
    return f"{INBOX}{guest.device}"


def _nick_taken(nick: str) -> RefusedError:
    return RefusedError(Code.NICK_TAKEN, f"the nick {nick} is taken")
