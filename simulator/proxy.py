"""A TCP proxy between bots and a server: a network of which we are the weather.

Every bot has a listening address of its own, so that a fault can be aimed at it. Bytes go
up, to the server, and down, to the bot. On their way they can be held, slowed and broken
into pieces, and a link can end in the middle of them; but none of them is lost without
all that follow it, and none overtakes another: so much TCP promises, and so do we.
"""

import random
import socket
import struct
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, TypeAlias

import trio

from simulator.errors import StoryError
from trio_chat.addresses import Address

Way: TypeAlias = Literal["up", "down"]
"""Up is to the server, down is to the bot."""
_End: TypeAlias = Literal["reset", "fin"]

WAYS: Final[tuple[Way, ...]] = ("up", "down")
_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_READ_BYTES: Final = 64 * 1024
_HELD_BYTES_MAX: Final = 64 * 1024
"""Of one link and way, while there is no delay: a sender feels soon that nobody reads."""
_DELAYED_BYTES_MAX: Final = 4 * 1024 * 1024
"""With a delay: what is under way counts too, or latency would cost throughput."""
_PIECE_BYTES: Final = 64
"""What a piece costs besides its bytes."""
_SOCKET_BYTES: Final = 128 * 1024
"""The kernel's buffers would grow to megabytes, and nobody ever wait."""
_SLOW_TURNS_PER_S: Final = 50
_GOODBYE_S: Final = 5.0
"""So long somebody who was told FIN has to close as well; then it is told RST."""
_NO_LINGER: Final = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


@asynccontextmanager
async def open_proxy(
    upstream: Callable[[], Address], *, rng: random.Random | None = None
) -> AsyncIterator["Proxy"]:
    """A proxy that nobody is connected to yet; none of its sockets outlives the block.

    Shape:  `upstream` says where the server is, and is asked for each new link. `rng` is
            the chance of jitter and chopping.
    Cancel: closes all links.
    """
    async with trio.open_nursery() as nursery:
        proxy = Proxy(upstream, rng or random.Random(), nursery)
        try:
            yield proxy
        finally:
            for name in proxy.names:
                proxy.refuse(name)
            nursery.cancel_scope.cancel()


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went through for one bot."""

    links: int
    """The connections it has right now."""
    up_bytes: int
    """To the server, on all of its links together."""
    down_bytes: int
    """To the bot, on all of its links together."""


class Proxy:
    """The roads of all bots to one server; get one from open_proxy().

    Shape:  a fault takes hold at once, for links that are open and for later ones, until
            it is taken back: a name that never listened is a KeyError.
    """

    def __init__(
        self, upstream: Callable[[], Address], rng: random.Random, nursery: trio.Nursery
    ) -> None:
        self._upstream = upstream
        self._rng = rng
        self._nursery = nursery
        self._roads: dict[str, _Road] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Everyone who has a road."""
        return tuple(self._roads)

    async def listen(self, name: str) -> Address:
        """Build a road; where it begins stays the same as long as there is the proxy.

        Shape:  somebody who has a road already has this one.
        Raises: StoryError: this machine has no port left.
        Cancel: atomic.
        """
        await trio.lowlevel.checkpoint()
        if name not in self._roads:
            road = _Road(self._rng)
            self._open(road)
            self._roads[name] = road
        return Address(_HOST, self._roads[name].port)

    def traffic(self, name: str) -> Traffic:
        """What went through for this bot until now."""
        road = self._roads[name]
        return Traffic(len(road.links), road.carried["up"], road.carried["down"])

    # --- faults ----------------------------------------------------------------------

    def cut(self, name: str) -> None:
        """Reset this bot's links: RST to both sides; what was under way is lost."""
        self._end(name, "reset")

    def close(self, name: str) -> None:
        """End this bot's links: FIN to both sides; what was under way is lost."""
        self._end(name, "fin")

    def stall(self, name: str, *ways: Way) -> None:
        """Hold all bytes, both ways if none is given, until resume().

        Shape:  nobody is told. Buffers fill up, and then whoever sends has to wait. New
                connections are let in, for kernels shake hands by themselves.
        """
        self._roads[name].stalled.update(ways or WAYS)

    def resume(self, name: str, *ways: Way) -> None:
        """Let the bytes go that were held, and those that follow."""
        road = self._roads[name]
        road.stalled.difference_update(ways or WAYS)
        road.changed()

    def partition(self, names: Iterable[str], *ways: Way) -> None:
        """Part these bots from the server, both ways if none is given, until heal().

        Shape:  old links get nothing, and what was sent comes after the healing, even
                from somebody who has hung up since. New ones hang, for a handshake needs
                both ways: the kernel answers the bot, but nobody else does, and the
                server hears of those alone that are still there at the healing.
        """
        for name in names:
            self._roads[name].parted.update(ways or WAYS)

    def heal(self) -> None:
        """End every partition; what is stalled stays so."""
        for road in self._roads.values():
            road.parted.clear()
            road.changed()

    def delay(self, name: str, latency_s: float, jitter_s: float = 0.0) -> None:
        """Let everything arrive later, by the latency and up to the jitter.

        Shape:  each way; throughput and order stay. What is under way already is not late.
                (name, 0) takes it back.
        """
        road = self._roads[name]
        road.latency_s, road.jitter_s = latency_s, jitter_s

    def slow(self, name: str, bytes_per_s: float | None) -> None:
        """Let so many bytes through in a second, each way and link; None: all that come."""
        self._roads[name].bytes_per_s = bytes_per_s

    def chop(self, name: str, largest_bytes: int | None, *, pause_s: float = 0.0) -> None:
        """Break everything into pieces of 1 to so many bytes; None: leave it whole.

        Shape:  a reader that is slow may still find several pieces at once, unless a
                pause between them gives it the time to see each alone.
        """
        road = self._roads[name]
        road.largest_bytes, road.pause_s = largest_bytes, pause_s

    def limit(self, name: str, n_bytes: int, way: Way = "down") -> None:
        """Let exactly so many more bytes through on this way, then end the link, once.

        Shape:  who was to get more is told FIN, for a RST could overtake the last bytes;
                who sent them is told RST. Later links are as before.
        """
        assert n_bytes > 0, "that is cut()"
        self._roads[name].left[way] = n_bytes

    def refuse(self, name: str) -> None:
        """Stop listening: new connections are refused; open links stay."""
        self._roads[name].listening.cancel()
        listener = self._roads[name].listener
        if listener is not None:
            listener.socket.close()
            self._roads[name].listener = None

    def accept(self, name: str) -> None:
        """Listen again, at the same address.

        Raises: StoryError: another program has taken it meanwhile.
        """
        road = self._roads[name]
        if road.listener is None:
            self._open(road)

    def calm(self, name: str) -> None:
        """Take back all that was done to this road; ended links stay ended.

        Raises: StoryError: as accept.
        """
        road = self._roads[name]
        road.calm()
        self.accept(name)

    # --- how it is done --------------------------------------------------------------

    def _open(self, road: "_Road") -> None:
        road.listener = listener = _listener(road.port)
        road.port = listener.socket.getsockname()[1]
        road.listening = trio.CancelScope()
        self._nursery.start_soon(self._serve, road, listener, road.listening)

    async def _serve(
        self, road: "_Road", listener: trio.SocketListener, listening: trio.CancelScope
    ) -> None:
        with listening:
            await trio.serve_listeners(
                partial(self._carry, road), [listener], handler_nursery=self._nursery
            )

    async def _carry(self, road: "_Road", bot: trio.SocketStream) -> None:
        link = _Link(road, bot)
        road.links.add(link)
        try:
            await link.run(self._upstream)
        finally:
            road.links.discard(link)

    def _end(self, name: str, how: _End) -> None:
        for link in self._roads[name].links:
            link.end(bot=how, server=how)


def _listener(port: int) -> trio.SocketListener:
    listening = socket.socket()
    # As trio does: on Windows this would mean that anybody may take the port.
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise StoryError(f"the proxy can't listen: {error.strerror}") from error
    return trio.SocketListener(trio.socket.from_stdlib_socket(listening))


@dataclass(eq=False, slots=True)
class _Road:
    """One bot's way to the server: where it begins, what it is like, who is on it."""

    rng: random.Random
    port: int = 0
    listener: trio.SocketListener | None = None
    listening: trio.CancelScope = field(default_factory=trio.CancelScope)
    links: set["_Link"] = field(default_factory=set)
    carried: Counter[Way] = field(default_factory=Counter)
    stalled: set[Way] = field(default_factory=set)
    parted: set[Way] = field(default_factory=set)
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    largest_bytes: int | None = None
    pause_s: float = 0.0
    left: dict[Way, int] = field(default_factory=dict)
    _held: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    def changed(self) -> None:
        """Those who were held shall look again."""
        self._held.unpark_all()

    def calm(self) -> None:
        """Nothing is held, late, slow, in pieces or about to be cut."""
        self.stalled.clear()
        self.left.clear()
        self.parted.clear()
        self.latency_s = self.jitter_s = self.pause_s = 0.0
        self.bytes_per_s = self.largest_bytes = None
        self.changed()

    async def until_whole(self) -> None:
        """Wait for a time in which nobody is parted."""
        while self.parted:
            await self._held.park()

    async def until_open(self, way: Way) -> None:
        """Wait for a time in which nothing is held this way; no checkpoint if it is now."""
        while way in self.parted or way in self.stalled:
            await self._held.park()

    def arrival_s(self) -> float:
        """When that arrives which leaves now."""
        jitter_s = self.rng.random() * self.jitter_s if self.jitter_s else 0.0
        return trio.current_time() + self.latency_s + jitter_s

    def held_bytes_max(self) -> int:
        """How much of one link and way may be on the road."""
        return _DELAYED_BYTES_MAX if self.latency_s or self.jitter_s else _HELD_BYTES_MAX

    def take(self, way: Way, size: int) -> tuple[int, bool]:
        """How many of so many bytes may go in one piece; whether the link ends then."""
        if self.largest_bytes is not None:
            size = min(size, self.rng.randint(1, self.largest_bytes))
        if self.bytes_per_s is not None:
            size = min(size, max(1, int(self.bytes_per_s / _SLOW_TURNS_PER_S)))
        if way not in self.left:
            return size, False
        size = min(size, self.left[way])
        self.left[way] -= size
        if self.left[way]:
            return size, False
        del self.left[way]
        return size, True

    async def breathe(self, size: int) -> None:
        """Wait as long as must be waited after a piece of this size."""
        if self.bytes_per_s is not None:
            await trio.sleep(size / self.bytes_per_s)
        if self.pause_s:
            await trio.sleep(self.pause_s)


class _Link:
    """One connection of a bot, and the one to the server that belongs to it."""

    def __init__(self, road: _Road, bot: trio.SocketStream) -> None:
        self.broken = False
        """Whether somebody is gone who had not said goodbye."""
        self._road = road
        self._bot = bot
        self._server: trio.SocketStream | None = None
        self._life = trio.CancelScope()
        self._leaving: set[trio.SocketStream] = set()
        _keep_small(bot)

    async def run(self, upstream: Callable[[], Address]) -> None:
        """Carry everything, to the end of both sides."""
        try:
            with self._life:
                await self._carry(upstream)
            await self._hear_out()
        finally:
            for each in self._streams():
                each.socket.close()

    def end(self, *, bot: _End, server: _End) -> None:
        """End it, for each side in this way."""
        self._life.cancel()
        for stream, how in zip(self._streams(), (bot, server), strict=False):
            if how == "reset":
                _reset(stream)
            elif _finish(stream):
                self._leaving.add(stream)

    def cut_short(self, way: Way) -> None:
        """End it for a limit that was reached on this way."""
        if way == "up":
            self.end(bot="reset", server="fin")
        else:
            self.end(bot="fin", server="reset")

    async def _hear_out(self) -> None:
        # Whoever closes with something unread says RST, not FIN.
        with trio.move_on_after(_GOODBYE_S) as patience:
            async with trio.open_nursery() as nursery:
                for stream in self._leaving:
                    nursery.start_soon(_exhaust, stream)
        if patience.cancelled_caught:
            self.end(bot="reset", server="reset")

    def _streams(self) -> list[trio.SocketStream]:
        return [self._bot] if self._server is None else [self._bot, self._server]

    async def _carry(self, upstream: Callable[[], Address]) -> None:
        early = await self._early() if self._road.parted else b""
        try:
            where = upstream()
            self._server = server = await trio.open_tcp_stream(where.host, where.port)
        except OSError:
            # Too late to refuse it: the kernel has answered for us.
            self.end(bot="reset", server="reset")
            return
        _keep_small(server)
        up = _Lane(self, self._road, "up", self._bot, server)
        down = _Lane(self, self._road, "down", server, self._bot)
        if early:
            up.flight.add(early, self._road.arrival_s())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(up.run)
            nursery.start_soon(down.run)

    async def _early(self) -> bytes:
        """What the bot says before it is let in; if it goes away, it never was here."""
        early = bytearray()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen_early, early)
            await self._road.until_whole()
            nursery.cancel_scope.cancel()
        return bytes(early)

    async def _listen_early(self, early: bytearray) -> None:
        while len(early) < _HELD_BYTES_MAX:
            data = await _received(self._bot)
            if not data:
                self._life.cancel()
                return
            early += data


class _Lane:
    """One way of one link: two tasks, and between them what is on the road."""

    def __init__(
        self,
        link: _Link,
        road: _Road,
        way: Way,
        source: trio.SocketStream,
        sink: trio.SocketStream,
    ) -> None:
        self.flight = _Flight()
        self._link = link
        self._road = road
        self._way = way
        self._source = source
        self._sink = sink

    async def run(self) -> None:
        """Carry all bytes of the source to the sink, and its end."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read)
            await self._write()
            nursery.cancel_scope.cancel()

    async def _read(self) -> None:
        data: bytes | None = b"something"
        while data:
            await self._road.until_open(self._way)
            await self.flight.until_below(self._road.held_bytes_max)
            data = await _received(self._source)
            if not data and self._link.broken:
                data = None  # the other lane was told why; this one sees a mere end
            self.flight.add(data, self._road.arrival_s(), last=not data)

    async def _write(self) -> None:
        try:
            while (data := await self.flight.first()) is not None:
                if not await self._send(data):
                    return
                if self.flight.pop():
                    await self._road.until_open(self._way)
                    await self._sink.send_eof()
                    return
            await self._road.until_open(self._way)
            self._link.end(bot="reset", server="reset")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # What the sink said before it went is still on its way on the other lane.
            self._link.broken = True

    async def _send(self, data: bytes) -> bool:
        """Hand it on, piece by piece; False: the link was ended."""
        rest = memoryview(data)
        while rest:
            await self._road.until_open(self._way)
            size, last = self._road.take(self._way, len(rest))
            await self._sink.send_all(rest[:size])
            self._road.carried[self._way] += size
            if last:
                self._link.cut_short(self._way)
                return False
            rest = rest[size:]
            await self._road.breathe(size)
        return True


@dataclass(slots=True)
class _Piece:
    data: bytes | None
    arrival_s: float
    last: bool


class _Flight:
    """What is on the road, in order; each piece with the time of its arrival."""

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self._bytes = 0
        self._last_s = 0.0
        self._changed = trio.lowlevel.ParkingLot()

    def add(self, data: bytes | None, arrival_s: float, *, last: bool = False) -> None:
        """Send it off; None is a reset, and nothing follows what is `last`."""
        # One that waited in a shorter queue still can't overtake.
        self._last_s = max(self._last_s, arrival_s)
        self._pieces.append(_Piece(data, self._last_s, last))
        self._bytes += _PIECE_BYTES + len(data or b"")
        self._changed.unpark_all()

    async def until_below(self, bytes_max: Callable[[], int]) -> None:
        """Wait until there is less than this."""
        while self._bytes >= bytes_max():
            await self._changed.park()

    async def first(self) -> bytes | None:
        """Wait for the arrival of the first piece; it stays here until pop()."""
        while not self._pieces:
            await self._changed.park()
        piece = self._pieces[0]
        if piece.arrival_s > trio.current_time():
            await trio.sleep_until(piece.arrival_s)
        return piece.data

    def pop(self) -> bool:
        """The first piece is delivered; whether it was the last."""
        piece = self._pieces.popleft()
        self._bytes -= _PIECE_BYTES + len(piece.data or b"")
        self._changed.unpark_all()
        return piece.last


# --- sockets -----------------------------------------------------------------------------


def _keep_small(stream: trio.SocketStream) -> None:
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        stream.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BYTES)


def _reset(stream: trio.SocketStream) -> None:
    with suppress(OSError):  # it is closed already
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    stream.socket.close()


def _finish(stream: trio.SocketStream) -> bool:
    """Tell it FIN; whether there was somebody to hear it."""
    try:
        stream.socket.shutdown(socket.SHUT_WR)
    except OSError:
        return False
    return True


async def _received(stream: trio.SocketStream) -> bytes | None:
    """The next bytes; empty after a FIN, None after a RST."""
    try:
        return bytes(await stream.receive_some(_READ_BYTES))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return None


async def _exhaust(stream: trio.SocketStream) -> None:
    while await _received(stream):
        pass
