"""A session outlives its links: what the others are told, and what they are not."""

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.server.harness import Json, Person, World, open_world, recording
from trio_chat.errors import StoreError
from trio_chat.server import Limits
from trio_chat.server.keeper import Keeper
from trio_chat.server.peer import Peer
from trio_chat.server.room import Room
from trio_chat.server.session import KEPT_AS, Graces, Session, from_kept, kept_of
from trio_chat.server.trouble import Trouble
from trio_chat.store import MemoryStore, fingerprint, open_sqlite_store
from trio_chat.store.backup import backup
from trio_chat.worker import open_inline_worker

PRESENCE = ("joined", "left", "renamed")


async def here(world: World, nick: str, *rooms: str, **hello: Any) -> Person:
    """Somebody with a device of their own, who can come back."""
    return await world.person(nick, *rooms, **{"device": f"device of {nick}", **hello})


async def lost(person: Person) -> None:
    await trio.aclose_forcefully(person.stream)
    await trio.sleep(0.1)


async def news(person: Person) -> list[tuple[str, str]]:
    """What the person was told of comings and goings, and who it was about."""
    return [(m["t"], m["nick"]) for m in await person.rest() if m["t"] in PRESENCE]


async def roll_call(person: Person, room: str = "lobby") -> list[str]:
    await person.send({"t": "who", "room": room})
    nicks: list[str] = (await person.hear("members"))["nicks"]
    return nicks


# --- a link is lost ------------------------------------------------------------------


async def test_a_short_absence_makes_no_noise(autojump_clock: MockClock) -> None:
    async with open_world(heartbeat_s=1_000) as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await news(ada)
        await lost(ben)
        await trio.sleep(9)
        assert await roll_call(ada) == ["ada", "ben"]
        again = await here(world, "ben")
        await trio.sleep(30)
        await again.say("back")
        assert await news(ada) == []
        assert await roll_call(ada) == ["ada", "ben"]


async def test_a_place_that_is_kept_keeps_no_peer(autojump_clock: MockClock) -> None:
    """With its queue, its pager and its decoder it is ten times as large as a place."""
    async with open_world() as world:
        for number in range(5):
            await lost(await here(world, f"ada{number}"))
        gc.collect()
        assert not any(isinstance(each, Peer) for each in gc.get_objects())


async def test_after_the_grace_the_reason_of_the_loss_is_told(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await lost(ben)
        await trio.sleep(8)
        assert ("left", "ben") not in await news(ada)
        assert (await ada.hear("left"))["reason"] == "peer went away"
        assert trio.current_time() == pytest.approx(10, abs=0.5)
        assert world.events("gone") == [
            {"event": "gone", "nick": "ben", "reason": "peer went away"}
        ]


async def test_who_fell_silent_is_gone_after_two_heartbeats_and_the_grace(
    autojump_clock: MockClock,
) -> None:
    async with open_world(heartbeat_s=15, grace_s=10) as world:
        ada = await here(world, "ada")
        await here(world, "ben")
        with trio.move_on_after(100):
            while (message := await ada.line()) is not None and message["t"] != "left":
                if message["t"] == "ping":
                    await ada.send({"t": "pong"})
        assert message is not None
        assert (message["nick"], message["reason"]) == ("ben", "timed out")
        assert trio.current_time() == pytest.approx(40, abs=1)


async def test_a_goodbye_is_told_at_once_and_frees_the_nick(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await ben.send({"t": "bye"})
        await ben.ended()
        assert [(m["t"], m.get("reason")) for m in await ada.rest()][-1] == ("left", "quit")
        await here(world, "ben", device="another device")


async def test_who_names_no_device_can_not_come_back_and_is_gone_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, guest = await here(world, "ada"), await world.person("guest")
        await lost(guest)
        assert await news(ada) == [("joined", "guest"), ("left", "guest")]


async def test_a_nick_within_its_grace_is_its_own_and_free_after_it(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        await lost(await here(world, "ben"))
        thief = world.dial()
        hello: Json = {"t": "hello", "v": 1, "nick": "BEN", "device": "of a thief"}
        await thief.send(hello)
        assert (await thief.hear("refused"))["code"] == "nick_taken"
        await trio.sleep(9.9)
        await thief.send(hello)
        assert (await thief.hear("welcome"))["nick"] == "BEN"


async def test_direct_messages_reach_who_is_within_its_grace(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await lost(ben)
        await ada.send({"t": "direct", "to": "ben", "n": 1, "text": "psst"})
        assert (await ada.hear("accepted"))["room"] == "@"
        again = await here(world, "ben")
        await again.send({"t": "join", "room": "@", "after": 0})
        assert await again.texts(1) == [(1, "psst")]


async def test_lines_that_were_said_meanwhile_are_there_on_return(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await ada.say("one")
        await ben.texts(1)
        await lost(ben)
        await ada.say("two")
        again = await here(world, "ben", "elsewhere")
        await again.send({"t": "join", "room": "lobby", "after": 1})
        assert await again.texts(1) == [(2, "two")]


# --- a device comes back -------------------------------------------------------------


async def test_a_ghosts_place_is_taken_without_a_word_to_anybody(
    autojump_clock: MockClock,
) -> None:
    async with open_world(heartbeat_s=1_000) as world:
        ada, ghost = await here(world, "ada"), await here(world, "ben")
        await news(ada)
        await here(world, "ben")
        assert (await ghost.hear("error"))["code"] == "superseded"
        await trio.sleep(30)
        assert await news(ada) == []
        assert await roll_call(ada) == ["ada", "ben"]


async def test_rooms_that_are_not_asked_for_again_are_left_after_the_grace(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await here(world, "ada", "lobby", "den")
        await lost(await here(world, "ben", "lobby", "den"))
        await trio.sleep(5)
        ben = await here(world, "ben", "lobby")
        await news(ada)
        await trio.sleep(8)
        assert await roll_call(ada, "den") == ["ada", "ben"]
        left = await ada.hear("left")
        assert (left["room"], left["nick"], left["reason"]) == ("den", "ben", "left")
        assert await roll_call(ada) == ["ada", "ben"]
        await ben.say("still in the lobby")
        assert (await ada.hear("entry"))["nick"] == "ben"


async def test_nothing_is_said_or_read_in_a_room_that_was_not_asked_for_again(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        await lost(await here(world, "ben", "lobby", "den"))
        ben = await here(world, "ben", "lobby")
        await ben.send(
            {"t": "say", "room": "den", "n": 1, "text": "hi"}, {"t": "who", "room": "den"}
        )
        for _ in range(2):
            assert (await ben.hear("refused"))["code"] == "not_joined"
        await ben.send({"t": "leave", "room": "den"})
        assert (await ben.hear("left"))["room"] == "den"


async def test_who_was_renamed_and_never_heard_of_it_gets_its_wish_of_now(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await news(ada)
        await ben.send({"t": "nick", "nick": "eve"})
        await trio.sleep(0.1)
        await lost(ben)
        await here(world, "ben")
        assert await news(ada) == [("renamed", "ben"), ("renamed", "eve")]
        assert await roll_call(ada) == ["ada", "ben"]


async def test_a_device_that_comes_back_under_another_name_is_renamed(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await news(ada)
        late = world.dial()
        await late.send({"t": "hello", "v": 1, "nick": "ada", "device": "device of ben"})
        assert (await late.hear("refused"))["code"] == "nick_taken"
        await ben.say("still here")
        await ada.hear("entry")
        await here(world, "eve", device="device of ben")
        assert (await ben.hear("error"))["code"] == "superseded"
        assert await news(ada) == [("renamed", "ben")]


async def test_of_two_who_wish_for_one_name_the_first_gets_it(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await lost(ben)
        await ada.send({"t": "nick", "nick": "eve"})
        await ada.hear("nick")
        late = world.dial()
        await late.send({"t": "hello", "v": 1, "nick": "eve", "device": "device of ben"})
        assert (await late.hear("refused"))["code"] == "nick_taken"
        assert await roll_call(ada) == ["eve", "ben"]
        await late.send({"t": "hello", "v": 1, "nick": "ada", "device": "device of ben"})
        assert (await late.hear("welcome"))["nick"] == "ada"


async def test_a_late_hello_takes_the_place_of_nobody_but_of_the_lost(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ben = await here(world, "ben", attempt=5)
        late = world.dial()
        hello = {"t": "hello", "v": 1, "nick": "ben", "device": "device of ben"}
        await late.send({**hello, "attempt": 4})
        assert (await late.hear("refused"))["code"] == "nick_taken"
        await lost(ben)
        await late.send({**hello, "attempt": 4})  # a machine whose clock was set back
        await late.hear("welcome")


async def test_a_flood_of_devices_that_come_and_go_costs_bounded_memory(
    autojump_clock: MockClock,
) -> None:
    async with open_world(seats_kept_max=6) as world:
        ada = await here(world, "ada")
        for number in range(5):
            await lost(await here(world, f"p{number}", "lobby", "den"))
        # The first two have made way, though their grace is not over.
        assert await roll_call(ada) == ["ada", "p2", "p3", "p4"]
        left = [(m["nick"], m["reason"]) for m in await ada.rest() if m["t"] == "left"]
        assert left == []  # heard before, on the way to the list
        assert [event["nick"] for event in world.events("gone")] == ["p0", "p1"]


async def test_who_only_says_hello_and_goes_leaves_nothing_behind(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        person = world.dial()
        await person.send({"t": "hello", "v": 1, "nick": "ben", "device": "device"})
        await person.hear("welcome")
        await lost(person)
        await here(world, "ben", device="another")


# --- a server starts again -----------------------------------------------------------


async def test_a_restart_keeps_nicks_and_places_and_makes_no_noise(
    autojump_clock: MockClock,
) -> None:
    store = MemoryStore("e")
    async with open_world(store, heartbeat_s=1_000) as world:
        for nick in ("ada", "ben", "cyd"):
            await here(world, nick, "lobby", "den")
    async with open_world(store, heartbeat_s=1_000) as world:
        thief = world.dial()
        await thief.send({"t": "hello", "v": 1, "nick": "ben", "device": "of a thief"})
        assert (await thief.hear("refused"))["code"] == "nick_taken"
        ada = await here(world, "ada", "lobby", "den")
        assert sorted(await roll_call(ada, "den")) == ["ada", "ben", "cyd"]
        await trio.sleep(25)
        await here(world, "ben", "lobby", "den")
        assert await news(ada) == []
        await trio.sleep(10)
        gone = [m for m in await ada.rest() if m["t"] in PRESENCE]
        assert {(m["nick"], m["reason"]) for m in gone} == {("cyd", "timed out")}


async def test_a_server_that_drains_tells_nobody_that_somebody_went(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, ben = await here(world, "ada"), await here(world, "ben")
        await news(ada)
        world.running.drain()
        heard = [m["t"] for person in (ada, ben) for m in await person.rest()]
        assert heard == ["bye", "bye"]


async def test_those_who_are_sent_away_come_back_spread_over_time(
    autojump_clock: MockClock,
) -> None:
    async with open_world(back_per_s=10, restart_grace_s=2_000) as world:
        people = [await here(world, f"p{number}") for number in range(50)]
        world.running.drain()
        back_s = [(await person.hear("bye"))["back_in_s"] for person in people]
        assert len(set(back_s)) == 50
        for second in range(1, 7):
            assert sum(second <= each < second + 1 for each in back_s) <= 20
        assert 5 < max(back_s) < 7


async def test_whoever_was_seen_is_found_again_by_the_next_server(
    autojump_clock: MockClock,
) -> None:
    class Watched(MemoryStore):
        """Remembers what was kept first."""

        def __init__(self) -> None:
            super().__init__("e")
            self.rooms: list[str] = []

        async def remember(self, values: Mapping[str, str | None]) -> None:
            await trio.sleep(1)
            await super().remember(values)
            self.rooms += [value for value in values.values() if value is not None]

    store = Watched()
    async with open_world(store) as world:
        ada = await here(world, "ada")
        assert trio.current_time() == pytest.approx(1, abs=0.1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here, world, "ben")
            assert (await ada.hear("joined"))["nick"] == "ben"
            assert any("ben" in kept and "lobby" in kept for kept in store.rooms)


async def test_a_disk_that_fails_keeps_nobody_out_and_is_tried_again(
    autojump_clock: MockClock,
) -> None:
    class Failing(MemoryStore):
        """Fails while told to."""

        failing = True
        tries = 0

        async def remember(self, values: Mapping[str, str | None]) -> None:
            self.tries += 1
            if self.failing:
                raise StoreError("the disk is full")
            await super().remember(values)

    store = Failing("e")
    async with open_world(store) as world:
        ada = await here(world, "ada")
        assert trio.current_time() == pytest.approx(5, abs=0.2)  # it may be over soon
        ben = await here(world, "ben", "lobby", "den")
        assert trio.current_time() == pytest.approx(5, abs=0.2)  # it is not
        assert await roll_call(ada) == ["ada", "ben"]
        await ben.send({"t": "bye"})
        await trio.sleep(20)
        assert store.tries > 100
        assert [event["times"] for event in world.events("store failed")] == [1]
        store.failing = False
        await trio.sleep(2)
        assert len(world.events("store works")) == 1
        assert list(await store.remembered(KEPT_AS)) == [
            KEPT_AS + fingerprint("device of ada")
        ]


async def test_what_the_store_has_is_what_there_is(autojump_clock: MockClock) -> None:
    store = MemoryStore("e")
    async with open_world(store) as world:
        ada = await here(world, "ada", "lobby", "den")
        await world.person("guest")
        await trio.sleep(0.1)
        (name,) = await store.remembered(KEPT_AS)
        assert "device of ada" not in name
        await ada.send({"t": "leave", "room": "den"}, {"t": "nick", "nick": "eve"})
        await ada.hear("nick")
        await trio.sleep(0.1)
        assert await store.remembered(KEPT_AS) == {name: '{"nick":"eve","rooms":["lobby"]}'}
        await lost(ada)
        await trio.sleep(5)
        assert len(await store.remembered(KEPT_AS)) == 1
        await trio.sleep(6)
        assert await store.remembered(KEPT_AS) == {}


async def test_what_was_stored_in_spite_of_an_error_is_no_ghost(
    autojump_clock: MockClock,
) -> None:
    """Whoever has left while nobody knew what the store has is in it no longer."""

    class Lying(MemoryStore):
        """Stores, and says that it did not, while told to."""

        lies = True

        async def remember(self, values: Mapping[str, str | None]) -> None:
            await super().remember(values)
            if self.lies:
                raise StoreError("the disk failed")

    store = Lying("e")
    async with open_world(store) as world:
        ada = await here(world, "ada")
        assert len(await store.remembered(KEPT_AS)) == 1
        await ada.send({"t": "bye"})
        await trio.sleep(5)
        store.lies = False
        await trio.sleep(1)
        assert await store.remembered(KEPT_AS) == {}


async def test_who_comes_and_goes_while_the_disk_fails_costs_nothing(
    autojump_clock: MockClock,
) -> None:
    class Failing(MemoryStore):
        """Fails, and counts what it was given."""

        failing = True
        most = 0

        async def remember(self, values: Mapping[str, str | None]) -> None:
            self.most = max(self.most, len(values))
            if self.failing:
                raise StoreError("the disk is full")
            await super().remember(values)

    store = Failing("e")
    async with open_world(store) as world:
        await here(world, "ada")
        for number in range(50):
            stranger = await here(world, f"s{number}")
            await stranger.send({"t": "bye"})
        store.failing = False
        await trio.sleep(1)
        assert store.most == 1
        assert len(await store.remembered(KEPT_AS)) == 1


async def test_who_is_gone_twice_within_one_write_is_in_the_store_no_more(
    autojump_clock: MockClock,
) -> None:
    """What the store has belongs to the device, whichever session it was written for."""

    class Slow(MemoryStore):
        async def remember(self, values: Mapping[str, str | None]) -> None:
            await trio.sleep(3)
            await super().remember(values)

    store = Slow("e")
    async with open_world(store) as world:
        ada = await here(world, "ada")
        ben = world.dial()
        await ben.send(
            {"t": "hello", "v": 1, "nick": "ben", "device": "device of ben"},
            {"t": "join", "room": "lobby"},
        )
        await trio.sleep(0.1)  # a write is under way
        for _ in range(2):
            await ada.send({"t": "bye"})
            await trio.sleep(0.1)
            ada = world.dial()
            await ada.send({"t": "hello", "v": 1, "nick": "ada", "device": "device of ada"})
        await ben.send({"t": "bye"})
        await trio.sleep(60)
        assert await store.remembered(KEPT_AS) == {}


async def test_coming_back_costs_the_disk_nothing(autojump_clock: MockClock) -> None:
    class Counting(MemoryStore):
        """Counts its writes."""

        writes = 0

        async def remember(self, values: Mapping[str, str | None]) -> None:
            self.writes += 1
            await super().remember(values)

    store = Counting("e")
    async with open_world(store) as world:
        ada = await here(world, "ada")
        for _ in range(10):
            await lost(ada)
            ada = await here(world, "ada")
        await ada.say("hi")
        await ada.texts(1)
    assert store.writes == 1


async def test_what_makes_no_sense_in_the_store_is_passed_over(
    autojump_clock: MockClock,
) -> None:
    store = MemoryStore("e")
    good = '{"nick":"ada","rooms":["lobby"]}'
    await store.remember({f"{KEPT_AS}1": "{", f"{KEPT_AS}2": good, f"{KEPT_AS}3": good})
    async with open_world(store) as world:
        ben = await here(world, "ben")
        assert await roll_call(ben) == ["ada", "ben"]
        assert len(world.events("session not restored")) == 2


async def test_nobody_is_waited_for_who_was_here_in_another_past(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """What a backup has of who was here may be long out of date."""
    path, copy = tmp_path / "chat.db", tmp_path / "copy.db"
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        async with open_world(store) as world:
            await here(world, "ada")
        backup(path, copy)
    async with (
        open_sqlite_store(copy, open_worker=open_inline_worker) as store,
        open_world(store) as world,
    ):
        ben = await here(world, "ben")
        assert await roll_call(ben) == ["ben"]
        await here(world, "ada", device="another one")
        assert await roll_call(ben) == ["ben", "ada"]
    async with (
        open_sqlite_store(path, open_worker=open_inline_worker) as store,
        open_world(store) as world,
    ):
        ben = await here(world, "ben")
        assert await roll_call(ben) == ["ada", "ben"]


# --- the parts -----------------------------------------------------------------------


def test_a_session_is_kept_as_it_is_and_found_as_it_was() -> None:
    session = Session("ada", "d")
    assert kept_of(session) is None
    session.entering += ("den", "den")
    value = kept_of(session)
    assert value is not None
    found = from_kept(f"{KEPT_AS}d", value)
    assert found is not None
    again, rooms = found
    assert (again.nick, again.device, rooms) == ("ada", "d", ("den",))
    session.ended = True
    assert kept_of(session) is None


def test_graces_end_in_their_order_whatever_their_length() -> None:
    graces = Graces()
    room = Room("lobby", "lobby", 0, 1024)
    ada, ben, cyd = (Session(nick, nick) for nick in ("ada", "ben", "cyd"))
    for session in (ada, ben):
        session.memberships["lobby"] = room.keep_seat(session)
    assert graces.next_s == float("inf")
    graces.begin(ada, 0, 30)
    graces.begin(ben, 1, 10)
    graces.begin(cyd, 2, 10)
    graces.begin(ben, 3, 10)  # again: from now on
    assert (graces.next_s, graces.seats) == (12, 2)
    assert list(graces.take_ended(12.5)) == [cyd]
    assert ben in graces
    graces.drop(ben)
    assert (ben not in graces, graces.seats) == (True, 1)
    assert list(graces.take_ended(29)) == []
    assert graces.take_first() is ada


def test_a_grace_that_is_too_short_for_those_who_were_sent_away_is_no_limit() -> None:
    with pytest.raises(ValueError, match="comes back within 102 s"):
        Limits(peers_max=1_000, back_per_s=10)


async def test_a_keeper_that_is_closed_writes_what_has_changed(
    autojump_clock: MockClock,
) -> None:
    store = MemoryStore("e")
    keeper = Keeper(store, Limits(), Trouble(recording([])))
    session = Session("ada", "d", entering=("lobby",))
    keeper.changed(session)
    keeper.close()
    await keeper.run()
    assert len(await store.remembered(KEPT_AS)) == 1
    session.ended = True
    keeper.changed(session)
    await keeper.run()
    assert await store.remembered(KEPT_AS) == {}
    assert not keeper.stored


async def test_a_keeper_that_is_closed_tries_once_and_no_more(
    autojump_clock: MockClock,
) -> None:
    class Failing(MemoryStore):
        tries = 0

        async def remember(self, values: Mapping[str, str | None]) -> None:
            self.tries += 1
            await trio.sleep(1)
            raise StoreError("the disk is full")

    store = Failing("e")
    keeper = Keeper(store, Limits(), Trouble(recording([])))
    keeper.changed(Session("ada", "d", entering=("lobby",)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        await trio.sleep(0.5)
        keeper.changed(Session("ben", "e", entering=("lobby",)))
        keeper.hurry()
        keeper.close()
    assert store.tries == 1
