"""A trio stream that speaks messages, and what both ends of every link need of one."""

import os
import socket as kernel
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

import trio

from trio_chat.errors import RemoteProtocolError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import BadLine, Decoder
from trio_chat.protocol.messages import Message

if sys.platform == "linux":
    import fcntl
    import termios

RECEIVE_BYTES_MAX: Final = 64 * 1024
_SLICE_BYTES: Final = 4 * 1024

M = TypeVar("M", bound=Message)


class Wire(Generic[M]):
    """The receiving half of a link, with its heartbeat: bytes in, messages out.

    Shape:  `ping` is called, without waiting, when nothing was heard for `heartbeat_s`. It
            is for an end with a few links: a server has one task for all heartbeats.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        decoder: Decoder[M],
        *,
        heartbeat_s: float,
        ping: Callable[[], object],
    ) -> None:
        self._stream = stream
        self._decoder = decoder
        self.heartbeat_s = heartbeat_s
        self._ping = ping

    async def receive(self) -> list[M | BadLine]:
        """All that the next bytes complete, in order.

        Shape:  empty if and only if the other end has closed its half.
        Raises: RemoteProtocolError with `timed_out`: nothing was heard for two heartbeats.
                trio.BrokenResourceError: the link broke.
        Cancel: atomic.
        Source: docs/wire.md §6.
        """
        items: list[M | BadLine] = []
        while not items:
            data = await self._receive_bytes()
            if not data:
                return []
            items = self._decoder.feed(data)
        return items

    async def _receive_bytes(self) -> bytes:
        for last_chance in (False, True):
            with trio.move_on_after(self.heartbeat_s):
                return bytes(await self._stream.receive_some(RECEIVE_BYTES_MAX))
            if not last_chance:
                self._ping()
        silence_s = 2 * self.heartbeat_s
        raise RemoteProtocolError(Code.TIMED_OUT, f"nothing was heard for {silence_s:g} s")


class Receiving(Protocol):
    """How bytes get out of a stream, at the least cost of waiting for them."""

    async def some(self) -> bytes:
        """The next bytes; empty at the end.

        Raises: trio.BrokenResourceError: the link broke.
        Cancel: atomic.
        """


def receiving_of(stream: trio.abc.Stream) -> Receiving:
    """How to receive from this stream, with as little as can be that waits with it.

    Shape:  of a kernel's socket nothing waits but its number, as in sending_of(); a socket
            that has send_nowait() is asked without the stream around it.
    """
    socket: Any = getattr(stream, "socket", None)
    if hasattr(socket, "send_nowait"):
        return _OwnReceiving(socket)
    if type(socket).__module__.startswith("trio.") and os.name == "posix":
        return _SocketReceiving(socket)
    return _StreamReceiving(stream)


class _SocketReceiving:
    """A kernel's socket."""

    __slots__ = ("_socket",)

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def some(self) -> bytes:
        descriptor: int = self._socket.fileno()
        while True:
            # Not tried before: as a rule nothing is there, and to be told so is dearer.
            await trio.lowlevel.wait_readable(descriptor)
            try:
                return os.read(descriptor, RECEIVE_BYTES_MAX)
            except BlockingIOError:
                pass
            except OSError as error:
                raise trio.BrokenResourceError("the connection broke") from error


class _OwnReceiving(_SocketReceiving):
    """A simulated socket."""

    __slots__ = ()

    async def some(self) -> bytes:
        try:
            data: bytes = await self._socket.recv(RECEIVE_BYTES_MAX)
        except OSError as error:
            raise trio.BrokenResourceError("the connection broke") from error
        return data


class _StreamReceiving:
    """Any other stream."""

    __slots__ = ("_stream",)

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream

    async def some(self) -> bytes:
        return bytes(await self._stream.receive_some(RECEIVE_BYTES_MAX))


class KernelStream(trio.abc.HalfCloseableStream):
    """A trio stream over a kernel's socket that is at hand itself, for sending at once.

    Shape:  a kernel's socket knows when it is closed, which its number does not: that may
            be another file's by then.
    """

    __slots__ = ("_stream", "kernel", "socket")

    def __init__(self, socket: kernel.socket) -> None:
        self.kernel = socket
        self.socket = trio.socket.from_stdlib_socket(socket)
        self._stream = trio.SocketStream(self.socket)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As trio.SocketStream.send_all."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As trio.SocketStream.wait_send_all_might_not_block."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As trio.SocketStream.receive_some."""
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_eof(self) -> None:
        """As trio.SocketStream.send_eof."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """As trio.SocketStream.aclose."""
        await self._stream.aclose()


class Sending(Protocol):
    """How bytes get into a stream, seen so closely that slow is told from stuck."""

    @property
    def now(self) -> Callable[[bytes], int]:
        """Takes as many leading bytes as fit at once; how many. Never waits.

        Raises: OSError: none, or the link broke; some() finds out which.
        """

    async def some(self, data: memoryview) -> int:
        """Take at least one leading byte, as soon as it fits; how many.

        Raises: trio.BrokenResourceError: the link broke.
        Cancel: atomic if `in_flight` says a number: nothing was taken. Else the stream is
                of no use any more.
        """

    def in_flight(self) -> int | None:
        """How many of the bytes that were taken the other end has not; None: can't be told.

        Shape:  between two calls of some() it can only become less. It does so with every
                packet that the other machine takes, long before there is space for more.
        """


def sending_of(stream: trio.abc.Stream) -> Sending:
    """How to send on this stream.

    Shape:  a socket may offer `send_nowait(data) -> int` and `in_flight() -> int` itself
            (a simulated one does). A kernel socket is written and asked by its file
            descriptor, which is public API on every Unix; elsewhere nothing is taken at
            once. Of any other stream, as of TLS, progress is seen by slices.
    """
    if isinstance(stream, KernelStream):
        return _KernelSending(stream)
    socket: Any = getattr(stream, "socket", None)
    if hasattr(socket, "send_nowait"):
        return _OwnSending(socket)
    # Only trio's own class is known to hand out a real descriptor: a stand-in's number
    # may be somebody else's file.
    if type(socket).__module__.startswith("trio."):
        return _SocketSending(socket)
    return _StreamSending(stream)


def bound_buffer(stream: trio.abc.Stream, bytes_max: int) -> None:
    """Have the kernel keep no more than so much for whoever does not read."""
    if isinstance(stream, trio.SocketStream | KernelStream):
        with suppress(OSError):  # it is gone already
            stream.socket.setsockopt(kernel.SOL_SOCKET, kernel.SO_SNDBUF, bytes_max)


class _SocketSending:
    """A kernel's socket."""

    __slots__ = ("_fileno", "_socket")

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._fileno = socket.fileno

    def now(self, data: bytes) -> int:
        if os.name != "posix":
            return 0
        # Asked anew each time: a number that was kept may be another file's by now.
        return os.write(self._fileno(), data)

    async def some(self, data: memoryview) -> int:
        try:
            count: int = await self._socket.send(data)
        except OSError as error:
            raise trio.BrokenResourceError("the connection broke") from error
        return count

    def in_flight(self) -> int | None:
        if sys.platform != "linux":
            return None
        try:
            # SIOCOUTQ has TIOCOUTQ's number; it counts what is not acknowledged.
            answer = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # closed
            return None
        return int.from_bytes(answer, sys.byteorder)


class _KernelSending(_SocketSending):
    """A kernel's socket that is at hand: nothing of ours stands between."""

    __slots__ = ("_kernel",)

    def __init__(self, stream: KernelStream) -> None:
        super().__init__(stream.socket)
        self._kernel = stream.kernel

    @property
    def now(self) -> Callable[[bytes], int]:
        """The socket's own send()."""
        return self._kernel.send


class _OwnSending(_SocketSending):
    """A simulated socket, which answers for itself."""

    __slots__ = ()

    def now(self, data: bytes) -> int:
        count: int = self._socket.send_nowait(data)
        return count

    def in_flight(self) -> int | None:
        count: int = self._socket.in_flight()
        return count


class _StreamSending:
    """Any other stream: what it has taken is not known before it has taken all."""

    def __init__(self, stream: trio.abc.SendStream) -> None:
        self._stream = stream

    def now(self, _data: bytes) -> int:
        return 0

    async def some(self, data: memoryview) -> int:
        part = data[:_SLICE_BYTES]
        await self._stream.send_all(part)
        return len(part)

    def in_flight(self) -> int | None:
        return None
