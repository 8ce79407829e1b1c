"""The crowd: small talk among friends, and an answer for whoever speaks to them."""

import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

import trio

from simulator import virtual
from simulator.bots import smalltalk
from simulator.crowd import crowd
from simulator.recorder import Recorder
from simulator.virtual_stage import ADDRESS, VirtualStage
from trio_chat import Client, open_client
from trio_chat.client.events import Entry, Members
from trio_chat.protocol import names

T = TypeVar("T")


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


Guest = Callable[[], Coroutine[Any, Any, T]]
Trouble = Callable[[VirtualStage], Awaitable[None]]


async def nothing(_stage: VirtualStage) -> None:
    pass


def at_a_party(
    guest: Guest[T],
    *,
    bots: int = 3,
    crowds: int = 1,
    pace_s: float = 60,
    first_s: float = 5,
    trouble: Trouble = nothing,
) -> T:
    """What a guest tells of a party in a world, to which it comes after `first_s`."""

    async def attend(seed: int) -> None:
        await crowd(
            ADDRESS,
            room="lobby",
            bots=bots,
            pace_s=pace_s,
            rng=random.Random(seed),
            show=lambda _line: None,
        )

    async def party(world: virtual.World) -> T:
        recorder = Recorder(lambda: world.now_s, world.waker())
        stage = VirtualStage(world, recorder, on_disk=False)
        await stage.start_server()
        for seed in range(crowds):
            world.node(f"crowd {seed}").start(attend, seed)
        await trio.sleep(first_s)
        await trouble(stage)
        told: T = await world.node("guest").run(guest)
        return told

    return cast("T", virtual.run(party, seed=1).value)


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


def test_whoever_comes_is_greeted_by_one_of_them() -> None:
    """Once, by name."""

    async def guest() -> list[Entry]:
        async with open_client(ADDRESS, nick="guest", history=0) as guest:
            return await heard_by(guest, within_s=10)

    (greeting,) = at_a_party(guest)
    assert "guest" in greeting.text


def test_whoever_is_spoken_to_answers() -> None:
    """One answers what was said to all; in private what was said in private."""

    async def answers(guest: Client, room: str, text: str) -> list[Entry]:
        await guest.say(room, text)
        return [entry for entry in await heard_by(guest, 5) if entry.nick != "guest"]

    async def guest() -> None:
        async with open_client(ADDRESS, nick="guest", history=0) as guest:
            others = [nick for nick in await members(guest) if nick != "guest"]
            assert len(others) == 3
            await heard_by(guest, within_s=10)
            one = await answers(guest, "lobby", f"what do you think, {others[1]}?")
            assert [entry.nick for entry in one] == [others[1]]
            assert len(await answers(guest, "lobby", "hello everybody")) == 1
            private = await answers(guest, f"@{others[2]}", "psst")
            assert [(entry.nick, entry.direct) for entry in private] == [(others[2], True)]

    at_a_party(guest)


def test_a_name_that_is_taken_is_left_to_its_owner() -> None:
    """Two crowds get along."""
    everyone = set(smalltalk.NAMES)

    async def guest() -> set[str]:
        async with open_client(ADDRESS, nick="guest") as guest:
            return set(await members(guest)) - {"guest"}

    there = at_a_party(guest, bots=len(everyone) - 4, crowds=2, first_s=60)
    assert len(there) == 2 * (len(everyone) - 4)
    assert everyone < there


def test_they_come_back_after_a_restart() -> None:
    """And go on talking."""

    async def restart(stage: VirtualStage) -> None:
        await stage.kill_server()
        await trio.sleep(30)
        await stage.start_server()
        await trio.sleep(30)

    async def guest() -> None:
        async with open_client(ADDRESS, nick="guest", history=0) as guest:
            assert len(await members(guest)) == 4
            assert len(await heard_by(guest, within_s=60)) > 5

    at_a_party(guest, pace_s=5, trouble=restart)
