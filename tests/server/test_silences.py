"""Who says nothing is asked, and then given up; who had no chance to speak is neither."""

import gc
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from tests.server.harness import open_world
from trio_chat.server.silences import Silences
from trio_chat.store import Draft, MemoryStore, Outcome

HEARTBEAT_S = 15.0


@dataclass(eq=False)
class Quiet:
    """A peer."""

    heard: list[tuple[str, float]] = field(default_factory=list)

    def ask(self) -> None:
        self.heard.append(("ask", trio.current_time()))

    def give_up(self) -> None:
        self.heard.append(("give up", trio.current_time()))


@pytest.fixture
async def silences(autojump_clock: MockClock, nursery: trio.Nursery) -> Silences:
    silences = Silences(HEARTBEAT_S)
    nursery.start_soon(silences.run)
    return silences


async def test_who_is_silent_is_asked_after_one_heartbeat_and_given_up_after_two(
    autojump_clock: MockClock,
    silences: Silences,
) -> None:
    one, other = Quiet(), Quiet()
    begun_s = trio.current_time()
    silences.begin(one)
    await trio.sleep(4)
    silences.begin(other)
    await trio.sleep(100)
    assert one.heard == [("ask", begun_s + 15), ("give up", begun_s + 30)]
    assert other.heard == [("ask", begun_s + 19), ("give up", begun_s + 34)]


async def test_whoever_is_heard_has_all_its_time_again(
    autojump_clock: MockClock, silences: Silences
) -> None:
    one = Quiet()
    begun_s = trio.current_time()
    silences.begin(one)
    await trio.sleep(14)
    silences.begin(one)
    await trio.sleep(16)  # asked, 29 s after the beginning
    silences.begin(one)
    await trio.sleep(14)
    assert one.heard == [("ask", begun_s + 29)]
    silences.end(one)
    await trio.sleep(100)
    assert len(one.heard) == 1


async def test_who_waits_for_the_disk_is_not_taken_for_dead(
    autojump_clock: MockClock,
) -> None:
    class Slow(MemoryStore):
        async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
            await trio.sleep(100)
            return await super().append(drafts, ts)

    async with open_world(Slow("e"), heartbeat_s=15, hello_s=10) as world:
        ada = await world.person("ada")
        await ada.say("hi")
        with trio.fail_after(101):
            assert (await ada.line() or {})["t"] == "entry"
            assert (await ada.line() or {})["t"] == "accepted"
        await ada.send({"t": "ping"})
        assert (await ada.line() or {})["t"] == "pong"


async def test_a_peer_that_says_nothing_is_made_of_little(
    autojump_clock: MockClock,
) -> None:
    """It is counted, for each hundred bytes of one are a megabyte of ten thousand."""

    def counted() -> Counter[str]:
        gc.collect()
        return Counter(type(each).__name__ for each in gc.get_objects())

    count = 20
    async with open_world(heartbeat_s=1_000) as world:
        links = [await world.person("first", device="first")]
        await trio.sleep(100)  # until no timer of theirs is remembered
        before = counted()
        links += [await world.person(f"p{n}", device=f"d{n}") for n in range(count)]
        await trio.sleep(100)
        more = counted()
        more.subtract(before)
    each = {name: amount / count for name, amount in more.items()}
    assert each["Peer"] == each["Outgoing"] == each["Task"] == 1
    assert each["CancelScope"] <= 1.1
    # Four of the memory stream and its reader, which a socket has not.
    assert each["coroutine"] <= 5 + 4
    for name in ("Nursery", "Pager", "MemoryChannelState", "Event"):
        assert each.get(name, 0) == 0, name
