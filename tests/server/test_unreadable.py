"""What can't be read: the whole store, for a moment or longer, or a single log."""

import random

import pytest
import trio
from trio.testing import MockClock

from tests.server.harness import open_world
from tests.server.test_journal import draft
from trio_chat.addresses import Address
from trio_chat.client import Client, open_client
from trio_chat.client.events import Closed, Entry, Refused, Status
from trio_chat.client.outbox import Outbox
from trio_chat.errors import StoreError
from trio_chat.store import Entry as Stored
from trio_chat.store import MemoryStore, fingerprint

MISSING = "it can't be read: 5 of #old is missing in the data file"


class Unreadable(MemoryStore):
    """Fails at reading so many times, and at whatever else it is asked, while told to."""

    def __init__(self, times: int) -> None:
        super().__init__("e")
        self.times = times
        self.wholly = False

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Stored]:
        if self.times:
            self.times -= 1
            raise StoreError("a page is broken")
        return await super().read(log, after=after, through=through, limit=limit)

    async def trimmed(self, log: str) -> int:
        if self.wholly:
            raise StoreError("disk I/O error")
        return await super().trimmed(log)


class Holed(MemoryStore):
    """Has lost the fifth entry of a log."""

    def __init__(self, log: str) -> None:
        super().__init__("e")
        self.log = log

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Stored]:
        whole = await super().read(log, after=after, through=through, limit=limit)
        return [each for each in whole if (each.log, each.seq) != (self.log, 5)]


async def filled(store: MemoryStore, log: str) -> None:
    for n in range(1, 11):
        await store.append([draft(n, log)], 1.0)


async def test_a_store_that_cannot_be_read_ends_who_waits_for_it(
    autojump_clock: MockClock,
) -> None:
    store = Unreadable(times=1_000)
    await filled(store, "lobby")
    store.wholly = True
    async with open_world(store) as world:
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 0})
        assert (await ada.hear("error"))["code"] == "store_failed"
        assert await ada.ended()


async def test_a_store_that_cannot_be_read_for_a_moment_is_noticed_by_nobody(
    autojump_clock: MockClock,
) -> None:
    store = Unreadable(times=2)
    await filled(store, "lobby")
    async with open_world(store) as world:
        ada = await world.person("ada", "elsewhere")
        await ada.send({"t": "join", "room": "lobby", "after": 8})
        assert await ada.texts(2) == [(9, "9"), (10, "10")]


async def test_a_hole_in_one_log_ends_that_room_for_who_reads_there_and_no_link(
    autojump_clock: MockClock,
) -> None:
    store = Holed("old")
    await filled(store, "old")
    async with open_world(store) as world:
        bob = await world.person("bob", "lobby", device="B")
        ada = await world.person("ada", "lobby", device="A")
        await bob.send({"t": "join", "room": "old", "after": 10})
        await ada.send({"t": "join", "room": "old", "after": 4})
        left = await ada.hear("left")
        assert (left["room"], left["nick"], left["reason"]) == ("old", "ada", MISSING)
        assert (await bob.hear("left"))["reason"] == MISSING
        await ada.say("the rest goes on")
        assert await ada.texts(1) == await bob.texts(1) == [(1, "the rest goes on")]
        # What was said behind the hole is there for who asks for no more than that.
        await ada.send({"t": "join", "room": "old", "after": 5})
        assert len(await ada.texts(5)) == 5
        (told,) = world.events("log unreadable")
        assert told["where"] == "#old"


@pytest.mark.parametrize("after_s", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("after", [2, 10])
async def test_who_wants_nothing_more_of_an_unreadable_log_stays_a_member_and_hears_nothing(
    autojump_clock: MockClock, after_s: float, after: int
) -> None:
    class Slow(Unreadable):
        async def trimmed(self, log: str) -> int:
            await trio.sleep(0.6)
            return await super().trimmed(log)

        async def read(
            self, log: str, *, after: int, through: int, limit: int
        ) -> list[Stored]:
            if after < 10 and not self.times:
                await trio.sleep(1)
                raise StoreError("a page is broken")
            return await super().read(log, after=after, through=through, limit=limit)

    store = Slow(times=3)
    await filled(store, "old")
    async with open_world(store) as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        join = {"t": "join", "room": "old"}
        await ada.send({**join, "after": 2})
        await trio.sleep(after_s)
        # As a client that was held, or that has asked for the end of the log meanwhile.
        hold = {"t": "hold", "room": "old"}
        await ada.send({**join, "after": after}, hold)
        await bob.send({**join, "after": 10})
        await trio.sleep(10)
        await bob.say("hi", room="old")
        await bob.send({"t": "who", "room": "old"})
        heard = await ada.rest()
        assert not [m for m in heard if m["t"] == "left"]
        assert len([m for m in heard if m["t"] == "room" and m["room"] == "old"]) == 1
        assert not [m for m in heard if m["t"] == "entry" and m["seq"] > 10]
        assert "ada" in [m for m in await bob.rest() if m["t"] == "members"][-1]["nicks"]


async def test_what_a_damaged_page_says_of_the_machine_is_for_the_console_alone(
    autojump_clock: MockClock,
) -> None:
    store = Unreadable(times=1_000)
    await filled(store, "lobby")
    async with open_world(store) as world:
        ada = world.dial()
        await ada.send(
            {"t": "hello", "v": 1, "nick": "ada"}, {"t": "join", "room": "lobby"}
        )
        reason = "it can't be read: the data file is damaged there"
        assert (await ada.hear("left"))["reason"] == reason
        assert world.events("log unreadable")[0]["reason"] == "a page is broken"


@pytest.mark.parametrize("inbox", [False, True])
async def test_a_client_uses_its_other_rooms_over_one_link(
    autojump_clock: MockClock, inbox: bool
) -> None:
    log = f"@{fingerprint('A')}" if inbox else "old"
    store = Holed(log)
    await filled(store, log)
    heard: list[object] = []

    async def listen(client: Client) -> None:
        while True:
            heard.extend(await client.all_waiting())

    async with open_world(store) as world:

        async def dial(_: Address) -> trio.abc.Stream:
            stream: trio.abc.Stream = world.dial().stream
            return stream

        async with (
            open_client(
                nick="ada",
                rooms=["lobby", "old"],
                outbox=Outbox(device="A"),
                dial=dial,
                rng=random.Random(1),
            ) as ada,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(listen, ada)
            await trio.sleep(60)
            await ada.say("lobby", "still here")
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
    assert (
        sum(isinstance(event, Status) and event.state == "online" for event in heard) == 1
    )
    assert [event.text for event in heard if isinstance(event, Entry)][-1] == "still here"
    if inbox:
        (told,) = (event for event in heard if isinstance(event, Refused))
        assert told.code == "store_failed"
        assert told.reason.startswith(
            "your direct messages: it can't be read: 5 of the inbox"
        )
        assert ada.rooms == ("lobby", "old")
    else:
        assert Closed("old", MISSING) in heard
        assert ada.rooms == ("lobby",)
