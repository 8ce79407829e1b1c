"""One live connection, from accept to close: its hello, what it asks, what it is owed."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import structlog
import trio

from trio_chat import __version__
from trio_chat.errors import RefusedError, RemoteProtocolError, StoreError
from trio_chat.protocol import messages, names
from trio_chat.protocol.codes import Code
from trio_chat.protocol.connection import Connection, Role
from trio_chat.protocol.framing import BadLine, client_messages, encode
from trio_chat.protocol.messages import (
    INBOX,
    PROTOCOL_VERSION,
    TEXT_BYTES_MAX,
    ClientMessage,
    Direct,
    Message,
    Say,
)
from trio_chat.server.comeback import Comeback
from trio_chat.server.crew import Crew
from trio_chat.server.drafts import Judged, answer, judged
from trio_chat.server.figures import LOST, QUIT, SENT_AWAY, STALLED, Figures
from trio_chat.server.hub import Hub
from trio_chat.server.journal import Journal
from trio_chat.server.keeper import Keeper
from trio_chat.server.limits import Limits
from trio_chat.server.marks import Marks
from trio_chat.server.outgoing import Outgoing, StalledError
from trio_chat.server.pager import Pager
from trio_chat.server.pages import HoleError, Pages
from trio_chat.server.past import Archive, Past
from trio_chat.server.room import Member
from trio_chat.server.session import Session
from trio_chat.server.silences import Silences
from trio_chat.server.trouble import Trouble
from trio_chat.store.interface import Outcome, Store, fingerprint
from trio_chat.wire import receiving_of, sending_of

_LINGER_BYTES_MAX = 1024 * 1024
_PING = encode([messages.Ping()])
_DRAFTS = (Say, Direct)
_DAMAGED = "the data file is damaged there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all peers of one server share."""

    hub: Hub
    journal: Journal
    keeper: Keeper
    marks: Marks
    store: Store
    pages: Pages
    archive: Archive
    silences: Silences
    nursery: trio.Nursery
    """For what peers do besides reading."""
    limits: Limits
    new_secret: Callable[[], str]
    log: structlog.typing.FilteringBoundLogger
    trouble: Trouble
    figures: Figures
    peers: "dict[Peer, None]" = field(default_factory=dict)
    """Those that live now."""


class _EndError(Exception):
    """The link ends; `last_words` go to the peer, `reason` to everybody else."""

    def __init__(self, reason: str, last_words: Message | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last_words = last_words

    @property
    def how(self) -> str:
        """What it is counted as."""
        match self.last_words:
            case messages.Error(code=code):
                return code
            case messages.Bye():
                return SENT_AWAY
            case _:
                return QUIT if self.reason == QUIT else LOST


class _Answers:
    """What an author is told of its drafts: behind what is delivered, in one write with it.

    Shape:  `left` is what its queue has not taken, as soon as they are answered.
    """

    __slots__ = ("_drafts", "_figures", "_outgoing", "hold", "left")

    def __init__(
        self, drafts: Sequence[Judged], outgoing: Outgoing, figures: Figures
    ) -> None:
        self._drafts = drafts
        self._outgoing = outgoing
        self._figures = figures
        self.hold = outgoing.hold
        self.left = b""

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        answers = [*map(answer, self._drafts, outcomes)]
        for each in answers:
            if isinstance(each, messages.Refused):
                self._figures.drafts_refused[each.code] += 1
        data = encode(answers)
        if not self._outgoing.let_go(data):
            self.left = data


class Peer:
    """One connection; run() is its whole life.

    Shape:  one task reads what it asks and does it, in order: while its drafts wait for
            the disk nothing more is read, which is how its sender comes to wait. A second
            task runs only while a member is behind, a third only while the socket is full.
            Ten thousand of them say nothing most of the time, so what waits is small: few
            coroutines in each other, one cancel scope, no timer, no empty queues or sets.
    """

    __slots__ = (
        *("_comeback", "_connection", "_crew", "_decoder", "_departed", "_end", "_figures"),
        *("_limits", "_outgoing", "_pager", "_past", "_reading", "_receiving", "_scope"),
        *("_services", "_session", "_stream", "_superseded", "address"),
    )

    def __init__(self, stream: trio.abc.Stream, address: str, services: Services) -> None:
        self.address = address
        self._session: Session | None = None
        self._stream = stream
        self._services = services
        self._limits = services.limits
        self._figures = services.figures
        self._comeback = Comeback(services.figures, services.limits.grace_s)
        self._connection = Connection(Role.SERVER)
        self._decoder = client_messages()
        self._receiving = receiving_of(stream)
        self._crew = Crew(services.nursery, self._fail)
        self._outgoing = Outgoing(sending_of(stream), self._crew, services.limits)
        self._pager: Pager | None = None
        """Only while a member is behind."""
        self._past: Past | None = None
        """Only if it has ever looked back."""
        self._end: _EndError | None = None
        self._superseded = False
        self._departed = False
        self._scope = trio.CancelScope()
        """Around the waiting for more; cancelled only while it is waited for."""
        self._reading = False

    async def run(self, *, turned_away: bool = False) -> None:
        """Live until one end says goodbye or the link breaks; leaves nothing behind.

        Cancel: closes the wire.
        """
        self._services.peers[self] = None
        try:
            try:
                await self._live(turned_away)
            finally:
                await self._clear_away()
        except* (StalledError, trio.BrokenResourceError):
            pass  # by whichever task, or tasks, it was found before the reader did
        except* Exception as bugs:
            # A bug that one peer has met must not end the others.
            self._services.log.error("bug", address=self.address, exc_info=bugs)
        finally:
            del self._services.peers[self]

    async def _live(self, turned_away: bool) -> None:
        items: Sequence[ClientMessage | BadLine] = ()
        try:
            if turned_away:
                words = f"this server takes no more than {self._limits.peers_max:,} peers"
                raise _EndError("server full", _error(Code.SERVER_FULL, words))
            hello_by_s = trio.current_time() + self._limits.hello_s
            with trio.CancelScope(deadline=hello_by_s) as self._scope:
                while not self._ends():
                    self._await_more()
                    items = self._heard(await self._receiving.some())
                    if not self._ends():
                        now, items = items, ()
                        await self._do(now)
            if self._ends():
                with trio.CancelScope() as self._scope:
                    await self._do(items)  # what was read is done all the same
            self._crew.check()
            words = f"no good hello within {self._limits.hello_s:g} s"
            raise self._end or _EndError(words, _error(Code.HELLO_TIMEOUT, words))
        except _EndError as end:
            self._depart(end.reason, end.how)
            await self._goodbye(end.last_words)

    async def _clear_away(self) -> None:
        # Before its tasks end: a member is offered things at any time, and an offer may
        # need one.
        self._services.silences.end(self)
        stalled = self._outgoing.trouble
        self._depart(stalled or "peer went away", STALLED if stalled else LOST)
        await self._crew.aclose()
        await trio.aclose_forcefully(self._stream)

    def _depart(self, reason: str, how: str) -> None:
        """The link is over; once is enough."""
        departed, self._departed = self._departed, True
        if departed:
            return
        self._figures.links_ended[how] += 1
        self._comeback.end(trio.current_time(), owed=self._pager is not None)
        if self._session is None:
            log = self._services.log.debug
            log("no hello", address=self.address, reason=reason)
        else:
            nick = self._session.nick
            if self._session.guest in (self, None):
                self._services.marks.depart(self._session)
            self._services.hub.lose(self._session, self, reason)
            self._services.log.info("disconnected", nick=nick, reason=reason)

    @property
    def session(self) -> Session:
        """Whose link it is, once a hello was taken."""
        assert self._session is not None
        return self._session

    def _ends(self) -> bool:
        return self._end is not None

    # --- what the rest of the server asks of a peer ----------------------------------

    @property
    def taker(self) -> Outgoing:
        """What takes bytes for it."""
        return self._outgoing

    def serve(self, member: Member) -> None:
        """Bring a member that is behind up to the head."""
        if self._pager is None:
            # While there is a pager nothing may overtake what it has in hand.
            if member.room.welcome(member):
                return
            self._pager = Pager(self._outgoing, self._services.pages, self._crew, self)
        self._pager.serve(member)

    def paged(self, room: str, entries: int, gap_entries: int) -> None:
        """Count what was read for a member that is behind."""
        self._figures.caught_up_entries += entries
        if gap_entries:
            self._figures.gaps += 1
            self._figures.gap_entries += gap_entries
            self._comeback.gap(room)

    def caught_up(self) -> None:
        """None of its members is behind."""
        self._pager = None
        self._comeback.judge(trio.current_time(), owed=False)

    def unreadable(self, member: Member, error: StoreError) -> bytes:
        """Leave a room whose log can't be read: the link serves the others."""
        room = member.room
        self._services.trouble.unreadable(room.log, error)
        # What else an error says of the machine is for the one who runs it.
        what = str(error) if isinstance(error, HoleError) else _DAMAGED
        left = messages.Left(
            room=room.name, nick=self.session.nick, reason=f"it can't be read: {what}"
        )
        self._services.hub.leave(self.session, room.name, left.reason)
        self._comeback.left(room.name)
        return encode([left])

    def store_failed(self, error: StoreError) -> None:
        """End: nothing can be read."""
        self._end_soon(self._store_failed(error))

    def supersede(self) -> None:
        """End: the same device is here again."""
        self._superseded = True
        words = "this device has connected again; that connection goes on"
        self._end_soon(_EndError("superseded", _error(Code.SUPERSEDED, words)))

    def ask(self) -> None:
        """Ask a peer that was silent whether it is there."""
        if self._reading:
            self._outgoing.offer(_PING)

    def give_up(self) -> None:
        """End: it was silent for too long; not if it had no chance to be heard."""
        if self._reading:
            words = f"nothing was heard for {2 * self._limits.heartbeat_s:g} s"
            self._end_soon(_EndError("timed out", _error(Code.TIMED_OUT, words)))

    def drain(self, back_in_s: float) -> None:
        """End, once what was read so far is done: the server stops."""
        bye = messages.Bye(reason="the server is stopping", back_in_s=back_in_s)
        self._end_soon(_EndError("server is stopping", bye))

    def _end_soon(self, end: _EndError) -> None:
        self._end = self._end or end
        if self._reading:
            self._scope.cancel()

    def _fail(self) -> None:
        # Whatever it is doing: nothing that it waits for need ever come.
        self._scope.cancel()

    # --- hello and goodbye -----------------------------------------------------------

    async def _hello(self, hello: messages.Hello) -> None:
        if hello.v < PROTOCOL_VERSION:
            words = f"this server speaks version {PROTOCOL_VERSION}, not {hello.v}"
            raise _EndError(words, _error(Code.VERSION, words))
        device = fingerprint(hello.device or self._services.new_secret())
        places = self._services.hub.places(device)
        self._session = self._services.hub.arrive(
            self,
            names.nick(hello.nick),
            device,
            hello.attempt,
            lasting=hello.device is not None,
        )
        self._scope.deadline = math.inf
        person = hello.person and fingerprint(hello.person, "person")
        self._services.marks.arrive(self._session, person)
        self._comeback.begin(places, trio.current_time())
        nick = self._session.nick
        self._services.log.info("connected", nick=nick, address=self.address)
        await self._reply(
            messages.Welcome(
                v=PROTOCOL_VERSION,
                nick=nick,
                epoch=self._services.store.epoch,
                software=f"trio_chat {__version__}",
                heartbeat_s=self._limits.heartbeat_s,
                text_bytes_max=TEXT_BYTES_MAX,
                credit=self._limits.credit,
            )
        )

    async def _goodbye(self, last_words: Message | None) -> None:
        with trio.move_on_after(self._limits.goodbye_s, shield=True):
            words = [] if last_words is None else [last_words]
            await self._outgoing.finish(encode(words))
            await self._linger()

    async def _linger(self) -> None:
        # Closing while the peer's bytes are unread resets the connection, and the reset
        # would destroy our last words on their way. So: our end, its end, then close.
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()
        heard_bytes = 0
        while heard_bytes < _LINGER_BYTES_MAX:
            data = await self._stream.receive_some()
            if not data:
                return
            heard_bytes += len(data)

    # --- what the peer asks ----------------------------------------------------------

    def _await_more(self) -> None:
        self._comeback.judge(trio.current_time(), owed=self._pager is not None)
        self._services.silences.begin(self)
        self._reading = True

    def _heard(self, data: bytes) -> list[ClientMessage | BadLine]:
        self._reading = False
        if not data:
            raise _EndError("peer went away")
        return self._decoder.feed(data)

    async def _do(self, items: Sequence[ClientMessage | BadLine]) -> None:
        """All that was asked, in order; drafts that follow each other go together.

        Shape:  once the session is another peer's nothing is done in its name. That holds
                for what was judged, too: its successor may have been told by now that it
                is in no log.
        """
        drafts: list[Judged] = []
        for item in items:
            if self._superseded:
                return
            if isinstance(item, _DRAFTS):
                draft = self._judged(item)
                if isinstance(draft, Judged):
                    drafts.append(draft)
                else:
                    await draft
                continue
            await self._append(drafts)
            drafts = []
            if not self._superseded:
                await self._one(item)
        if not self._superseded:
            await self._append(drafts)

    async def _one(self, item: ClientMessage | BadLine) -> None:
        if isinstance(item, BadLine):
            return await self._complain(item.code, item.reason)
        try:
            self._connection.heard(item)
        except RemoteProtocolError as error:
            return await self._complain(Code.OUT_OF_PLACE, error.reason)
        try:
            await self._handle(item)
        except RefusedError as error:
            room, id_ = getattr(item, "room", None), getattr(item, "id", None)
            self._figures.requests_refused[error.code] += 1
            await self._reply(_refused(error.code, error.reason, room=room, id_=id_))

    async def _handle(self, message: ClientMessage) -> None:  # noqa: PLR0912 (a table)
        match message:
            case messages.Ping():
                await self._reply(messages.Pong(id=message.id))
            case messages.Pong():
                pass
            case messages.Hello():
                await self._hello(message)
            case messages.Join():
                await self._join(message)
            case messages.Leave():
                name = self._services.hub.leave(self.session, message.room)
                self._comeback.left(name)
                left = messages.Left(room=name, nick=self.session.nick, reason="left")
                await self._reply(left)
            case messages.Hold():
                member = self._services.hub.membership(self.session, message.room)
                member.room.hold(member)
            case messages.Nick():
                await self._rename(message)
            case messages.Who():
                member = self._services.hub.membership(self.session, message.room)
                member.room.list_members(member)
                await trio.lowlevel.checkpoint()  # a list can be long
            case messages.Fetch() | messages.Search():
                room = self._services.hub.membership(self.session, message.room).room
                self._past = self._past or Past(
                    self._outgoing, self._crew, self._services.archive
                )
                await self._past.ask(room, message)
            case messages.Mark():
                self._services.marks.mark(self.session, message)
            case messages.Bye():
                if self._session is not None:
                    self._services.hub.end(self._session, "quit")
                raise _EndError("quit")
            case Say() | Direct():
                raise AssertionError("drafts are collected before")
            case _:
                assert_never(message)

    async def _join(self, message: messages.Join) -> None:
        hub, session = self._services.hub, self.session
        entered = hub.enters(session, message)
        if entered is not None and entered != INBOX and session.lasting:
            # Nobody sees a member whom a server that is killed now would not find again.
            await self._services.keeper.enter(session, entered)
            if self._superseded:
                return
        hub.join(session, message)
        room, now_s = hub.membership(session, message.room).room, trio.current_time()
        new = entered is not None
        self._comeback.joined(room.name, message.after, room.head, now_s, new=new)
        # Answered elsewhere: many at once must not take the others' turns.
        await trio.lowlevel.checkpoint()

    async def _rename(self, message: messages.Nick) -> None:
        nick = names.nick(message.nick)
        self._services.hub.rename(self.session, nick)
        await self._reply(messages.Nick(nick=nick))

    # --- what the peer says ----------------------------------------------------------

    def _judged(self, message: Say | Direct) -> Judged | Awaitable[None]:
        """The draft for the journal, or else how to say why there is none."""
        try:
            self._connection.heard(message)
        except RemoteProtocolError as error:
            return self._complain(Code.OUT_OF_PLACE, error.reason)
        try:
            return judged(self._services.hub, self.session, message)
        except RefusedError as error:
            room = message.room if isinstance(message, Say) else INBOX
            self._figures.drafts_refused[error.code] += 1
            refused = _refused(error.code, error.reason, room=room, n=message.n)
            return self._reply(refused)

    async def _append(self, drafts: Sequence[Judged]) -> None:
        if not drafts:
            return
        answers = _Answers(drafts, self._outgoing, self._figures)
        try:
            await self._services.journal.append([each.draft for each in drafts], answers)
        except StoreError as error:
            raise self._store_failed(error) from error
        if answers.left:
            await self._outgoing.send(answers.left)

    def _store_failed(self, error: StoreError) -> _EndError:
        self._services.trouble.passing(error)
        words = "the server's disk failed; send what was not accepted again, later"
        return _EndError("the server's disk failed", _error(Code.STORE_FAILED, words))

    # --- words -----------------------------------------------------------------------

    async def _reply(self, message: Message) -> None:
        self._connection.said(message)
        await self._outgoing.send(encode([message]))

    async def _complain(self, code: Code, reason: str) -> None:
        self._figures.bad_lines[code] += 1
        bad = BadLine(code, reason)
        if bad.fatal:
            raise _EndError(f"bad input: {code}", _error(code, reason))
        self._services.log.debug("bad line", address=self.address, code=code, reason=reason)
        await self._reply(_error(code, reason))


def _error(code: Code, reason: str) -> messages.Error:
    return messages.Error(code=code, reason=reason, end=BadLine(code, reason).fatal)


def _refused(
    code: str,
    reason: str,
    *,
    room: str | None = None,
    n: int | None = None,
    id_: int | None = None,
) -> messages.Refused:
    # A name that can't be one is not worth repeating in full.
    room = room[:64] if room is not None else None
    return messages.Refused(code=code, reason=reason, room=room, n=n, id=id_)
