"""Lines wait in the order of their typing, and every one is settled."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_chat.client.outbox import OUTBOX_LINES_MAX, Outbox, Ticket
from trio_chat.errors import ClosedError, OutboxError, RefusedError
from trio_chat.protocol.messages import Direct, Say


def filled(count: int, lines_max: int = OUTBOX_LINES_MAX) -> tuple[Outbox, list[Ticket]]:
    outbox = Outbox(lines_max)
    outbox.release()
    return outbox, [outbox.put_nowait("lobby", str(n), "text") for n in range(1, count + 1)]


def test_first_in_first_out() -> None:
    outbox, tickets = filled(4)
    assert [ticket.n for ticket in tickets] == [1, 2, 3, 4]
    assert list(outbox.after(0)) == tickets
    assert list(outbox.after(2)) == tickets[2:]
    outbox.accept(1, 10)
    outbox.refuse(3, "empty_text", "no", id)
    assert list(outbox.after(0)) == [tickets[1], tickets[3]]
    assert len(outbox) == 2
    assert outbox.refused_lines == 1
    assert outbox.last_seqs == {"lobby": 10}


def test_a_number_is_given_once() -> None:
    outbox, _ = filled(2)
    outbox.accept(1, 1)
    outbox.accept(2, 2)
    assert outbox.put_nowait("lobby", "next", "text").n == 3


def test_a_full_outbox_takes_nothing_and_loses_nothing() -> None:
    outbox, tickets = filled(3, lines_max=3)
    with pytest.raises(trio.WouldBlock):
        outbox.put_nowait("lobby", "too many", "text")
    assert list(outbox.after(0)) == tickets
    outbox.accept(1, 1)
    assert outbox.put_nowait("lobby", "now it fits", "text").n == 4


async def test_put_waits_for_room_in_turn() -> None:
    outbox, _ = filled(1, lines_max=1)
    put: list[str] = []

    async def put_one(text: str) -> None:
        ticket = await outbox.put("lobby", text, "text")
        put.append(ticket.text)

    async with trio.open_nursery() as nursery:
        for text in "ab":
            nursery.start_soon(put_one, text)
        await wait_all_tasks_blocked()
        assert put == []
        outbox.accept(1, 1)
        await wait_all_tasks_blocked()
        assert len(put) == 1
        outbox.refuse(2, "empty_text", "no", id)
    assert sorted(put) == ["a", "b"]


async def test_a_ticket_settles_for_all_who_wait() -> None:
    outbox, (accepted, refused) = filled(2)
    seqs: list[int] = []

    async def wait() -> None:
        seqs.append(await accepted.accepted())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        assert outbox.accept(1, 41) is accepted
    assert seqs == [41, 41]
    assert await accepted.accepted() == 41
    outbox.refuse(2, "not_joined", "you are not in lobby", id)
    with pytest.raises(RefusedError, match="not in lobby") as raised:
        await refused.accepted()
    assert raised.value.code == "not_joined"


def test_what_was_settled_is_not_settled_again() -> None:
    """A resend is accepted twice where the first answer was on its way."""
    outbox, _ = filled(1)
    assert outbox.accept(1, 1)
    assert outbox.accept(1, 1) is None
    told: list[Ticket | None] = []
    outbox.refuse(1, "empty_text", "no", told.append)
    assert told == [None]
    assert outbox.accept(99, 1) is None


async def test_emptied_waits_for_the_last() -> None:
    outbox, _ = filled(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.emptied)
        await wait_all_tasks_blocked()
        outbox.accept(1, 1)
        await wait_all_tasks_blocked()
        assert nursery.child_tasks
        outbox.refuse(2, "empty_text", "no", id)
    await outbox.emptied()


async def test_closing_tells_everybody_who_waits() -> None:
    outbox, (ticket,) = filled(1, lines_max=1)

    async def expects_closed() -> None:
        with pytest.raises(ClosedError):
            await outbox.put("lobby", "waiting for room", "text")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expects_closed)
        await wait_all_tasks_blocked()
        outbox.close()
    with pytest.raises(ClosedError):
        await ticket.accepted()
    with pytest.raises(ClosedError):
        outbox.put_nowait("lobby", "too late", "text")
    assert len(outbox) == 0


def test_a_line_to_a_person_is_a_direct_message() -> None:
    outbox = Outbox()
    assert outbox.put_nowait("lobby", "a", "me").message == Say(
        room="lobby", n=1, text="a", kind="me"
    )
    assert outbox.put_nowait("@bob", "b", "text").message == Direct(to="bob", n=2, text="b")


# --- what may be on its way ----------------------------------------------------------


async def test_a_line_that_can_not_have_been_sent_can_be_taken_back() -> None:
    outbox = Outbox()
    kept, unwanted = (outbox.put_nowait("lobby", text, "text") for text in "ab")
    told: list[Ticket] = []
    outbox.on_cancelled = told.append
    assert await outbox.cancel(unwanted.n) is unwanted
    assert told == [unwanted]
    assert outbox.lines == (kept,)
    with pytest.raises(OutboxError, match="line 2 was taken back"):
        await unwanted.accepted()
    with pytest.raises(OutboxError, match="no line 2 waits"):
        await outbox.cancel(unwanted.n)
    assert outbox.put_nowait("lobby", "c", "text").n == 3


async def test_a_line_that_may_be_on_its_way_can_not() -> None:
    """Not even when the link is gone: it may be in the log, and its answer lost."""
    outbox = Outbox()
    outbox.put_nowait("lobby", "a", "text")
    outbox.release()
    outbox.put_nowait("lobby", "b", "text")
    outbox.hold()
    outbox.put_nowait("lobby", "c", "text")
    for n in (1, 2):
        with pytest.raises(OutboxError, match=f"line {n} may be on its way already"):
            await outbox.cancel(n)
    assert [ticket.n for ticket in outbox.after(0)] == [1, 2]
    assert [outbox.is_held(n) for n in (1, 2, 3)] == [False, False, True]
    await outbox.cancel(3)
    assert [ticket.n for ticket in outbox.lines] == [1, 2]


def test_nothing_that_is_held_is_sent() -> None:
    outbox = Outbox()
    outbox.put_nowait("lobby", "a", "text")
    assert not list(outbox.after(0))
    released: list[None] = []
    outbox.on_released = lambda: released.append(None)
    outbox.release()
    assert released
    assert [ticket.n for ticket in outbox.after(0)] == [1]


def test_whoever_wants_to_know_hears_of_a_line_before_it_can_be_sent() -> None:
    outbox = Outbox(wall_clock_s=lambda: 7.0)
    seen: list[tuple[float, int]] = []
    outbox.on_queued.append(
        lambda ticket: seen.append((ticket.typed_s, len(list(outbox.after(9)))))
    )
    outbox.put_nowait("lobby", "a", "text")
    assert seen == [(7.0, 0)]
