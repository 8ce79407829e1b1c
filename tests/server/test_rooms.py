"""What the members of a room are given: everything, once, in one order."""

import json
from collections.abc import Mapping, Sequence

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair

from tests.server.harness import Json, Person, open_world
from tests.server.test_journal import SlowStore
from trio_chat.protocol import messages
from trio_chat.server import Limits
from trio_chat.server.room import Room
from trio_chat.server.session import Session
from trio_chat.store import Draft, Entry, MemoryStore


def drafts(count: int, log: str = "lobby") -> list[Draft]:
    return [
        Draft(log=log, device="old", n=n, nick="past", text=f"old {n}")
        for n in range(1, count + 1)
    ]


async def test_everyone_gets_every_line_in_one_order_and_its_author_too(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        people = [await world.person(nick) for nick in ("ada", "bob", "cyd")]
        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(_say_five, person)
        heard = [await person.rest() for person in people]
        logs = [[m for m in messages if m["t"] == "entry"] for messages in heard]
        assert logs[0] == logs[1] == logs[2]
        assert [entry["seq"] for entry in logs[0]] == list(range(1, 16))
        for messages in heard:
            assert len([m for m in messages if m["t"] == "accepted"]) == 5


async def _say_five(person: Person) -> None:
    for _ in range(5):
        await person.say("hi")


async def test_a_burst_of_one_author_keeps_its_order(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        lines: list[Json] = [
            {"t": "say", "room": "lobby", "n": n, "text": f"{n}"} for n in range(1, 201)
        ]
        await ada.send(*lines)
        assert await bob.texts(200) == [(n, f"{n}") for n in range(1, 201)]


async def test_who_joins_gets_the_last_entries_and_then_the_live_ones(
    autojump_clock: MockClock,
) -> None:
    store = MemoryStore("e")
    await store.append(drafts(120), ts=5.0)
    async with open_world(store, history_entries=50) as world:
        ada = world.dial()
        await ada.send({"t": "hello", "v": 1, "nick": "ada"}, b"\n")
        await ada.hear("welcome")
        await ada.send({"t": "join", "room": "lobby"})
        room = await ada.hear("room")
        assert (room["after"], room["head"]) == (70, 120)
        await ada.say("new")
        seqs = [seq for seq, _ in await ada.texts(51)]
        assert seqs == list(range(71, 122))


async def test_who_comes_with_a_cursor_gets_what_follows_it(
    autojump_clock: MockClock,
) -> None:
    store = MemoryStore("e")
    await store.append(drafts(200), ts=5.0)
    async with open_world(store, history_entries=5) as world:
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 3})
        assert (await ada.hear("room"))["after"] == 3
        assert [seq for seq, _ in await ada.texts(197)] == list(range(4, 201))
        await ada.send({"t": "join", "room": "lobby", "after": 999})
        assert (await ada.hear("room"))["after"] == 200


async def test_how_much_of_the_past_is_up_to_who_joins(autojump_clock: MockClock) -> None:
    store = MemoryStore("e")
    await store.append(drafts(30), ts=5.0)
    async with open_world(store) as world:
        for history, after in ((0, 30), (10, 20), (1_000, 0)):
            person = await world.person(f"p{history}", "elsewhere")
            await person.send({"t": "join", "room": "lobby", "history": history})
            assert (await person.hear("room"))["after"] == after


async def test_nothing_is_lost_between_the_log_and_live(autojump_clock: MockClock) -> None:
    """Somebody talks all the time while others join, at every step of their joining."""
    async with open_world(page_entries=3) as world:
        ada = await world.person("ada")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ada.rest)
            for count in range(40):
                await ada.say(f"{count}")
                late = await world.person(f"late{count}", "elsewhere")
                await late.send({"t": "join", "room": "lobby", "after": 0})
                for _ in range(count % 7):
                    await trio.lowlevel.checkpoint()
                await ada.say("x")
                seqs = [seq for seq, _ in await late.texts(2 * count + 2)]
                assert seqs == list(range(1, 2 * count + 3))


async def test_a_member_that_reads_nothing_delays_nobody_and_misses_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_world(queue_batches_max=2, page_entries=10) as world:
        slow = await world.person("slow", pair=lockstep_stream_pair)
        ada = await world.person("ada")
        for count in range(100):
            await ada.say(f"{count}")
            assert (await ada.texts(1))[0][0] == count + 1
        assert await slow.texts(100) == [(n + 1, f"{n}") for n in range(100)]
        await ada.say("live again")
        assert await slow.texts(1) == [(101, "live again")]


async def test_a_member_that_fell_behind_is_told_who_is_there_now(
    autojump_clock: MockClock,
) -> None:
    async with open_world(queue_batches_max=1) as world:
        slow = await world.person("slow", pair=lockstep_stream_pair)
        ada = await world.person("ada")
        await world.person("bob")
        for _ in range(5):
            await ada.say("hi")
            await ada.hear("accepted")
        await ada.send({"t": "bye"})
        heard = await slow.rest()
        members = [m["nicks"] for m in heard if m["t"] == "members"]
        assert members[-1] == ["slow", "bob"]
        assert [m["seq"] for m in heard if m["t"] == "entry"] == [1, 2, 3, 4, 5]


async def test_who_takes_nothing_for_a_minute_is_ended(autojump_clock: MockClock) -> None:
    async with open_world(stall_s=60, heartbeat_s=1_000) as world:
        ada = await world.person("ada")
        slow = await world.person("slow", pair=lockstep_stream_pair)
        await ada.say("hi")
        left = [message for message in (await _wait(ada, 70)) if message["t"] == "left"]
        assert [(m["nick"], m["reason"]) for m in left] == [
            ("slow", "took nothing for 60 s")
        ]
        del slow


async def _wait(person: Person, wait_s: float) -> list[Json]:
    await trio.sleep(wait_s)
    return await person.rest()


async def test_held_means_nothing_comes_until_it_is_asked_for_again(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        await bob.send({"t": "hold", "room": "lobby"}, {"t": "ping", "id": 1})
        await bob.hear("pong")
        await ada.say("one")
        await ada.hear("accepted")
        await ada.say("two")
        await ada.hear("accepted")
        assert await bob.rest() == []
        await bob.send({"t": "join", "room": "lobby", "after": 0})
        assert await bob.texts(2) == [(1, "one"), (2, "two")]
        assert not [m for m in await ada.rest() if m["t"] in ("joined", "left")]


async def test_comings_and_goings_are_told_in_one_order(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        cyd = await world.person("cyd")
        await cyd.send({"t": "nick", "nick": "Cy"})
        assert (await cyd.hear("nick"))["nick"] == "Cy"
        await cyd.say("hello")
        await cyd.hear("accepted")
        await cyd.send({"t": "leave", "room": "lobby"})
        assert (await cyd.hear("left"))["nick"] == "Cy"
        dan = await world.person("dan")
        await dan.stream.aclose()
        heard_by_bob = await bob.rest()
        heard_by_ada = [m for m in await ada.rest() if m.get("nick") != "bob"]
        assert heard_by_ada == heard_by_bob
        assert [(m["t"], m["nick"]) for m in heard_by_bob] == [
            ("joined", "cyd"),
            ("renamed", "cyd"),
            ("entry", "Cy"),
            ("left", "Cy"),
            ("joined", "dan"),
            ("left", "dan"),
        ]
        assert heard_by_bob[-1]["reason"] == "peer went away"


async def test_the_list_of_members_is_whole_however_long(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.server.room._NICKS_PER_LINE", 10)
    async with open_world() as world:
        people = [await world.person(f"p{number}") for number in range(25)]
        await people[0].send({"t": "who", "room": "lobby"})
        pages = [m for m in await people[0].rest() if m["t"] == "members"][-3:]
        assert [page.get("more", False) for page in pages] == [True, True, False]
        nicks = [nick for page in pages for nick in page["nicks"]]
        assert nicks == [f"p{number}" for number in range(25)]


def crowded(count: int) -> Room:
    """A room of people with the longest names that there are."""
    room = Room("lobby", "lobby", 0, Limits().queue_bytes_max)
    for number in range(count):
        room.keep_seat(Session("\U00020000" * 26 + f"{number:06}", f"{number}"))
    return room


def test_the_list_of_members_is_encoded_once_for_all_until_it_changes() -> None:
    room = crowded(3)
    before = room.roll_call()
    assert room.roll_call() is before
    room.keep_seat(Session("eve", "e"))
    with_eve = room.roll_call()
    assert with_eve != before
    room.announce(messages.Renamed(room="lobby", nick="eve", to="eva"))
    assert room.roll_call() is not with_eve


def test_no_part_of_a_long_list_is_longer_than_a_queue() -> None:
    parts = crowded(10_000).roll_call()
    assert 1 < len(parts) < 10
    assert max(map(len, parts)) <= Limits().queue_bytes_max
    lines = [json.loads(line) for line in b"".join(parts).splitlines()]
    assert [line.get("first", False) for line in lines] == [True] + [False] * 9
    assert sum(len(line["nicks"]) for line in lines) == 10_000


@pytest.mark.parametrize("reads", [0, 1, 2, 3])
async def test_a_list_that_changes_while_it_is_on_its_way_begins_anew(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    monkeypatch.setattr("trio_chat.server.room._NICKS_PER_LINE", 2)
    async with open_world(queue_bytes_max=90, queue_batches_max=1) as world:
        people = [await world.person(f"p{number}") for number in range(8)]
        slow = await world.person("slow", "elsewhere", pair=lockstep_stream_pair)
        await slow.send({"t": "join", "room": "lobby", "after": 0})
        heard = [await slow.line() for _ in range(reads)]
        await people[0].say("meanwhile")
        await people[1].send({"t": "bye"})
        await trio.sleep(0.1)
        heard += await slow.rest()
        lists: list[list[str]] = []
        nicks: list[str] = []
        for message in heard:
            if message is not None and message["t"] == "members":
                nicks = [*([] if message.get("first") else nicks), *message["nicks"]]
                if not message.get("more"):
                    lists.append(nicks)
                    nicks = []
        now = [f"p{number}" for number in range(8) if number != 1] + ["slow"]
        before = [f"p{number}" for number in range(8)] + ["slow"]
        assert lists[-1] == now
        assert all(each in (before, now) for each in lists)
        assert [m["text"] for m in heard if m is not None and m["t"] == "entry"] == [
            "meanwhile"
        ]


async def test_who_asks_for_a_long_list_gets_all_of_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.server.room._NICKS_PER_LINE", 2)
    async with open_world(queue_bytes_max=90) as world:
        people = [await world.person(f"p{number}") for number in range(8)]
        await people[0].rest()
        await people[0].send({"t": "who", "room": "lobby"})
        nicks = [nick for m in await people[0].rest() for nick in m["nicks"]]
        assert nicks == [f"p{number}" for number in range(8)]


def test_a_list_that_changes_again_and_again_keeps_nobody_from_what_is_said() -> None:
    room = crowded(10_000)
    room.head = 5
    member = room.keep_seat(Session("ada", "a"))
    assert room.owes_list(member)
    room.next_of_list(member)
    assert room.owes_list(member)
    room.announce(messages.Left(room="lobby", nick="bob"))
    assert not room.owes_list(member)
    member.cursor = 5
    assert room.next_of_list(member) is room.roll_call()[0]
    while room.owes_list(member):
        room.next_of_list(member)
    assert member.parts_had == len(room.roll_call())


async def test_who_asks_who_is_there_is_told(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        await world.person("bob")
        await ada.send({"t": "who", "room": "LOBBY"})
        assert (await ada.hear("members"))["nicks"] == ["ada", "bob"]


async def test_a_list_never_comes_after_news_that_it_does_not_know(
    autojump_clock: MockClock,
) -> None:
    for steps in range(20):
        async with open_world() as world:
            ada, bob = await world.person("ada"), await world.person("bob", "elsewhere")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ada.send, {"t": "who", "room": "lobby"})
                for _ in range(steps % 5):
                    await trio.lowlevel.checkpoint()
                nursery.start_soon(bob.send, {"t": "join", "room": "lobby"})
            here: set[str] = set()
            for message in await ada.rest():
                here = set(message["nicks"]) if message["t"] == "members" else here
                here |= {message["nick"]} if message["t"] == "joined" else set()
            assert here == {"ada", "bob"}


async def test_who_asks_without_reading_gets_the_list_in_the_end(
    autojump_clock: MockClock,
) -> None:
    async with open_world(queue_batches_max=1) as world:
        slow = await world.person("slow", pair=lockstep_stream_pair)
        for _ in range(10):
            await slow.send({"t": "who", "room": "lobby"})
        await world.person("bob")
        lists = [m["nicks"] for m in await slow.rest() if m["t"] == "members"]
        assert lists[-1] == ["slow", "bob"]


async def test_rooms_do_not_hear_each_other(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada", "a", "b")
        bob = await world.person("bob", "b")
        await ada.say("in a", "a")
        await ada.say("in b", "b")
        assert [(m["room"], m["seq"]) for m in await bob.rest() if m["t"] == "entry"] == [
            ("b", 1)
        ]


async def test_a_rename_changes_the_name_everywhere_and_frees_the_old_one(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        await ada.send({"t": "nick", "nick": "ADA"}, {"t": "nick", "nick": "eve"})
        assert [(await ada.hear("nick"))["nick"] for _ in range(2)] == ["ADA", "eve"]
        await world.person("ada")
        await ada.send({"t": "nick", "nick": "ada"})
        assert (await ada.hear("refused"))["code"] == "nick_taken"


# --- direct messages -----------------------------------------------------------------


async def test_a_direct_message_reaches_one_person_and_its_author(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        cyd = await world.person("cyd")
        for person in (ada, bob, cyd):
            await person.send({"t": "join", "room": "@"})
            await person.hear("room")
        await ada.send({"t": "direct", "to": "BOB", "n": 1, "text": "psst"})
        to_bob, to_ada = await bob.hear("entry"), await ada.hear("entry")
        assert (to_bob["room"], to_bob["seq"], to_bob["nick"]) == ("@", 1, "ada")
        assert "to" not in to_bob
        assert (to_ada["room"], to_ada["to"]) == ("@", "bob")
        assert (await ada.hear("accepted"))["room"] == "@"
        assert not [m for m in await cyd.rest() if m["t"] == "entry"]


async def test_direct_messages_wait_for_the_device_and_for_nobody_else(
    autojump_clock: MockClock,
) -> None:
    store = MemoryStore("e")
    async with open_world(store) as world:
        ada = await world.person("ada", device="secret-of-ada")
        bob = await world.person("bob", device="secret-of-bob")
        await ada.send({"t": "direct", "to": "bob", "n": 1, "text": "psst"})
        await ada.hear("accepted")
        await bob.send({"t": "bye"})
        await bob.ended()
        thief = await world.person("bob", device="secret-of-a-thief")
        await thief.send({"t": "join", "room": "@", "after": 0})
        assert not [m for m in await thief.rest() if m["t"] == "entry"]
        await thief.send({"t": "bye"})
        await thief.ended()
        again = await world.person("bob", device="secret-of-bob")
        await again.send({"t": "join", "room": "@", "after": 0})
        assert await again.texts(1) == [(1, "psst")]


async def test_a_resent_line_is_accepted_even_if_it_could_not_be_said_now(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        say: Json = {"t": "say", "room": "lobby", "n": 1, "text": "hi"}
        direct: Json = {"t": "direct", "to": "bob", "n": 2, "text": "psst"}
        await ada.send(say, direct)
        before = [await ada.hear("accepted") for _ in range(2)]
        await bob.send({"t": "bye"})
        await bob.ended()
        await ada.send({"t": "leave", "room": "lobby"}, say, direct)
        assert [await ada.hear("accepted") for _ in range(2)] == before
        await ada.send({**say, "n": 3}, {**direct, "n": 4}, {**say, "text": "other"})
        refused = [(await ada.hear("refused")) for _ in range(3)]
        assert [(m["n"], m["code"]) for m in refused] == [
            (3, "not_joined"),
            (4, "no_such_nick"),
            (1, "same_id_other_text"),
        ]


async def test_a_line_that_comes_after_a_later_one_of_its_author_is_refused(
    autojump_clock: MockClock,
) -> None:
    """In its room: it would stand behind what was said after it."""
    async with open_world() as world:
        ada = await world.person("ada", "lobby", "other")
        say: Json = {"t": "say", "room": "lobby", "text": "hi"}
        await ada.send({**say, "n": 2}, {**say, "n": 1}, {**say, "n": 1, "room": "other"})
        first = await ada.hear("accepted")
        assert (first["room"], first["n"], first["seq"]) == ("lobby", 2, 1)
        refused = await ada.hear("refused")
        assert (refused["n"], refused["code"]) == (1, "out_of_order")
        assert "say it again" in refused["reason"]
        other = await ada.hear("accepted")
        assert (other["room"], other["n"], other["seq"]) == ("other", 1, 1)


async def test_who_has_read_further_than_a_room_goes_is_told_and_so_is_the_console(
    autojump_clock: MockClock,
) -> None:
    """Only that one: anybody may claim it, and the others are not to suffer for that."""
    async with open_world() as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        await ada.say("hi")
        await bob.texts(1)
        for after in (9, 10):
            await ada.send({"t": "join", "room": "lobby", "after": after})
            answer = await ada.hear("room")
            assert (answer["after"], answer["head"]) == (1, 1)
        (told,) = world.events("read further")
        assert (told["room"], told["cursor"], told["head"]) == ("lobby", 9, 1)
        assert await bob.rest() == []


# --- ghosts --------------------------------------------------------------------------


async def test_a_device_that_comes_back_takes_its_ghosts_place_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ghost = await world.person("ada", device="secret-of-ada")
        ada = await world.person("ada", device="secret-of-ada")
        assert (await ghost.hear("error"))["code"] == "superseded"
        assert await ghost.ended()
        await ada.say("it is me")
        assert await ada.texts(1) == [(1, "it is me")]
        await ada.send({"t": "who", "room": "lobby"})
        assert (await ada.hear("members"))["nicks"] == ["ada"]


async def test_a_hello_that_was_under_way_for_long_ends_no_later_connection(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await world.person("ada", device="secret-of-ada", attempt=2)
        late = world.dial()
        hello = {"t": "hello", "v": 1, "nick": "ada", "device": "secret-of-ada"}
        await late.send({**hello, "attempt": 1})
        assert (await late.hear("refused"))["code"] == "nick_taken"
        await ada.say("still here")
        assert await ada.texts(1) == [(1, "still here")]


@pytest.mark.parametrize("renames", [True, False])
async def test_a_ghost_does_nothing_more_in_its_name(
    autojump_clock: MockClock, renames: bool
) -> None:
    rename: Json = {"t": "nick", "nick": "eve"}
    enter: Json = {"t": "join", "room": "den"}
    async with open_world(SlowStore()) as world:
        ghost = await world.person("ada", device="secret-of-ada")
        await ghost.send(
            {"t": "say", "room": "lobby", "n": 1, "text": "the disk is slow"},
            *((rename, enter) if renames else (enter, rename)),
        )
        await trio.sleep(0.5)  # it waits for the disk, with the rest still to do
        ada = await world.person("ada", device="secret-of-ada")
        assert await ghost.ended()
        bob = await world.person("bob", "den")
        await bob.send({"t": "who", "room": "den"})
        assert (await bob.hear("members"))["nicks"] == ["bob"]
        await bob.send({"t": "nick", "nick": "ada"})
        assert (await bob.hear("refused"))["code"] == "nick_taken"
        await ada.send({"t": "nick", "nick": "eve"})
        assert (await ada.hear("nick"))["nick"] == "eve"


@pytest.mark.parametrize(
    ("refused", "then"),
    [(2, ()), (9, ({"t": "ping"},))],  # it waits with the last of them, or before
)
async def test_a_ghost_logs_nothing_after_its_successor_was_told_that_it_is_in_no_log(
    autojump_clock: MockClock, refused: int, then: tuple[Json, ...]
) -> None:
    """It has judged a draft, and waits with it for a peer that reads nothing."""
    store, blocked = MemoryStore("e"), trio.Event()
    client, server = memory_stream_pair()
    async with open_world(store, queue_bytes_max=1) as world:
        bob = await world.person("bob", device="secret-of-bob")
        ghost = await world.person("ada", pair=lambda: (client, server), device="A")
        server.send_stream.send_all_hook = blocked.wait
        draft = {"t": "direct", "to": "bob", "n": 1, "text": "hi"}
        empty: Json = {"t": "say", "room": "lobby", "text": ""}
        nothing = [{**empty, "n": 2 + number} for number in range(refused)]
        await ghost.send(draft, *nothing, *then)
        await trio.sleep(1)
        ada = await world.person("ada", device="A", attempt=2)
        await bob.send({"t": "bye"})
        await trio.sleep(1)
        await ada.send(draft)
        assert (await ada.hear("refused"))["code"] == "no_such_nick"
        blocked.set()
        await trio.sleep(5)
        assert await store.heads() == {}


async def test_a_ghost_that_waits_to_enter_a_room_enters_it_for_nobody(
    autojump_clock: MockClock,
) -> None:
    class Slow(MemoryStore):
        async def remember(self, values: Mapping[str, str | None]) -> None:
            await trio.sleep(2)
            await super().remember(values)

    async with open_world(Slow("e")) as world:
        ghost = await world.person("ada", device="A")
        await ghost.send({"t": "join", "room": "den"})
        await trio.sleep(0.5)
        ada = world.dial()
        await ada.send({"t": "hello", "v": 1, "nick": "ada", "device": "A", "attempt": 2})
        await trio.sleep(5)
        assert [m["t"] for m in await ada.rest()] == ["welcome"]
        bob = await world.person("bob", "den")
        await bob.send({"t": "who", "room": "den"})
        assert (await bob.hear("members"))["nicks"] == ["bob"]


async def test_a_peer_can_be_told_things_until_it_is_gone(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tasks are ended one after the other, and between them others go on."""
    rooms: list[Room] = []
    deliver = Room.deliver

    def recorded(room: Room, entries: Sequence[Entry]) -> None:
        rooms.append(room)
        deliver(room, entries)

    monkeypatch.setattr(Room, "deliver", recorded)
    async with open_world(stall_s=60, heartbeat_s=1_000) as world:
        ada = await world.person("ada")
        slow = await world.person("slow", pair=lockstep_stream_pair)
        await ada.say("hi")
        await ada.texts(1)
        await trio.sleep(59)
        (room,) = rooms
        while len(room.members) == 2:
            room.announce(messages.Joined(room="lobby", nick="eve"))
            if trio.current_time() < 60:
                await trio.sleep_until(60)
            await trio.lowlevel.checkpoint()
        del slow


async def test_who_leaves_while_being_served_from_the_log_leaves_quietly(
    autojump_clock: MockClock,
) -> None:
    store = MemoryStore("e")
    await store.append(drafts(500), ts=5.0)
    async with open_world(store, queue_batches_max=1, page_entries=5) as world:
        for steps in range(30):
            ada = await world.person("ada", "elsewhere", pair=lockstep_stream_pair)
            await ada.send({"t": "join", "room": "lobby", "after": 0})
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            await ada.send({"t": "bye"})
            await ada.ended()
        assert not world.events("bug")


async def test_a_page_of_long_texts_is_a_short_one_and_is_read_once(
    autojump_clock: MockClock,
) -> None:
    class Paged(MemoryStore):
        """Counts how often it is read."""

        reads = 0

        async def read(
            self, log: str, *, after: int, through: int, limit: int
        ) -> list[Entry]:
            self.reads += 1
            return await super().read(log, after=after, through=through, limit=limit)

    store = Paged("e")
    await store.append([replace(each, text="x" * 100) for each in drafts(40)], ts=5.0)
    async with open_world(store, queue_bytes_max=1_000, page_entries=64) as world:
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 0})
        assert [seq for seq, _ in await ada.texts(40)] == list(range(1, 41))
    assert store.reads == 1
