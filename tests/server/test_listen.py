"""Who waits at the door: all are let in at once, and nobody is forgotten there."""

import errno
import socket
import sys
from collections.abc import Iterator

import pytest
import trio
from trio.testing import assert_checkpoints, assert_no_checkpoints

from trio_chat.server.listen import address_of, eager, listen
from trio_chat.wire import KernelStream

REAL_ACCEPT = socket.socket.accept
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="it needs a descriptor")


@POSIX
async def test_all_who_wait_are_let_in_without_a_turn_for_each() -> None:
    (listener,) = await listen("127.0.0.1", 0)
    host, port = address_of(listener).host, address_of(listener).port
    async with eager(listener, lambda: False, print) as door:
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
    async with eager(listener, lambda: True, print) as door:
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
    async with eager(listener, lambda: False, print) as door:
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


@POSIX
@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM])
async def test_who_is_gone_before_it_was_let_in_does_not_end_the_server(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (listener,) = await listen("127.0.0.1", 0)
    host, port = address_of(listener).host, address_of(listener).port
    async with eager(listener, lambda: False, print) as door:
        failures: Iterator[int] = iter([number])

        def accept(knocked: socket.socket) -> tuple[socket.socket, object]:
            for each in failures:
                raise OSError(each, "as a kernel says it")
            return REAL_ACCEPT(knocked)

        monkeypatch.setattr(socket.socket, "accept", accept)
        caller = socket.create_connection((host, port))
        with trio.fail_after(10):
            stream = await door.accept()
        await stream.aclose()
        caller.close()


@POSIX
async def test_a_machine_without_descriptors_says_so_and_lets_in_who_waited_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (listener,) = await listen("127.0.0.1", 0)
    host, port = address_of(listener).host, address_of(listener).port
    told: list[str] = []
    async with eager(listener, lambda: False, told.append) as door:

        def accept(knocked: socket.socket) -> tuple[socket.socket, object]:
            if len(told) < 2:
                raise OSError(errno.EMFILE, "too many")
            return REAL_ACCEPT(knocked)

        monkeypatch.setattr(socket.socket, "accept", accept)
        monkeypatch.setattr(sys.modules[eager.__module__], "FULL_S", 0.0)
        caller = socket.create_connection((host, port))
        with trio.fail_after(10):
            stream = await door.accept()
        assert told == ["too many"] * 2
        await stream.aclose()
        caller.close()


@POSIX
async def test_another_error_is_for_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    (listener,) = await listen("127.0.0.1", 0)
    host, port = address_of(listener).host, address_of(listener).port
    async with eager(listener, lambda: False, print) as door:

        def accept(_knocked: socket.socket) -> tuple[socket.socket, object]:
            raise OSError(errno.EINVAL, "no listener")

        monkeypatch.setattr(socket.socket, "accept", accept)
        caller = socket.create_connection((host, port))
        with pytest.raises(OSError, match="no listener"):
            await door.accept()
        caller.close()
