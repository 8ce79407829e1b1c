"""What need not be kept goes, a little at a time, and who reads is told exactly what."""

import trio
from trio.testing import MockClock

from tests.server.harness import open_world
from trio_chat.errors import StoreError
from trio_chat.server.figures import Figures
from trio_chat.server.retention import trim
from trio_chat.store import Draft, Entry, Keep, MemoryStore


def draft(n: int, log: str = "lobby") -> Draft:
    return Draft(log=log, device="d", n=n, nick="bob", text=f"{n}")


async def filled(count: int, store: MemoryStore | None = None) -> MemoryStore:
    store = store or MemoryStore("e")
    for n in range(1, count + 1):
        await store.append([draft(n)], float(n))
    return store


async def test_who_joins_is_told_what_is_no_longer_kept(autojump_clock: MockClock) -> None:
    async with open_world(await filled(10), keep_entries=3) as world:
        await trio.sleep(1)
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 2})
        heard = [message for message in await ada.rest() if message["t"] != "members"]
        assert heard[0] == {"t": "room", "room": "lobby", "after": 2, "head": 10}
        assert heard[1] == {
            "t": "gap",
            "room": "lobby",
            "after": 2,
            "through": 7,
            "reason": "no longer kept",
        }
        assert [message["seq"] for message in heard[2:]] == [8, 9, 10]


async def test_who_has_read_what_is_gone_is_told_of_no_gap(
    autojump_clock: MockClock,
) -> None:
    async with open_world(await filled(10), keep_entries=3) as world:
        await trio.sleep(1)
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 7})
        assert [m.get("seq") for m in await ada.rest() if m["t"] in {"entry", "gap"}] == [
            8,
            9,
            10,
        ]


async def test_when_nothing_is_left_there_is_a_gap_and_then_what_is_new(
    autojump_clock: MockClock,
) -> None:
    async with open_world(await filled(4), keep_s=10.0) as world:
        await trio.sleep(1)
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 0})
        assert (await ada.hear("gap"))["through"] == 4
        await ada.say("new")
        assert await ada.texts(1) == [(5, "new")]


async def test_who_is_overtaken_while_it_reads_is_told(autojump_clock: MockClock) -> None:
    """Between two pages of the log the next entries are given up."""

    class Overtaking(MemoryStore):
        async def read(
            self, log: str, *, after: int, through: int, limit: int
        ) -> list[Entry]:
            entries = await super().read(log, after=after, through=through, limit=limit)
            await super().trim(log, Keep(entries=4), limit=100)
            return entries

    store = await filled(10, Overtaking("e"))
    async with open_world(store, page_entries=2) as world:
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 0})
        heard = [m for m in await ada.rest() if m["t"] in {"entry", "gap"}]
        places = [m.get("seq") or (m["after"], m["through"]) for m in heard]
        assert places == [1, 2, (2, 6), 7, 8, 9, 10]


async def test_a_hole_that_nobody_trimmed_is_never_told_as_a_gap(
    autojump_clock: MockClock,
) -> None:
    class Holey(MemoryStore):
        async def read(
            self, log: str, *, after: int, through: int, limit: int
        ) -> list[Entry]:
            entries = await super().read(log, after=after, through=through, limit=limit)
            return [entry for entry in entries if entry.seq > 4]

    store = await filled(10, Holey("e"))
    async with open_world(store) as world:
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 2})
        heard = await ada.rest()
        assert heard[-1]["t"] == "left"
        assert not [m for m in heard if m["t"] in {"entry", "gap"}]
        assert "4 of #lobby is missing" in world.events("log unreadable")[0]["reason"]


async def test_a_line_whose_entry_is_gone_is_accepted_again_with_its_number(
    autojump_clock: MockClock,
) -> None:
    async with open_world(keep_entries=1, trim_every_s=1) as world:
        ada = await world.person("ada")
        first = {"t": "say", "room": "lobby", "n": 1, "text": "a"}
        await ada.send(first, {**first, "n": 2, "text": "b"})
        assert [(await ada.hear("accepted"))["seq"] for _ in range(2)] == [1, 2]
        await trio.sleep(2)
        await ada.send(first, {**first, "text": "other"}, {**first, "n": 3, "text": "c"})
        assert (await ada.hear("accepted"))["seq"] == 1
        assert (await ada.hear("refused"))["code"] == "same_id_other_text"
        assert (await ada.hear("accepted"))["seq"] == 3


async def test_what_is_said_meanwhile_takes_its_turn_between_the_steps(
    autojump_clock: MockClock,
) -> None:
    store = await filled(1_000)
    waited: list[int] = []

    async def say() -> None:
        await store.append([draft(1_001)], 2.0)
        waited.append(await store.trimmed("lobby"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say)
        assert await trim(store, Keep(entries=1), Figures(), limit=10) >= 999
    assert waited[0] < 100


async def test_a_disk_that_fails_while_it_trims_is_told_and_tried_again(
    autojump_clock: MockClock,
) -> None:
    class Failing(MemoryStore):
        failing = True

        async def trim(self, log: str, keep: Keep, *, limit: int) -> int:
            if self.failing:
                raise StoreError("the disk is full")
            return await super().trim(log, keep, limit=limit)

    store = Failing("e")
    await filled(10, store)
    async with open_world(store, keep_entries=3, trim_every_s=10) as world:
        await trio.sleep(5)
        assert world.events("store failed")[0]["reason"] == "the disk is full"
        store.failing = False
        await trio.sleep(10)
        assert await store.trimmed("lobby") == 7


async def test_who_reads_many_rooms_is_told_the_gap_of_each(
    autojump_clock: MockClock,
) -> None:
    """A gap is kept for nobody else, so that of one room must not be in another's place."""
    store, rooms = MemoryStore("e"), [f"room{number}" for number in range(5)]
    for n in range(1, 11):
        await store.append([draft(n, room) for room in rooms], float(n))
    async with open_world(store, keep_entries=3) as world:
        await trio.sleep(1)
        ada = await world.person("ada", "elsewhere")
        await ada.send(*({"t": "join", "room": room, "after": 2} for room in rooms))
        heard = [m for m in await ada.rest() if m["t"] in {"entry", "gap"}]
        for room in rooms:
            of_room = [m for m in heard if m["room"] == room]
            assert (of_room[0]["t"], of_room[0]["through"]) == ("gap", 7)
            assert [m["seq"] for m in of_room[1:]] == [8, 9, 10]
