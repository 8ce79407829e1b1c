"""The servers that can be measured: what each speaks, and how it is started."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from simulator.bench import dialects
from simulator.bench.cores import pin
from simulator.bench.foreign import Running, open_peer, open_yardstick, version_of
from simulator.bench.peers import PEERS
from simulator.bench.plan import Contestant
from simulator.bench.yardsticks import naive_trio, plain_threads
from simulator.processes import open_server_process

IN_MEMORY: Final = "memory"
ON_DISK: Final = "disk"

_QUIET: Final = ("--heartbeat-s=3600",)
"""Members that only read would be asked now and then whether they are still there."""
_STORES: Final[Mapping[str, Sequence[str]]] = {
    IN_MEMORY: ("--data=:memory:",),
    ON_DISK: (),
}
"""With the flags that each takes."""


Open: TypeAlias = Callable[[str, int | None], AbstractAsyncContextManager[Running]]
"""Starts a server with one of its stores, on this core; after the block none runs.

Raises: ServerError: it does not start.
"""


class Server(NamedTuple):
    """One that can be measured."""

    name: str
    dialect: str
    open: Open
    stores: Sequence[str] = ("",)
    is_peer: bool = False
    """Whether it is one that people would pick instead."""
    is_ours: bool = False
    asks: Open | None = None
    """Starts it so that it asks who is silent whether it is there; None: it never does."""
    version: Callable[[], Awaitable[str]] | None = None
    """Asks it for its version, where it is not this package's."""

    @property
    def open_asking(self) -> Open:
        return self.asks or self.open

    @property
    def contestants(self) -> list[Contestant]:
        """It, with each of its stores."""
        return [Contestant(self.name, store, self.is_peer) for store in self.stores]


@asynccontextmanager
async def _open_ours(
    more_flags: Sequence[str], store: str, core: int | None
) -> AsyncIterator[Running]:
    async with open_server_process(flags=[*_STORES[store], *more_flags]) as server:
        address = await server.start()
        assert server.pid is not None
        pin(server.pid, core)
        yield Running(address.host, address.port, server.pid)


OURS: Final = Server(
    dialects.OURS,
    dialects.OURS,
    partial(_open_ours, _QUIET),
    stores=tuple(_STORES),
    is_ours=True,
    asks=partial(_open_ours, ()),
)

YARDSTICKS: Final = tuple(
    Server(name, dialects.PLAIN, partial(open_yardstick, module.__name__))
    for name, module in (("plain threads", plain_threads), ("naive trio", naive_trio))
)
"""The first one is what all others are compared with."""


def peer_server(name: str) -> Server:
    """One of PEERS, to be measured."""
    peer = PEERS[name]
    return Server(
        name,
        peer.dialect,
        partial(open_peer, peer),
        is_peer=True,
        version=partial(version_of, peer),
    )
