"""One peer's queue: in order, at once if the socket takes it, bounded if it does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from trio_chat.server.limits import Limits
from trio_chat.server.outgoing import Outgoing, StalledError


class Wire:
    """Takes `at_once` bytes at once; the rest goes through some(), when it may."""

    def __init__(self, at_once: int = 0) -> None:
        self.at_once = at_once
        self.taken = b""
        self.sends: list[int] = []
        self.open = trio.Event()

    def now(self, data: bytes) -> int:
        count = min(self.at_once, len(data))
        self.taken += data[:count]
        self.at_once -= count
        return count

    async def some(self, data: memoryview) -> int:
        await self.open.wait()
        self.sends.append(len(data))
        self.taken += bytes(data)
        return len(data)

    def in_flight(self) -> int | None:
        return None


@asynccontextmanager
async def outgoing(wire: Wire, limits: Limits | None = None) -> AsyncIterator[Outgoing]:
    async with trio.open_nursery() as nursery:
        yield Outgoing(wire, nursery, limits or Limits())
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


async def test_a_socket_that_says_it_is_full_is_written_when_it_is_not() -> None:
    class Full(Wire):
        def now(self, data: bytes) -> int:
            raise BlockingIOError

    wire = Full()
    async with outgoing(wire) as out:
        assert out.offer(b"one ")
        assert out.offer(b"two")
        wire.open.set()
        await out.finish(b"")
        assert wire.taken == b"one two"


async def test_what_is_held_goes_with_what_follows_in_one_write() -> None:
    writes: list[bytes] = []

    class Noted(Wire):
        def now(self, data: bytes) -> int:
            writes.append(data)
            return super().now(data)

    async with outgoing(Noted(at_once=1_000)) as out:
        out.hold()
        assert out.offer(b"entry ")
        assert out.offer(b"entry ")
        assert out.let_go(b"accepted")
        assert out.offer(b"!")
        assert writes == [b"entry entry accepted", b"!"]


async def test_no_more_is_held_than_a_queue_takes() -> None:
    wire = Wire(at_once=1_000)
    async with outgoing(wire, Limits(queue_bytes_max=10)) as out:
        out.hold()
        assert out.offer(b"a" * 8)
        assert wire.taken == b""
        assert out.offer(b"b" * 8)
        assert wire.taken == b"a" * 8 + b"b" * 8
        assert out.offer(b"c")
        assert out.let_go(b"d")
        assert wire.taken[16:] == b"cd"


async def test_nothing_is_held_behind_what_waits() -> None:
    wire = Wire()
    async with outgoing(wire, Limits(queue_batches_max=1)) as out:
        assert out.offer(b"1")
        out.hold()
        assert not out.offer(b"2")
        assert not out.let_go(b"3")
        wire.open.set()
        await out.finish(b"")
        assert wire.taken == b"1"


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
        async def some(self, data: memoryview) -> int:
            await trio.sleep(50)
            return await super().some(data[:1_000])

    slow = Slow()
    slow.open.set()
    async with outgoing(slow, Limits(stall_s=60)) as out:
        assert out.offer(b"x" * 20_000)
        await out.finish(b"")
        assert len(slow.taken) == 20_000
    with pytest.RaisesGroup(StalledError):
        async with outgoing(Wire(), Limits(stall_s=60)) as out:
            assert out.offer(b"x")
            await trio.sleep(61)


async def test_what_is_on_its_way_counts_while_there_is_no_space(
    autojump_clock: MockClock,
) -> None:
    class Crawling(Wire):
        """A byte arrives every 40 s, for an hour; there is no space before that."""

        async def some(self, data: memoryview) -> int:
            await trio.sleep_until(3_600)
            return await super().some(data)

        def in_flight(self) -> int | None:
            return 90 - round(min(trio.current_time(), 3_600) // 40)

    crawling = Crawling()
    crawling.open.set()
    async with outgoing(crawling, Limits(stall_s=60)) as out:
        assert out.offer(b"x")
        await out.finish(b"")
        assert trio.current_time() == 3_600
        assert crawling.taken == b"x"


async def test_once_nothing_arrives_any_more_the_stall_has_its_time(
    autojump_clock: MockClock,
) -> None:
    class Stuck(Wire):
        """For 100 s bytes arrive; after that nothing does."""

        def in_flight(self) -> int | None:
            return 100 - round(min(trio.current_time(), 100))

    with pytest.RaisesGroup(StalledError):
        async with outgoing(Stuck(), Limits(stall_s=60)) as out:
            assert out.offer(b"x")
            await trio.sleep(159)
            assert not out.trouble
            await trio.sleep(10)
