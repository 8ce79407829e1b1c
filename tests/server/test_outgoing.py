"""One peer's queue: in order, at once if the socket takes it, bounded if it does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from trio_chat.server.limits import Limits
from trio_chat.server.outgoing import Outgoing, StalledError


class Wire(trio.abc.SendStream):
    """Takes `at_once` bytes at once; the rest goes through send_all, when it may."""

    def __init__(self, at_once: int = 0) -> None:
        self.at_once = at_once
        self.taken = b""
        self.sends: list[int] = []
        self.open = trio.Event()

    def send_now(self, data: bytes) -> int:
        count = min(self.at_once, len(data))
        self.taken += data[:count]
        self.at_once -= count
        return count

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.open.wait()
        self.sends.append(len(data))
        self.taken += bytes(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.open.wait()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def outgoing(wire: Wire, limits: Limits | None = None) -> AsyncIterator[Outgoing]:
    async with trio.open_nursery() as nursery:
        yield Outgoing(wire, wire.send_now, nursery, limits or Limits())  # type: ignore[arg-type]
        nursery.cancel_scope.cancel()


async def test_a_ready_socket_is_written_at_once_without_a_task() -> None:
    wire = Wire(at_once=100)
    async with outgoing(wire) as out:
        assert out.offer(b"one ")
        assert out.offer(b"two")
        assert wire.taken == b"one two"
        assert trio.lowlevel.current_task().child_nurseries[0].child_tasks == frozenset()


async def test_what_the_socket_does_not_take_follows_in_order_in_one_send() -> None:
    wire = Wire(at_once=2)
    async with outgoing(wire) as out:
        for part in (b"abcd", b"ef", b"gh"):
            assert out.offer(part)
        wire.open.set()
        await out.finish(b"!")
        assert wire.taken == b"abcdefgh!"
        assert wire.sends in ([len("cdefgh!")], [len("cdefgh"), len("!")])


async def test_the_queue_is_bounded_in_batches_and_in_bytes() -> None:
    wire = Wire()
    async with outgoing(wire, Limits(queue_batches_max=3, queue_bytes_max=10)) as out:
        assert out.offer(b"a" * 50)  # however long it is: nothing is written by halves
        assert not out.offer(b"b")
    wire = Wire()
    async with outgoing(wire, Limits(queue_batches_max=2, queue_bytes_max=100)) as out:
        assert [out.offer(b"x") for _ in range(4)] == [True, True, False, False]


async def test_send_waits_for_space_and_keeps_its_place(autojump_clock: MockClock) -> None:
    wire = Wire()
    async with outgoing(wire, Limits(queue_batches_max=1)) as out:
        assert out.offer(b"1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(out.send, b"2")
            await trio.testing.wait_all_tasks_blocked()
            assert not out.offer(b"3")
            wire.open.set()
        await out.finish(b"")
        assert wire.taken == b"12"


async def test_nothing_follows_the_last_words() -> None:
    wire = Wire(at_once=100)
    async with outgoing(wire) as out:
        await out.finish(b"bye")
        assert not out.offer(b"and another thing")
        assert wire.taken == b"bye"


async def test_taking_nothing_for_too_long_ends_it_but_taking_slowly_does_not(
    autojump_clock: MockClock,
) -> None:
    class Slow(Wire):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            await trio.sleep(50)
            await super().send_all(data)

    slow = Slow()
    slow.open.set()
    async with outgoing(slow, Limits(stall_s=60)) as out:
        assert out.offer(b"x" * 1_000_000)
        await out.finish(b"")
        assert len(slow.taken) == 1_000_000
    with pytest.RaisesGroup(StalledError):
        async with outgoing(Wire(), Limits(stall_s=60)) as out:
            assert out.offer(b"x")
            await trio.sleep(61)
