"""The lines that were typed and are not yet accepted, in the order of their typing.

A line is *held* as long as it can't have been sent: it may be taken back. Once it is
*released* it may be on its way, and whoever was cut off can't know how far it came. Lines
are released in their order, so that one number says how far.

The server's *credit* says how many lines may be on their way at once: always the first
that wait. So the rest of a flood is held, and may be taken back.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

import trio

from trio_chat.errors import ClosedError, OutboxError, RefusedError
from trio_chat.protocol.messages import CREDIT, Direct, Kind, Say

OUTBOX_LINES_MAX: Final = 1_000
"""Policy when full: the author waits, or is told (`post_nowait`)."""


class Ticket:
    """Follows one line from the outbox to its place in the log."""

    def __init__(
        self,
        room: str,
        n: int,
        text: str,
        kind: Kind,
        typed_s: float = 0.0,
        ref: int | None = None,
    ) -> None:
        self.room = room
        """The room; `@nick` for a direct message."""
        self.n = n
        """The line's number; (device, n) is its identity."""
        self.text = text
        """What will be said."""
        self.kind = kind
        """As in the wire's `say`: a line, or what it says about another one."""
        self.ref = ref
        """The seq of the entry that it is about."""
        self.typed_s = typed_s
        """When it was typed, in seconds since 1970 by this machine's clock."""
        self._done = trio.Event()
        self._seq: int | None = None
        self._error: Exception | None = None

    async def accepted(self) -> int:
        """The line's seq, as soon as it is durable on the server.

        Raises: RefusedError: the server did not take it; it will not be sent again.
                OutboxError: it was taken back, and will never be sent.
                ClosedError: the client was closed first; it may have been taken.
        Cancel: atomic: the line stays where it is, in the outbox or in the log.
        """
        await self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._seq is not None
        return self._seq

    @property
    def message(self) -> Say | Direct:
        """The line as the wire has it."""
        if self.room.startswith("@"):
            return Direct(self.room[1:], self.n, self.text, self.kind, self.ref)
        return Say(self.room, self.n, self.text, self.kind, self.ref)

    def _settle(self, seq: int | None, error: Exception | None) -> None:
        self._seq = seq
        self._error = error
        self._done.set()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a burst has come: what was said since the outbox was empty.

    Shape:  zeros if nothing waits. Lines that were taken back do not count.
    """

    done: int = 0
    """So many lines were accepted or refused …"""
    total: int = 0
    """… of so many."""

    def __str__(self) -> str:
        return f"sending {self.done:,}/{self.total:,}"


class Outbox:
    """First in, first out; a line leaves when the server has accepted or refused it.

    Shape:  never holds more than `lines_max` lines. In memory: what is in it is gone with
            the process; open_outbox() gives one that is not. The first line gets the
            number `first_n`. `device` is the secret that belongs to the numbers; None:
            they begin with this outbox. For one client.
    """

    def __init__(
        self,
        lines_max: int = OUTBOX_LINES_MAX,
        *,
        first_n: int = 1,
        device: str | None = None,
        wall_clock_s: Callable[[], float] = lambda: time.time(),  # noqa: PLW0108
    ) -> None:
        self.device = device
        """Half of the lines' identity; the other half is their number."""
        self.refused_lines = 0
        """How many lines the server did not take, so far."""
        self.lines_elsewhere = 0
        """How many lines waited in other files of this nick when this one was opened."""
        self.last_seqs: dict[str, int] = {}
        """Where the last line that was accepted stands, by room."""
        self.on_queued: list[Callable[[Ticket], object]] = []
        """Called for each new line when it is in the outbox, before it can be sent."""
        self.on_released: Callable[[], object] = lambda: None
        """Called when there may be more to send than before."""
        self.on_cancelled: Callable[[Ticket], object] = lambda _: None
        """Called for each line that was taken back."""
        self._wall_clock_s = wall_clock_s
        self._lines_max = lines_max
        self._tickets: dict[int, Ticket] = {}
        self._last_n = first_n - 1
        self._burst_lines = 0  # said since it was empty
        self._released_n = 0
        self._released_lines = 0  # of those that wait
        self._credit = CREDIT
        self._releasing = False
        self._closed = False
        self._changed = trio.Event()

    def __len__(self) -> int:
        return len(self._tickets)

    @property
    def is_full(self) -> bool:
        """Whether whoever puts one more in has to wait."""
        return len(self._tickets) >= self._lines_max

    @property
    def lines(self) -> tuple[Ticket, ...]:
        """What waits, oldest first."""
        return tuple(self._tickets.values())

    @property
    def progress(self) -> Progress:
        """How far what was said has come, since the outbox was empty."""
        if not self._tickets:
            return Progress()
        return Progress(self._burst_lines - len(self._tickets), self._burst_lines)

    def is_held(self, n: int) -> bool:
        """Whether line `n` can't have been sent."""
        return n > self._released_n

    def put_nowait(
        self, room: str, text: str, kind: Kind, ref: int | None = None
    ) -> Ticket:
        """A new line at the end.

        Raises: trio.WouldBlock: the outbox is full, or one has to wait for its disk; the
                line is not in it.
                ClosedError: the client was closed; the line is not in it.
        """
        self._check_open()
        if self.is_full:
            raise trio.WouldBlock
        ticket = Ticket(room, self._last_n + 1, text, kind, self._wall_clock_s(), ref)
        self._add(ticket)
        self._release_more()
        return ticket

    async def put(self, room: str, text: str, kind: Kind, ref: int | None = None) -> Ticket:
        """As put_nowait, as soon as there is room.

        Raises: OutboxError: the disk does not take it; the line is not in it.
                ClosedError: the client was closed; the line is not in it.
        Cancel: atomic.
        """
        await self._room_for_one()
        return Outbox.put_nowait(self, room, text, kind, ref)

    async def cancel(self, n: int) -> Ticket:
        """Take a line back: it will never be said.

        Raises: OutboxError: it may be on its way, or there is none with this number, or
                the disk does not forget it. It is where it was.
        Cancel: may have happened.
        """
        await trio.lowlevel.checkpoint()
        ticket = self._held(n)
        self._take_back(ticket)
        return ticket

    async def lasting(self, for_s: float) -> None:
        """Wait until there is a burst that has taken so long: nobody sees shorter ones.

        Cancel: atomic.
        """
        while True:
            while self._closed or not self._tickets:
                await self._changed.wait()
            with trio.move_on_after(for_s) as moment:
                await self.emptied()
            if moment.cancelled_caught:
                return

    async def emptied(self) -> None:
        """Wait until every line was accepted, refused or taken back, or given up.

        Cancel: atomic.
        """
        while self._tickets and not self._closed:
            await self._changed.wait()

    def after(self, n: int) -> Iterator[Ticket]:
        """The lines that follow number `n` and may be sent now, oldest first.

        Shape:  of those that wait the first, as many as the credit allows: if all of them
                are on their way, none of the others is.
        """
        first = islice(self._tickets.values(), self._credit)
        return (ticket for ticket in first if n < ticket.n <= self._released_n)

    def release(self, credit: int = CREDIT) -> None:
        """There is a link: of what waits, and of what follows until hold(), the first
        `credit` lines may be sent; as they are settled, those that come after."""
        self._releasing = True
        self._credit = credit
        self._release_more()
        self.on_released()  # what was released before may be sent again

    def hold(self) -> None:
        """There is no link: what is put in from now on stays here."""
        self._releasing = False

    def accept(self, n: int, seq: int) -> Ticket | None:
        """The line is in the log; None if it was settled before."""
        ticket = self._take(n, seq, None)
        if ticket is not None:
            self.last_seqs[ticket.room] = seq
        return ticket

    def refuse(
        self, n: int, code: str, reason: str, then: Callable[[Ticket | None], object]
    ) -> None:
        """The line will never be in the log.

        Shape:  `then` is called with it once it can't come back, not even after a crash:
                at once, or a little later; with None, if it was settled before.
        """
        then(self._refused(n, code, reason))

    def close(self) -> None:
        """Give up: whoever waits for a line, or to put one in, is told."""
        self._closed = True
        for n in list(self._tickets):
            self._take(n, None, closed_error())
        self._tell_all()

    # --- for outboxes that are not in memory alone -----------------------------------

    def _release_more(self) -> None:
        """Release what the credit allows."""
        if self._free_credit and self._last_n > self._released_n:
            last = next(islice(self._tickets, self._credit - 1, None), self._last_n)
            self._released(last)

    @property
    def _free_credit(self) -> int:
        """How many lines may be released."""
        return max(0, self._credit - self._released_lines) if self._releasing else 0

    def _released(self, n: int) -> None:
        """The lines up to number `n` may be sent now, if they might not before."""
        self._released_n = max(n, self._released_n)
        self._released_lines = len(list(takewhile(self._released_n.__ge__, self._tickets)))
        self.on_released()

    async def _room_for_one(self) -> None:
        self._check_open()
        while self.is_full:
            await self._changed.wait()
            self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error()

    def _add(self, ticket: Ticket) -> None:
        self._last_n = ticket.n
        self._burst_lines = self._burst_lines + 1 if self._tickets else 1
        self._tickets[ticket.n] = ticket
        self._tell_all()
        for tell in self.on_queued:
            tell(ticket)

    def _held(self, n: int) -> Ticket:
        ticket = self._tickets.get(n)
        if ticket is None:
            raise OutboxError(f"no line {n} waits")
        if not self.is_held(n):
            raise OutboxError(f"line {n} may be on its way already: it can't be taken back")
        return ticket

    def _take_back(self, ticket: Ticket) -> None:
        self._burst_lines -= 1
        self._take(ticket.n, None, OutboxError(f"line {ticket.n} was taken back"))
        self.on_cancelled(ticket)

    def _refused(self, n: int, code: str, reason: str) -> Ticket | None:
        ticket = self._take(n, None, RefusedError(code, reason))
        if ticket is not None:
            self.refused_lines += 1
        return ticket

    def _take(self, n: int, seq: int | None, error: Exception | None) -> Ticket | None:
        ticket = self._tickets.pop(n, None)
        if ticket is not None:
            self._released_lines -= n <= self._released_n
            ticket._settle(seq, error)
            self._tell_all()
            self._release_more()
            if self._released_lines >= self._credit:
                self.on_released()  # it has made room for one of another link
        return ticket

    def _tell_all(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def elsewhere_words(lines: int) -> str:
    """That lines wait in other files, in a sentence for people; empty if none do."""
    if not lines:
        return ""
    count = "1 line waits" if lines == 1 else f"{lines:,} lines wait"
    then = "a later start sends what is there, when nothing waits in this one"
    return f"{count} in another outbox of this nick: {then}"


def closed_error() -> ClosedError:
    """What is told to whoever still wants something of a client that was closed."""
    return ClosedError("the client was closed")
