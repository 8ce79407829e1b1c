"""Pages: read and encoded once for all, never over what was given up, never lost."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from tests.server.harness import Person, World, open_world
from trio_chat.server import room as room_module
from trio_chat.server.figures import Figures
from trio_chat.server.limits import Limits
from trio_chat.server.pages import Pages, Part
from trio_chat.server.retention import trim
from trio_chat.server.room import Room
from trio_chat.server.turns import Turns
from trio_chat.store import Draft, Entry, Keep, MemoryStore

COUNT = 1_000


class Counting(MemoryStore):
    """Remembers what was read, and may be told to wait with it."""

    def __init__(self) -> None:
        super().__init__("e")
        self.reads: list[int] = []
        self.may = trio.Event()
        self.may.set()

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        self.reads.append(after)
        entries = await super().read(log, after=after, through=through, limit=limit)
        await self.may.wait()
        return entries


def draft(n: int, text_bytes: int = 10) -> Draft:
    text = f"{n}".ljust(text_bytes, "x")
    return Draft(log="lobby", device="d", n=n, nick="bob", text=text)


async def filled(count: int, text_bytes: int = 10) -> Counting:
    store = Counting()
    await store.append([draft(n, text_bytes) for n in range(1, count + 1)], 1.0)
    return store


class Reader:
    """Reads a room from a cursor to its head, as a pager does."""

    def __init__(self, pages: Pages, room: Room, cursor: int = 0) -> None:
        self.parts: list[Part] = []
        self._pages, self._room, self.cursor = pages, room, cursor

    async def run(self) -> None:
        while self.cursor < self._room.head:
            self._take(await self._next())

    async def _next(self) -> Part:
        while (part := self._pages.after(self._room, self.cursor)) is None:
            reading = self._pages.under_way(self._room)
            if reading is not None:
                await trio.sleep(0.1)
                continue
            reading = self._pages.begin(self._room, self.cursor)
            await self._pages.read(reading)
            part = reading.part(self.cursor)
            if part is not None:
                return part
        return part

    def _take(self, part: Part) -> None:
        self.cursor = part.last
        self.parts.append(part)

    @property
    def seqs(self) -> list[int]:
        lines = b"".join(part.data for part in self.parts).splitlines()
        return [
            int(line.split(b'"seq":')[1].split(b",")[0]) for line in lines if b"seq" in line
        ]


def lobby(head: int) -> Room:
    return Room("lobby", "lobby", head, Limits().queue_bytes_max)


def pages_of(store: MemoryStore, **limits: int) -> Pages:
    return Pages(store, Turns(), Limits(**limits))


@asynccontextmanager
async def all_at_once(readers: Sequence[Reader]) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        for reader in readers:
            nursery.start_soon(reader.run)
        yield


async def test_a_page_is_read_and_encoded_once_for_all_who_want_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 members of a server, each a thousand lines behind."""
    encoded: list[int] = []
    honest = Room._encoded

    def encode(self: Room, entries: Sequence[Entry]) -> bytes:
        encoded.extend(entry.seq for entry in entries)
        return honest(self, entries)

    monkeypatch.setattr(room_module.Room, "_encoded", encode)
    store = await filled(COUNT)
    async with open_world(store, page_bytes=4_096) as world:
        people = [await world.person(f"p{number}", "elsewhere") for number in range(100)]
        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(_hears_all, person)
    assert sorted(encoded) == list(range(1, COUNT + 1))
    assert len(store.reads) == len(set(store.reads)) <= COUNT // Limits().page_entries + 1


async def _hears_all(person: Person) -> None:
    await person.send({"t": "join", "room": "lobby", "after": 0})
    assert [seq for seq, _ in await person.texts(COUNT)] == list(range(1, COUNT + 1))


async def test_all_get_the_same_bytes_wherever_they_began(
    autojump_clock: MockClock,
) -> None:
    pages, room = pages_of(await filled(COUNT), page_bytes=8_192), lobby(COUNT)
    readers = [Reader(pages, room, cursor) for cursor in (400, 0, 37, 399, 401, 37, 999)]
    cursors = [reader.cursor for reader in readers]
    async with all_at_once(readers):
        pass
    for cursor, reader in zip(cursors, readers, strict=True):
        assert reader.seqs == list(range(cursor + 1, COUNT + 1))
    kept = pages._logs["lobby"]
    assert all(one.last < other.first for one, other in itertools.pairwise(kept))
    one, other = readers[2].parts, readers[5].parts
    assert all(
        mine.data is yours.data for mine, yours in zip(one[1:], other[1:], strict=True)
    )
    assert one[-1].data is readers[1].parts[-1].data


async def test_a_page_grows_until_it_is_full_as_the_room_goes_on(
    autojump_clock: MockClock,
) -> None:
    store = await filled(1)
    pages, room = pages_of(store, page_bytes=2_048), lobby(1)
    for n in range(2, 100):
        reader = Reader(pages, room, n - 2)
        await reader.run()
        assert reader.seqs == [n - 1]
        await store.append([draft(n)], 1.0)
        room.head = n
    store.reads.clear()
    late = Reader(pages, room)
    await late.run()
    assert late.seqs == list(range(1, 100))
    assert len(late.parts) <= sum(len(part.data) for part in late.parts) / 2_048 + 2
    assert store.reads == [98]


async def test_the_oldest_use_goes_when_there_are_too_many(
    autojump_clock: MockClock,
) -> None:
    store = await filled(COUNT)
    pages, room = pages_of(store, page_bytes=4_096, pages_bytes_max=20_000), lobby(COUNT)
    for _ in range(3):
        reader = Reader(pages, room)
        await reader.run()
        assert reader.seqs == list(range(1, COUNT + 1))
    assert pages._kept_bytes <= 20_000
    assert sum(map(len, pages._logs.values())) == len(pages._kept) > 2
    store.reads.clear()
    await Reader(pages, room, 990).run()
    assert not store.reads


async def test_long_texts_that_were_read_at_once_are_not_read_again(
    autojump_clock: MockClock,
) -> None:
    store = await filled(64, text_bytes=16_000)
    pages, room = pages_of(store), lobby(64)
    reader = Reader(pages, room)
    await reader.run()
    assert reader.seqs == list(range(1, 65))
    assert store.reads == [0]
    assert max(len(part.data) for part in reader.parts) <= Limits().queue_bytes_max


async def test_a_reader_that_leaves_does_not_take_the_page_from_the_others(
    autojump_clock: MockClock,
) -> None:
    store = await filled(COUNT)
    async with open_world(store) as world:
        people = [await world.person(f"p{number}", "elsewhere") for number in range(3)]
        store.may = trio.Event()
        for person in people:  # the first of them reads for all
            await person.send({"t": "join", "room": "lobby", "after": 0})
            await person.hear("room")
        await trio.sleep(1)
        assert store.reads == [0]
        await people[0].stream.aclose()
        await trio.sleep(1)
        store.may.set()
        for person in people[1:]:
            assert len(await person.texts(COUNT)) == COUNT


async def test_what_was_trimmed_is_not_served_from_memory(
    autojump_clock: MockClock,
) -> None:
    store = await filled(100)
    async with open_world(store, keep_entries=10, trim_every_s=100) as world:
        await trio.sleep(1)
        ada = await _reads(world, "ada", 90)
        assert [message["seq"] for message in ada] == list(range(91, 101))
        await store.append([draft(n) for n in range(101, 106)], 1.0)
        await trio.sleep(100)
        assert await store.trimmed("lobby") == 95
        bob = await _reads(world, "bob", 90)
        assert bob[0]["t"] == "gap"
        assert [message["seq"] for message in bob[1:]] == list(range(96, 101))


async def _reads(world: World, nick: str, after: int) -> list[dict[str, object]]:
    person = await world.person(nick, "elsewhere")
    await person.send({"t": "join", "room": "lobby", "after": after})
    return [each for each in await person.rest() if each["t"] in {"entry", "gap"}]


@pytest.mark.parametrize("fails", [False, True])
async def test_what_is_read_while_a_log_is_trimmed_is_not_kept(
    autojump_clock: MockClock, fails: bool
) -> None:
    """The reading begins before the trimming, or after one that was broken off."""
    store = await filled(100)
    pages, room = pages_of(store), lobby(100)
    before, within = Reader(pages, room), Reader(pages, room, 95)
    store.may = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(before.run)
        await trio.testing.wait_all_tasks_blocked()
        scope = trio.CancelScope()
        if fails:
            scope.cancel()
        with scope, pages.trimming("lobby"):
            await trio.lowlevel.checkpoint()
            await trim(store, Keep(entries=10), Figures(), limit=100)
        store.may.set()
    if fails:
        await trim(store, Keep(entries=10), Figures(), limit=100)
    await within.run()
    late = Reader(pages, room)
    await late.run()
    assert late.parts[0].missing == 90
    assert late.seqs == list(range(91, 101))
    assert bool(pages._kept) is not fails


async def test_what_began_to_be_read_within_the_trimming_is_not_kept_after_it(
    autojump_clock: MockClock,
) -> None:
    store = await filled(100)
    pages, room = pages_of(store), lobby(100)
    reader = Reader(pages, room)
    async with trio.open_nursery() as nursery:
        with pages.trimming("lobby"):
            store.may = trio.Event()
            nursery.start_soon(reader.run)
            await trio.testing.wait_all_tasks_blocked()
            await trim(store, Keep(entries=10), Figures(), limit=100)
        store.may.set()
    assert reader.parts[0].missing == 90
    assert reader.seqs == list(range(91, 101))
