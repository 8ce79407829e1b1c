"""The crowd: small talk among friends, and an answer for whoever speaks to them."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from simulator.bots import smalltalk
from simulator.crowd import crowd
from tests.simulator.inside import ADDRESS, InsideServer, open_inside_server, virtual_time
from trio_chat import Client, open_client
from trio_chat.client.events import Entry, Members
from trio_chat.protocol import names


def test_everybody_has_a_name_that_a_server_takes() -> None:
    """And each another one."""
    assert [names.nick(name) for name in smalltalk.NAMES] == list(smalltalk.NAMES)
    assert len({names.same(name) for name in smalltalk.NAMES}) == len(smalltalk.NAMES)


def test_nobody_answers_himself() -> None:
    """A thread is a conversation: the next line is somebody else's."""
    rng = random.Random(1)
    for thread in smalltalk.THREADS:
        spoken = smalltalk.cast(rng, thread, ["ada", "ben", "cyd"])
        nicks = [nick for nick, _line in spoken]
        assert len(spoken) == len(thread)
        assert all(nick != before for nick, before in zip(nicks[1:], nicks, strict=False))
        assert not any("{" in line for _nick, line in spoken)


def test_who_is_alone_can_talk_all_the_same() -> None:
    """A crowd of one."""
    assert smalltalk.cast(random.Random(1), ["a", "b"], ["ada"]) == [
        ("ada", "a"),
        ("ada", "b"),
    ]


def test_a_mention_is_a_word_not_a_part_of_one() -> None:
    """`June` is june, `juneau` is a town."""
    assert smalltalk.mentions("hey June, how are you?", "june")
    assert smalltalk.mentions("@june!", "june")
    assert not smalltalk.mentions("off to juneau", "june")


def test_an_answer_names_nobody_of_the_crowd() -> None:
    """Two crowds in one room would answer each other for ever."""
    rng = random.Random(1)
    for said in ("hello june", "thanks!", "what do you think?"):
        for _ in range(50):
            answered = smalltalk.answer(rng, said)
            assert not any(smalltalk.mentions(answered, name) for name in smalltalk.NAMES)


@asynccontextmanager
async def open_party(bots: int = 3, pace_s: float = 60) -> AsyncIterator[InsideServer]:
    """A server with a crowd on it."""
    async with open_inside_server() as server, trio.open_nursery() as nursery:
        await server.start()

        async def attend() -> None:
            await crowd(
                ADDRESS,
                room="lobby",
                bots=bots,
                pace_s=pace_s,
                rng=random.Random(1),
                show=lambda _line: None,
                dial=server.dial,
            )

        nursery.start_soon(attend)
        await trio.sleep(5)
        yield server
        nursery.cancel_scope.cancel()


async def members(client: Client) -> tuple[str, ...]:
    async for event in client:
        if isinstance(event, Members):
            return event.nicks
    raise AssertionError("nobody told who is there")


async def heard_by(client: Client, within_s: float) -> list[Entry]:
    entries = []
    with trio.move_on_after(within_s):
        async for entry in client.entries():
            entries.append(entry)  # noqa: PERF401 (what came before the end counts)
    return entries


@virtual_time
async def test_whoever_comes_is_greeted_by_one_of_them() -> None:
    """Once, by name."""
    async with (
        open_party() as server,
        open_client(ADDRESS, nick="guest", history=0, dial=server.dial) as guest,
    ):
        greetings = await heard_by(guest, within_s=10)
    assert len(greetings) == 1
    assert "guest" in greetings[0].text


@virtual_time
async def test_whoever_is_spoken_to_answers() -> None:
    """One answers what was said to all; in private what was said in private."""
    async with (
        open_party() as server,
        open_client(ADDRESS, nick="guest", history=0, dial=server.dial) as guest,
    ):
        others = [nick for nick in await members(guest) if nick != "guest"]
        assert len(others) == 3
        await heard_by(guest, within_s=10)
        await guest.say("lobby", f"what do you think, {others[1]}?")
        answers = [entry for entry in await heard_by(guest, 5) if entry.nick != "guest"]
        assert [entry.nick for entry in answers] == [others[1]]
        await guest.say("lobby", "hello everybody")
        answers = [entry for entry in await heard_by(guest, 5) if entry.nick != "guest"]
        assert len(answers) == 1
        await guest.say(f"@{others[2]}", "psst")
        answers = [entry for entry in await heard_by(guest, 5) if entry.nick != "guest"]
        assert [(entry.nick, entry.direct) for entry in answers] == [(others[2], True)]


@virtual_time
async def test_a_name_that_is_taken_is_left_to_its_owner() -> None:
    """Two crowds get along."""
    everyone = set(smalltalk.NAMES)
    async with open_inside_server() as server, trio.open_nursery() as nursery:
        await server.start()

        async def attend(seed: int) -> None:
            await crowd(
                ADDRESS,
                room="lobby",
                bots=len(everyone) - 4,
                pace_s=60,
                rng=random.Random(seed),
                show=lambda _line: None,
                dial=server.dial,
            )

        nursery.start_soon(attend, 1)
        nursery.start_soon(attend, 2)
        await trio.sleep(60)
        async with open_client(ADDRESS, nick="guest", dial=server.dial) as guest:
            there = set(await members(guest)) - {"guest"}
        nursery.cancel_scope.cancel()
    assert len(there) == 2 * (len(everyone) - 4)
    assert everyone < there


@virtual_time
async def test_they_come_back_after_a_restart() -> None:
    """And go on talking."""
    async with open_party(pace_s=5) as server:
        await server.kill()
        await trio.sleep(30)
        await server.start()
        await trio.sleep(30)
        async with open_client(ADDRESS, nick="guest", history=0, dial=server.dial) as guest:
            assert len(await members(guest)) == 4
            assert len(await heard_by(guest, within_s=60)) > 5
