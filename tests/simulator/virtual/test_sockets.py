"""What trio's own streams and listeners do on virtual sockets, without knowing it."""

import errno
import socket as kernel
import ssl
from collections.abc import Callable

import pytest
import trio
import trio.testing
import trustme

from simulator.virtual.link import Link
from tests.simulator.virtual.one_run import Bench

FRAGILE = Link(latency_s=0.01, jitter_s=0.02, fragment=0.7)


async def echo(stream: trio.abc.Stream) -> None:
    """Send back whatever comes."""
    async for data in stream:
        await stream.send_all(data)


async def ask(stream: trio.abc.Stream, question: bytes) -> bytes:
    """Send something, and hear as many bytes."""
    answer = bytearray()
    await stream.send_all(question)
    while len(answer) < len(question):
        answer += await stream.receive_some()
    return bytes(answer)


def test_a_server_of_trios_own_answers() -> None:
    """serve_tcp and open_tcp_stream, by name, by address and by localhost."""
    bench = Bench()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            with bench.on(bench.b):
                await nursery.start(trio.serve_tcp, echo, 7000)
            for machine, name in [(bench.a, "b"), (bench.c, "10.0.0.2")]:
                with bench.on(machine):
                    stream = await trio.open_tcp_stream(name, 7000)
                assert await ask(stream, b"hello") == b"hello"
            for name in ("localhost", "127.0.0.1", "b", "10.0.0.2"):
                with bench.on(bench.b):
                    stream = await trio.open_tcp_stream(name, 7000)
                assert await ask(stream, b"hello") == b"hello"
            nursery.cancel_scope.cancel()

    bench.run(main)


@pytest.mark.parametrize("host", [None, "0.0.0.0", "b", "10.0.0.2"])  # noqa: S104
def test_a_server_listens_where_it_says(host: str | None) -> None:
    """On all its addresses, or on the one that others see."""
    bench = Bench()

    async def main() -> None:
        with bench.on(bench.b):
            (listener,) = await trio.open_tcp_listeners(7000, host=host)
        stream = await bench.connect(bench.a, bench.b)
        accepted = await listener.accept()
        assert accepted.socket.getpeername() == stream.socket.getsockname()

    bench.run(main)


def test_a_server_on_localhost_is_not_reached_from_elsewhere() -> None:
    """Its own machine may connect; others are refused."""
    bench = Bench()

    async def main() -> None:
        with bench.on(bench.b):
            await trio.open_tcp_listeners(7000, host="localhost")
            await trio.open_tcp_stream("localhost", 7000)
        with pytest.raises(OSError, match="all attempts") as info:
            await bench.connect(bench.a, bench.b)
        assert isinstance(info.value.__cause__, ExceptionGroup)
        (cause,) = info.value.__cause__.exceptions
        assert isinstance(cause, ConnectionRefusedError)

    bench.run(main)


def test_an_unknown_name_has_no_address() -> None:
    """As if the real resolver did not know it."""
    bench = Bench()

    async def main() -> None:
        with bench.on(bench.a):
            with pytest.raises(kernel.gaierror) as info:
                await trio.open_tcp_stream("nowhere", 7000)
            assert info.value.errno == kernel.EAI_NONAME
            assert await trio.socket.getnameinfo(("10.0.0.2", 80), 0) == ("b", "80")
            assert await trio.socket.getnameinfo(("10.9.9.9", 80), 0) == ("10.9.9.9", "80")

    bench.run(main)


def test_of_several_addresses_the_one_that_answers_is_taken() -> None:
    """Happy eyeballs: the dead one is passed over after a quarter of a second."""
    bench = Bench()

    async def main() -> None:
        bench.net.alias("pool", [bench.b, bench.c])
        bench.net.power_off(bench.b)
        listener = await bench.listen(bench.c)
        with bench.on(bench.a):
            stream = await trio.open_tcp_stream("pool", 7000)
        assert stream.socket.getpeername()[0] == bench.c.address
        assert 0.25 <= bench.now_s < 0.3
        assert bench.net.open_sockets(bench.a) == 1
        await listener.aclose()

    bench.run(main)


def test_sockets_of_another_kind_do_not_exist() -> None:
    """IPv6 is something trio goes on without; UDP says what is the matter."""
    bench = Bench()
    with pytest.raises(OSError, match="IPv4 only") as info:
        bench.net.factory(bench.a).socket(kernel.AF_INET6)
    assert info.value.errno == errno.EAFNOSUPPORT
    with pytest.raises(OSError, match="TCP only") as info:
        bench.net.factory(bench.a).socket(kernel.AF_INET, kernel.SOCK_DGRAM)
    assert info.value.errno == errno.ESOCKTNOSUPPORT


def test_a_socket_is_hashed_by_its_number() -> None:
    """So that trio closes the losers of a race in the same order every time."""
    factory = Bench().net.factory("a")
    first, second = factory.socket(), factory.socket()
    assert hash(second) == hash(first) + 1
    assert first != second


def make_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's, for a machine called b."""
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("b", key_type=trustme.KeyType.RSA).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def test_tls_works_over_a_link_that_cuts_everything_up() -> None:
    """SSLStream, with segments in pieces; lengths and times are the same every time."""
    server_side, client_side = make_contexts()

    def play() -> list[str]:
        bench = Bench(link=FRAGILE, traced=True)

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                with bench.on(bench.b):
                    await nursery.start(trio.serve_ssl_over_tcp, echo, 7000, server_side)
                with bench.on(bench.a):
                    stream = await trio.open_ssl_over_tcp_stream(
                        "b", 7000, ssl_context=client_side
                    )
                assert await ask(stream, bytes(50_000)) == bytes(50_000)
                await stream.aclose()
                nursery.cancel_scope.cancel()

        bench.run(main)
        return bench.lines

    assert play() == play()


def test_trios_own_checks_of_a_stream_pass() -> None:
    """trio.testing's suite for anything that says it is a half-closeable stream."""
    bench = Bench()

    async def make() -> tuple[trio.SocketStream, trio.SocketStream]:
        return await bench.pair()

    async def clogged() -> tuple[trio.SocketStream, trio.SocketStream]:
        left, right = await bench.pair()
        for stream in (left, right):
            with trio.move_on_after(1):
                while True:
                    await stream.socket.send(bytes(1 << 20))
        return left, right

    async def main() -> None:
        await trio.testing.check_half_closeable_stream(make, clogged)

    bench.run(main)


def test_a_connection_takes_one_round_trip_and_its_acceptance_half_of_one_more() -> None:
    """And the first bytes come right behind."""
    bench = Bench(link=Link(latency_s=0.1))

    async def main() -> None:
        listener = await bench.listen(bench.b)
        stream = await bench.connect(bench.a, bench.b)
        assert bench.now_s == pytest.approx(0.2)
        await stream.send_all(b"hello")
        accepted = await listener.accept()
        assert bench.now_s == pytest.approx(0.3)
        assert await accepted.receive_some() == b"hello"
        assert bench.now_s == pytest.approx(0.3)

    bench.run(main)


def test_who_is_not_accepted_in_time_waits_outside() -> None:
    """With a backlog of 0 one may wait; the next gets in when that one was accepted."""
    bench = Bench()
    connected: list[float] = []

    async def connect() -> None:
        await bench.net.factory(bench.a).socket().connect(("10.0.0.2", 7000))
        connected.append(bench.now_s)

    async def main() -> None:
        listener = await bench.listen(bench.b, backlog=0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connect)
            nursery.start_soon(connect)
            await trio.sleep(0.5)
            assert len(connected) == 1
            await listener.accept()
            await listener.accept()
        assert connected[1] == pytest.approx(1.002)

    bench.run(main)


def test_connecting_to_the_dead_takes_as_long_as_in_life() -> None:
    """127 s without an answer; 3 s where there is no such machine at all."""
    bench = Bench()

    async def main() -> None:
        bench.net.power_off(bench.b)
        factory = bench.net.factory(bench.a)
        with pytest.raises(TimeoutError):
            await factory.socket().connect(("10.0.0.2", 7000))
        assert bench.now_s == pytest.approx(127)
        with pytest.raises(OSError, match="No route") as info:
            await factory.socket().connect(("10.0.0.99", 7000))
        assert info.value.errno == errno.EHOSTUNREACH

    bench.run(main)


def test_a_socket_that_was_cancelled_while_connecting_is_closed() -> None:
    """And the machine that it asked forgets about it."""
    bench = Bench(link=Link(latency_s=1))

    async def main() -> None:
        listener = await bench.listen(bench.b)
        socket = bench.net.factory(bench.a).socket()
        with trio.move_on_after(1.5):
            await socket.connect(("10.0.0.2", 7000))
        assert socket.fileno() == -1
        assert bench.net.open_sockets(bench.a) == 0
        with trio.move_on_after(10) as patience:
            await listener.accept()
        assert patience.cancelled_caught

    bench.run(main)


def test_sending_without_waiting_takes_what_fits() -> None:
    """0 when it is full, when it is broken, when it is closed; and never an error."""
    link = Link(send_buffer_bytes=1000, receive_buffer_bytes=1000)
    bench = Bench(link=link)

    async def main() -> None:
        client, server = await bench.pair()
        send_nowait: Callable[[bytes], int] = client.socket.send_nowait  # type: ignore[attr-defined]
        assert send_nowait(b"hello") == 5
        assert await server.receive_some() == b"hello"
        taken = []
        for _ in range(5):
            taken.append(send_nowait(bytes(700)))
            await trio.sleep(1)
        # Until both buffers are full, and not a byte more.
        assert sum(taken) == 2000
        assert taken[-1] == 0
        await server.aclose()
        await trio.sleep(1)
        assert send_nowait(b"hello") == 0
        await client.aclose()
        assert send_nowait(b"hello") == 0

    bench.run(main)


def test_every_call_is_a_checkpoint() -> None:
    """Also one that could go on at once, or fails at once."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        await client.send_all(b"hello")
        await trio.sleep(1)
        with trio.testing.assert_checkpoints():
            await server.socket.recv(1)
        with trio.testing.assert_checkpoints():
            await server.socket.send(b"x")
        with trio.testing.assert_checkpoints():
            await server.socket.wait_writable()
        fresh = bench.net.factory(bench.a).socket()
        with trio.testing.assert_checkpoints(), pytest.raises(OSError, match="not conn"):
            await fresh.recv(1)
        with trio.testing.assert_checkpoints(), pytest.raises(OSError, match="Invalid"):
            await fresh.accept()
        with trio.testing.assert_checkpoints(), pytest.raises(ConnectionRefusedError):
            await fresh.connect(("10.0.0.2", 1))

    bench.run(main)


def test_a_program_without_descriptors_can_not_accept_until_it_has_closed_something() -> (
    None
):
    """trio's serve_listeners tries again after a while, and then it works."""
    bench = Bench()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            listener = await bench.listen(bench.b)
            nursery.start_soon(trio.serve_listeners, echo, [listener])
            held = bench.net.factory(bench.b).socket()
            bench.net.limit_sockets(bench.b, 2)
            with pytest.raises(OSError, match="Too many open files"):
                bench.net.factory(bench.b).socket()
            stream = await bench.connect(bench.a, bench.b)
            await trio.sleep(1)
            assert bench.net.open_sockets(bench.b) == 2
            held.close()
            assert await ask(stream, b"hello") == b"hello"
            nursery.cancel_scope.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "trio._highlevel_serve_listeners.LOGGER.error", lambda *_args, **_kw: None
        )
        bench.run(main)


def test_wishes_for_buffers_and_patience_are_heard() -> None:
    """SO_SNDBUF, SO_RCVBUF and TCP_USER_TIMEOUT count; what isn't modelled is kept."""
    bench = Bench()

    async def main() -> None:
        factory = bench.net.factory(bench.a)
        socket = factory.socket()
        socket.setsockopt(kernel.SOL_SOCKET, kernel.SO_SNDBUF, 10_000)
        assert socket.getsockopt(kernel.SOL_SOCKET, kernel.SO_SNDBUF) == 20_000
        socket.setsockopt(kernel.SOL_SOCKET, kernel.SO_KEEPALIVE, b"\1\0\0\0")
        assert socket.getsockopt(kernel.SOL_SOCKET, kernel.SO_KEEPALIVE, 4) == b"\1\0\0\0"
        socket.setsockopt(kernel.IPPROTO_TCP, 18, 5000)  # TCP_USER_TIMEOUT
        await bench.listen(bench.b)
        await socket.connect(("10.0.0.2", 7000))
        with trio.move_on_after(10):
            sent = 0
            while True:
                sent += await socket.send(bytes(100_000))
        assert sent == 20_000 + 128 * 1024
        bench.net.partition(bench.a, bench.b)
        with pytest.raises(TimeoutError):
            await socket.recv(1)
        assert bench.now_s == pytest.approx(15, abs=0.1)

    bench.run(main)
