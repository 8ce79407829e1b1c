"""The same little program over real loopback sockets and over virtual ones: same outcome.

What a kernel does at the edges is nothing to be remembered: each row below is played on
both, and what it returns or raises is compared.
"""

import errno
import socket as kernel
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest
import trio
from trio.socket import SocketType

from tests.simulator.virtual.one_run import Bench, Machine

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the virtual kernel behaves as Linux does"
)

Pair = tuple[SocketType, SocketType]


@dataclass(frozen=True)
class Place:
    """Where a row is played."""

    client: Callable[[], SocketType]
    server: Callable[[], SocketType]
    address: str
    """Of the server's machine."""
    pause: Callable[[], Awaitable[None]]
    """Let whatever is on its way come nearer."""

    async def listening(self, backlog: int = 5) -> SocketType:
        """A socket that listens on the server's machine."""
        listener = self.server()
        await listener.bind((self.address, 0))
        listener.listen(backlog)
        return listener

    async def pair(self) -> Pair:
        """Two connected sockets: who connected, who accepted."""
        listener = await self.listening()
        client = self.client()
        await client.connect(listener.getsockname())
        server, _ = await listener.accept()
        listener.close()
        return client, server

    async def narrow_pair(self) -> Pair:
        """As pair(), with buffers that are soon full, and stay as big as they are."""
        listener = self.server()
        listener.setsockopt(kernel.SOL_SOCKET, kernel.SO_RCVBUF, 8192)
        await listener.bind((self.address, 0))
        listener.listen()
        client = self.client()
        client.setsockopt(kernel.SOL_SOCKET, kernel.SO_SNDBUF, 8192)
        await client.connect(listener.getsockname())
        server, _ = await listener.accept()
        listener.close()
        return client, server

    async def arrived(self, socket: SocketType) -> None:
        """Until there is something to read, be it the end."""
        while not socket.is_readable():
            await self.pause()

    async def until_refused(self, socket: SocketType) -> object:
        """Send bytes until sending fails: how it fails."""
        while True:
            result = await tried(socket.send(b"x"))
            if result != 1:
                return result
            await self.pause()


async def tried(awaitable: Awaitable[object]) -> object:
    """What it returns, or what it raises."""
    try:
        return await awaitable
    except (OSError, ValueError, OverflowError) as exc:
        return _named(exc)
    except (trio.ClosedResourceError, trio.BusyResourceError) as exc:
        return type(exc).__name__


def done(call: Callable[..., object], *args: object) -> object:
    """As tried(), for a plain call."""
    try:
        return call(*args)
    except OSError as exc:
        return _named(exc)


def _named(exc: Exception) -> tuple[str, str]:
    code = getattr(exc, "errno", None)
    return type(exc).__name__, errno.errorcode.get(code or 0, "")


# --- connecting -------------------------------------------------------------------------


async def connect_where_nobody_listens(place: Place) -> object:
    listener = await place.listening()
    address = listener.getsockname()
    listener.close()
    client = place.client()
    failed = await tried(client.connect(address))
    return failed, await tried(client.recv(1)), await tried(client.send(b"x"))


async def connect_when_connected(place: Place) -> object:
    client, server = await place.pair()
    address = server.getsockname()
    return [await tried(client.connect(address)) for _ in range(2)]


async def connect_a_listener(place: Place) -> object:
    listener = await place.listening()
    return await tried(listener.connect(listener.getsockname()))


async def connect_when_closed(place: Place) -> object:
    client = place.client()
    client.close()
    return await tried(client.connect((place.address, 1)))


async def connect_to_no_address(place: Place) -> object:
    return [
        await tried(place.client().connect(address))
        for address in [("::1", 1), (place.address,), (place.address, 70000)]
    ]


async def names_of_both_ends(place: Place) -> object:
    client, server = await place.pair()
    return (
        client.getpeername() == server.getsockname(),
        server.getpeername() == client.getsockname(),
        server.getsockname()[0] == place.address,
        server.type,
        server.family,
    )


async def names_of_a_new_socket(place: Place) -> object:
    client = place.client()
    return done(client.getsockname), done(client.getpeername)


async def names_of_a_closed_socket(place: Place) -> object:
    client, _ = await place.pair()
    client.close()
    return done(client.getsockname), done(client.getpeername), client.fileno()


async def names_after_a_reset(place: Place) -> object:
    client, server = await place.pair()
    server.setsockopt(kernel.SOL_SOCKET, kernel.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    await place.arrived(client)
    return done(client.getpeername), done(client.shutdown, kernel.SHUT_WR)


async def cancel_a_connect(place: Place) -> object:
    client = place.client()
    with trio.CancelScope() as scope:
        scope.cancel()
        await client.connect((place.address, 1))
    return scope.cancelled_caught, client.fileno()


# --- listening --------------------------------------------------------------------------


async def bind_twice(place: Place) -> object:
    socket = place.server()
    await socket.bind((place.address, 0))
    return await tried(socket.bind((place.address, 0)))


async def bind_what_is_taken(place: Place) -> object:
    listener = await place.listening()
    address = listener.getsockname()
    second, third = place.server(), place.server()
    third.setsockopt(kernel.SOL_SOCKET, kernel.SO_REUSEADDR, 1)
    wild = ("0.0.0.0", address[1])  # noqa: S104
    return (
        await tried(second.bind(address)),
        await tried(second.bind(wild)),
        await tried(third.bind(address)),
    )


async def bind_what_is_shared(place: Place) -> object:
    sockets = [place.server() for _ in range(2)]
    for socket in sockets:
        socket.setsockopt(kernel.SOL_SOCKET, kernel.SO_REUSEADDR, 1)
    await sockets[0].bind((place.address, 0))
    bound = await tried(sockets[1].bind(sockets[0].getsockname()))
    return bound, done(sockets[0].listen), done(sockets[1].listen)


async def bind_over_a_live_connection(place: Place) -> object:
    listener = await place.listening()
    address = listener.getsockname()
    client = place.client()
    await client.connect(address)
    server, _ = await listener.accept()
    listener.close()
    second = place.server()
    plain = await tried(second.bind(address))
    second.setsockopt(kernel.SOL_SOCKET, kernel.SO_REUSEADDR, 1)
    # The one before did not say that it would share.
    shared = await tried(second.bind(address))
    server.close()
    client.close()
    return plain, shared


async def a_restarted_server_gets_its_port_back(place: Place) -> object:
    first = place.server()
    first.setsockopt(kernel.SOL_SOCKET, kernel.SO_REUSEADDR, 1)
    await first.bind((place.address, 0))
    first.listen()
    address = first.getsockname()
    client = place.client()
    await client.connect(address)
    server, _ = await first.accept()
    first.close()
    server.close()  # the server ends it, so that its port has to rest
    await place.arrived(client)
    client.close()
    second, third = place.server(), place.server()
    third.setsockopt(kernel.SOL_SOCKET, kernel.SO_REUSEADDR, 1)
    return await tried(second.bind(address)), await tried(third.bind(address))


async def bind_a_strange_address(place: Place) -> object:
    return await tried(place.server().bind(("192.0.2.1", 0)))


async def bind_when_closed(place: Place) -> object:
    socket = place.server()
    socket.close()
    return await tried(socket.bind((place.address, 0))), done(socket.listen)


async def bind_when_connected(place: Place) -> object:
    client, server = await place.pair()
    return await tried(client.bind((place.address, 0))), done(server.listen)


async def listen_without_a_port(place: Place) -> object:
    socket = place.server()
    socket.listen()
    name, port = socket.getsockname()
    return name, port > 1024, socket.getsockopt(kernel.SOL_SOCKET, kernel.SO_ACCEPTCONN)


async def accept_without_listening(place: Place) -> object:
    return await tried(place.server().accept())


async def accept_when_closed(place: Place) -> object:
    listener = await place.listening()
    listener.close()
    return await tried(listener.accept())


async def accept_after_shutdown(place: Place) -> object:
    listener = await place.listening()
    listener.shutdown(kernel.SHUT_RD)
    return await tried(listener.accept())


async def read_and_write_a_listener(place: Place) -> object:
    listener = await place.listening()
    return await tried(listener.recv(1)), await tried(listener.send(b"x"))


async def close_a_listener_with_people_waiting(place: Place) -> object:
    listener = await place.listening()
    client = place.client()
    await client.connect(listener.getsockname())
    await place.pause()
    await place.pause()
    listener.close()
    await place.arrived(client)
    return await tried(client.recv(1))


async def a_client_that_left_is_accepted_all_the_same(place: Place) -> object:
    listener = await place.listening()
    client = place.client()
    await client.connect(listener.getsockname())
    await client.send(b"bye")
    client.close()
    server, _ = await listener.accept()
    await place.arrived(server)
    first = await tried(server.recv(9))
    return first, await tried(server.recv(9))


# --- the end ----------------------------------------------------------------------------


async def read_after_the_end(place: Place) -> object:
    client, server = await place.pair()
    await server.send(b"bye")
    server.close()
    return [await tried(client.recv(9)) for _ in range(3)]


async def read_after_a_reset(place: Place) -> object:
    client, server = await place.pair()
    await client.send(b"unread")
    await place.arrived(server)
    server.close()
    await place.arrived(client)
    return [
        await tried(client.recv(1)),
        await tried(client.recv(1)),
        await tried(client.send(b"x")),
    ]


async def write_after_a_reset(place: Place) -> object:
    client, server = await place.pair()
    await client.send(b"unread")
    await place.arrived(server)
    server.close()
    await place.arrived(client)
    return [
        await tried(client.send(b"x")),
        await tried(client.send(b"x")),
        await tried(client.recv(1)),
    ]


async def read_what_came_before_a_reset(place: Place) -> object:
    client, server = await place.pair()
    await server.send(b"abc")
    await place.arrived(client)
    server.setsockopt(kernel.SOL_SOCKET, kernel.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    for _ in range(3):
        await place.pause()
    return [await tried(client.recv(9)) for _ in range(3)]


async def write_after_the_other_end_closed(place: Place) -> object:
    client, server = await place.pair()
    server.close()
    await place.arrived(client)
    return (
        await tried(client.send(b"x")),
        await place.until_refused(client),
        await tried(client.recv(1)),
    )


async def half_close(place: Place) -> object:
    client, server = await place.pair()
    await client.send(b"question")
    client.shutdown(kernel.SHUT_WR)
    heard = [await tried(server.recv(99)), await tried(server.recv(99))]
    await server.send(b"answer")
    server.close()
    heard += [await tried(client.recv(99)), await tried(client.recv(99))]
    return heard, client.did_shutdown_SHUT_WR


async def write_after_half_close(place: Place) -> object:
    client, _ = await place.pair()
    client.shutdown(kernel.SHUT_WR)
    return await tried(client.send(b"x")), done(client.shutdown, kernel.SHUT_WR)


async def both_halves_closed(place: Place) -> object:
    client, server = await place.pair()
    client.shutdown(kernel.SHUT_WR)
    server.shutdown(kernel.SHUT_WR)
    await place.arrived(client)
    await place.arrived(server)
    return [
        (
            await tried(end.recv(1)),
            await tried(end.send(b"x")),
            done(end.shutdown, kernel.SHUT_WR),
            done(end.getpeername),
        )
        for end in (client, server)
    ]


async def shut_for_reading(place: Place) -> object:
    client, server = await place.pair()
    client.shutdown(kernel.SHUT_RD)
    nothing = await tried(client.recv(9))
    late = await tried(server.send(b"late"))
    for _ in range(3):
        await place.pause()
    return nothing, late, await tried(client.recv(9)), await tried(client.recv(9))


async def shut_what_is_not_connected(place: Place) -> object:
    return done(place.client().shutdown, kernel.SHUT_WR)


async def shut_nonsense(place: Place) -> object:
    client, _ = await place.pair()
    return done(client.shutdown, 7)


async def read_and_write_what_is_not_connected(place: Place) -> object:
    client = place.client()
    return await tried(client.recv(1)), await tried(client.send(b"x"))


async def read_and_write_after_closing(place: Place) -> object:
    client, _ = await place.pair()
    client.close()
    return await tried(client.recv(1)), await tried(client.send(b"x"))


async def close_twice(place: Place) -> object:
    client, server = await place.pair()
    client.close()
    client.close()
    return await tried(server.recv(1)), done(client.shutdown, kernel.SHUT_WR)


async def nothing_read_and_nothing_written(place: Place) -> object:
    client, _ = await place.pair()
    return await tried(client.send(b"")), await tried(client.recv(0))


async def several_sends_are_one_read(place: Place) -> object:
    client, server = await place.pair()
    for piece in (b"a", memoryview(b"bc"), bytearray(b"def")):
        await client.send(piece)
    for _ in range(3):
        await place.pause()
    return [await tried(server.recv(size)) for size in (2, 3, 9)]


async def read_into_a_buffer(place: Place) -> object:
    client, server = await place.pair()
    await client.send(b"abcdef")
    buffer = bytearray(b"......")
    sizes = await tried(server.recv_into(buffer, 2)), await tried(server.recv_into(buffer))
    return sizes, bytes(buffer)


# --- tasks that wait --------------------------------------------------------------------


async def closed_while_a_task_reads(place: Place) -> object:
    client, _ = await place.pair()
    return await _closed_while(place, client, lambda: client.recv(1))


async def closed_while_a_task_accepts(place: Place) -> object:
    listener = await place.listening()
    return await _closed_while(place, listener, listener.accept)


async def closed_while_a_task_sends(place: Place) -> object:
    client, _ = await place.narrow_pair()
    await _fill(place, client)
    return await _closed_while(place, client, lambda: client.send(b"x"))


async def two_tasks_read(place: Place) -> object:
    client, _ = await place.pair()
    return await _two_wait(place, lambda: client.recv(1))


async def two_tasks_accept(place: Place) -> object:
    listener = await place.listening()
    return await _two_wait(place, listener.accept)


async def two_tasks_send(place: Place) -> object:
    client, _ = await place.narrow_pair()
    await _fill(place, client)
    return await _two_wait(place, lambda: client.send(b"x"))


async def one_task_reads_and_one_sends(place: Place) -> object:
    client, server = await place.pair()
    heard: list[object] = []

    async def read() -> None:
        heard.append(await tried(client.recv(9)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await place.pause()
        heard.append(await tried(client.send(b"ping")))
        heard.append(await tried(server.recv(9)))
        await server.send(b"pong")
    return heard


async def a_cancelled_read_loses_nothing(place: Place) -> object:
    client, server = await place.pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.recv, 9)
        await place.pause()
        nursery.cancel_scope.cancel()
    await server.send(b"still here")
    return await tried(client.recv(99))


async def reset_while_a_task_sends(place: Place) -> object:
    client, server = await place.narrow_pair()
    await _fill(place, client)
    results: list[object] = []

    async def send() -> None:
        results.append(await tried(client.send(b"x")))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await place.pause()
        server.close()
    return results


async def a_full_buffer_goes_on_when_it_is_read(place: Place) -> object:
    client, server = await place.narrow_pair()
    sent = await _fill(place, client)
    results: list[object] = []

    async def send() -> None:
        results.append(await tried(client.send(b"!")))
        client.shutdown(kernel.SHUT_WR)

    got = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await place.pause()
        blocked = not results
        while data := await server.recv(65536):
            got += data
    return blocked, results, len(got) - sent, got[-1:]


async def not_writable_while_it_is_full(place: Place) -> object:
    client, server = await place.narrow_pair()
    results: list[object] = [await tried(client.wait_writable())]
    await _fill(place, client)

    async def wait() -> None:
        results.append(await tried(client.wait_writable()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        for _ in range(100):
            await place.pause()
        results.append("still waiting")
        while len(results) < 3:
            await place.pause()
            if server.is_readable():
                await server.recv(65536)
    return results


async def writable_once_it_is_broken(place: Place) -> object:
    client, server = await place.narrow_pair()
    await _fill(place, client)
    server.close()
    return await tried(client.wait_writable())


async def _closed_while(
    place: Place, socket: SocketType, call: Callable[[], Awaitable[object]]
) -> object:
    results: list[object] = []

    async def wait() -> None:
        results.append(await tried(call()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await place.pause()
        await place.pause()
        socket.close()
    return results


async def _two_wait(place: Place, call: Callable[[], Awaitable[object]]) -> object:
    results: list[object] = []

    async def wait() -> None:
        results.append(await tried(call()))

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(wait)
        while not results:
            await place.pause()
        nursery.cancel_scope.cancel()
    return results


async def _fill(place: Place, socket: SocketType) -> int:
    """Send until nothing fits any more, and none of it moves; how many bytes that was."""
    total = 0
    while True:
        before = total
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                nonlocal total
                while True:
                    total += await socket.send(bytes(1 << 12))

            nursery.start_soon(send)
            for _ in range(100):
                await place.pause()
            nursery.cancel_scope.cancel()
        if total == before:
            return total


ROWS: Final[list[Callable[[Place], Awaitable[object]]]] = [
    connect_where_nobody_listens,
    connect_when_connected,
    connect_a_listener,
    connect_when_closed,
    connect_to_no_address,
    names_of_both_ends,
    names_of_a_new_socket,
    names_of_a_closed_socket,
    names_after_a_reset,
    cancel_a_connect,
    bind_twice,
    bind_what_is_taken,
    bind_what_is_shared,
    bind_over_a_live_connection,
    a_restarted_server_gets_its_port_back,
    bind_a_strange_address,
    bind_when_closed,
    bind_when_connected,
    listen_without_a_port,
    accept_without_listening,
    accept_when_closed,
    accept_after_shutdown,
    read_and_write_a_listener,
    close_a_listener_with_people_waiting,
    a_client_that_left_is_accepted_all_the_same,
    read_after_the_end,
    read_after_a_reset,
    write_after_a_reset,
    read_what_came_before_a_reset,
    write_after_the_other_end_closed,
    half_close,
    write_after_half_close,
    both_halves_closed,
    shut_for_reading,
    shut_what_is_not_connected,
    shut_nonsense,
    read_and_write_what_is_not_connected,
    read_and_write_after_closing,
    close_twice,
    nothing_read_and_nothing_written,
    several_sends_are_one_read,
    read_into_a_buffer,
    closed_while_a_task_reads,
    closed_while_a_task_accepts,
    closed_while_a_task_sends,
    two_tasks_read,
    two_tasks_accept,
    two_tasks_send,
    one_task_reads_and_one_sends,
    a_cancelled_read_loses_nothing,
    reset_while_a_task_sends,
    a_full_buffer_goes_on_when_it_is_read,
    not_writable_while_it_is_full,
    writable_once_it_is_broken,
]


class Tracked:
    """Makes sockets, and closes those that a row left open."""

    def __init__(self, make: Callable[[], SocketType]) -> None:
        self._make = make
        self._made: list[SocketType] = []

    def __call__(self) -> SocketType:
        """One more."""
        socket = self._make()
        self._made.append(socket)
        return socket

    def close(self) -> None:
        """All of them."""
        for socket in self._made:
            socket.close()


def really(row: Callable[[Place], Awaitable[object]]) -> object:
    """Play a row over the kernel's loopback."""

    async def main() -> object:
        make = Tracked(trio.socket.socket)
        place = Place(make, make, "127.0.0.1", trio.lowlevel.checkpoint)
        try:
            with trio.fail_after(10):
                return await row(place)
        finally:
            make.close()

    return trio.run(main)


def virtually(
    row: Callable[[Place], Awaitable[object]], client: str, address: str, **bench: Any
) -> object:
    """Play a row on the virtual network, between these two machines."""
    world = Bench(**bench)
    machines: dict[str, Machine] = {"a": world.a, "b": world.b}

    async def main() -> object:
        place = Place(
            world.net.factory(machines[client]).socket,
            world.net.factory(machines["b"]).socket,
            address,
            partial(trio.sleep, 0.01),
        )
        with trio.fail_after(60):
            return await row(place)

    return world.run(main)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_the_virtual_network_does_what_the_kernel_does(
    row: Callable[[Place], Awaitable[object]],
) -> None:
    """Within one machine, between two, and when time is coarse."""
    expected = really(row)
    assert virtually(row, "b", "127.0.0.1") == expected
    assert virtually(row, "a", "10.0.0.2") == expected
    assert virtually(row, "a", "10.0.0.2", tick_s=0.005) == expected


def test_the_table_notices_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that forgets to reset who left bytes unread is told from the real one."""
    monkeypatch.setattr(
        "simulator.virtual.tcp.Endpoint.hang_up", lambda endpoint: endpoint.vanish()
    )
    with pytest.raises(trio.TooSlowError):  # nobody is told
        virtually(read_after_a_reset, "a", "10.0.0.2")
