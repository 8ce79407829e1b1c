"""Who waits at the door: all are let in at once, and nobody is forgotten there."""

import socket
import sys

import pytest
import trio
from trio.testing import assert_checkpoints, assert_no_checkpoints

from trio_chat.server.listen import address_of, eager, listen
from trio_chat.wire import KernelStream

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="it needs a descriptor")


@POSIX
async def test_all_who_wait_are_let_in_without_a_turn_for_each() -> None:
    (listener,) = await listen("127.0.0.1", 0)
    host, port = address_of(listener).host, address_of(listener).port
    async with eager(listener, lambda: False) as door:
        callers = [socket.create_connection((host, port)) for _ in range(4)]
        with trio.fail_after(10):
            streams = [await door.accept()]
            with assert_no_checkpoints():
                streams += [await door.accept() for _ in range(3)]
        for caller, stream in zip(callers, streams, strict=True):
            caller.sendall(b"hi")
            assert await stream.receive_some() == b"hi"
            await stream.aclose()
            caller.close()
        with trio.move_on_after(0.01) as waited:
            await door.accept()
        assert waited.cancelled_caught


@POSIX
async def test_as_long_as_somebody_talks_a_few_are_let_in_in_a_turn() -> None:
    (listener,) = await listen("127.0.0.1", 0)
    host, port = address_of(listener).host, address_of(listener).port
    async with eager(listener, lambda: True) as door:
        callers = [socket.create_connection((host, port)) for _ in range(3)]
        with trio.fail_after(10):
            streams = [await door.accept()]
            with assert_no_checkpoints():
                streams.append(await door.accept())
            with assert_checkpoints():
                streams.append(await door.accept())
        for each in (*callers, *streams):
            await each.aclose() if isinstance(each, KernelStream) else each.close()


@POSIX
async def test_who_was_let_in_and_never_asked_for_is_turned_away_at_the_end() -> None:
    (listener,) = await listen("127.0.0.1", 0)
    host, port = address_of(listener).host, address_of(listener).port
    async with eager(listener, lambda: False) as door:
        callers = [socket.create_connection((host, port)) for _ in range(3)]
        with trio.fail_after(10):
            first = await door.accept()
    await first.aclose()
    for caller in callers:
        caller.settimeout(10)
        assert caller.recv(1) == b""
        caller.close()
    with pytest.raises(OSError, match=r"refused|reset"):
        socket.create_connection((host, port))
