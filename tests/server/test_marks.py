"""How far somebody has read: one maximum for each person and log, whatever happens."""

from collections.abc import Mapping
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.server.harness import Json, Person, World, open_world
from trio_chat.errors import StoreError
from trio_chat.server.marks import KEPT_AS, Marks, MarkTable
from trio_chat.store import MemoryStore, fingerprint

# --- the table -----------------------------------------------------------------------


def test_a_mark_is_a_maximum() -> None:
    table = MarkTable(9, 99)
    assert table.get("ada", "lobby") is None
    assert table.advance("ada", "lobby", 0) == (True, [])
    assert table.get("ada", "lobby") == 0
    assert table.advance("ada", "lobby", 7) == (True, [])
    assert table.advance("ada", "lobby", 7) == (False, [])
    assert table.advance("ada", "lobby", 3) == (False, [])
    assert (table.get("ada", "lobby"), table.get("bob", "lobby"), len(table)) == (
        7,
        None,
        1,
    )


def test_of_too_many_rooms_of_one_person_the_one_not_used_for_longest_goes() -> None:
    table = MarkTable(2, 99)
    table.advance("ada", "a", 1)
    table.advance("ada", "b", 1)
    table.advance("bob", "a", 1)
    assert table.get("ada", "a") == 1  # this is use, too
    assert table.advance("ada", "c", 1) == (True, [("ada", "b")])
    assert (table.get("ada", "b"), table.get("bob", "a"), len(table)) == (None, 1, 3)


def test_of_too_many_in_all_those_of_who_was_not_here_for_longest_go() -> None:
    table = MarkTable(9, 3)
    table.advance("ada", "a", 1)
    table.advance("bob", "a", 1)
    table.advance("ada", "b", 1)
    assert table.advance("cy", "a", 1) == (True, [("bob", "a")])
    assert table.advance("cy", "b", 1) == (True, [("ada", "a")])
    assert len(table) == 3


# --- on the wire ---------------------------------------------------------------------


async def device(world: World, nick: str, *rooms: str, **hello: Any) -> Person:
    """A device of ada."""
    words = {"device": f"device {nick}", "person": "ada's secret", **hello}
    return await world.person(nick, *rooms, **words)


async def mark(person: Person, seq: int, room: str = "lobby") -> None:
    await person.send({"t": "mark", "room": room, "seq": seq})


async def joined(person: Person, room: str = "lobby") -> Json:
    await person.send({"t": "join", "room": room})
    return await person.hear("room")


def marks(messages: list[Json]) -> list[Json]:
    return [message for message in messages if message["t"] == "mark"]


async def say(world: World, lines: int, room: str = "lobby") -> None:
    """So many lines of somebody else."""
    bob = await world.person("bob", room)
    for number in range(lines):
        await bob.say(f"{number}", room)
    await bob.rest()
    await bob.send({"t": "bye"})


async def test_another_device_of_the_same_person_is_told(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        desk, phone = await device(world, "ada"), await device(world, "ada-phone")
        await say(world, 3)
        await desk.rest()
        await mark(desk, 2)
        told = {"t": "mark", "room": "lobby", "seq": 2}
        assert marks(await phone.rest()) == [told]
        assert marks(await desk.rest()) == []
        await mark(phone, 1)  # nothing new
        assert marks(await desk.rest()) == []
        assert (await joined(phone))["read"] == 2


async def test_somebody_else_is_told_nothing(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        desk = await device(world, "ada")
        eve = await device(world, "eve", person="another")
        lone = await device(world, "cy", person=None)
        await say(world, 3)
        await mark(desk, 2)
        assert marks(await eve.rest()) == marks(await lone.rest()) == []
        assert "read" not in await joined(eve)


async def test_a_device_alone_has_marks_of_its_own(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        lone = await device(world, "cy", person=None)
        await say(world, 3)
        await mark(lone, 2)
        await lone.send({"t": "bye"})
        await lone.rest()
        lone = await device(world, "cyril", person=None, device="device cy")
        assert (await joined(lone))["read"] == 2


async def test_who_can_not_come_back_leaves_nothing(autojump_clock: MockClock) -> None:
    store = MemoryStore("e")
    async with open_world(store) as world:
        guest = await world.person("guest")
        await say(world, 1)
        await mark(guest, 1)
        await trio.sleep(5)
        assert await store.remembered(KEPT_AS) == {}


async def test_a_mark_beyond_the_head_is_the_head(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        desk = await device(world, "ada")
        await say(world, 3)
        await mark(desk, 2**53 - 1)
        assert (await joined(desk))["read"] == 3


async def test_a_mark_of_nothing_is_a_mark(autojump_clock: MockClock) -> None:
    """Else a room that was empty would seem to be one that was never looked at."""
    async with open_world() as world:
        desk = await device(world, "ada")
        await mark(desk, 0)
        assert (await joined(desk))["read"] == 0


@pytest.mark.parametrize("room", ["den", "nowhere", "not a room", "@"])
async def test_a_mark_for_a_room_that_one_is_not_in_changes_nothing(
    autojump_clock: MockClock, room: str
) -> None:
    async with open_world() as world:
        desk, phone = await device(world, "ada"), await device(world, "phone", "den")
        await say(world, 3, "den")
        await phone.rest()
        await mark(desk, 2, room)
        assert await desk.rest() == await phone.rest() == []
        assert "read" not in await joined(phone, "den")


async def test_direct_messages_have_a_mark_for_each_device(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        desk, phone = [await device(world, nick, "lobby") for nick in ("ada", "phone")]
        bob = await world.person("bob")
        for each in (desk, phone):
            await joined(each, "@")
        await bob.send({"t": "direct", "to": "ada", "n": 1, "text": "psst"})
        await desk.hear("entry")
        await mark(desk, 1, "@")
        assert marks(await phone.rest()) == []
        assert (await joined(desk, "@"))["read"] == 1
        assert "read" not in await joined(phone, "@")


async def test_who_says_many_marks_is_told_as_one(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        desk, phone = await device(world, "ada"), await device(world, "phone")
        await say(world, 200)
        await phone.rest()
        for seq in range(1, 200):
            await mark(desk, seq)
        assert [told["seq"] for told in marks(await phone.rest())] == [199]


async def test_a_device_that_takes_nothing_is_told_later(autojump_clock: MockClock) -> None:
    """A full queue must not leave it with a count that never sinks."""
    async with open_world(queue_batches_max=1, queue_bytes_max=20_000) as world:
        desk, phone = await device(world, "ada"), await device(world, "phone")
        bob = await world.person("bob")
        await phone.rest()
        for number in range(20):  # the phone's queue and buffers are full
            await bob.say(f"{number}" * 4_000)
        await bob.rest()
        await mark(desk, 15)
        await trio.sleep(5)
        await mark(desk, 17)
        await trio.sleep(5)
        heard = await phone.rest()
        assert max(each.get("seq", 0) for each in heard if each["t"] == "entry") == 20
        assert marks(heard)[-1]["seq"] == 17


async def test_of_very_many_devices_some_hear_of_it_when_they_join(
    autojump_clock: MockClock,
) -> None:
    async with open_world(devices_told_max=2) as world:
        one, two, three = [await device(world, f"ada{n}") for n in range(3)]
        await say(world, 1)
        await two.rest(), await three.rest()
        await mark(one, 1)
        assert [len(marks(await each.rest())) for each in (two, three)] == [1, 0]
        assert (await joined(three))["read"] == 1


async def test_a_device_that_is_another_persons_now_is_told_nothing_of_the_first(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        desk, phone = await device(world, "ada"), await device(world, "phone")
        await say(world, 3)
        await phone.rest()
        await trio.aclose_forcefully(phone.stream)
        phone = await device(world, "phone", person="sold")
        await mark(desk, 3)
        assert marks(await phone.rest()) == []
        assert "read" not in await joined(phone)


# --- what is kept --------------------------------------------------------------------


class Counting(MemoryStore):
    """Counts what it is asked to remember of marks, and may fail."""

    def __init__(self, epoch: str = "e") -> None:
        super().__init__(epoch)
        self.writes: list[dict[str, str | None]] = []
        self.fails = False

    async def remember(self, values: Mapping[str, str | None]) -> None:
        if any(name.startswith(KEPT_AS) for name in values):
            self.writes.append(dict(values))
            if self.fails:
                raise StoreError("the disk is full")
        await super().remember(values)


async def test_marks_are_written_by_the_batch(autojump_clock: MockClock) -> None:
    store = Counting()
    async with open_world(store) as world:
        desk = await device(world, "ada", "lobby", "den")
        await say(world, 60)
        await say(world, 3, "den")
        begun_s = trio.current_time()
        for seq in range(1, 61):
            await mark(desk, seq)
        await mark(desk, 3, "den")
        await trio.sleep(3)
        person = KEPT_AS + fingerprint("ada's secret", "person")
        assert store.writes == [{f"{person}/lobby": "60", f"{person}/den": "3"}]
        assert "secret" not in str(store.writes)
        await trio.sleep(100)
        assert len(store.writes) == 1
        assert trio.current_time() - begun_s > 100


async def test_a_server_that_stops_writes_the_last_ones(autojump_clock: MockClock) -> None:
    store = Counting()
    async with open_world(store) as world:
        desk = await device(world, "ada")
        await say(world, 9)
        await mark(desk, 9)
        await trio.sleep(0.01)
        world.running.drain()
        assert await desk.ended()
        await trio.sleep(3)
        assert [list(each.values()) for each in store.writes] == [["9"]]
    async with open_world(store) as world:
        phone = await device(world, "phone")
        assert (await joined(phone))["read"] == 9


async def test_a_disk_that_fails_is_tried_again(autojump_clock: MockClock) -> None:
    store = Counting()
    async with open_world(store) as world:
        desk = await device(world, "ada")
        await say(world, 9)
        store.fails = True
        await mark(desk, 4)
        await trio.sleep(20)
        assert 5 < len(store.writes) < 20
        store.fails = False
        await mark(desk, 9)
        await trio.sleep(5)
        assert list(store.writes[-1].values()) == ["9"]
        assert len(world.events("store works")) == 1


async def test_a_disk_that_fails_does_not_keep_a_server_from_stopping(
    autojump_clock: MockClock,
) -> None:
    store = Counting()
    async with open_world(store) as world:
        desk = await device(world, "ada")
        await say(world, 9)
        store.fails = True
        await mark(desk, 4)
        await trio.sleep(0.1)
        begun_s = trio.current_time()
        world.running.drain()
        assert await desk.ended()
        await trio.sleep(3)
        assert len(world.events("stopped")) == 1
        assert trio.current_time() - begun_s < 5


async def test_what_is_forgotten_is_forgotten_in_the_store(
    autojump_clock: MockClock,
) -> None:
    store = Counting()
    async with open_world(store, marks_per_person_max=2) as world:
        desk = await device(world, "ada", "a", "b", "c")
        for room in "abc":
            await mark(desk, 0, room)
        await trio.sleep(3)
        logs = [name.rpartition("/")[2] for name in await store.remembered(KEPT_AS)]
        assert logs == ["b", "c"]
    async with open_world(store, marks_per_person_max=1) as world:
        desk = await device(world, "ada", "a")
        await mark(desk, 0, "a")
        await trio.sleep(3)
        logs = [name.rpartition("/")[2] for name in await store.remembered(KEPT_AS)]
        assert logs == ["a"]


async def test_no_more_waits_for_a_failing_disk_than_is_kept(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may be full for days, and a stranger may say a mark of a million rooms."""
    running: list[Marks] = []
    honest = Marks.run

    async def run(marks: Marks) -> None:
        running.append(marks)
        await honest(marks)

    monkeypatch.setattr(Marks, "run", run)
    store = Counting()
    async with open_world(store, marks_per_person_max=2, marks_max=4) as world:
        desk = await device(world, "ada")
        store.fails = True
        for number in range(50):
            room = f"room-{number}"
            await joined(desk, room)
            await mark(desk, 0, room)
            await desk.send({"t": "leave", "room": room})
            await desk.rest()
        assert running[0].waiting <= 2 * 4
        store.fails = False
        await trio.sleep(5)
        assert running[0].waiting == 0
        logs = [name.rpartition("/")[2] for name in await store.remembered(KEPT_AS)]
        assert {"room-48", "room-49"} <= set(logs)


async def test_nonsense_in_the_store_is_passed_over(autojump_clock: MockClock) -> None:
    store = MemoryStore("e")
    person = fingerprint("ada's secret", "person")
    values = {f"{KEPT_AS}{person}/lobby": "²", KEPT_AS: "x", f"{KEPT_AS}{person}/den": "7"}
    await store.remember(values)
    async with open_world(store) as world:
        desk = await device(world, "ada")
        assert "read" not in await joined(desk)
        assert (await joined(desk, "den"))["read"] == 7
        await say(world, 1)
        await mark(desk, 1)
        await trio.sleep(3)
        kept = await store.remembered(KEPT_AS)
        assert list(kept.values()) == ["x", "7", "1"]
