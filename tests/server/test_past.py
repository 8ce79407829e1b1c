"""Looking back: what was said before, and where it was said, for who is in the room."""

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from tests.server.harness import Json, Person, World, open_world
from trio_chat.errors import SearchError, StoreError
from trio_chat.protocol.framing import SERVER_LINE_BYTES_MAX, encode
from trio_chat.server.room import as_wire
from trio_chat.server.searching import EVERY_S, PATIENCE_S
from trio_chat.store import Draft, Entry, Hits, Keep, MemoryStore, Store, open_sqlite_store
from trio_chat.words import Wanted
from trio_chat.worker import open_inline_worker

S = TypeVar("S", bound=Store)


async def filled(*texts: str) -> MemoryStore:
    """A store in which these were said."""
    return await fill(MemoryStore("e"), *texts)


async def fill(store: S, *texts: str, log: str = "lobby") -> S:
    """The store, in which these were said."""
    drafts = [
        Draft(log=log, device="d", n=n, nick="eve", text=text)
        for n, text in enumerate(texts, start=1)
    ]
    await store.append(drafts, 1.0)
    return store


async def fetched(person: Person, after: int, through: int, **more: Any) -> list[Json]:
    """The pages that answer a fetch."""
    fetch = {"t": "fetch", "room": "lobby", "id": 7, "after": after, "through": through}
    await person.send({**fetch, **more})
    pages = [await person.hear("page")]
    while pages[-1].get("more"):
        pages.append(await person.hear("page"))
    return pages


def texts(pages: Sequence[Json]) -> list[str]:
    return [entry["text"] for page in pages for entry in page.get("entries", [])]


async def found(person: Person, words: str, **more: Any) -> Json:
    search = {"t": "search", "room": "lobby", "id": 8, "words": words, **more}
    await person.send(search)
    return await person.hear("found")


async def refused(person: Person, message: Json) -> tuple[str, int | None]:
    await person.send(message)
    answer = await person.hear("refused")
    assert answer["room"] == message["room"]
    return answer["code"], answer.get("id")


# --- fetching ------------------------------------------------------------------------


async def test_past_entries_come_in_their_order(autojump_clock: MockClock) -> None:
    store = await filled(*(f"line {n}" for n in range(1, 301)))
    async with open_world(store) as world:
        ada = await world.person("ada")
        (await ada.rest())
        pages = await fetched(ada, 100, 300)
        assert texts(pages) == [f"line {n}" for n in range(101, 301)]
        assert {page["id"] for page in pages} == {7}
        assert pages[0]["entries"][0]["seq"] == 101
        assert not any("trimmed_through" in page for page in pages)
        assert world.running.look().fetched_entries == 200


async def test_what_is_not_said_yet_is_not_there(autojump_clock: MockClock) -> None:
    async with open_world(await filled("one", "two")) as world:
        ada = await world.person("ada")
        assert texts(await fetched(ada, 1, 50)) == ["two"]
        assert await fetched(ada, 2, 50) == [{"t": "page", "room": "lobby", "id": 7}]
        assert texts(await fetched(ada, 100, 150)) == []


async def test_what_is_no_longer_kept_is_told(autojump_clock: MockClock) -> None:
    store = await filled(*(f"line {n}" for n in range(1, 11)))
    await store.trim("lobby", Keep(entries=4), limit=100)
    async with open_world(store) as world:
        ada = await world.person("ada")
        (page,) = await fetched(ada, 2, 8)
        assert (page["trimmed_through"], texts([page])) == (6, ["line 7", "line 8"])
        (page,) = await fetched(ada, 0, 3)
        assert (page["trimmed_through"], texts([page])) == (3, [])
        (page,) = await fetched(ada, 6, 9)
        assert "trimmed_through" not in page


async def test_long_texts_come_in_lines_that_a_client_reads(
    autojump_clock: MockClock,
) -> None:
    long = [f"{n} ".ljust(16_000, "\1") if n % 2 else "x" * 16_384 for n in range(30)]
    long = [text[:10_000] for text in long]
    async with open_world(await filled(*long)) as world:
        ada = await world.person("ada")
        pages = await fetched(ada, 0, 30)
        assert texts(pages) == long
        assert len(pages) > 5


async def test_a_fetch_moves_no_cursor_and_no_live_line(autojump_clock: MockClock) -> None:
    store = await filled(*(f"line {n}" for n in range(1, 101)))
    async with open_world(store) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        await ada.rest()
        await fetched(ada, 0, 100)
        await bob.say("news")
        assert (await ada.hear("entry"))["seq"] == 101
        assert await ada.rest() == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"t": "fetch", "after": 5, "through": 5}, "bad_range"),
        ({"t": "fetch", "after": 6, "through": 5}, "bad_range"),
        ({"t": "fetch", "after": 0, "through": 201}, "bad_range"),
        ({"t": "search", "words": " -- !"}, "no_words"),
        ({"t": "fetch", "room": "den", "after": 0, "through": 5}, "not_joined"),
        ({"t": "search", "room": "den", "words": "x"}, "not_joined"),
        ({"t": "search", "room": "@", "words": "x"}, "not_joined"),
    ],
)
async def test_what_can_not_be_asked_is_refused(
    autojump_clock: MockClock, message: Json, code: str
) -> None:
    async with open_world(await filled("one")) as world:
        ada = await world.person("ada")
        asked = {"room": "lobby", "id": 5, **message}
        assert await refused(ada, asked) == (code, 5)
        assert texts(await fetched(ada, 0, 1)) == ["one"]


async def test_direct_messages_are_their_devices_alone(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada", device="a")
        bob = await world.person("bob", device="b")
        eve = await world.person("eve", device="e")
        for person in (ada, bob, eve):
            await person.send({"t": "join", "room": "@"})
        await ada.send({"t": "direct", "to": "bob", "n": 1, "text": "a secret"})
        await ada.hear("accepted")
        for person, count in ((ada, 1), (bob, 1), (eve, 0)):
            assert len(texts(await fetched(person, 0, 9, room="@"))) == count
            entries = (await found(person, "secret", room="@")).get("entries", [])
            assert len(entries) == count


async def test_a_log_that_can_not_be_read_there_is_told_and_all_goes_on(
    autojump_clock: MockClock,
) -> None:
    class Damaged(MemoryStore):
        async def read(
            self, log: str, *, after: int, through: int, limit: int
        ) -> list[Entry]:
            if after < 3:
                raise StoreError("database disk image is malformed")
            return await super().read(log, after=after, through=through, limit=limit)

    store = await fill(Damaged("e"), *"abcdef")
    async with open_world(store, history_entries=2) as world:
        ada = await world.person("ada")
        fetch = {"t": "fetch", "room": "lobby", "id": 0, "after": 0, "through": 5}
        assert await refused(ada, fetch) == ("unreadable", 0)
        assert texts(await fetched(ada, 3, 5)) == ["d", "e"]
        assert len(world.events("log unreadable")) == 1


async def test_a_hole_that_nobody_made_is_not_passed_over(
    autojump_clock: MockClock,
) -> None:
    class Holed(MemoryStore):
        async def read(
            self, log: str, *, after: int, through: int, limit: int
        ) -> list[Entry]:
            entries = await super().read(log, after=after, through=through, limit=limit)
            return [entry for entry in entries if entry.seq > 2]

    async with open_world(await fill(Holed("e"), *"abcd"), history_entries=1) as world:
        ada = await world.person("ada")
        fetch = {"t": "fetch", "room": "lobby", "id": 1, "after": 0, "through": 4}
        assert await refused(ada, fetch) == ("unreadable", 1)


# --- searching -----------------------------------------------------------------------


async def test_words_are_found_newest_first(autojump_clock: MockClock) -> None:
    store = await filled(*(f"line {n}" for n in range(1, 8)))
    async with open_world(store) as world:
        ada = await world.person("ada")
        first = await found(ada, "LINE", limit=5)
        assert [entry["seq"] for entry in first["entries"]] == [7, 6, 5, 4, 3]
        assert (first["more"], first["before"]) == (True, 3)
        rest = await found(ada, "line", before=first["before"])
        assert [entry["seq"] for entry in rest["entries"]] == [2, 1]
        assert "more" not in rest
        assert "entries" not in await found(ada, "nothing of the kind")


async def test_what_does_not_fit_into_a_line_is_found_by_the_next_search(
    autojump_clock: MockClock,
) -> None:
    store = await filled(*(f"needle {n} ".ljust(10_000, "\1") for n in range(1, 41)))
    async with open_world(store) as world:
        ada = await world.person("ada")
        await ada.rest()
        seqs: list[int] = []
        before: int | None = None
        while True:
            answer = await found(ada, "needle", limit=50, before=before)
            assert len(str(answer)) < SERVER_LINE_BYTES_MAX
            seqs += [entry["seq"] for entry in answer["entries"]]
            if not answer.get("more"):
                break
            before = answer["before"]
        assert seqs == list(range(40, 0, -1))


async def test_what_one_has_just_said_is_found(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    path = tmp_path / "chat.db"
    async with (
        open_sqlite_store(path, open_worker=open_inline_worker) as store,
        open_world(store) as world,
    ):
        ada = await world.person("ada")
        for n in range(1, 4):
            await ada.say(f"thought {n}")
            await ada.hear("accepted")
            answer = await found(ada, "thought")
            assert [entry["seq"] for entry in answer["entries"]] == [*range(n, 0, -1)]


class SlowSearch(MemoryStore):
    """A search takes a second, also if nobody waits for it any more."""

    def __init__(self) -> None:
        super().__init__("e")
        self.most = 0
        self._ends_s: list[float] = []

    @property
    def begun(self) -> int:
        return len(self._ends_s)

    async def search(
        self, log: str, sought: Wanted, *, before: int, through: int, limit: int
    ) -> Hits:
        now_s = trio.current_time()
        self.most = max(self.most, 1 + sum(end_s > now_s for end_s in self._ends_s))
        self._ends_s.append(now_s + 1)
        await trio.sleep(1)
        return Hits((), None)


async def test_one_search_goes_on_at_once_and_who_waits_too_long_is_told(
    autojump_clock: MockClock,
) -> None:
    store = SlowSearch()
    async with open_world(store) as world:
        people = [await world.person(f"p{n}") for n in range(12)]
        answers: list[str] = []

        async def search(person: Person) -> None:
            await person.send({"t": "search", "room": "lobby", "id": 1, "words": "x"})
            while (message := await person.line()) is not None:
                if message["t"] in ("found", "refused"):
                    answers.append(message.get("code", "found"))
                    return

        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(search, person)
        served = int(PATIENCE_S)
        assert sorted(answers) == ["found"] * served + ["no_search"] * (12 - served)
        assert (store.most, store.begun) == (1, served)


async def test_who_searches_and_goes_leaves_no_search_behind(
    autojump_clock: MockClock,
) -> None:
    store = SlowSearch()
    async with open_world(store) as world:
        for n in range(20):
            person = await world.person(f"p{n}")
            await person.send({"t": "search", "room": "lobby", "id": 1, "words": "x"})
            await wait_all_tasks_blocked()
            await person.stream.aclose()
        await trio.sleep(60)
        assert store.most == 1


async def test_a_search_keeps_nothing_else_waiting(autojump_clock: MockClock) -> None:
    async with open_world(SlowSearch()) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        await ada.rest()
        began_s = trio.current_time()
        await ada.send({"t": "search", "room": "lobby", "id": 1, "words": "x"})
        await ada.say("meanwhile")
        await bob.hear("entry")
        await ada.hear("accepted")
        assert trio.current_time() - began_s < 0.5
        await ada.hear("found")


async def test_one_request_of_a_peer_is_answered_at_a_time(
    autojump_clock: MockClock,
) -> None:
    store = SlowSearch()
    await fill(store, "one")
    async with open_world(store) as world:
        ada = await world.person("ada")
        await ada.send(
            {"t": "search", "room": "lobby", "id": 1, "words": "x"},
            {"t": "fetch", "room": "lobby", "id": 2, "after": 0, "through": 1},
            {"t": "ping", "id": 3},
        )
        heard = [message["t"] for message in await ada.rest() if "id" in message]
        heard += [message["t"] for message in await ada.rest() if "id" in message]
        assert heard == ["found", "pong", "page"]


async def test_who_reads_nothing_of_what_it_fetches_costs_no_more_than_others(
    autojump_clock: MockClock,
) -> None:
    reads = []

    class Watched(MemoryStore):
        async def read(
            self, log: str, *, after: int, through: int, limit: int
        ) -> list[Entry]:
            reads.append((after, limit))
            return await super().read(log, after=after, through=through, limit=limit)

    store = await fill(Watched("e"), *("x" * 16_000 for _ in range(200)))
    async with open_world(store, queue_bytes_max=64 * 1024, history_entries=0) as world:
        ada = await world.person("ada", pair=narrow)
        reads.clear()
        await ada.send(
            *({"t": "fetch", "room": "lobby", "id": n, "after": 0, "through": 200}
              for n in range(100))
        )  # fmt: skip
        await trio.sleep(10)
        assert len(reads) == 1


def narrow() -> tuple[Any, Any]:
    """A connection in which 10 kB fit, of what the server sends."""
    client, server = memory_stream_pair()
    return client, _Narrow(server)


class _Narrow(trio.abc.HalfCloseableStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = 10_000

    async def send_all(self, data: Any) -> None:
        if self._left < len(data):
            await trio.sleep_forever()
        self._left -= len(data)
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data: bytes = await self._stream.receive_some(max_bytes)
        return data

    async def aclose(self) -> None:
        await self._stream.aclose()


# --- the index -----------------------------------------------------------------------


class Indexed(MemoryStore):
    """So much is left to be made ready; with `trouble` nothing can be."""

    def __init__(self, left: int = 0, trouble: str = "") -> None:
        super().__init__("e")
        self.left, self.trouble = left, trouble
        self.calls: list[float] = []

    async def index(self) -> int:
        self.calls.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if self.trouble:
            raise SearchError(self.trouble)
        self.left -= 1
        return max(self.left, 0)

    async def search(
        self, log: str, sought: Wanted, *, before: int, through: int, limit: int
    ) -> Hits:
        await trio.lowlevel.checkpoint()
        raise SearchError(self.trouble)


async def test_the_index_is_made_ready_in_parts_and_then_only_if_something_is_said(
    autojump_clock: MockClock,
) -> None:
    store = Indexed(left=50)
    async with open_world(store) as world:
        await trio.sleep(60)
        assert len(store.calls) == 50
        await say(world)
        await trio.sleep(60)
        assert len(store.calls) == 51


async def say(world: World) -> None:
    person = await world.person("ada")
    await person.say("hello")
    await person.hear("accepted")


async def test_without_an_index_a_search_is_refused_and_the_reason_told_once(
    autojump_clock: MockClock,
) -> None:
    store = Indexed(trouble="the search index can't be used: read-only")
    async with open_world(store, heartbeat_s=1_000) as world:
        ada = await world.person("ada")
        await trio.sleep(10 * EVERY_S)
        for _ in range(3):
            await ada.send({"t": "search", "room": "lobby", "id": 1, "words": "x"})
            answer = await ada.hear("refused")
            assert (answer["code"], answer["reason"]) == ("no_search", store.trouble)
        await ada.say("hello")
        await ada.hear("accepted")
        assert [event["reason"] for event in world.events("no search")] == [store.trouble]


def test_an_entry_is_the_same_bytes_from_memory_and_from_a_file() -> None:
    """A default is left out if it is the very same object, and a file gives another."""
    kinds = ["text", bytearray(b"text").decode()]
    entries = [
        Entry(log="lobby", seq=1, nick="a", text="x", ts=1.0, kind=kind) for kind in kinds
    ]
    said = {encode([as_wire("lobby", entry)]) for entry in entries}
    assert len(said) == 1
