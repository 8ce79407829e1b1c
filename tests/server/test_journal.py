"""Order, group commit, and what happens when the disk fails."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import pytest
import trio
from trio.testing import MockClock, Sequencer

from tests.server.harness import Json, Unsure, open_world, recording
from trio_chat.errors import StoreError
from trio_chat.server.journal import Journal
from trio_chat.server.limits import Limits
from trio_chat.server.rhythm import MOMENT_S
from trio_chat.server.trouble import Trouble
from trio_chat.store import Draft, Entry, MemoryStore, Outcome, Store
from trio_chat.store.interface import Appended

OnDelivery: TypeAlias = Callable[[str, Sequence[Entry]], None]


class SlowStore(MemoryStore):
    """Every append takes a second; counts them, and fails while told to."""

    def __init__(self) -> None:
        super().__init__("e")
        self.appends: list[int] = []
        self.failing = False

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        self.appends.append(len(drafts))
        await trio.sleep(1)
        if self.failing:
            raise StoreError("the disk is full")
        return await super().append(drafts, ts)


def journal_of(store: Store, deliver: OnDelivery) -> Journal:
    trouble = Trouble(recording([]))
    return Journal(store, Delivered(deliver), lambda: 1.0, Limits(), trouble)


class Delivered:
    """Tells what is delivered; nothing else happens here."""

    def __init__(self, deliver: OnDelivery) -> None:
        self.deliver = deliver

    def moved_on(self, heads: Mapping[str, int]) -> None:
        raise AssertionError(f"nothing was in doubt: {heads}")


def draft(n: int, log: str = "lobby", device: str = "d") -> Draft:
    return Draft(log=log, device=device, n=n, nick="ada", text=f"{n}")


async def test_what_arrives_during_one_commit_shares_the_next(
    autojump_clock: MockClock,
) -> None:
    store = SlowStore()
    delivered: list[int] = []

    def deliver(log: str, entries: Sequence[Entry]) -> None:
        delivered.extend(entry.seq for entry in entries)

    journal = Journal(
        store, Delivered(deliver), lambda: 1.0, Limits(), Trouble(recording([]))
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        async with trio.open_nursery() as authors:
            authors.start_soon(journal.append, [draft(1)])
            await trio.sleep(0.5)
            for n in range(2, 12):
                authors.start_soon(journal.append, [draft(n, device=str(n))])
        journal.close()
    assert store.appends == [1, 10]
    assert delivered == list(range(1, 12))


async def test_who_was_in_the_last_batch_a_moment_ago_shares_the_next(
    autojump_clock: MockClock,
) -> None:
    batches: list[int] = []
    journal = journal_of(MemoryStore("e"), lambda _, entries: batches.append(len(entries)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        for turn in (1, 2):
            async with trio.open_nursery() as authors:
                authors.start_soon(journal.append, [draft(turn, device="ada")])
                if turn == 2:
                    await trio.sleep(MOMENT_S / 2)
                authors.start_soon(journal.append, [draft(turn, device="ben")])
        assert batches == [2, 2]
        begun_s = trio.current_time()
        await journal.append([draft(3, device="ada")])
        assert trio.current_time() - begun_s == pytest.approx(MOMENT_S), "ben says nothing"
        begun_s = trio.current_time()
        await journal.append([draft(4, device="ada")])
        assert trio.current_time() == begun_s, "and is waited for no more"
        assert batches == [2, 2, 1, 1]
        journal.close()


async def test_an_author_is_told_in_the_step_in_which_its_lines_are_delivered() -> None:
    steps: list[str] = []

    class Author:
        def hold(self) -> None:
            steps.append("hold")

        def answered(self, outcomes: Sequence[Outcome]) -> None:
            assert [outcome.seq for outcome in outcomes if isinstance(outcome, Appended)]
            steps.append("answered")

    journal = journal_of(MemoryStore("e"), lambda *_: steps.append("delivered"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        await journal.append([draft(1)], Author())
        assert steps == ["hold", "delivered", "answered"]
        journal.close()


async def test_a_cancelled_author_does_not_take_the_draft_back(
    autojump_clock: MockClock,
) -> None:
    store = SlowStore()
    journal = Journal(
        store, Delivered(lambda *_: None), lambda: 1.0, Limits(), Trouble(recording([]))
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        with trio.move_on_after(0.5) as impatience:
            await journal.append([draft(1)])
        assert impatience.cancelled_caught
        journal.close()
    assert await store.heads() == {"lobby": 1}


async def test_nobody_sees_a_line_before_it_is_stored(autojump_clock: MockClock) -> None:
    async with open_world(SlowStore()) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        start = trio.current_time()
        await ada.say("hi")
        await bob.texts(1)
        assert trio.current_time() - start == pytest.approx(1)


async def test_an_author_is_not_read_while_its_lines_wait_for_the_disk(
    autojump_clock: MockClock,
) -> None:
    store = SlowStore()
    async with open_world(store) as world:
        ada = await world.person("ada")
        for _ in range(3):
            await ada.say("hi")
        await ada.texts(3)
        assert len(store.appends) <= 3
        assert sum(store.appends) == 3


async def test_when_the_disk_fails_authors_are_told_and_nobody_sees_the_line(
    autojump_clock: MockClock,
) -> None:
    store = SlowStore()
    async with open_world(store) as world:
        ada = await world.person("ada", device="secret-of-ada")
        bob = await world.person("bob")
        store.failing = True
        line: Json = {"t": "say", "room": "lobby", "n": 1, "text": "hi"}
        await ada.send(line)
        error = await ada.hear("error")
        assert (error["code"], error["end"]) == ("store_failed", True)
        assert await ada.ended()
        assert world.events("store failed")[0]["reason"] == "the disk is full"
        store.failing = False
        again = await world.person("ada", device="secret-of-ada")
        await again.send(line)
        assert (await again.hear("accepted"))["seq"] == 1
        assert [m["seq"] for m in await bob.rest() if m["t"] == "entry"] == [1]


async def test_a_disk_that_fails_for_a_moment_is_noticed_by_nobody(
    autojump_clock: MockClock,
) -> None:
    """But for the console. The same drafts are tried again, under the same identities."""

    async with open_world(Unsure(errors=3)) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        for n in (1, 2):
            await ada.send({"t": "say", "room": "lobby", "n": n, "text": f"{n}"})
            assert (await ada.hear("accepted"))["seq"] == n
            assert await bob.texts(1) == [(n, f"{n}")]
        assert [event["times"] for event in world.events("store failed")] == [1]
        assert world.events("store works")[0]["after_s"] == pytest.approx(0.75)


async def test_nobody_waits_for_a_line_that_the_disk_does_not_take(
    autojump_clock: MockClock,
) -> None:
    """One damaged page, which only its author's lines need."""

    class Damaged(MemoryStore):
        async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
            if any(draft.device == "bad" for draft in drafts):
                raise StoreError("database disk image is malformed")
            return await super().append(drafts, ts)

    class Moved(Delivered):
        def moved_on(self, heads: Mapping[str, int]) -> None:
            pass

    moved, trouble = Moved(lambda *_: None), Trouble(recording([]))
    journal = Journal(Damaged("e"), moved, lambda: 1.0, Limits(), trouble)
    took_s: list[float] = []

    async def bad() -> None:
        for _ in range(3):
            with pytest.raises(StoreError, match="malformed"):
                await journal.append([draft(1, device="bad")])

    async def good(n: int) -> None:
        begun_s = trio.current_time()
        await journal.append([draft(n)])
        took_s.append(trio.current_time() - begun_s)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        nursery.start_soon(bad)
        for n in range(1, 40):
            await trio.sleep(0.1)
            await good(n)
        nursery.cancel_scope.cancel()
    assert len(took_s) == 39
    assert max(took_s) < 0.6


async def test_what_was_stored_in_spite_of_an_error_is_shown_once_and_in_order(
    autojump_clock: MockClock,
) -> None:
    """Also a copy, which no answer tells of; and its author has long gone."""

    class Lying(MemoryStore):
        lies = False

        async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
            outcomes = await super().append(drafts, ts)
            if self.lies:
                raise StoreError("disk I/O error")
            return outcomes

    store = Lying("e")
    async with open_world(store) as world:
        ada, bob = await world.person("ada"), await world.person("bob", "lobby", "den")
        cyd = await world.person("cyd", "den")
        await bob.send({"t": "join", "room": "@"})
        await bob.hear("room")
        store.lies = True
        line = {"t": "say", "room": "lobby", "n": 1, "text": "doubtful"}
        await ada.send(line, {"t": "direct", "to": "bob", "n": 2, "text": "psst"})
        assert await ada.ended()
        assert not [m for m in await bob.rest() if m["t"] == "entry"]
        store.lies = False
        await cyd.say("elsewhere", room="den")
        heard = [m for m in await bob.rest() if m["t"] == "entry"]
        assert sorted((m["room"], m["seq"], m["text"]) for m in heard) == [
            ("@", 1, "psst"),
            ("den", 1, "elsewhere"),
            ("lobby", 1, "doubtful"),
        ]
        await bob.say("and on")
        assert await bob.texts(1) == [(2, "and on")]


async def test_once_nothing_is_in_doubt_entries_are_delivered_and_not_read_again(
    autojump_clock: MockClock,
) -> None:
    class Counting(MemoryStore):
        """Fails once; counts how often it is asked how far the logs go."""

        failing = True
        asked = 0

        async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
            if self.failing:
                self.failing = False
                raise StoreError("disk I/O error")
            return await super().append(drafts, ts)

        async def heads(self) -> dict[str, int]:
            self.asked += 1
            return await super().heads()

    store = Counting("e")
    async with open_world(store) as world:
        ada = await world.person("ada")
        at_start = store.asked
        for n in (1, 2, 3):
            await ada.say(f"{n}")
            assert await ada.texts(1) == [(n, f"{n}")]
        assert store.asked - at_start == 1


async def test_trouble_is_told_once_a_minute_with_a_count(
    autojump_clock: MockClock,
) -> None:
    log: list[Json] = []
    trouble = Trouble(recording(log))
    for _ in range(90):
        trouble.tell(StoreError("the disk is full"), "lines")
        await trio.sleep(1)
    trouble.over("lines")
    trouble.over("lines")
    assert [(each["event"], each.get("times")) for each in log] == [
        ("store failed", 1),
        ("store failed", 60),
        ("store works", None),
    ]


async def test_trouble_is_over_when_no_part_of_it_is_left(
    autojump_clock: MockClock,
) -> None:
    """A full disk may have space for a session, and for no line."""
    log: list[Json] = []
    trouble = Trouble(recording(log))
    trouble.tell(StoreError("the disk is full"), "lines")
    trouble.over("sessions")
    await trio.sleep(20)
    trouble.tell(StoreError("the disk is full"), "sessions")
    trouble.over("sessions")
    assert [each["event"] for each in log] == ["store failed"]
    trouble.over("lines")
    assert (log[-1]["event"], log[-1]["after_s"]) == ("store works", 20)


async def test_who_fails_and_who_does_not_take_no_turns_on_the_console(
    autojump_clock: MockClock,
) -> None:
    log: list[Json] = []
    trouble = Trouble(recording(log))
    for _ in range(90):
        trouble.tell(StoreError("the disk is full"), "lines")
        trouble.over("lines")
        await trio.sleep(1)
    assert [each["event"] for each in log] == 2 * ["store failed", "store works"]


async def test_deliveries_keep_the_order_of_the_log_across_rooms(
    autojump_clock: MockClock,
) -> None:
    order: list[tuple[str, int]] = []

    def deliver(log: str, entries: Sequence[Entry]) -> None:
        order.extend((log, entry.seq) for entry in entries)

    journal = journal_of(MemoryStore("e"), deliver)
    steps = Sequencer()

    async def author(number: int) -> None:
        async with steps(number):
            await journal.append([draft(number + 1, "ab"[number % 2])])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        async with trio.open_nursery() as authors:
            for number in range(20):
                authors.start_soon(author, number)
        journal.close()
    for log in "ab":
        assert [seq for name, seq in order if name == log] == list(range(1, 11))
