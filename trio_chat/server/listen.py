"""Where a server listens, and where its peers are."""

import trio

from trio_chat.addresses import Address, listen_trouble
from trio_chat.errors import ListenError


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
    if not isinstance(stream, trio.SocketStream):
        return "memory"
    try:
        host, port, *_ = stream.socket.getpeername()
    except OSError:  # gone already
        return "an address that is gone"
    return str(Address(host, port))
