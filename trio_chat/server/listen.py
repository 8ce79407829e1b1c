"""Where a server listens, and where its peers are."""

import errno
import os
import socket as kernel
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import trio

from trio_chat.addresses import Address, listen_trouble
from trio_chat.errors import ListenError
from trio_chat.wire import KernelStream

AT_ONCE_MAX: Final = 64
"""Taken in one turn, as long as nobody says anything."""
AT_ONCE_TALKING_MAX: Final = 2
"""Else a storm of joins makes the rounds of the scheduler long for those who talk."""
_GONE: Final = frozenset(
    getattr(errno, name)
    for name in (
        *("ECONNABORTED", "EPERM", "EPROTO", "ENOPROTOOPT", "EOPNOTSUPP", "ENETDOWN"),
        *("ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH", "ENONET"),
    )
    if hasattr(errno, name)
)
"""What accept() says of one who has called: it went before it was let in, or may not come.

Source: accept(2); trio.SocketListener passes over the same.
"""
_FULL: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What it says where this process, or the machine, can't have another connection now."""
FULL_S: Final = 0.1
"""Until that is tried again: somebody may have left."""


async def listen(host: str, port: int, flag: str = "") -> list[trio.SocketListener]:
    """Listeners at an address; port 0 picks a free one, the same for all of them.

    Shape:  `flag` is the one that sets the address, where --host and --port do not.
    Raises: ListenError: it can't be listened at; the text says why and what to do.
    Cancel: atomic.
    """
    try:
        listeners = await trio.open_tcp_listeners(port, host=host or None)
    except OSError as error:
        raise ListenError(listen_trouble(error, Address(host, port), flag)) from error
    if port == 0 and len(listeners) > 1:
        # A name with several addresses: they share the port that the first one got.
        for listener in listeners[1:]:
            await listener.aclose()
        first = listeners[0]
        try:
            return [first, *await _listen_beside(host, address_of(first), flag)]
        except BaseException:
            await trio.aclose_forcefully(first)
            raise
    return listeners


async def _listen_beside(host: str, taken: Address, flag: str) -> list[trio.SocketListener]:
    found = await trio.socket.getaddrinfo(
        host or None, taken.port, type=trio.socket.SOCK_STREAM
    )
    others = {str(sockaddr[0]) for *_, sockaddr in found} - {taken.host}
    listeners: list[trio.SocketListener] = []
    for other in sorted(others):
        listeners += await listen(other, taken.port, flag)
    return listeners


def address_of(listener: trio.SocketListener) -> Address:
    """Where it really listens, with the port that was picked."""
    host, port, *_ = listener.socket.getsockname()
    return Address(host, port)


def address_of_peer(stream: trio.abc.Stream) -> str:
    """Where the peer is, for people."""
    if not isinstance(stream, trio.SocketStream | KernelStream):
        return "memory"
    try:
        host, port, *_ = stream.socket.getpeername()
    except OSError:  # gone already
        return "an address that is gone"
    return str(Address(host, port))


def eager(
    listener: trio.abc.Listener[Any],
    talking: Callable[[], bool],
    full: Callable[[str], object],
) -> trio.abc.Listener[Any]:
    """The same one; of a kernel's socket it takes all who wait, instead of one in a turn.

    Shape:  only a few of them as long as it is `talking`. When thousands come at once,
            they wait in a queue of the kernel, and whom that can't hold tries again after
            a second. `full` is told why nobody else can be let in now, as long as that is.
    """
    # As in wire.sending_of(): only trio's own class has a real descriptor.
    socket = getattr(listener, "socket", None)
    if type(socket).__module__.startswith("trio.") and os.name == "posix":
        return _Eager(listener, talking, full)
    return listener


class _Eager(trio.abc.Listener[KernelStream]):
    def __init__(
        self,
        listener: Any,
        talking: Callable[[], bool],
        full: Callable[[str], object],
    ) -> None:
        self._listener = listener
        self._talking = talking
        self._full = full
        self._socket = kernel.socket(fileno=os.dup(listener.socket.fileno()))
        self._socket.setblocking(False)
        self._taken: deque[KernelStream] = deque()

    async def accept(self) -> KernelStream:
        """The next one. Cancel: nobody was taken."""
        while not self._taken:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                self._take()
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._full(error.strerror or str(error))
                await trio.sleep(FULL_S)
        return self._taken.popleft()

    def _take(self) -> None:
        most = AT_ONCE_TALKING_MAX if self._talking() else AT_ONCE_MAX
        try:
            while len(self._taken) < most:
                self._taken.append(KernelStream(self._socket.accept()[0]))
        except BlockingIOError:
            pass
        except OSError as error:
            # Whoever was taken before it comes first; the next round meets it again.
            if not (self._taken or error.errno in _GONE):
                raise

    async def aclose(self) -> None:
        """Close it, with whoever was taken and never asked for."""
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()
        for stream in self._taken:
            stream.socket.close()
        await self._listener.aclose()
