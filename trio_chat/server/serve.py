"""From listening to drained: who owns what, and in which order it ends."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog
import trio

from trio_chat.addresses import Address, listen_trouble
from trio_chat.errors import ListenError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import encode
from trio_chat.protocol.messages import Error
from trio_chat.server.hub import Hub
from trio_chat.server.journal import Journal
from trio_chat.server.limits import Limits
from trio_chat.server.peer import Peer, Services
from trio_chat.store.interface import Store

_BACK_IN_S = 1.0
_BACK_SPREAD_PER_PEER_S = 0.001


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens.

    Shape:  `addresses` are the real ones, with the port that was picked.
    """

    addresses: tuple[Address, ...]
    draining: trio.Event = field(default_factory=trio.Event)

    def drain(self) -> None:
        """Take no more peers, finish what was accepted, say goodbye, end."""
        self.draining.set()


async def serve(  # noqa: PLR0913 (what a simulation replaces comes in by name)
    store: Store,
    *,
    host: str,
    port: int,
    log: structlog.typing.FilteringBoundLogger,
    new_secret: Callable[[], str],
    rng: random.Random,
    limits: Limits | None = None,
    wall_clock_s: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until it is drained; `nursery.start` gives the Running server.

    Raises: ListenError: the address can't be listened at; nothing was started.
    Cancel: closes every wire at once; nothing that was accepted is lost.
    Source: promises P1 to P11.
    """
    limits = limits or Limits()
    listeners = await _listen(host, port)
    running = Running(tuple(map(_address, listeners)))
    hub = Hub(await store.heads(), limits, log)
    journal = Journal(store, hub.deliver, wall_clock_s, limits)
    services = Services(
        hub=hub,
        journal=journal,
        store=store,
        limits=limits,
        new_secret=new_secret,
        log=log,
    )
    peers: dict[Peer, None] = {}
    async with trio.open_nursery() as outer:
        outer.start_soon(journal.run)
        async with trio.open_nursery() as handlers:
            async with trio.open_nursery() as front:
                handle = partial(_handle, peers, services)
                front.start_soon(
                    partial(
                        trio.serve_listeners, handle, listeners, handler_nursery=handlers
                    )
                )
                task_status.started(running)
                await running.draining.wait()
                front.cancel_scope.cancel()
            log.info("draining", peers=len(peers), drain_s=limits.drain_s)
            for number, peer in enumerate(peers):
                spread_s = _BACK_SPREAD_PER_PEER_S * number
                peer.drain(_BACK_IN_S + spread_s + rng.uniform(0, _BACK_IN_S))
            handlers.cancel_scope.deadline = trio.current_time() + limits.drain_s
        journal.close()
    log.info("stopped")


async def _handle(
    peers: dict[Peer, None], services: Services, stream: trio.SocketStream
) -> None:
    if len(peers) >= services.limits.peers_max:
        return await _turn_away(stream, services.limits)
    peer = Peer(stream, _peer_address(stream), services)
    peers[peer] = None
    try:
        await peer.run()
    except Exception:
        services.log.exception("bug", address=peer.address)
    finally:
        del peers[peer]


async def _turn_away(stream: trio.SocketStream, limits: Limits) -> None:
    words = f"this server has {limits.peers_max:,} peers, and takes no more"
    error = Error(code=Code.SERVER_FULL, reason=words, end=True)
    with trio.move_on_after(limits.goodbye_s):
        try:
            await stream.send_all(encode([error]))
        except trio.BrokenResourceError:
            return


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    try:
        listeners = await trio.open_tcp_listeners(port, host=host or None)
    except OSError as error:
        raise ListenError(listen_trouble(error, Address(host, port))) from error
    if port == 0 and len(listeners) > 1:
        # A name with several addresses: they share the port that the first one got.
        for listener in listeners[1:]:
            await listener.aclose()
        first = listeners[0]
        others = await _listen_beside(host, _address(first))
        return [first, *others]
    return listeners


async def _listen_beside(host: str, taken: Address) -> list[trio.SocketListener]:
    found = await trio.socket.getaddrinfo(
        host or None, taken.port, type=trio.socket.SOCK_STREAM
    )
    others = {str(sockaddr[0]) for *_, sockaddr in found} - {taken.host}
    listeners: list[trio.SocketListener] = []
    for other in sorted(others):
        listeners += await _listen(other, taken.port)
    return listeners


def _address(listener: trio.SocketListener) -> Address:
    host, port, *_ = listener.socket.getsockname()
    return Address(host, port)


def _peer_address(stream: trio.SocketStream) -> str:
    try:
        host, port, *_ = stream.socket.getpeername()
    except OSError:  # gone already
        return "an address that is gone"
    return str(Address(host, port))
