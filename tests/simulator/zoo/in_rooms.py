"""Bugs of rooms and of who is in them: the fan-out, the way from the log to live, names."""

import pytest

from trio_chat.errors import RefusedError
from trio_chat.protocol import messages, names
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import encode
from trio_chat.server.hub import Hub
from trio_chat.server.pager import Pager
from trio_chat.server.pages import Pages, Reading
from trio_chat.server.peer import Peer
from trio_chat.server.room import Member, Reader, Resident, Room, Standing
from trio_chat.server.session import Guest, Session

Patch = pytest.MonkeyPatch


# --- what reaches the members --------------------------------------------------------


def drop_instead_of_set_aside(patch: Patch) -> None:
    def offer(self: Room, frame: bytes, _cursor: int) -> None:
        for taker in self._live.values():
            taker.offer(frame)

    patch.setattr(Room, "_offer", offer)


def live_before_the_log_was_read(patch: Patch) -> None:
    honest = Room.read_from

    def read_from(self: Room, member: Member, cursor: int) -> None:
        honest(self, member, cursor)
        assert member.reader is not None
        self._live[member] = member.reader.taker

    patch.setattr(Room, "read_from", read_from)


def live_as_if_nothing_had_come_since_the_log_was_read(patch: Patch) -> None:
    honest_read, honest_page = Pages.read, Pager._page
    heads: dict[Room, int] = {}

    async def read(self: Pages, reading: Reading) -> None:
        heads[reading.room] = reading.room.head
        await honest_read(self, reading)

    def page(self: Pager, member: Member) -> bytes | None:
        frame = honest_page(self, member)
        if frame and member.cursor == heads.get(member.room):
            member.cursor = member.room.head
            member.room.go_live(member)
        return frame

    patch.setattr(Pages, "read", read)
    patch.setattr(Pager, "_page", page)


def to_join_again_is_to_leave_first(patch: Patch) -> None:
    honest = Hub.join

    def join(self: Hub, session: Session, message: messages.Join) -> None:
        if message.room in session.memberships:
            self._remove(session, message.room, "joins again")
        honest(self, session, message)

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
    patch.setattr(Peer, "ask", lambda _peer: None)
    patch.setattr(Peer, "give_up", lambda _peer: None)


def who_comes_back_is_announced(patch: Patch) -> None:
    honest = Room.seat_again

    def seat_again(self: Room, resident: Resident, reader: Reader) -> Member:
        self.announce(messages.Joined(room=self.name, nick=resident.nick))
        return honest(self, resident, reader)

    patch.setattr(Room, "seat_again", seat_again)


def a_session_ends_with_its_link(patch: Patch) -> None:
    def lose(self: Hub, session: Session, guest: Guest, reason: str) -> None:
        if session.guest is guest:
            self.end(session, reason)

    patch.setattr(Hub, "lose", lose)


def a_new_server_remembers_nobody(patch: Patch) -> None:
    patch.setattr(Hub, "restore", lambda *_: None)


def who_timed_out_is_not_gone(patch: Patch) -> None:
    _not_told(patch, "timed out")


def _not_told(patch: Patch, why: str) -> None:
    honest = Room.remove

    def remove(self: Room, member: Member, reason: str) -> None:
        if reason != why:
            return honest(self, member, reason)
        del self.members[member.resident]
        self._live.pop(member, None)
        member.standing = Standing.GONE
        return None

    patch.setattr(Room, "remove", remove)


def a_ghost_keeps_its_name(patch: Patch) -> None:
    honest = Hub.arrive

    def arrive(
        self: Hub, guest: Guest, nick: str, device: str, attempt: int, *, lasting: bool
    ) -> Session:
        if names.same(nick) in self._nicks:
            raise RefusedError(Code.NICK_TAKEN, f"the nick {nick} is taken")
        return honest(self, guest, nick, device, attempt, lasting=lasting)

    patch.setattr(Hub, "arrive", arrive)


def a_late_hello_takes_a_place(patch: Patch) -> None:
    honest = Hub.arrive

    def arrive(
        self: Hub, guest: Guest, nick: str, device: str, attempt: int, *, lasting: bool
    ) -> Session:
        holder = self._nicks.get(names.same(nick))
        if holder is not None:
            holder.attempt = 0
        return honest(self, guest, nick, device, attempt, lasting=lasting)

    patch.setattr(Hub, "arrive", arrive)


# --- what is no longer kept ----------------------------------------------------------


def a_gap_is_too_wide(patch: Patch) -> None:
    honest = Room.gap

    def gap(self: Room, after: int, through: int) -> bytes:
        return honest(self, after, through + 1)

    patch.setattr(Room, "gap", gap)
