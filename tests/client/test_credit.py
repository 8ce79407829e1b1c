"""A client has no more drafts on its way than the server grants, and holds the rest."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.client.fake_server import FakePeer, open_fake
from trio_chat.client import Client
from trio_chat.client.outbox import Outbox, Progress
from trio_chat.client.outbox_disk import Change, OutboxDisk, Written
from trio_chat.client.outbox_file import open_outbox
from trio_chat.errors import OutboxError
from trio_chat.protocol.messages import CREDIT, Accepted, Refused, Say
from trio_chat.worker import open_inline_worker

RTT_S = 0.5


def flooded(lines: int, credit: int) -> Outbox:
    outbox = Outbox()
    for n in range(1, lines + 1):
        outbox.put_nowait("lobby", str(n), "text")
    outbox.release(credit)
    return outbox


def sendable(outbox: Outbox) -> list[int]:
    return [ticket.n for ticket in outbox.after(0)]


# --- the outbox ----------------------------------------------------------------------


async def test_of_a_flood_the_rest_can_be_taken_back() -> None:
    outbox = flooded(200, credit=64)
    assert sendable(outbox) == list(range(1, 65))
    with pytest.raises(OutboxError, match="line 64 may be on its way"):
        await outbox.cancel(64)
    for n in range(65, 201):
        await outbox.cancel(n)
    assert len(outbox) == 64


def test_each_line_that_is_settled_makes_room_for_another() -> None:
    outbox = flooded(20, credit=4)
    outbox.accept(1, 1)
    outbox.refuse(3, "not_joined", "no", id)
    assert sendable(outbox) == [2, 4, 5, 6]
    assert outbox.is_held(7)


def test_a_credit_of_one_is_enough() -> None:
    outbox = flooded(3, credit=1)
    for n in (1, 2, 3):
        assert sendable(outbox) == [n]
        outbox.accept(n, n)
    assert not outbox


def test_what_was_released_on_another_link_does_not_go_out_at_once() -> None:
    """A server may grant less than the last one; what was sent then may still arrive."""
    outbox = flooded(20, credit=10)
    outbox.hold()
    outbox.release(3)
    assert sendable(outbox) == [1, 2, 3]
    assert not outbox.is_held(10)
    wakes: list[None] = []
    outbox.on_released = lambda: wakes.append(None)
    outbox.accept(1, 1)
    assert wakes
    assert sendable(outbox) == [2, 3, 4]


async def test_a_burst_ends_when_nothing_waits() -> None:
    outbox = flooded(3, credit=2)
    assert outbox.progress == Progress(0, 3)
    outbox.accept(1, 1)
    outbox.put_nowait("lobby", "4", "text")
    outbox.refuse(2, "not_joined", "no", id)
    assert outbox.progress == Progress(2, 4)
    assert str(outbox.progress) == "sending 2/4"
    outbox.hold()
    outbox.put_nowait("lobby", "5", "text")
    await outbox.cancel(5)
    assert outbox.progress == Progress(2, 4)
    outbox.accept(3, 2)
    outbox.accept(4, 3)
    assert outbox.progress == Progress(0, 0)
    outbox.put_nowait("lobby", "6", "text")
    assert outbox.progress == Progress(0, 1)


# --- on a disk -----------------------------------------------------------------------


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How far the disk was told to release, each time it was another number."""
    honest = OutboxDisk.write
    told: list[int] = []

    def write(self: OutboxDisk, change: Change) -> Written:
        written = honest(self, change)
        if written.released_n not in told[-1:]:
            told.append(written.released_n)
        return written

    monkeypatch.setattr(OutboxDisk, "write", write)
    return told


async def test_a_disk_is_told_in_batches(tmp_path: Path, releases: list[int]) -> None:
    path = tmp_path / "outbox.db"
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        for n in range(1, 41):
            await outbox.put("lobby", str(n), "text")
        outbox.release(16)
        for n in range(1, 41):
            await wait_all_tasks_blocked()
            assert n in sendable(outbox)
            assert len(sendable(outbox)) <= 16
            outbox.accept(n, n)
    assert releases == [0, 16, 24, 32, 40]


async def test_the_rest_of_a_flood_is_held_in_the_next_life_too(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        for n in range(1, 11):
            await outbox.put("lobby", str(n), "text")
        outbox.release(4)
        await wait_all_tasks_blocked()
        outbox.accept(1, 1)
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        assert outbox.progress == Progress(0, 9)
        assert [n for n in range(2, 11) if outbox.is_held(n)] == [5, 6, 7, 8, 9, 10]
        await outbox.cancel(10)
        outbox.release(2)
        await wait_all_tasks_blocked()
        assert sendable(outbox) == [2, 3]
        assert outbox.is_held(5)


async def test_lines_go_with_the_transaction_that_keeps_them(
    tmp_path: Path, releases: list[int]
) -> None:
    path = tmp_path / "outbox.db"
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        outbox.release(4)
        for _ in (1, 2, 3):
            ticket = await outbox.put("lobby", "a", "text")
            assert ticket.n in sendable(outbox)
        assert releases == [1, 2, 3]
        for n in (4, 5):
            await outbox.put("lobby", "a", "text")
            assert outbox.is_held(n)  # more than half of the credit is in use
        for n in (1, 2):
            outbox.accept(n, n)
        await wait_all_tasks_blocked()
        assert sendable(outbox) == [3, 4, 5]


# --- the client ----------------------------------------------------------------------


async def say(client: Client, lines: int) -> None:
    for n in range(1, lines + 1):
        await client.post("lobby", str(n))


async def drafts(peer: FakePeer, count: int) -> list[int]:
    """The numbers of the next drafts, which are all that come."""
    heard = [(await peer.hear(Say)).n for _ in range(count)]
    await wait_all_tasks_blocked()
    with trio.move_on_after(1) as quiet:
        raise AssertionError(await peer.message())
    assert quiet.cancelled_caught
    return heard


async def accept_later(
    peer: FakePeer, due: trio.MemoryReceiveChannel[tuple[float, int]]
) -> None:
    async for at_s, n in due:
        await trio.sleep_until(at_s)
        await accept(peer, [n])


async def accept(peer: FakePeer, numbers: Sequence[int]) -> None:
    await peer.say(*(Accepted(room="lobby", n=n, seq=n) for n in numbers))


async def test_no_more_are_on_their_way_than_the_welcome_grants(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        await say(client, 12)
        peer = await exchange.peer()
        await peer.take_in(credit=5)
        assert await drafts(peer, 5) == [1, 2, 3, 4, 5]
        await accept(peer, [1, 2])
        assert await drafts(peer, 2) == [6, 7]
        await peer.say(Refused(code="not_joined", reason="no", room="lobby", n=3))
        assert await drafts(peer, 1) == [8]
        await accept(peer, [4, 5, 6, 7, 8])
        assert await drafts(peer, 4) == [9, 10, 11, 12]


async def test_a_new_link_begins_with_a_credit_of_its_own(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        await say(client, 9)
        peer = await exchange.peer()
        await peer.take_in(credit=5)
        assert await drafts(peer, 5) == [1, 2, 3, 4, 5]
        await accept(peer, [1])
        await peer.hang_up()
        peer = await exchange.peer()
        await peer.take_in(credit=3)
        assert await drafts(peer, 3) == [2, 3, 4]
        await accept(peer, [2])
        assert await drafts(peer, 1) == [5]
        await accept(peer, [3, 4, 5])
        assert await drafts(peer, 3) == [6, 7, 8]


async def test_a_server_that_grants_nothing_is_not_flooded(
    autojump_clock: MockClock,
) -> None:
    """One that is older than the credit takes all, one after the other."""
    async with open_fake() as (client, exchange):
        await say(client, CREDIT + 10)
        peer = await exchange.peer()
        await peer.take_in()
        assert len(await drafts(peer, CREDIT)) == CREDIT


@pytest.mark.parametrize("on_disk", [False, True])
async def test_a_flood_goes_through_a_long_link_many_at_a_time(
    on_disk: bool, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Half of the credit for each time there and back, or more; not one line."""
    async with AsyncExitStack() as stack:
        file = open_outbox(tmp_path / "outbox.db", open_worker=open_inline_worker)
        outbox = await stack.enter_async_context(file) if on_disk else Outbox()
        client, exchange = await stack.enter_async_context(open_fake(outbox=outbox))
        await say(client, 960)
        peer = await exchange.peer()
        await peer.take_in(credit=128)
        began_s = trio.current_time()
        nursery = await stack.enter_async_context(trio.open_nursery())
        heard, due = trio.open_memory_channel[tuple[float, int]](960)
        nursery.start_soon(accept_later, peer, due)
        for _ in range(960):
            n = (await peer.hear(Say)).n
            heard.send_nowait((trio.current_time() + RTT_S, n))
        assert trio.current_time() - began_s <= 960 / 64 * RTT_S
        heard.close()
