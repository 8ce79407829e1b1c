"""Bugs of rooms and of who is in them: the fan-out, the way from the log to live, names."""

from typing import Any

import pytest

from trio_chat.errors import RefusedError
from trio_chat.protocol import messages, names
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import encode
from trio_chat.server.hub import Guest, Hub
from trio_chat.server.pager import Pager
from trio_chat.server.peer import Peer
from trio_chat.server.room import Member, Room, Standing

Patch = pytest.MonkeyPatch


# --- what reaches the members --------------------------------------------------------


def drop_instead_of_set_aside(patch: Patch) -> None:
    def offer(self: Room, frame: bytes, _cursor: int) -> None:
        for member in self._live:
            member.reader.offer(frame)

    patch.setattr(Room, "_offer", offer)


def live_before_the_log_was_read(patch: Patch) -> None:
    honest = Room.read_from

    def read_from(self: Room, member: Member, cursor: int) -> None:
        honest(self, member, cursor)
        self._live[member] = None

    patch.setattr(Room, "read_from", read_from)


def live_as_if_nothing_had_come_since_the_log_was_read(patch: Patch) -> None:
    honest = Pager._page

    async def page(self: Pager, member: Member) -> None:
        head = member.room.head
        await honest(self, member)
        if member.cursor == head and member.standing is Standing.BEHIND:
            member.cursor = member.room.head
            member.room.go_live(member)

    patch.setattr(Pager, "_page", page)


def to_join_again_is_to_leave_first(patch: Patch) -> None:
    honest = Hub.join

    def join(self: Hub, guest: Guest, message: messages.Join) -> None:
        if message.room in guest.memberships:
            self._remove(guest, message.room, "joins again")
        honest(self, guest, message)

    patch.setattr(Hub, "join", join)


# --- what a member is told about the room --------------------------------------------


def the_head_is_where_one_reads_from(patch: Patch) -> None:
    def greeting(self: Room, member: Member) -> bytes:
        told = messages.Room(room=self.name, after=member.cursor, head=member.cursor)
        return encode([told])

    patch.setattr(Room, "greeting", greeting)


def the_head_is_what_it_was_at_first(patch: Patch) -> None:
    heads: dict[Room, int] = {}

    def greeting(self: Room, member: Member) -> bytes:
        head = heads.setdefault(self, self.head)
        return encode([messages.Room(room=self.name, after=member.cursor, head=head)])

    patch.setattr(Room, "greeting", greeting)


# --- who is there --------------------------------------------------------------------


def a_silent_link_is_never_given_up(patch: Patch) -> None:
    honest = Peer.__init__

    def begin(self: Peer, *arguments: Any) -> None:
        honest(self, *arguments)
        self._wire.heartbeat_s = float("inf")

    patch.setattr(Peer, "__init__", begin)


def the_replaced_are_not_gone(patch: Patch) -> None:
    _not_told(patch, "replaced by its own new connection")


def who_timed_out_is_not_gone(patch: Patch) -> None:
    _not_told(patch, "timed out")


def _not_told(patch: Patch, why: str) -> None:
    honest = Room.remove

    def remove(self: Room, member: Member, reason: str) -> None:
        if reason != why:
            return honest(self, member, reason)
        del self.members[member.reader]
        self._live.pop(member, None)
        member.standing = Standing.GONE
        return None

    patch.setattr(Room, "remove", remove)


def a_ghost_keeps_its_name(patch: Patch) -> None:
    honest = Hub.arrive

    def arrive(self: Hub, guest: Guest) -> None:
        if names.same(guest.nick) in self._guests:
            raise RefusedError(Code.NICK_TAKEN, f"the nick {guest.nick} is taken")
        honest(self, guest)

    patch.setattr(Hub, "arrive", arrive)


def a_late_hello_takes_a_place(patch: Patch) -> None:
    honest = Hub.arrive

    def arrive(self: Hub, guest: Guest) -> None:
        holder = self._guests.get(names.same(guest.nick))
        if holder is not None:
            holder.attempt = 0
        honest(self, guest)

    patch.setattr(Hub, "arrive", arrive)
