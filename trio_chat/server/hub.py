"""Who is here, in which room, under which name: one state, changed in whole steps only.

Nothing here waits, so every method is atomic: names are never given twice, and all
members of a room are told of changes in the same order. What a session is, and when it
ends, stands at the top of session.py.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final

import structlog
import trio

from trio_chat.errors import RefusedError
from trio_chat.protocol import messages, names
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import INBOX
from trio_chat.server.figures import Figures
from trio_chat.server.limits import Limits
from trio_chat.server.room import Member, Room, Standing
from trio_chat.server.session import Graces, Guest, Session, from_kept
from trio_chat.server.trouble import Rarely
from trio_chat.store.interface import Entry

_ENDED_AT_ONCE_MAX: Final = 64


class Hub:
    """The server's whole state outside the store.

    Shape:  `heads` is the last seq of every log that has an entry. `changed` is told of
            each session of which the store should know something else than before, and
            `read` knows how far a session's person has read a log.
    """

    def __init__(  # noqa: PLR0913 (whom it tells comes in by name)
        self,
        heads: dict[str, int],
        limits: Limits,
        log: structlog.typing.FilteringBoundLogger,
        *,
        changed: Callable[[Session], None] = lambda _session: None,
        has_news: Callable[[Room], None] = Room.tell,
        read: Callable[[Session, str], int | None] = lambda _session, _log: None,
        clock_s: Callable[[], float] = trio.current_time,
        figures: Figures | None = None,
    ) -> None:
        self._heads = heads
        self._limits = limits
        self._log = log
        self._changed = changed
        self._has_news = has_news
        self._read = read
        self._clock_s = clock_s
        self._figures = figures or Figures()
        self._rooms: dict[str, Room] = {}
        self._nicks: dict[str, Session] = {}
        self._devices: dict[str, Session] = {}
        self._graces = Graces()
        self._alarm = trio.CancelScope()
        self._further = Rarely(log, "read further")

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def waiting(self) -> int:
        """How many sessions have no link now."""
        return sum(session.guest is None for session in self._devices.values())

    # --- sessions --------------------------------------------------------------------

    def places(self, device: str) -> tuple[str, ...] | None:
        """The rooms in which the device has its session now; None: it has none."""
        session = self._devices.get(device)
        return None if session is None else tuple(session.memberships)

    def arrive(
        self, guest: Guest, nick: str, device: str, attempt: int, *, lasting: bool = True
    ) -> Session:
        """Bind the guest to its device's session; a ghost of the device makes way.

        Shape:  `device` is a fingerprint; with `lasting` it may come back with it. Under
                another nick than before the session is renamed. Rooms that it does not
                join within the grace are left.
        Raises: RefusedError: somebody else has the nick, or a later connection of the same
                device is here: this hello was under way for too long.
        """
        session = self._devices.get(device)
        if self._nicks.get(names.same(nick), session) is not session:
            raise _nick_taken(nick)
        if session is None:
            session = Session(nick, device, lasting=lasting)
            self._nicks[names.same(nick)] = self._devices[device] = session
        elif session.guest is not None:
            if session.attempt > attempt:
                raise _nick_taken(nick)
            ghost = session.guest
            self._unbind(session)
            ghost.supersede()
        session.guest, session.attempt = guest, attempt
        if session.nick != nick:
            self.rename(session, nick)
        if session.memberships:
            self._begin_grace(session, self._limits.grace_s)
        return session

    def rename(self, session: Session, nick: str) -> None:
        """Give the session another name, in all its rooms at once.

        Raises: RefusedError: somebody else has it; nothing has changed.
        """
        assert self._is_here(session)
        if self._nicks.get(names.same(nick), session) is not session:
            raise _nick_taken(nick)
        del self._nicks[names.same(session.nick)]
        self._nicks[names.same(nick)] = session
        old, session.nick = session.nick, nick
        for member in session.memberships.values():
            if not member.room.inbox:
                member.room.announce(
                    messages.Renamed(room=member.room.name, nick=old, to=nick)
                )
        self._changed(session)
        self._log.info("renamed", nick=old, to=nick)

    def lose(self, session: Session, guest: Guest, reason: str) -> None:
        """The guest's link is lost; if it was the session's, the grace begins.

        Shape:  a session that is in no room, or whose device can't come back, ends: who
                only says hello and goes, a million times, leaves nothing behind.
        """
        if session.guest is not guest:
            return
        self._unbind(session)
        session.lost = reason
        if session.lasting and session.memberships:
            self._begin_grace(session, self._limits.grace_s)
        else:
            self.end(session, reason)

    def end(self, session: Session, reason: str) -> None:
        """The session is over: the others are told, and its name is free."""
        assert self._is_here(session)
        session.guest = None
        session.ended = True
        self._graces.drop(session)
        del self._nicks[names.same(session.nick)]
        del self._devices[session.device]
        for name in list(session.memberships):
            self._remove(session, name, reason)
        self._changed(session)

    def called(self, nick: str) -> Session:
        """The session with this name; its device may be away for a moment.

        Raises: RefusedError: there is none.
        """
        session = self._nicks.get(names.same(nick))
        if session is None:
            raise RefusedError(Code.NO_SUCH_NICK, f"nobody called {nick} is here")
        return session

    def _is_here(self, session: Session) -> bool:
        return self._devices.get(session.device) is session

    def _unbind(self, session: Session) -> None:
        session.guest = None
        for member in session.memberships.values():
            member.room.empty_seat(member)

    # --- graces ----------------------------------------------------------------------

    def restore(self, kept: Mapping[str, str]) -> None:
        """Wait for the sessions of before a restart, as the store has kept them.

        Shape:  before anybody arrives. What makes no sense is passed over.
        """
        for name, value in kept.items():
            found = from_kept(name, value)
            if found is None or names.same(found[0].nick) in self._nicks:
                self._log.warning("session not restored", name=name)
                continue
            session, rooms = found
            self._nicks[names.same(session.nick)] = session
            self._devices[session.device] = session
            for room in rooms:
                seat = self._room_for(session, room).keep_seat(session)
                session.memberships[room] = seat
            self._begin_grace(session, self._limits.restart_grace_s)

    def end_graces(self) -> float:
        """End what was kept for long enough; when there is something to end again.

        Shape:  a session whose device is not back is over. One whose device is back keeps
                the rooms that it has joined again. Not all at once, if there are many:
                each is told to whole rooms, and others want their turns.
        """
        ended = self._graces.take_ended(self._clock_s())
        for session in islice(ended, _ENDED_AT_ONCE_MAX):
            self._end_grace(session)
        return self._graces.next_s

    async def run_graces(self) -> None:
        """End graces when it is time, for ever.

        Cancel: atomic: none ends any more.
        """
        while True:
            next_s = self.end_graces()
            with trio.CancelScope(deadline=next_s) as self._alarm:
                await trio.sleep_forever()

    def _begin_grace(self, session: Session, grace_s: float) -> None:
        self._graces.begin(session, self._clock_s(), grace_s)
        while self._graces.seats > self._limits.seats_kept_max:
            self._end_grace(self._graces.take_first())
        self._alarm.deadline = min(self._alarm.deadline, self._graces.next_s)

    def _end_grace(self, session: Session) -> None:
        if session.guest is None:
            self._log.info("gone", nick=session.nick, reason=session.lost)
            self.end(session, session.lost)
            return
        for name, member in list(session.memberships.items()):
            if member.standing is Standing.AWAY:
                self._remove(session, name, "left")
        self._changed(session)

    # --- rooms -----------------------------------------------------------------------

    def enters(self, session: Session, message: messages.Join) -> str | None:
        """The room in which the session would be a new member; None if it is one.

        Raises: RefusedError: as join().
        """
        name = _room_name(message)
        if name in session.memberships:
            return None
        self._check_space(session, name)
        return name

    def join(self, session: Session, message: messages.Join) -> None:
        """Make the session a member, if it is none yet, who reads from where it says.

        Raises: RefusedError: it is in too many rooms, or no room can have that name.
        """
        assert session.guest is not None
        name = _room_name(message)
        member = session.memberships.get(name)
        if member is None:
            member = self._enter(session, session.guest, name)
        elif member.standing is Standing.AWAY:
            member = member.room.seat_again(session, session.guest)
            session.memberships[name] = member
            if not session.waits:
                self._graces.drop(session)
        head = member.room.head
        history = message.history
        if history is None:
            history = self._limits.history_entries
        cursor = max(head - history, 0) if message.after is None else message.after
        if cursor > head:
            # The answer tells it, and it begins anew. Only it: anybody may claim this.
            self._further.tell(room=name, cursor=cursor, head=head)
        member.read = self._read(session, member.room.log)
        member.room.read_from(member, cursor)

    def leave(self, session: Session, name: str, reason: str = "left") -> str:
        """Make the session a member no longer; the room's name.

        Shape:  also from a room that it has not asked for on this link.
        Raises: RefusedError: it is none.
        """
        room = _seat(session, name).room
        self._remove(session, room.name, reason)
        self._changed(session)
        self._log.info("left", nick=session.nick, room=room.name, members=len(room.members))
        return room.name

    def membership(self, session: Session, name: str) -> Member:
        """The session as a member of the room, by a join on this link.

        Raises: RefusedError: it is none.
        """
        member = _seat(session, name)
        if member.standing is Standing.AWAY:
            raise _not_joined(name)
        return member

    def deliver(self, log: str, entries: Sequence[Entry]) -> None:
        """Bring what became durable to the room's members, if anybody is there."""
        self._heads[log] = entries[-1].seq
        self._figures.entries += len(entries)
        if log in self._rooms:
            self._rooms[log].deliver(entries)

    def moved_on(self, heads: Mapping[str, int]) -> None:
        """Have everyone read what is in the logs and was not delivered."""
        for log, head in heads.items():
            before = self._heads.get(log, 0)
            if head > before:
                self._heads[log] = head
                self._figures.entries += head - before
                if log in self._rooms:
                    self._rooms[log].move_on(head)

    def _enter(self, session: Session, guest: Guest, name: str) -> Member:
        self._check_space(session, name)
        room = self._room_for(session, name)
        member = session.memberships[name] = room.enter(session, guest)
        self._changed(session)
        if not room.inbox:
            members = len(room.members)
            self._log.info("joined", nick=session.nick, room=name, members=members)
        return member

    def _check_space(self, session: Session, name: str) -> None:
        limit = self._limits.rooms_per_peer_max
        if name != INBOX and len(session.memberships.keys() - {INBOX}) >= limit:
            raise RefusedError(
                Code.TOO_MANY_ROOMS, f"nobody can be in more than {limit} rooms at once"
            )

    def _room_for(self, session: Session, name: str) -> Room:
        log = inbox_of(session) if name == INBOX else name
        room = self._rooms.get(log)
        if room is None:
            room = self._rooms[log] = Room(
                log,
                name,
                self._heads.get(log, 0),
                self._limits.queue_bytes_max,
                figures=self._figures,
                has_news=self._has_news,
            )
        return room

    def _remove(self, session: Session, name: str, reason: str) -> None:
        member = session.memberships.pop(name)
        room = member.room
        room.remove(member, reason)
        if not room.members:
            del self._rooms[room.log]


def inbox_of(session: Session) -> str:
    """The log of the device's own direct messages; no room's name begins with @."""
    return f"{INBOX}{session.device}"


def _room_name(message: messages.Join) -> str:
    return message.room if message.room == INBOX else names.room(message.room)


def _seat(session: Session, name: str) -> Member:
    seats = session.memberships
    member = seats.get(name) or seats.get(names.same(name))
    if member is None:
        raise _not_joined(name)
    return member


def _not_joined(name: str) -> RefusedError:
    return RefusedError(Code.NOT_JOINED, f"you are not in {name[:32]!r}")


def _nick_taken(nick: str) -> RefusedError:
    return RefusedError(Code.NICK_TAKEN, f"the nick {nick} is taken")
