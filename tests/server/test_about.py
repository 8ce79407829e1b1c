"""Replies, edits, deletions and reactions: what is taken, refused and heard."""

from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from tests.server.harness import Json, Person, World, open_world
from trio_chat.store import MemoryStore, open_sqlite_store
from trio_chat.worker import open_inline_worker

LINE: Json = {"t": "say", "room": "lobby", "n": 2, "text": "x"}


async def say(person: Person, n: int, text: str, **more: Any) -> Json:
    """Say it in the lobby; the answer."""
    await person.send({"t": "say", "room": "lobby", "n": n, "text": text, **more})
    return await answer(person)


async def answer(person: Person) -> Json:
    while (message := await person.line()) is not None:
        if message["t"] in ("accepted", "refused", "error"):
            return message
    raise AssertionError("the link ended")


async def entries(person: Person, count: int) -> list[tuple[Any, ...]]:
    """The next entries: seq, kind, what they are about, text."""
    found = [await person.hear("entry") for _ in range(count)]
    return [(e["seq"], e.get("kind", "text"), e.get("ref"), e["text"]) for e in found]


async def two(world: World) -> tuple[Person, Person]:
    return await world.person("ada", device="a"), await world.person("bob", device="b")


async def test_everything_that_is_said_is_an_entry_of_its_own(
    autojump_clock: MockClock,
) -> None:
    """Nobody's log is written anew: the same for who was there and who comes later."""
    async with open_world() as world:
        ada, bob = await two(world)
        for n, (text, more) in enumerate(
            (
                ("one", {}),
                ("won", {"kind": "edit", "ref": 1}),
                ("", {"kind": "delete", "ref": 1}),
            ),
            start=1,
        ):
            assert (await say(ada, n, text, **more))["t"] == "accepted"
        assert (await say(bob, 1, "why?", ref=1))["t"] == "accepted"
        assert (await say(bob, 2, "👍", kind="react", ref=4))["t"] == "accepted"
        late = await world.person("cyd")
        expected = [
            (1, "text", None, "one"),
            (2, "edit", 1, "won"),
            (3, "delete", 1, ""),
            (4, "text", 1, "why?"),
            (5, "react", 4, "👍"),
        ]
        assert await entries(late, 5) == expected


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        ({"kind": "edit", "ref": 1}, "not_yours"),
        ({"kind": "delete", "ref": 1, "text": ""}, "not_yours"),
        ({"kind": "edit", "ref": 2}, "bad_ref"),
        ({"ref": 2}, "bad_ref"),
        ({"kind": "react", "ref": 2**53 - 1}, "bad_ref"),
        ({"kind": "edit"}, "bad_ref"),
        ({"kind": "delete", "text": ""}, "bad_ref"),
        ({"kind": "react"}, "bad_ref"),
        ({"kind": "unreact"}, "bad_ref"),
        ({"kind": "edit", "ref": 1, "text": ""}, "empty_text"),
        ({"kind": "react", "ref": 1, "text": ""}, "empty_text"),
        ({"kind": "react", "ref": 1, "text": "x" * 33}, "text_too_long"),
        ({"kind": "delete", "ref": 1, "text": "x"}, "text_too_long"),
        ({"kind": "sing", "ref": 1}, "bad_message"),
        ({"ref": 0}, "bad_message"),
    ],
)
async def test_what_can_not_be_said_about_an_entry_is_refused(
    autojump_clock: MockClock, draft: Json, code: str
) -> None:
    async with open_world() as world:
        ada, bob = await two(world)
        await say(ada, 1, "hers")
        await bob.send({**LINE, **draft})
        assert (await answer(bob))["code"] == code
        assert (await say(bob, 3, "goes on"))["seq"] == 2


async def test_a_refused_edit_is_refused_again(autojump_clock: MockClock) -> None:
    """As after a lost link: and its number is in no log."""
    async with open_world() as world:
        ada, bob = await two(world)
        await say(ada, 1, "hers")
        for _ in range(2):
            refused = await say(bob, 1, "mine", kind="edit", ref=1)
            assert refused["code"] == "not_yours"
        assert (await say(bob, 1, "mine"))["seq"] == 2


async def test_an_edit_that_is_sent_again_is_accepted_again(
    autojump_clock: MockClock,
) -> None:
    """Also when its room was left, and never as another one."""
    async with open_world() as world:
        ada, _ = await two(world)
        await say(ada, 1, "one")
        await say(ada, 2, "won", kind="edit", ref=1)
        await ada.send({"t": "leave", "room": "lobby"})
        assert (await say(ada, 2, "won", kind="edit", ref=1))["seq"] == 2
        other = await say(ada, 2, "won", ref=1)
        assert other["code"] == "same_id_other_text"


async def test_one_that_has_another_device_changes_nothing_of_its_own_nick(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, _ = await two(world)
        await say(ada, 1, "one")
        await ada.send({"t": "bye"})
        again = await world.person("ada", device="other")
        assert (await say(again, 1, "two", kind="edit", ref=1))["code"] == "not_yours"


@pytest.mark.parametrize("durable", [False, True])
async def test_in_direct_messages_each_sees_its_own_number(
    autojump_clock: MockClock, durable: bool, tmp_path: Path
) -> None:
    """Bob has had another message before: what is ada's first is his second."""
    if not durable:
        await direct_messages(MemoryStore("e"))
        return
    path = tmp_path / "chat.db"
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await direct_messages(store)


async def direct_messages(store: Any) -> None:
    async with open_world(store) as world:
        ada, bob = await two(world)
        cyd = await world.person("cyd", device="c")
        for person in (ada, bob):
            await person.send({"t": "join", "room": "@", "after": 0})
            await person.hear("room")

        async def tell(person: Person, to: str, n: int, text: str, **more: Any) -> Json:
            await person.send({"t": "direct", "to": to, "n": n, "text": text, **more})
            return await answer(person)

        await tell(cyd, "bob", 1, "hi")
        await tell(ada, "bob", 1, "deploy at five")
        await tell(ada, "bob", 2, "deploy at six", kind="edit", ref=1)
        await tell(bob, "ada", 1, "👍", kind="react", ref=2)
        assert (await entries(ada, 1)) == [(3, "react", 1, "👍")]
        await ada.send({"t": "join", "room": "@", "after": 0})
        assert await entries(ada, 3) == [
            (1, "text", None, "deploy at five"),
            (2, "edit", 1, "deploy at six"),
            (3, "react", 1, "👍"),
        ]
        await bob.send({"t": "join", "room": "@", "after": 0})
        assert await entries(bob, 4) == [
            (1, "text", None, "hi"),
            (2, "text", None, "deploy at five"),
            (3, "edit", 2, "deploy at six"),
            (4, "react", 2, "👍"),
        ]
        assert (await tell(bob, "ada", 2, "no", kind="edit", ref=2))["code"] == "not_yours"
        assert (await tell(bob, "cyd", 2, "look", ref=2))["code"] == "bad_ref"
        assert (await tell(bob, "nobody", 2, "oh", ref=2))["code"] == "no_such_nick"
