"""The lines that were typed and are not yet accepted, in the order of their typing."""

from collections.abc import Iterator
from typing import Final

import trio

from trio_chat.errors import ClosedError, RefusedError
from trio_chat.protocol.messages import Direct, Kind, Say

OUTBOX_LINES_MAX: Final = 1_000
"""Policy when full: the author waits, or is told (`post_nowait`)."""


class Ticket:
    """Follows one line from the outbox to its place in the log."""

    def __init__(self, room: str, n: int, text: str, kind: Kind) -> None:
        self.room = room
        """The room; `@nick` for a direct message."""
        self.n = n
        """The line's number; (device, n) is its identity."""
        self.text = text
        """What will be said."""
        self.kind = kind
        """`me` is an action."""
        self._done = trio.Event()
        self._seq: int | None = None
        self._error: Exception | None = None

    async def accepted(self) -> int:
        """The line's seq, as soon as it is durable on the server.

        Raises: RefusedError: the server did not take it; it will not be sent again.
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
            return Direct(to=self.room[1:], n=self.n, text=self.text, kind=self.kind)
        return Say(room=self.room, n=self.n, text=self.text, kind=self.kind)

    def _settle(self, seq: int | None, error: Exception | None) -> None:
        self._seq = seq
        self._error = error
        self._done.set()


class Outbox:
    """First in, first out; a line leaves when the server has accepted or refused it.

    Shape:  never holds more than `lines_max` lines. In memory: what is in it is gone with
            the process. The first line gets the number `first_n`.
    """

    def __init__(self, lines_max: int = OUTBOX_LINES_MAX, *, first_n: int = 1) -> None:
        self.refused_lines = 0
        """How many lines the server did not take, so far."""
        self.last_seqs: dict[str, int] = {}
        """Where the last line that was accepted stands, by room."""
        self._lines_max = lines_max
        self._tickets: dict[int, Ticket] = {}
        self._next_n = first_n
        self._closed = False
        self._changed = trio.Event()

    def __len__(self) -> int:
        return len(self._tickets)

    def put_nowait(self, room: str, text: str, kind: Kind) -> Ticket:
        """A new line at the end.

        Raises: trio.WouldBlock: the outbox is full; the line is not in it.
                ClosedError: the client was closed; the line is not in it.
        """
        if self._closed:
            raise _closed()
        if len(self._tickets) >= self._lines_max:
            raise trio.WouldBlock
        ticket = Ticket(room, self._next_n, text, kind)
        self._tickets[ticket.n] = ticket
        self._next_n += 1
        return ticket

    async def put(self, room: str, text: str, kind: Kind) -> Ticket:
        """As put_nowait, as soon as there is room.

        Raises: ClosedError: the client was closed; the line is not in it.
        Cancel: atomic.
        """
        while True:
            try:
                return self.put_nowait(room, text, kind)
            except trio.WouldBlock:
                await self._changed.wait()

    async def emptied(self) -> None:
        """Wait until every line was accepted or refused.

        Cancel: atomic.
        """
        while self._tickets:
            await self._changed.wait()

    def after(self, n: int) -> Iterator[Ticket]:
        """The lines that follow number `n`, oldest first."""
        return (ticket for ticket in self._tickets.values() if ticket.n > n)

    def accept(self, n: int, seq: int) -> Ticket | None:
        """The line is in the log; None if it was settled before."""
        ticket = self._take(n, seq, None)
        if ticket is not None:
            self.last_seqs[ticket.room] = seq
        return ticket

    def refuse(self, n: int, code: str, reason: str) -> Ticket | None:
        """The line will never be in the log; None if it was settled before."""
        ticket = self._take(n, None, RefusedError(code, reason))
        if ticket is not None:
            self.refused_lines += 1
        return ticket

    def close(self) -> None:
        """Give up: whoever waits for a line, or to put one in, is told."""
        self._closed = True
        for n in list(self._tickets):
            self._take(n, None, _closed())

    def _take(self, n: int, seq: int | None, error: Exception | None) -> Ticket | None:
        ticket = self._tickets.pop(n, None)
        if ticket is not None:
            ticket._settle(seq, error)
            self._changed.set()
            self._changed = trio.Event()
        return ticket


def _closed() -> ClosedError:
    return ClosedError("the client was closed")
