"""What is wanted, held against whatever links there are."""
# ruff: noqa: PT012 (what leaves the block is what these tests are about)

from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.client.fake_server import Exchange, FakePeer, entry, event, open_fake
from trio_chat import Client
from trio_chat.client.events import (
    Accepted,
    Closed,
    Entry,
    Gap,
    Joined,
    Left,
    Members,
    Named,
    Opened,
    Queued,
    Refused,
    Renamed,
    Reset,
    Status,
)
from trio_chat.client.mailbox import ROOM_EVENTS_MAX
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.errors import ClosedError, RefusedError
from trio_chat.protocol import messages
from trio_chat.protocol.messages import Direct, Hello, Hold, Join, Leave, Room, Say


async def status(client: Client, state: str) -> Status:
    while True:
        told = await event(client, Status)
        if told.state == state:
            return told


# --- hello and welcome ---------------------------------------------------------------


async def test_the_hello_and_what_follows_the_welcome(autojump_clock: MockClock) -> None:
    outbox = Outbox(device="secret")
    async with open_fake(outbox=outbox, rooms=["Lobby", "#den"], history=3) as (
        client,
        exchange,
    ):
        assert client.rooms == ("lobby", "den")
        peer = await exchange.peer()
        hello = await peer.welcome()
        assert (hello.v, hello.nick, hello.device) == (1, "ada", "secret")
        joins = await peer.joins(3)
        assert set(joins) == {"@", "lobby", "den"}
        assert {(join.after, join.history) for join in joins.values()} == {(None, 3)}
        online = await status(client, "online")
        assert online.reason == "connected to fake:1 as ada"
        assert client.state == "online"


async def test_the_name_is_the_one_the_welcome_gives(autojump_clock: MockClock) -> None:
    async with open_fake(nick="e\u0301") as (client, exchange):
        peer = await exchange.peer()
        await peer.welcome()
        assert (await event(client, Named)).nick == "\xe9"
        assert client.nick == "\xe9"


async def test_the_first_hello_refused_leaves_the_block_as_an_exception(
    autojump_clock: MockClock,
) -> None:
    with pytest.raises(RefusedError) as raised:
        async with open_fake() as (_, exchange):
            peer = await exchange.peer()
            await peer.hear(Hello)
            await peer.say(messages.Refused(code="nick_taken", reason="ada is taken"))
            await trio.sleep_forever()
    assert raised.value.code == "nick_taken"


async def test_who_insists_tries_a_taken_nick_again(autojump_clock: MockClock) -> None:
    async with open_fake(insist=True) as (client, exchange):
        for _ in range(3):
            peer = await exchange.peer()
            await peer.hear(Hello)
            await peer.say(messages.Refused(code="nick_taken", reason="ada is taken"))
            told = await status(client, "waiting")
            assert told.retry_in_s is not None
        peer = await exchange.peer()
        await peer.take_in()
        assert (await status(client, "online")).retry_in_s is None


async def test_a_name_that_can_not_be_waits_for_another_one(
    autojump_clock: MockClock,
) -> None:
    async with open_fake(insist=True) as (client, exchange):
        peer = await exchange.peer()
        await peer.hear(Hello)
        await peer.say(messages.Refused(code="bad_nick", reason="not that"))
        assert (await status(client, "waiting")).retry_in_s is None
        await trio.sleep(50_000)
        assert len(exchange.dialled_at_s) == 1
        client.rename_nowait("grace")
        assert (await (await exchange.peer()).hear(Hello)).nick == "grace"


@pytest.mark.parametrize("code", ["hello_timeout", "server_full", "store_failed"])
async def test_a_server_in_trouble_is_tried_again(
    autojump_clock: MockClock, code: str
) -> None:
    async with open_fake() as (client, exchange):
        for _ in range(3):
            peer = await exchange.peer()
            await peer.say(messages.Error(code=code, reason="trouble", end=True))
            told = await status(client, "offline")
            assert told.reason.startswith("the server ended the link: trouble")
        await (await exchange.peer()).take_in()
        await status(client, "online")


async def test_nobody_is_asked_to_say_again_what_is_kept(
    autojump_clock: MockClock,
) -> None:
    """The server's words for a disk that fails are for who writes a client."""
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await status(client, "online")
        reason = "send what was not accepted again, later"
        await peer.say(messages.Error(code="store_failed", reason=reason, end=True))
        told = await status(client, "offline")
        assert told.reason.startswith("the server's disk fails: what you said is kept")


async def test_a_server_of_another_version_is_not_tried_again(
    autojump_clock: MockClock,
) -> None:
    with pytest.raises(RefusedError) as raised:
        async with open_fake(insist=True) as (_, exchange):
            peer = await exchange.peer()
            await peer.say(messages.Error(code="version", reason="too old", end=True))
            await trio.sleep_forever()
    assert raised.value.code == "version"


async def test_who_was_replaced_stays_away(autojump_clock: MockClock) -> None:
    """Coming back would replace the one that took the place, and so on for ever."""
    with pytest.raises(RefusedError) as raised:
        async with open_fake(insist=True) as (_, exchange):
            peer = await exchange.peer()
            await peer.take_in()
            await peer.say(messages.Error(code="superseded", reason="again", end=True))
            await trio.sleep_forever()
    assert raised.value.code == "superseded"


async def test_a_rename_between_hello_and_welcome_is_made_up_for(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        hello = await peer.hear(Hello)
        client.rename_nowait("grace")
        assert hello.nick == "ada"
        await peer.say(
            messages.Welcome(
                v=1,
                nick="ada",
                epoch="one",
                software="",
                heartbeat_s=15,
                text_bytes_max=1,
            )
        )
        await peer.joins()
        assert (await peer.hear(messages.Nick)).nick == "grace"
        await peer.say(messages.Nick(nick="grace"))
        while client.nick != "grace":
            await event(client, Named)


@pytest.mark.parametrize(
    "wrong", [{"nick": "a b"}, {"nick": ""}, {"rooms": ["a b"]}, {"rooms": [""]}]
)
async def test_names_that_can_not_be_are_refused_at_once(
    autojump_clock: MockClock, wrong: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError):
        async with open_fake(**wrong):
            raise AssertionError("the block may not be entered")


# --- the link comes and goes ---------------------------------------------------------


async def test_a_server_that_is_not_up_yet_is_tried_again_and_again(
    autojump_clock: MockClock,
) -> None:
    exchange = Exchange()
    exchange.refuses = True
    async with open_fake(exchange) as (client, _):
        told = [await status(client, "offline") for _ in range(8)]
        exchange.refuses = False
        await (await exchange.peer()).take_in()
        await status(client, "online")
    assert told[0].reason.startswith("connection refused by fake:1; trying again in 0.")
    assert told[0].reason.endswith(" s")
    at_s = exchange.dialled_at_s
    waits_s = [later - sooner for sooner, later in pairwise(at_s)]
    assert waits_s[:8] == pytest.approx([each.retry_in_s for each in told])
    for attempt, wait_s in enumerate(waits_s):
        assert 0.25 <= wait_s <= min(15, 0.5 * 2**attempt)
    assert max(waits_s) > 1


async def test_a_link_that_was_had_makes_up_for_the_failures_before_it(
    autojump_clock: MockClock,
) -> None:
    exchange = Exchange()
    exchange.refuses = True
    async with open_fake(exchange) as (client, _):
        for _ in range(10):
            await status(client, "offline")
        exchange.refuses = False
        for _ in range(20):
            peer = await exchange.peer()
            await peer.take_in()
            await trio.sleep(11)
            await peer.hang_up()
            told = await status(client, "offline")
            assert told.retry_in_s is not None
            assert told.retry_in_s <= 0.5
            exchange.refuses = True
            for _ in range(8):
                await status(client, "offline")
            exchange.refuses = False


@pytest.mark.parametrize("of_use", [False, True])
async def test_links_that_last_for_a_moment_are_failures_unless_a_line_was_taken(
    autojump_clock: MockClock, of_use: bool
) -> None:
    """Else whom the server ends after each welcome would come back for ever, at once."""
    async with open_fake() as (client, exchange):
        longest_s = 0.0
        for number in range(20):
            peer = await exchange.peer()
            await peer.take_in()
            if of_use:
                ticket = await client.post("lobby", "hi")
                await peer.say(messages.Accepted(room="lobby", n=ticket.n, seq=1 + number))
                await ticket.accepted()
            await peer.hang_up()
            told = await status(client, "offline")
            assert told.retry_in_s is not None
            longest_s = max(longest_s, told.retry_in_s)
        assert (longest_s <= 0.5) is of_use


async def test_the_server_may_say_when_to_come_back(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(messages.Bye(reason="stopping", back_in_s=42.5))
        told = await status(client, "offline")
        assert (told.reason, told.retry_in_s) == (
            "the server says goodbye: stopping; trying again in 42 s",
            42.5,
        )
        said_at_s = trio.current_time()
        await exchange.peer()
        assert exchange.dialled_at_s[-1] - said_at_s == pytest.approx(42.5)


async def test_a_silent_server_is_left_after_two_heartbeats(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        await (await exchange.peer()).take_in()
        await status(client, "online")
        since_s = trio.current_time()
        told = await status(client, "offline")
        assert told.reason.startswith("nothing was heard for 30 s")
        assert trio.current_time() - since_s == pytest.approx(30)
        await (await exchange.peer()).take_in()
        await status(client, "online")


async def test_lines_that_were_not_accepted_are_sent_again_in_order(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        tickets = [client.post_nowait("lobby", text) for text in "abcd"]
        peer = await exchange.peer()
        await peer.take_in()
        assert [(await peer.hear(Say)).text for _ in range(4)] == list("abcd")
        await peer.say(messages.Accepted(room="lobby", n=1, seq=1))
        await peer.say(messages.Refused(code="empty_text", reason="no", n=3))
        assert await tickets[0].accepted() == 1
        with pytest.raises(RefusedError):
            await tickets[2].accepted()
        await peer.hang_up()

        last = client.post_nowait("lobby", "e")
        peer = await exchange.peer()
        await peer.take_in()
        again = [await peer.hear(Say) for _ in range(3)]
        assert [(say.n, say.text) for say in again] == [(2, "b"), (4, "d"), (5, "e")]
        for say in again:
            await peer.say(messages.Accepted(room="lobby", n=say.n, seq=say.n + 10))
        assert await last.accepted() == 15
        await client.outbox.emptied()


async def test_reading_goes_on_from_the_cursor(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.welcome()
        await peer.joins()
        await peer.say(Room(room="lobby", after=5, head=7), entry(6), entry(7), entry(8))
        for seq in (6, 7, 8):
            assert (await event(client, Entry)).seq == seq
        await peer.hang_up()
        peer = await exchange.peer()
        await peer.welcome()
        assert (await peer.joins())["lobby"] == Join(room="lobby", after=8)


async def test_a_repeat_is_dropped(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(*map(entry, (1, 2, 2, 1, 3)))
        assert [(await event(client, Entry)).seq for _ in range(3)] == [1, 2, 3]


async def test_a_hole_is_asked_for_from_the_cursor(autojump_clock: MockClock) -> None:
    """What comes before the answer is not for us; the answer begins where we are."""
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(*map(entry, (1, 2, 4, 5, 3, 6)))
        assert await peer.hear(Join) == Join(room="lobby", after=2)
        await peer.say(Room(room="lobby", after=2, head=6), *map(entry, (3, 4, 5, 6)))
        assert [(await event(client, Entry)).seq for _ in range(6)] == [1, 2, 3, 4, 5, 6]
        client.post_nowait("lobby", "asked once, that was")
        await peer.hear(Say)


async def test_what_can_not_be_had_any_more_is_passed_over_and_told(
    autojump_clock: MockClock,
) -> None:
    """Not asked for again and again: the answer would be the same."""
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(entry(1), entry(3))
        assert await peer.hear(Join) == Join(room="lobby", after=1)
        await peer.say(Room(room="lobby", after=7, head=8), entry(8))
        assert (await event(client, Entry)).seq == 1
        assert await event(client, Gap) == Gap("lobby", 1, 7, "not to be had")
        assert await event(client, Opened) == Opened("lobby", 7, 8)
        assert (await event(client, Entry)).seq == 8


async def test_a_gap_is_told_where_it_is_and_the_cursor_moves_over_it(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in(head=9)
        gap = messages.Gap(room="lobby", after=1, through=7, reason="no longer kept")
        await peer.say(entry(1), gap, gap, entry(8))
        assert (await event(client, Entry)).seq == 1
        assert await event(client, Gap) == Gap("lobby", 1, 7, "no longer kept")
        assert (await event(client, Entry)).seq == 8
        await peer.hang_up()
        peer = await exchange.peer()
        await peer.welcome()
        assert (await peer.joins())["lobby"].after == 8


async def test_a_gap_behind_a_hole_is_asked_for_again(autojump_clock: MockClock) -> None:
    """Only what is told is passed over, and 2 was not."""
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(entry(1), messages.Gap(room="lobby", after=2, through=4), entry(5))
        assert await peer.hear(Join) == Join(room="lobby", after=1)
        await peer.say(Room(room="lobby", after=1, head=5))
        await peer.say(entry(2), messages.Gap(room="lobby", after=2, through=4), entry(5))
        assert [(await event(client, Entry)).seq for _ in range(2)] == [1, 2]
        assert (await event(client, Gap)).through == 4
        assert (await event(client, Entry)).seq == 5


async def test_a_gap_of_which_a_part_was_had_is_the_rest_of_it(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        gap = messages.Gap(room="lobby", after=0, through=4)
        await peer.say(entry(1), entry(2), gap, entry(5))
        assert (await event(client, Gap)).after == 2
        assert (await event(client, Entry)).seq == 5


async def test_a_room_that_ends_before_what_was_read_begins_everything_anew(
    autojump_clock: MockClock,
) -> None:
    """In the same epoch: an older copy was put back, and the server could not see it."""
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(*map(entry, (1, 2, 3)))
        for _ in range(3):
            await event(client, Entry)
        await peer.hang_up()
        peer = await exchange.peer()
        await peer.welcome()
        assert (await peer.joins())["lobby"].after == 3
        await peer.say(Room(room="lobby", after=2, head=2))
        assert "#lobby ends at 2" in (await event(client, Reset)).reason
        peer = await exchange.peer()
        joins = await peer.take_in(head=2)
        assert {join.after for join in joins.values()} == {None}
        await peer.say(entry(1, "another past"))
        assert (await event(client, Entry)).text == "another past"


async def test_another_epoch_begins_every_room_anew(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(*map(entry, (1, 2)))
        assert (await event(client, Entry)).text == "entry 1"
        await event(client, Entry)
        await peer.hang_up()
        peer = await exchange.peer()
        joins = await peer.take_in(epoch="two")
        assert {join.after for join in joins.values()} == {None}
        await event(client, Reset)
        await peer.say(entry(1, "another past"))
        assert (await event(client, Entry)).text == "another past"


async def test_the_same_epoch_resets_nothing(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        for _ in range(2):
            peer = await exchange.peer()
            await peer.take_in()
            await peer.say(messages.Joined(room="lobby", nick="bob"))
            while not isinstance(told := await anext(client), Joined):
                assert not isinstance(told, Reset)
            await peer.hang_up()


# --- a reader that is slow, or waits -------------------------------------------------


async def serve_log(peer: FakePeer, head: int) -> list[int]:
    """A server with a log of `head` entries: joins, holds and lines are answered.

    Returns the cursors it was asked for.
    """
    asked: list[int] = []
    joins = await peer.take_in(head=head)
    asked.append(joins["lobby"].after or 0)

    async def stream(after: int, wanted: trio.Event) -> None:
        for start in range(after + 1, head + 1, 50):
            if wanted.is_set():
                return
            await peer.say(*map(entry, range(start, min(start + 50, head + 1))))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        held = trio.Event()
        nursery.start_soon(stream, 0, held)
        while (message := await peer.message()) is not None:
            match message:
                case Hold():
                    held.set()
                case Join(after=int(after)):
                    asked.append(after)
                    held = trio.Event()
                    await peer.say(Room(room="lobby", after=after, head=head))
                    nursery.start_soon(stream, after, held)
                case Say(n=n):
                    await peer.say(messages.Accepted(room="lobby", n=n, seq=head + n))
                case messages.Bye():
                    break
    return asked


async def test_a_bot_that_waits_for_its_own_line_in_a_flood_is_not_deadlocked(
    autojump_clock: MockClock,
) -> None:
    """5,000 entries stream in while it awaits `say` for every five hundredth of them."""
    head = 5_000
    assert head > 3 * ROOM_EVENTS_MAX
    seen: list[int] = []
    asked: list[int] = []

    async def serve(exchange: Exchange) -> None:
        asked.extend(await serve_log(await exchange.peer(), head))

    async with trio.open_nursery() as nursery, open_fake() as (client, exchange):
        nursery.start_soon(serve, exchange)
        with trio.fail_after(20):
            async for each in client.entries():
                seen.append(each.seq)
                if each.seq % 500 == 0:
                    await client.say("lobby", f"I have read {each.seq}")
                    await wait_all_tasks_blocked()
                if each.seq == head:
                    break
    assert seen == list(range(1, head + 1))
    assert len(asked) > 2, "the room was never held: the test shows nothing"
    assert asked == sorted(asked)


async def test_a_reader_that_reads_nothing_holds_the_room_and_costs_no_memory(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        for seq in range(1, 3 * ROOM_EVENTS_MAX):
            await peer.say(entry(seq))
        assert await peer.hear(Hold) == Hold(room="lobby")
        await wait_all_tasks_blocked()
        assert len(client._mailbox._rooms) <= ROOM_EVENTS_MAX
        seen = [(await event(client, Entry)).seq for _ in range(ROOM_EVENTS_MAX // 2)]
        again = await peer.hear(Join)
        assert again.after is not None
        await peer.say(Room(room="lobby", after=again.after, head=5_000))
        await peer.say(*map(entry, range(again.after + 1, again.after + 11)))
        while seen[-1] < again.after + 10:
            seen.append((await event(client, Entry)).seq)
        assert seen == list(range(1, again.after + 11))


async def test_answers_nobody_asked_for_do_not_pile_up(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        for _ in range(100):
            await peer.say(*[Room(room="lobby", after=0, head=0)] * 50)
        await wait_all_tasks_blocked()
        assert len(client._mailbox._rooms) < 10


# --- rooms ---------------------------------------------------------------------------


async def joined(client: Client, peer: FakePeer, room: str, head: int = 0) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.join, room)
        assert await peer.hear(Join) == Join(room=room)
        await peer.say(Room(room=room, after=0, head=head))


async def test_a_join_waits_for_the_answer(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await joined(client, peer, "den", head=9)
        while (opened := await event(client, Opened)).room != "den":
            pass
        assert opened == Opened("den", 0, 9)
        await client.join("den")


async def test_a_refused_join_raises_and_is_not_tried_again(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def join() -> None:
                with pytest.raises(RefusedError, match="too many"):
                    await client.join("den")

            await peer.hear(Join)
            await peer.say(
                messages.Refused(code="too_many_rooms", reason="too many", room="den")
            )
        assert client.rooms == ("lobby",)
        assert (await event(client, Closed)).room == "den"


async def test_who_waits_for_a_room_is_told_of_the_close(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery, open_fake() as (client, exchange):

        @nursery.start_soon
        async def join() -> None:
            with pytest.raises(ClosedError):
                await client.join("den")

        await (await exchange.peer()).take_in()
        await wait_all_tasks_blocked()
    with pytest.raises(ClosedError):
        await client.join("den")


async def test_a_room_that_was_left_stays_left_when_the_link_breaks(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await wait_all_tasks_blocked()
        client.leave_nowait("lobby")
        assert await peer.hear(Leave) == Leave(room="lobby")
        await peer.hang_up()
        peer = await exchange.peer()
        await peer.welcome()
        assert set(await peer.joins(1)) == {"@"}
        assert client.rooms == ()


async def test_a_room_is_left_after_what_was_said_in_it(autojump_clock: MockClock) -> None:
    """Also when that waits for a link: without us in the room it would be refused."""
    exchange = Exchange()
    exchange.refuses = True
    async with open_fake(exchange) as (client, _):
        client.post_nowait("lobby", "a")
        client.post_nowait("@bob", "b")
        client.post_nowait("lobby", "c")
        client.leave_nowait("lobby")
        assert client.rooms == ("lobby",)
        exchange.refuses = False
        peer = await exchange.peer()
        await peer.take_in()
        for kind in (Say, Direct, Say):
            await peer.hear(kind)
        await peer.say(messages.Accepted(room="lobby", n=1, seq=1))
        await wait_all_tasks_blocked()
        assert client.rooms == ("lobby",)
        await peer.say(messages.Refused(code="x", reason="no", room="lobby", n=3))
        assert await peer.hear(Leave) == Leave(room="lobby")
        assert await event(client, Closed) == Closed("lobby", "left")


async def test_a_room_is_left_at_once_when_its_lines_are_taken_back(
    autojump_clock: MockClock,
) -> None:
    exchange = Exchange()
    exchange.refuses = True
    async with open_fake(exchange) as (client, _):
        client.post_nowait("lobby", "a")
        client.leave_nowait("lobby")
        await client.cancel(1)
        assert client.rooms == ()


class SlowDisk(Outbox):
    """An outbox that takes a line when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = trio.Event()

    async def put(
        self, room: str, text: str, kind: messages.Kind, ref: int | None = None
    ) -> Ticket:
        await self.goes_on.wait()
        return await super().put(room, text, kind, ref)


async def test_a_room_is_left_after_a_line_that_is_not_in_the_outbox_yet(
    autojump_clock: MockClock,
) -> None:
    outbox = SlowDisk()
    async with open_fake(outbox=outbox) as (client, exchange), trio.open_nursery() as other:
        peer = await exchange.peer()
        await peer.take_in()
        other.start_soon(client.post, "lobby", "last words")
        await wait_all_tasks_blocked()
        client.leave_nowait("lobby")
        outbox.goes_on.set()
        assert (await peer.hear(Say)).text == "last words"
        assert client.rooms == ("lobby",)
        await peer.say(messages.Accepted(room="lobby", n=1, seq=1))
        assert (await peer.hear(Leave)).room == "lobby"


async def test_a_room_is_left_when_who_would_say_something_there_gives_up(
    autojump_clock: MockClock,
) -> None:
    async with open_fake(outbox=SlowDisk()) as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        async with trio.open_nursery() as other:
            other.start_soon(client.post, "lobby", "a")
            await wait_all_tasks_blocked()
            client.leave_nowait("lobby")
            assert client.rooms == ("lobby",)
            other.cancel_scope.cancel()
        assert (await peer.hear(Leave)).room == "lobby"


async def test_who_wants_a_room_again_does_not_leave_it(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        client.post_nowait("lobby", "a")
        client.leave_nowait("lobby")
        client.join_nowait("lobby")
        peer = await exchange.peer()
        await peer.take_in()
        await peer.hear(Say)
        await peer.say(messages.Accepted(room="lobby", n=1, seq=1))
        await client.outbox.emptied()
        await wait_all_tasks_blocked()
        assert client.rooms == ("lobby",)


async def test_who_was_put_out_of_a_room_has_left_it(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        client.post_nowait("lobby", "a")
        client.leave_nowait("lobby")
        await peer.hear(Say)
        await peer.say(messages.Left(room="lobby", nick="ada", reason="thrown out"))
        await peer.say(messages.Refused(code="not_joined", reason="no", n=1))
        assert (await event(client, Closed)).reason == "thrown out"
        await client.outbox.emptied()
        await wait_all_tasks_blocked()
        assert client.state == "online"


async def test_leaving_and_coming_back_at_once_ends_inside(
    autojump_clock: MockClock,
) -> None:
    """The answer to the leave comes after the next join: it does not end that."""
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await wait_all_tasks_blocked()
        client.leave_nowait("lobby")
        client.join_nowait("lobby")
        await peer.hear(Leave)
        await peer.hear(Join)
        await peer.say(messages.Left(room="lobby", nick="ada", reason="left"))
        await peer.say(Room(room="lobby", after=0, head=0), entry(1))
        assert (await event(client, Entry)).seq == 1
        assert client.rooms == ("lobby",)


async def test_after_leaving_nothing_of_the_room_is_told(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await wait_all_tasks_blocked()
        client.leave_nowait("lobby")
        await peer.say(entry(1), messages.Joined(room="lobby", nick="bob"))
        await peer.say(messages.Left(room="lobby", nick="ada"))
        await wait_all_tasks_blocked()
        told = await client.all_waiting()
        assert not any(isinstance(each, Entry | Joined | Left) for each in told)
        assert sum(isinstance(each, Closed) for each in told) == 1
        with pytest.raises(RefusedError, match="not in #lobby"):
            client.leave_nowait("lobby")


async def test_who_is_there_comes_as_one_list_and_changes_follow(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(
            messages.Members(room="lobby", nicks=("ada", "bob"), more=True),
            messages.Members(room="lobby", nicks=("cy",)),
            messages.Joined(room="lobby", nick="di"),
            messages.Renamed(room="lobby", nick="di", to="dee"),
            messages.Left(room="lobby", nick="bob", reason="quit"),
        )
        assert await event(client, Members) == Members("lobby", ("ada", "bob", "cy"))
        assert await event(client, Joined) == Joined("lobby", "di")
        assert await event(client, Renamed) == Renamed("lobby", "di", "dee")
        assert await event(client, Left) == Left("lobby", "bob", "quit")


async def test_who_is_there_can_be_asked_again(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        client.who_nowait("lobby")  # without a link: the next one begins with the list
        peer = await exchange.peer()
        await peer.take_in()
        client.who_nowait("lobby")
        assert await peer.hear(messages.Who) == messages.Who(room="lobby")
        await peer.say(messages.Members(room="lobby", nicks=("ada",)))
        assert await event(client, Members) == Members("lobby", ("ada",))


async def test_a_list_that_was_cut_off_is_not_part_of_the_next_one(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(messages.Members(room="lobby", nicks=("ada", "bob"), more=True))
        await wait_all_tasks_blocked()
        await peer.hang_up()
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(messages.Members(room="lobby", nicks=("ada", "cy")))
        assert await event(client, Members) == Members("lobby", ("ada", "cy"))


async def test_a_list_that_is_begun_anew_on_one_link_replaces_what_came_of_it(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(
            messages.Members(room="lobby", nicks=("ada", "bob"), more=True, first=True),
            messages.Members(room="lobby", nicks=("ada", "cy"), more=True, first=True),
            messages.Members(room="lobby", nicks=("di",)),
        )
        assert await event(client, Members) == Members("lobby", ("ada", "cy", "di"))


# --- what is said --------------------------------------------------------------------


async def test_a_line_is_queued_then_accepted(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        ticket = client.post_nowait("#Lobby", "hello", kind="me")
        assert await event(client, Queued) == Queued("lobby", 1, "hello", "me")
        peer = await exchange.peer()
        await peer.take_in()
        say = await peer.hear(Say)
        await peer.say(messages.Accepted(room="lobby", n=say.n, seq=7))
        assert await ticket.accepted() == 7
        assert await event(client, Accepted) == Accepted("lobby", 1, 7)


async def test_numbers_go_on_where_the_given_outbox_is(autojump_clock: MockClock) -> None:
    """Also if it is empty: they are the identities of lines, over all lives of a device."""
    async with open_fake(outbox=Outbox(first_n=41)) as (client, exchange):
        peer = await exchange.peer()
        await peer.welcome()
        await peer.joins(2)
        client.post_nowait("lobby", "hi again")
        assert (await peer.hear(Say)).n == 41


async def test_a_refused_line_comes_back_with_its_text(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        client.post_nowait("@Bob", "psst")
        peer = await exchange.peer()
        await peer.take_in()
        assert await peer.hear(Direct) == Direct(to="Bob", n=1, text="psst")
        await peer.say(
            messages.Refused(code="no_such_nick", reason="nobody", room="@", n=1)
        )
        refused = await event(client, Refused)
        assert (refused.code, refused.text, refused.n) == ("no_such_nick", "psst", 1)


@pytest.mark.parametrize(
    ("room", "text", "code"),
    [
        ("lobby", "", "empty_text"),
        ("lobby", "x" * 16_385, "text_too_long"),
        ("lobby", "é" * 8_193, "text_too_long"),
        ("lobby", "\0" * 11_000, "text_too_long"),
        ("lobby", "\ud800", "bad_utf8"),
        ("a b", "x", "bad_room"),
        ("@", "x", "bad_nick"),
        ("@a b", "x", "bad_nick"),
    ],
)
async def test_what_can_not_be_said_never_enters_the_outbox(
    autojump_clock: MockClock, room: str, text: str, code: str
) -> None:
    async with open_fake() as (client, _):
        with pytest.raises(RefusedError) as raised:
            client.post_nowait(room, text)
        assert raised.value.code == code
        with pytest.raises(RefusedError):
            await client.say(room, text)
        assert len(client.outbox) == 0


async def test_a_closed_client_settles_every_line(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, _):
        ticket = client.post_nowait("lobby", "never sent")
    with pytest.raises(ClosedError):
        await ticket.accepted()
    with pytest.raises(ClosedError):
        await client.say("lobby", "too late")
    told = [each async for each in client]
    assert any(isinstance(each, Queued) for each in told)


async def test_leaving_the_block_says_what_is_due_and_goodbye(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await wait_all_tasks_blocked()
        client.post_nowait("lobby", "one more thing")
    assert (await peer.hear(Say)).text == "one more thing"
    assert isinstance(await peer.message(), messages.Bye)


async def test_leaving_does_not_wait_for_a_server_that_takes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await status(client, "online")
        assert client._link is not None
        stream: Any = client._link._stream
        stream.send_stream.send_all_hook = trio.sleep_forever
        client.post_nowait("lobby", "stuck")
        await wait_all_tasks_blocked()
        since_s = trio.current_time()
    assert trio.current_time() - since_s <= 1.1


async def test_an_exception_in_the_block_leaves_as_itself(
    autojump_clock: MockClock,
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_fake():
            raise ZeroDivisionError
