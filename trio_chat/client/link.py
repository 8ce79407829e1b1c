"""One connection to the server, from the dial to its end; the next one is another Link."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias

import trio

from trio_chat.addresses import Address, connect_trouble
from trio_chat.errors import RefusedError, RemoteProtocolError, lone_exception
from trio_chat.protocol.codes import Code
from trio_chat.protocol.connection import Connection, Role
from trio_chat.protocol.framing import BadLine, encode, server_messages
from trio_chat.protocol.messages import (
    Bye,
    Error,
    Hello,
    Message,
    Ping,
    Pong,
    Refused,
    ServerMessage,
    Welcome,
)
from trio_chat.wire import Wire

CONNECT_S: Final = 10.0
HELLO_S: Final = 10.0
GOODBYE_S: Final = 1.0
_BURST_LINES_MAX: Final = 100


class LinkLostError(Exception):
    """The link ended.

    Shape:  the text says why; `back_in_s` is the server's own wish, if it had one.
    """

    def __init__(self, reason: str, back_in_s: float | None = None) -> None:
        super().__init__(reason)
        self.back_in_s = back_in_s


_ENDS: Final = (
    LinkLostError,
    RefusedError,
    RemoteProtocolError,
    trio.BrokenResourceError,
)

Dial: TypeAlias = Callable[[Address], Awaitable[trio.abc.Stream]]
"""Makes a connection to the server, or raises LinkLostError with the reason."""


async def dial_tcp(address: Address) -> trio.SocketStream:
    """A TCP connection to the server.

    Raises: LinkLostError: there is none; the text is a sentence for people.
    Cancel: atomic: no connection is left behind.
    """
    try:
        with trio.fail_after(CONNECT_S):
            return await trio.open_tcp_stream(address.host, address.port)
    except trio.TooSlowError:
        raise LinkLostError(f"no answer from {address}") from None
    except OSError as error:
        raise LinkLostError(connect_trouble(error, address)) from error


class Link:
    """A live connection: what the server says goes to `hear`, what is due is sent.

    Shape:  `lines_after(n)` gives the outbox's lines that follow number n. One task sends,
            so nothing is ever cut in two by something else.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        hear: Callable[[ServerMessage], None],
        lines_after: Callable[[int], Iterable[tuple[int, Message]]],
    ) -> None:
        self._stream = stream
        self._hear = hear
        self._lines_after = lines_after
        self._connection = Connection(Role.CLIENT)
        self._wire = Wire(stream, server_messages(), heartbeat_s=HELLO_S, ping=self._ping)
        self._requests: deque[Message] = deque()
        self._pong: Pong | None = None
        self._sent_n = 0
        self._work = trio.Event()
        self._welcomed: list[ServerMessage | BadLine] = []
        self._closing = False

    async def open(self, hello: Hello) -> Welcome:
        """Say hello, and hear the server's.

        Raises: RefusedError: the server knows us now, and does not want us like this.
                LinkLostError, RemoteProtocolError, trio.BrokenResourceError: no link.
        Cancel: closes the wire.
        """
        self._connection.said(hello)
        with trio.move_on_after(HELLO_S):
            await self._stream.send_all(encode([hello]))
            while True:
                items = await self._received()
                for index, item in enumerate(items):
                    if isinstance(item, Welcome):
                        self._connection.heard(item)
                        self._wire.heartbeat_s = item.heartbeat_s
                        self._welcomed = items[index + 1 :]
                        return item
                    self._not_welcome(item)
        raise LinkLostError("the server did not answer the hello")

    def _not_welcome(self, item: ServerMessage | BadLine) -> None:
        match item:
            case Refused() | Error(code=Code.VERSION):
                raise RefusedError(item.code, item.reason)
            case Error():
                raise LinkLostError(f"the server ended the link: {item.reason}")
            case BadLine():
                raise LinkLostError("what answers there is not a trio_chat server")
            case Bye():
                raise LinkLostError(item.reason, item.back_in_s)
            case _:
                self._connection.heard(item)

    def request(self, message: Message) -> None:
        """Send this, before any line of the outbox that is not on its way yet."""
        self._requests.append(message)
        self.wake()

    def wake(self) -> None:
        """There may be something new in the outbox."""
        self._work.set()

    def close(self) -> None:
        """Say bye after what is due, then end; run() returns."""
        self._closing = True
        self.wake()

    async def run(self) -> None:
        """Hear and send until close() was called and done.

        Raises: LinkLostError, RemoteProtocolError, trio.BrokenResourceError: it ended
                before. RefusedError: another one took our place; do not come back.
        Cancel: closes the wire.
        """
        with lone_exception():
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._hear_all)
                    await self._send_all()
                    nursery.cancel_scope.cancel()
            except BaseExceptionGroup as group:
                ends, others = group.split(_ENDS)
                if ends is None or others is not None:
                    # A cancellation, or a bug: either matters more than an end.
                    raise (others or group) from None
                # Both tasks may find out in the same moment; the one that heard why
                # knows more than the one that could not send.
                raise min(ends.exceptions, key=_knows_little) from None

    async def _hear_all(self) -> None:
        items, self._welcomed = self._welcomed, []
        while True:
            for item in items:
                self._handle(item)
            # A long batch must not keep the rest of the program from running.
            await trio.lowlevel.checkpoint()
            items = await self._received()

    async def _received(self) -> list[ServerMessage | BadLine]:
        items = await self._wire.receive()
        if not items:
            raise LinkLostError("the server closed the connection")
        return items

    def _handle(self, item: ServerMessage | BadLine) -> None:
        match item:
            case BadLine(code=Code.UNKNOWN_TYPE):
                return  # from a newer server; nothing that was promised to us
            case BadLine():
                raise RemoteProtocolError(item.code, f"the server sent: {item.reason}")
        self._connection.heard(item)
        match item:
            case Ping():
                self._pong = Pong(id=item.id)
                self.wake()
            case Pong():
                pass
            case Bye():
                raise LinkLostError(
                    f"the server says goodbye: {item.reason}", item.back_in_s
                )
            case Error(code=Code.SUPERSEDED):
                raise RefusedError(item.code, item.reason)
            case Error(code=Code.STORE_FAILED):
                # Its own words are for who writes a client: people must not say it again.
                raise LinkLostError(
                    "the server's disk fails: what you said is kept, and sent again"
                )
            case Error(end=True):
                raise LinkLostError(f"the server ended the link: {item.reason}")
            case _:
                self._hear(item)

    def _ping(self) -> None:
        self.request(Ping())

    async def _send_all(self) -> None:
        # Only this task sends, and nobody cancels it to say goodbye: half a line would
        # be the last thing the server hears.
        while True:
            # The other task may have heard the end in the moment that woke this one.
            await trio.lowlevel.checkpoint_if_cancelled()
            due = self._due()
            if due:
                await self._stream.send_all(encode(due))
            elif self._closing:
                await self._stream.send_all(encode([Bye()]))
                return
            else:
                await self._wait_for_work()

    async def _wait_for_work(self) -> None:
        self._work = trio.Event()
        # Whoever has sent nothing for a heartbeat says so: the server may be waiting.
        with trio.move_on_after(self._wire.heartbeat_s) as quiet:
            await self._work.wait()
        if quiet.cancelled_caught:
            self._ping()

    def _due(self) -> list[Message]:
        due = [*self._requests]
        self._requests.clear()
        if self._pong is not None:
            due.append(self._pong)
            self._pong = None
        for n, line in self._lines_after(self._sent_n):
            if len(due) >= _BURST_LINES_MAX:
                break
            due.append(line)
            self._sent_n = n
        for message in due:
            self._connection.said(message)
        return due


def _knows_little(error: Exception) -> bool:
    return isinstance(error, trio.BrokenResourceError)
