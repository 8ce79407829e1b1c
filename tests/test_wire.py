"""How bytes get into a stream: at once, and seen closely enough to tell slow from stuck."""

import struct
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TypeAlias

import pytest
import trio
from trio.testing import memory_stream_pair

from trio_chat.server import address_of, listen
from trio_chat.server.listen import eager
from trio_chat.wire import KernelStream, Sending, bound_buffer, receiving_of, sending_of

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that tells")


Ends: TypeAlias = tuple[trio.SocketStream, trio.SocketStream | KernelStream]


@pytest.fixture(params=["trio's own", "at hand"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    """Both ends of a connection through the kernel, the server's of each kind there is."""
    (listener,) = await listen("127.0.0.1", 0)
    address = address_of(listener)
    at_hand = request.param == "at hand"
    door = eager(listener, lambda: False, print) if at_hand else listener
    async with door:
        client = await trio.open_tcp_stream(address.host, address.port)
        server = await door.accept()
        async with client, server:
            yield client, server


async def test_what_the_kernel_does_not_take_now_it_takes_bit_by_bit(
    ends: Ends,
) -> None:
    client, server = ends
    sending = sending_of(server)
    data = bytes(20_000_000)
    taken = sending.now(data)
    assert 0 < taken < len(data)
    with trio.move_on_after(0):
        await sending.some(memoryview(data))
        raise AssertionError("there was space")
    heard = 0
    while heard < taken // 2:
        heard += len(await client.receive_some())
    assert 0 < await sending.some(memoryview(data)) < len(data)


@LINUX
async def test_what_arrives_is_seen_before_there_is_space_for_more(ends: Ends) -> None:
    client, server = ends
    bound_buffer(server, 1 << 20)
    sending = sending_of(server)
    with suppress(BlockingIOError):
        while True:
            sending.now(bytes(1 << 20))
    stuck = sending.in_flight()
    assert stuck
    seen = stuck
    for _ in range(10_000):
        await client.receive_some(16 * 1024)
        now = sending.in_flight()
        assert now is not None
        assert now <= seen, "it can only become less"
        seen = now
        if seen < stuck:
            break
    assert seen < stuck


@LINUX
async def test_the_kernel_keeps_no_more_than_it_may(ends: Ends) -> None:
    _client, server = ends
    bound_buffer(server, 64 * 1024)
    option = trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF
    assert server.socket.getsockopt(*option) == 2 * 64 * 1024  # as Linux counts


async def test_a_connection_that_broke_says_so_when_it_is_waited_for(ends: Ends) -> None:
    client, server = ends
    sending = sending_of(server)
    await trio.aclose_forcefully(client)
    with pytest.raises(trio.BrokenResourceError):
        await _send_for_ever(sending)


async def _send_for_ever(sending: Sending) -> None:
    while True:
        await sending.some(memoryview(bytes(1_000)))


async def test_one_that_is_closed_takes_nothing_and_tells_nothing(ends: Ends) -> None:
    _client, server = ends
    sending = sending_of(server)
    await trio.aclose_forcefully(server)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sending.now(b"x")
    assert sending.in_flight() is None
    bound_buffer(server, 1_000)


async def test_any_other_stream_takes_slices() -> None:
    ours, theirs = memory_stream_pair()
    sending = sending_of(ours)
    bound_buffer(ours, 1_000)
    assert sending.now(b"x") == 0
    assert sending.in_flight() is None
    assert await sending.some(memoryview(bytes(1_000_000))) == 4096
    assert await theirs.receive_some() == bytes(4096)


async def test_what_is_received_is_what_was_sent_and_then_the_end(ends: Ends) -> None:
    client, server = ends
    receiving = receiving_of(server)
    await client.send_all(b"one")
    assert await receiving.some() == b"one"
    with trio.move_on_after(0) as waited:
        await receiving.some()
    assert waited.cancelled_caught
    await client.send_all(b"two")
    await client.send_eof()
    assert await receiving.some() == b"two"
    assert await receiving.some() == b""


async def test_a_connection_that_broke_says_so_when_it_is_read(ends: Ends) -> None:
    client, server = ends
    linger = struct.pack("ii", 1, 0)
    client.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, linger)
    await client.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await receiving_of(server).some()


async def test_of_any_other_stream_is_received_as_from_the_stream() -> None:
    ours, theirs = memory_stream_pair()
    await ours.send_all(b"one")
    receiving = receiving_of(theirs)
    assert await receiving.some() == b"one"
    await ours.aclose()
    assert await receiving.some() == b""
