"""A trio stream that speaks messages; both ends of every link use it."""

import os
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import trio

from trio_chat.errors import RemoteProtocolError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import BadLine, Decoder
from trio_chat.protocol.messages import Message

RECEIVE_BYTES_MAX: Final = 64 * 1024
SendNow = Callable[[bytes], int]
"""Takes as many leading bytes as fit at once, says how many, never waits."""

M = TypeVar("M", bound=Message)


class Wire(Generic[M]):
    """The receiving half of a link, with its heartbeat: bytes in, messages out.

    Shape:  `ping` is called, without waiting, when nothing was heard for `heartbeat_s`.
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


def send_now_of(stream: trio.abc.Stream) -> SendNow:
    """The stream's way to send without waiting; takes nothing where there is none.

    Shape:  a socket may offer `send_nowait(data) -> int` itself (a simulated one does).
            A kernel socket is written by its file descriptor, which is public API on
            every Unix. Elsewhere, and for TLS, the writer task does all the sending.
    """
    socket = getattr(stream, "socket", None)
    own: SendNow | None = getattr(socket, "send_nowait", None)
    if own is not None:
        return own
    # Only trio's own class is known to hand out a real descriptor: a stand-in's number
    # may be somebody else's file.
    if os.name != "posix" or not type(socket).__module__.startswith("trio."):
        return _takes_nothing
    fileno: Callable[[], int] = socket.fileno  # type: ignore[union-attr]

    def send_now(data: bytes) -> int:
        descriptor = fileno()
        if descriptor < 0:
            return 0
        try:
            return os.write(descriptor, data)
        except OSError:  # full for now, or broken: the writer task will find out which
            return 0

    return send_now


def _takes_nothing(_data: bytes) -> int:
    return 0
