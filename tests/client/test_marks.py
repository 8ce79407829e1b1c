"""What one has read is told to the server: seldom, never less, and again after a loss."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.client.fake_server import Exchange, FakePeer, entry, event, open_fake
from trio_chat import Client
from trio_chat.client.events import Closed, Entry, Marked, Opened, Reset
from trio_chat.client.mailbox import ROOM_EVENTS_MAX
from trio_chat.client.marks import MARK_EVERY_S, MARKS_MAX, Marks
from trio_chat.protocol import messages
from trio_chat.protocol.messages import Hold, Join, Leave, Mark, Message, Room


async def in_lobby(
    exchange: Exchange, *, head: int = 9, read: int | None = None
) -> FakePeer:
    peer = await exchange.peer()
    await peer.welcome()
    for room, join in (await peer.joins()).items():
        if room == "lobby":
            await peer.say(Room(room=room, after=join.after or 0, head=head, read=read))
        else:
            await peer.say(Room(room=room, after=0, head=0))
    return peer


async def opened(client: Client) -> Opened:
    return await event(client, Opened)


# --- what is told --------------------------------------------------------------------


async def test_what_was_read_is_told_at_once_and_then_seldom(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange)
        await opened(client)
        begun_s = trio.current_time()
        client.mark_nowait("lobby", 3)
        assert await peer.hear(Mark) == Mark(room="lobby", seq=3)
        assert trio.current_time() == begun_s
        for seq in (4, 7, 5):
            client.mark_nowait("#lobby", seq)
            await wait_all_tasks_blocked()
        assert await peer.hear(Mark) == Mark(room="lobby", seq=7)
        assert trio.current_time() == pytest.approx(begun_s + MARK_EVERY_S)
        client.mark_nowait("lobby", 6)
        await client.aclose()
        assert isinstance(await peer.message(), messages.Bye)


async def test_the_last_one_is_told_before_one_goes(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange)
        await opened(client)
        client.mark_nowait("lobby", 3)
        await peer.hear(Mark)
        client.mark_nowait("lobby", 4)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.aclose)
            assert (await peer.hear(Mark)).seq == 4
            await peer.hang_up()


async def test_the_last_one_is_told_before_one_leaves(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange)
        await opened(client)
        client.mark_nowait("lobby", 3)
        await peer.hear(Mark)
        client.mark_nowait("lobby", 4)
        client.leave_nowait("lobby")
        assert (await peer.hear(Mark)).seq == 4
        await peer.hear(Leave)
        client.mark_nowait("lobby", 5)  # one is not in it any more
        client.join_nowait("lobby")
        await peer.hear(Join)
        await peer.say(messages.Left(room="lobby", nick="ada", reason="left"))
        await peer.say(Room(room="lobby", after=0, head=9, read=4))
        while (told := await opened(client)).read is None:
            pass
        assert told.read == 4


async def test_nobody_reads_what_there_is_not(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        client.mark_nowait("lobby", 5)  # before one knows anything of it
        client.mark_nowait("den", 5)
        peer = await in_lobby(exchange, head=9)
        assert (await opened(client)).read is None
        client.mark_nowait("lobby", 2**60)
        assert (await peer.hear(Mark)).seq == 9
        await peer.say(*(entry(seq) for seq in range(1, 12)))
        while (await event(client, Entry)).seq < 11:
            pass
        client.mark_nowait("lobby", 2**60)
        assert (await peer.hear(Mark)).seq == 11


async def test_after_a_lost_link_it_is_told_again(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange)
        await opened(client)
        client.mark_nowait("lobby", 3)
        await peer.hear(Mark)
        await peer.hang_up()
        await trio.sleep(0.01)
        client.mark_nowait("lobby", 4)
        peer = await in_lobby(exchange, read=2)  # it was killed, and has forgotten
        assert (await opened(client)).read == 4
        assert (await peer.hear(Mark)).seq == 4


async def test_what_the_server_knows_is_not_told_again(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange)
        await opened(client)
        client.mark_nowait("lobby", 3)
        await peer.hear(Mark)
        await peer.hang_up()
        peer = await in_lobby(exchange, read=7)
        assert (await opened(client)).read == 7
        client.mark_nowait("lobby", 6)
        await client.aclose()
        assert isinstance(await peer.message(), messages.Bye)


async def test_a_mark_goes_with_its_past(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange)
        await opened(client)
        client.mark_nowait("lobby", 9)
        await peer.hear(Mark)
        await peer.hang_up()
        peer = await exchange.peer()
        await peer.welcome(epoch="two")
        await event(client, Reset)
        await peer.joins()
        await peer.say(Room(room="lobby", after=0, head=2))
        assert (await opened(client)).read is None
        await client.aclose()
        assert isinstance(await peer.message(), messages.Bye)


async def test_a_person_is_named_in_the_hello(autojump_clock: MockClock) -> None:
    async with open_fake(person="secret") as (_, exchange):
        peer = await exchange.peer()
        assert (await peer.welcome()).person == "secret"


# --- what is heard -------------------------------------------------------------------


async def test_what_was_read_elsewhere_is_an_event(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange, read=1)
        assert (await opened(client)).read == 1
        await peer.say(Mark(room="lobby", seq=1), Mark(room="lobby", seq=4))
        await peer.say(Mark(room="lobby", seq=3), Mark(room="nowhere", seq=3))
        await peer.say(Mark(room="lobby", seq=5))
        assert [await event(client, Marked) for _ in range(2)] == [
            Marked("lobby", 4),
            Marked("lobby", 5),
        ]


async def test_a_mark_that_overtakes_the_answer_to_a_join_is_not_lost(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.welcome()
        await peer.joins()
        await peer.say(
            Mark(room="lobby", seq=4), Room(room="lobby", after=0, head=9, read=2)
        )
        assert (await opened(client)).read == 4


async def test_who_reads_nothing_hears_of_a_mark_later(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await in_lobby(exchange, head=ROOM_EVENTS_MAX)
        await peer.say(*(entry(seq) for seq in range(1, ROOM_EVENTS_MAX)))
        await peer.say(Mark(room="lobby", seq=7))
        await peer.hear(Hold)
        await opened(client)
        while (await event(client, Entry)).seq < ROOM_EVENTS_MAX - 1:
            pass
        join = await peer.hear(Join)
        await peer.say(Room(room="lobby", after=join.after or 0, head=ROOM_EVENTS_MAX))
        assert (await opened(client)).read == 7


async def test_the_inbox_begins_with_what_was_read_of_it(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.welcome()
        await peer.joins()
        await peer.say(Room(room="@", after=0, head=3, read=2))
        assert await event(client, Marked) == Marked("@", 2)
        client.mark_nowait("@", 3)
        assert await peer.hear(Mark) == Mark(room="@", seq=3)


async def test_a_room_that_does_not_let_one_in_has_no_mark(
    autojump_clock: MockClock,
) -> None:
    async with open_fake(rooms=[]) as (client, exchange):
        peer = await exchange.peer()
        await peer.welcome()
        await peer.joins(1)
        client.join_nowait("den")
        await peer.hear(Join)
        await peer.say(messages.Refused(code="bad_room", reason="no", room="den"))
        await event(client, Closed)
        client.mark_nowait("den", 3)
        await client.aclose()
        assert isinstance(await peer.message(), messages.Bye)


async def test_nothing_is_told_without_a_link(autojump_clock: MockClock) -> None:
    told: list[Message] = []
    marks = Marks(told.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(marks.run)
        marks.opened("a", None)
        marks.mark("a", 3)
        await wait_all_tasks_blocked()
        marks.mark("a", 4)  # too soon to be told
        marks.cut_off()
        await trio.sleep(5)
        marks.tell_all()
        marks.left("a")
        assert told == [Mark(room="a", seq=3)]
        marks.opened("a", 3)
        await trio.sleep(5)
        assert told.pop() == Mark(room="a", seq=4)
        assert told == [Mark(room="a", seq=3)]
        assert marks.read("a") == 4
        for number in range(2 * MARKS_MAX):
            marks.opened(f"{number}", 0)
            marks.left(f"{number}")
        assert marks.read(f"{MARKS_MAX}") is None
        assert marks.read(f"{2 * MARKS_MAX - 1}") == 0
        nursery.cancel_scope.cancel()
