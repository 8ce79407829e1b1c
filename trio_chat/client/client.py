"""The client: what is wanted (a nick, rooms, lines said) held against whatever link."""

import math
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, assert_never

import trio

from trio_chat import __version__
from trio_chat.addresses import Address, parse_address
from trio_chat.client.backoff import backoff_s
from trio_chat.client.events import (
    Accepted,
    Cancelled,
    ClientEvent,
    Entry,
    Named,
    Queued,
    Refused,
    Reset,
    State,
    Status,
)
from trio_chat.client.link import GOODBYE_S, Dial, Link, LinkLostError, dial_tcp
from trio_chat.client.mailbox import Mailbox
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.client.parts import check_line
from trio_chat.client.past import Asking, Found, Page
from trio_chat.client.rooms import Rooms
from trio_chat.errors import (
    RefusedError,
    RemoteProtocolError,
    lone_exception,
)
from trio_chat.protocol import messages, names
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import (
    INBOX,
    PROTOCOL_VERSION,
    Kind,
    ServerMessage,
)

# What time may mend; other refusals need another nick.
_MENDS_ITSELF: Final = frozenset({Code.NICK_TAKEN})
# What nothing mends. Coming back would end the one that took our place, and so on.
_FINAL: Final = frozenset({Code.SUPERSEDED, Code.VERSION})


SETTLED_S: Final = 10.0
"""A link that ends sooner, with no line accepted, is one more failure: a server that ends
us after each welcome must not have us back at once, for ever."""
BACK_IN_S_MAX: Final = 300.0
"""Whatever a server wishes, its clients ask again after five minutes."""


@asynccontextmanager
async def open_client(  # noqa: PLR0913 (one keyword, one thing a caller may want)
    address: str | Address = "127.0.0.1:8765",
    *,
    nick: str,
    rooms: Iterable[str] = ("lobby",),
    history: int | None = None,
    device: str | None = None,
    person: str | None = None,
    events: bool = True,
    insist: bool = False,
    rng: random.Random | None = None,
    dial: Dial = dial_tcp,
    outbox: Outbox | None = None,
    wall_clock_s: Callable[[], float] = lambda: time.time(),  # noqa: PLW0108
) -> AsyncIterator["Client"]:
    """A client that connects, stays connected and goes on where it was, by itself.

    Shape:  returns at once, connected or not: what is said meanwhile waits in its outbox.
            `history` entries of a room's past come first (None: as the server likes).
            `device` is a secret of this client's own (None: a new one); whoever comes
            with the same one and the same nick takes its place. It has numbers: they go on
            only in the `outbox` that has them, so it needs one. `person` is a secret that
            all devices of one person share: they have their read marks in common. Without
            `events` none are kept: for those who only talk. With `insist` a refused nick is
            not an error: it is a Status event, and the client waits for another one. `dial`
            makes each connection. `outbox` holds what is said until it is accepted: None:
            in memory; from open_outbox(): on disk, with the device that its numbers belong
            to. What was left in it is sent first, and its rooms are joined for that.
            `wall_clock_s` tells the connections of a device in their order, also over
            several clients: the default looks time.time up when it is called, for who has
            put another one there.
    Raises: RefusedError out of the block: the server refused the first hello, or another
            client has taken this one's place.
            ValueError: `address` is none, or `device` is not the outbox's, or without one.
            RefusedError: `nick` or a room can't be a name.
    Cancel: closes the wire; what is in an outbox in memory is lost.
    Source: docs/wire.md §3.
    """
    where = parse_address(address) if isinstance(address, str) else address
    if device is not None and outbox is None:
        raise ValueError("a device needs the outbox that goes on with its numbers")
    # Not `or`: an outbox without a line in it is false.
    lines = Outbox() if outbox is None else outbox
    if device is not None and lines.device not in (None, device):
        raise ValueError("the outbox has numbers of another device")
    options = Options(
        history=history,
        device=device or lines.device or secrets.token_hex(16),
        events=events,
        insist=insist,
        dial=dial,
        wall_clock_s=wall_clock_s,
        person=person,
    )
    client = Client(where, nick, options, rng or random.Random(), lines)
    left = (ticket.room for ticket in lines.lines if not ticket.room.startswith("@"))
    for room in (*rooms, *left):
        client.join_nowait(room)
    with lone_exception():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client._run)
            nursery.start_soon(client._rooms.marks.run)
            try:
                yield client
            finally:
                await client.aclose()
                nursery.cancel_scope.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a client behaves; see open_client()."""

    history: int | None
    device: str
    events: bool
    insist: bool
    dial: Dial
    wall_clock_s: Callable[[], float]
    person: str | None = None


class Client:
    """One person, or one bot, on one server; get one from open_client()."""

    def __init__(
        self,
        address: Address,
        nick: str,
        options: Options,
        rng: random.Random,
        outbox: Outbox,
    ) -> None:
        self.address = address
        """Where the server is."""
        self.nick = names.nick(nick)
        """The name: the one wished for, and from the welcome on the one that is had."""
        self.state: State = "connecting"
        """Of the link; see events.Status."""
        self.outbox = outbox
        """What was said and is not accepted yet."""
        self._options = options
        self._rng = rng
        self._mailbox = Mailbox(self._go_on, kept=options.events)
        self._rooms = Rooms(self._mailbox, self._request, options.history)
        self._asking = Asking(self._request, lambda: self._link is not None)
        self._epoch: str | None = None
        self._link: Link | None = None
        self._failures = 0  # since the last link that was of use
        self._welcomed_s = 0.0
        self._attempt = 0
        self._wished: str | None = None
        self._poke = trio.Event()
        self._ended = trio.Event()
        self._closing = False
        self._leaving: set[str] = set()  # rooms, after what was said in them
        self._posting: Counter[str] = Counter()  # lines that are not in the outbox yet
        for ticket in outbox.lines:
            self._queued(ticket)
        outbox.hold()  # until there is a link
        outbox.on_queued.append(self._queued)
        outbox.on_cancelled = self._cancelled
        outbox.on_released = self._wake

    # --- what is heard ---------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[ClientEvent]:
        return self

    async def __anext__(self) -> ClientEvent:
        """The next event.

        Shape:  entries of one room come in the order of their seq, each once.
        Raises: StopAsyncIteration: the client was closed.
        Cancel: atomic.
        """
        try:
            return await self._mailbox.next()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    async def all_waiting(self) -> list[ClientEvent]:
        """All events that wait, at least one, in their order.

        Raises: trio.EndOfChannel: the client was closed, and all were read.
        Cancel: atomic.
        """
        return await self._mailbox.all()

    def entries(self) -> AsyncIterator[Entry]:
        """The entries among the events: all most bots want."""
        # No generator: those have to be closed by whoever stops in the middle.
        return _Entries(self)

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that one is in, or will be as soon as the server hears of it."""
        return self._rooms.names

    # --- what is said ----------------------------------------------------------------

    async def say(
        self, room: str, text: str, *, kind: Kind = "text", ref: int | None = None
    ) -> int:
        """Say something in a room, or to "@nick"; returns its seq once it is durable.

        Shape:  with `ref`, the seq of an entry there, it is a reply to that one, or what
                its kind says about it: see docs/wire.md §9. To "@nick" that is a seq of
                one's own direct messages. `text` is empty where the kind is "delete".
        Raises: RefusedError: it was not taken, and never will be.
                OutboxError: it was not put into the outbox, or taken back out of it.
                ClosedError: the client was closed first; it may have been taken.
        Cancel: may have happened: the line stays in the outbox.
        """
        ticket = await self.post(room, text, kind=kind, ref=ref)
        return await ticket.accepted()

    async def post(
        self, room: str, text: str, *, kind: Kind = "text", ref: int | None = None
    ) -> Ticket:
        """Put a line into the outbox; waits for its disk, and while it is full.

        Shape:  as say.
        Raises: RefusedError: the text can't be sent; it is not in the outbox.
                OutboxError: the disk does not take it; it is not in the outbox.
                ClosedError: the client was closed; it is not in the outbox.
        Cancel: atomic; once there is room it waits for the disk.
        """
        name = _checked(room, text, kind, ref)
        self._posting[name] += 1
        try:
            return await self.outbox.put(name, text, kind, ref)
        finally:
            self._posting -= Counter([name])  # keeps none that is 0
            self._settled()  # if it is not in the outbox now, it never will be

    def post_nowait(
        self, room: str, text: str, *, kind: Kind = "text", ref: int | None = None
    ) -> Ticket:
        """As post.

        Raises: trio.WouldBlock: the outbox is full, or on a disk; the line is not in it.
                RefusedError: the text can't be sent; it is not in the outbox.
        """
        name = _checked(room, text, kind, ref)
        return self.outbox.put_nowait(name, text, kind, ref)

    def check(
        self, room: str, text: str, *, kind: Kind = "text", ref: int | None = None
    ) -> None:
        """Whether this can be said at all.

        Raises: RefusedError: it can't; the reason says why.
        """
        _checked(room, text, kind, ref)

    async def cancel(self, n: int) -> Ticket:
        """Take a line back that waits in the outbox; a Cancelled event tells, too.

        Raises: OutboxError: it may be on its way, or none with this number waits, or the
                disk does not forget it. It is where it was.
        Cancel: may have happened.
        """
        return await self.outbox.cancel(n)

    async def join(self, room: str) -> None:
        """Become a member of a room; returns once one is.

        Raises: RefusedError: the server does not let one in.
                ClosedError: the client was closed first.
        Cancel: may have happened.
        """
        name = _room_name(room)
        self._leaving.discard(name)
        await self._rooms.join(name)

    def join_nowait(self, room: str) -> None:
        """Become a member as soon as there is a link; an Opened or Closed event tells.

        Raises: RefusedError: no room can have that name.
        """
        name = _room_name(room)
        self._leaving.discard(name)
        self._rooms.want(name)

    def leave_nowait(self, room: str) -> None:
        """Stop being a member of a room; a Closed event tells.

        Shape:  if lines for it wait in the outbox, or are being posted, after they are
                settled: without us in the room they would be refused.
        Raises: RefusedError: one is not in that room.
        """
        name = _room_name(room)
        if name in self._rooms.names and self._has_lines_for(name):
            self._leaving.add(name)
        else:
            self._rooms.leave(name)

    def who_nowait(self, room: str) -> None:
        """Ask who is in a room; a Members event tells, if there is a link."""
        self._request(messages.Who(room=_room_name(room)))

    def mark_nowait(self, room: str, seq: int) -> None:
        """One has read the room up to here: one's other devices come to know it.

        Shape:  "@" is one's direct messages. A smaller one than before changes nothing, nor
                does one for a room that one is not in. It is told within a second, again
                after a lost link, and at the end.
        """
        self._rooms.mark(room.removeprefix("#"), seq)

    # --- what was said before --------------------------------------------------------

    async def fetch(self, room: str, *, after: int, through: int) -> Page:
        """Past entries of a room that one is in (or "@"): after < seq <= through.

        Shape:  in pieces, so that a server answers others in between; in memory all at
                once. What has not been said yet is left out. No cursor moves, and no event
                tells of them.
        Raises: RefusedError: the server does not give them; the reason says why.
                NoLinkError: there is no link, or it was lost before the answer.
        Cancel: atomic.
        """
        return await self._asking.fetch(_log_name(room), after, through)

    async def search(
        self, room: str, words: str, *, before: int | None = None, limit: int = 20
    ) -> Found:
        """Where all of these words were said in a room that one is in (or "@").

        Shape:  newest first. The last word may be the beginning of a longer one; case and
                accents make no difference. `before` is what the last answer had, to find
                older ones. `limit`: 50 at most.
        Raises: RefusedError: nothing can be searched now, or there is no word in it.
                NoLinkError: there is no link, or it was lost before the answer.
        Cancel: atomic.
        """
        return await self._asking.search(_log_name(room), words, before, limit)

    def rename_nowait(self, nick: str) -> None:
        """Ask for another name: a Named or a Refused event tells.

        Shape:  without a link it is the name for the next try, which is made at once.
        Raises: RefusedError: nobody can have that name.
        """
        wished = names.nick(nick)
        if self._link is not None:
            self._request(messages.Nick(nick=wished))
        else:
            self.nick = self._wished = wished
            self._poke.set()

    async def aclose(self) -> None:
        """Say goodbye and end; what is in an outbox in memory is given up.

        Cancel: closes the wire.
        """
        self._closing = True
        self._poke.set()
        self._rooms.marks.tell_all()
        if self._link is not None:
            self._link.close()
            with trio.move_on_after(GOODBYE_S, shield=True):
                await self._ended.wait()
        self.outbox.close()
        self._rooms.close()
        self._mailbox.close()

    def _queued(self, ticket: Ticket) -> None:
        self._mailbox.tell(
            Queued(ticket.room, ticket.n, ticket.text, ticket.kind, ticket.ref)
        )
        self._wake()

    def _cancelled(self, ticket: Ticket) -> None:
        self._mailbox.tell(Cancelled(ticket.room, ticket.n, ticket.text))
        self._settled()

    def _settled(self) -> None:
        """Leave the rooms that were to be left after what was said in them."""
        for name in sorted(self._leaving):
            if not self._has_lines_for(name):
                self._leaving.discard(name)
                if name in self._rooms.names:
                    self._rooms.leave(name)

    def _has_lines_for(self, room: str) -> bool:
        waits = any(ticket.room == room for ticket in self.outbox.lines)
        return waits or self._posting[room] > 0

    def _wake(self) -> None:
        if self._link is not None:
            self._link.wake()

    def _request(self, message: messages.Message) -> None:
        # Without a link nothing is lost: the next one begins with all that is wanted.
        if self._link is not None:
            self._link.request(message)

    def _go_on(self) -> None:
        self._rooms.resume_held()

    # --- one link after the other ----------------------------------------------------

    async def _run(self) -> None:
        self._status("connecting", f"connecting to {self.address}")
        try:
            while not self._closing:
                self._poke = trio.Event()
                try:
                    return await self._one_link()
                except LinkLostError as error:
                    delay_s = self._delay_s(error.back_in_s)
                    self._offline(str(error), delay_s)
                except RefusedError as error:
                    delay_s = self._refused(error)
                self._failures += 1
                with trio.move_on_after(delay_s):
                    await self._poke.wait()
        finally:
            self._ended.set()
            self._mailbox.close()

    def _delay_s(self, wished_s: float | None) -> float:
        if wished_s is not None:
            return min(wished_s, BACK_IN_S_MAX)
        return backoff_s(self._failures, self._rng)

    async def _one_link(self) -> None:
        """From the dial to the goodbye.

        Raises: LinkLostError or RefusedError: it ended otherwise.
        """
        stream = await self._options.dial(self.address)
        try:
            link = Link(stream, self._hear, self._lines_after)
            hello = self._hello()
            self._welcome(await link.open(hello), link)
            self._make_up_for(hello)
            await link.run()
        except RemoteProtocolError as error:
            raise LinkLostError(str(error)) from error
        except trio.BrokenResourceError as error:
            raise LinkLostError("the connection broke") from error
        finally:
            lasted_s = trio.current_time() - self._welcomed_s
            if self._link is not None and lasted_s >= SETTLED_S:
                self._failures = 0
            self._link = None
            self._asking.cut()
            self._rooms.marks.cut_off()
            self.outbox.hold()
            await trio.aclose_forcefully(stream)

    def _make_up_for(self, hello: messages.Hello) -> None:
        """Ask for the nick that was wished for after the hello was said."""
        wished, self._wished = self._wished, None
        if wished is not None and wished != hello.nick:
            self._request(messages.Nick(nick=wished))

    def _hello(self) -> messages.Hello:
        # Whatever the clock does, our own hellos are in order.
        now_ms = int(self._options.wall_clock_s() * 1000)
        self._attempt = max(self._attempt + 1, now_ms)
        return messages.Hello(
            v=PROTOCOL_VERSION,
            nick=self.nick,
            device=self._options.device,
            attempt=self._attempt,
            person=self._options.person,
            software=f"trio_chat {__version__}",
        )

    def _welcome(self, welcome: messages.Welcome, link: Link) -> None:
        self._welcomed_s = trio.current_time()
        self._link = link
        if self._epoch not in (None, welcome.epoch):
            self._begin_anew("the server has another past than before: rooms begin anew")
        self._epoch = welcome.epoch
        self._named(welcome.nick)
        self._rooms.linked()
        self.outbox.release(welcome.credit)
        self._status("online", f"connected to {self.address} as {self.nick}")
        if self._closing:
            link.close()

    def _lines_after(self, n: int) -> Iterator[tuple[int, messages.Message]]:
        return ((ticket.n, ticket.message) for ticket in self.outbox.after(n))

    def _offline(self, reason: str, delay_s: float) -> None:
        again = f"{reason}; trying again in {_seconds(delay_s)}"
        self._status("offline", again, delay_s)

    def _refused(self, error: RefusedError) -> float:
        """Say so; how long to wait, in seconds, unless another nick is wished for."""
        was_welcome = self._epoch is not None
        if error.code in _FINAL or not (self._options.insist or was_welcome):
            raise error
        mends_itself = error.code in _MENDS_ITSELF
        delay_s = backoff_s(self._failures, self._rng) if mends_itself else math.inf
        self._status("waiting", error.reason, delay_s if mends_itself else None)
        return delay_s

    def _status(self, state: State, reason: str, retry_in_s: float | None = None) -> None:
        self.state = state
        self._mailbox.tell(Status(state, reason, retry_in_s))

    # --- what the server says --------------------------------------------------------

    def _hear(self, message: ServerMessage) -> None:  # noqa: C901, PLR0912 (a table)
        match message:
            case messages.Entry():
                self._rooms.entry(message)
            case messages.Accepted():
                self._accepted(message)
            case messages.Page() | messages.Found():
                self._asking.answered(message)
            case messages.Refused() | messages.Error() if self._asking.refused(message):
                pass  # whoever asked is told
            case messages.Refused():
                self._not_done(message)
            case messages.Gap():
                self._rooms.gap(message)
            case messages.Room():
                self._opened(message)
            case messages.Members():
                self._rooms.members(message)
            case messages.Left() if message.nick == self.nick:
                self._rooms.left(message.room, message.reason)
            case messages.Joined() | messages.Left() | messages.Renamed():
                self._rooms.presence(message)
            case messages.Nick():
                self._named(message.nick)
            case messages.Mark():
                self._rooms.marked(message)
            case messages.Error():
                self._mailbox.tell(Refused(message.code, message.reason))
            case messages.Welcome() | messages.Ping() | messages.Pong() | messages.Bye():
                raise AssertionError(f"the link handles {message}")
            case _:
                assert_never(message)

    def _opened(self, message: messages.Room) -> None:
        if self._rooms.had_more(message):
            ends = f"#{message.room} ends at {message.head}, and had been read further"
            self._begin_anew(f"{ends}: rooms begin anew")
            # Answers to what was asked with our old cursors may be on their way.
            raise LinkLostError(ends)
        self._rooms.opened(message)

    def _begin_anew(self, reason: str) -> None:
        self._rooms.forget()
        self._mailbox.put(Reset(reason))

    def _accepted(self, message: messages.Accepted) -> None:
        ticket = self.outbox.accept(message.n, message.seq)
        if ticket is not None:
            self._failures = 0
            self._mailbox.tell(Accepted(ticket.room, ticket.n, message.seq))
            self._settled()

    def _not_done(self, message: messages.Refused) -> None:
        code, reason, room, n = message.code, message.reason, message.room, message.n

        def tell(ticket: Ticket | None = None) -> None:
            text = ticket.text if ticket is not None else None
            self._mailbox.tell(Refused(code, reason, room, n, text))
            self._settled()

        if n is not None:
            self.outbox.refuse(n, code, reason, tell)
        else:
            self._rooms.refused(message)
            tell()

    def _named(self, nick: str) -> None:
        self.nick = nick
        self._mailbox.tell(Named(nick))


class _Entries:
    def __init__(self, client: Client) -> None:
        self._client = client

    def __aiter__(self) -> AsyncIterator[Entry]:
        return self

    async def __anext__(self) -> Entry:
        async for event in self._client:
            if isinstance(event, Entry):
                return event
        raise StopAsyncIteration


def _checked(room: str, text: str, kind: Kind, ref: int | None) -> str:
    """The name of where it goes, for what may go into the outbox, for good."""
    check_line(text, kind, ref)
    return "@" + names.nick(room[1:]) if room.startswith("@") else _room_name(room)


def _room_name(room: str) -> str:
    return names.room(room.removeprefix("#"))


def _log_name(room: str) -> str:
    return INBOX if room == INBOX else _room_name(room)


def _seconds(delay_s: float) -> str:
    return f"{delay_s:.0f} s" if delay_s >= 1 else f"{delay_s:.1f} s"
