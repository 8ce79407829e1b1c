"""Whatever one peer sends: it is told what is wrong, and the others notice nothing."""

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.server.harness import Json, open_world
from trio_chat.server.hub import Hub

HELLO: Json = {"t": "hello", "v": 1, "nick": "mallory"}
TOO_LONG = b'{"t":"say","room":"lobby","n":1,"text":"' + b"x" * 70_000 + b'"}\n'

ERRORS: dict[str, tuple[bytes, str, bool]] = {
    "not JSON": (b"hello?\n", "not_json", False),
    "half an object": (b'{"t":"say"\n', "not_json", False),
    "an array": (b"[1,2]\n", "not_json", False),
    "nested too deeply": (b'{"t":"who","x":' + b"[" * 30_000 + b"\n", "not_json", False),
    "no tag": (b'{"room":"lobby"}\n', "bad_message", False),
    "unknown tag": (b'{"t":"zap"}\n', "unknown_type", False),
    "wrong type": (b'{"t":"say","room":7,"n":1,"text":"a"}\n', "bad_message", False),
    "number too small": (
        b'{"t":"say","room":"lobby","n":0,"text":"a"}\n',
        "bad_message",
        False,
    ),
    "number too large": (
        b'{"t":"say","room":"lobby","n":1e300,"text":"a"}\n',
        "bad_message",
        False,
    ),
    "not UTF-8": (b'{"t":"say","room":"lobby","n":1,"text":"\xff"}\n', "bad_utf8", False),
    "half a surrogate": (
        b'{"t":"say","room":"lobby","n":1,"text":"\\ud800"}\n',
        "not_json",
        False,
    ),
    "hello twice": (b'{"t":"hello","v":1,"nick":"x"}\n', "out_of_place", False),
    "a line that is too long": (TOO_LONG, "line_too_long", True),
    "a line that never ends": (b"x" * 200_000, "line_too_long", True),
}

NAMES = {
    "empty": "",
    "too long": "x" * 33,
    "spaces": "a b",
    "only spaces": "   ",
    "control character": "a\x07b",
    "escape sequence": "\x1b[31mred",
    "C1 control": "a\x9bb",
    "newline": "a\nb",
    "bidi override": "abc\u202edef",
    "zero width": "a\u200bb",
    "blank letter": "\u3164",
    "an at sign": "@ada",
}


@pytest.mark.parametrize("case", ERRORS)
async def test_a_bad_line_is_answered_by_its_code(
    autojump_clock: MockClock, case: str
) -> None:
    data, code, ends = ERRORS[case]
    async with open_world() as world:
        ada = await world.person("ada")
        mallory = await world.person("mallory")
        await mallory.send(data)
        error = await mallory.hear("error")
        assert (error["code"], error.get("end", False)) == (code, ends)
        assert error["reason"]
        if ends:
            assert await mallory.ended()
        else:
            await mallory.say("still here")
            assert await ada.texts(1) == [(1, "still here")]
        await ada.say("and so am I")
        assert (await ada.hear("accepted"))["n"] == 1


@pytest.mark.parametrize("case", NAMES)
async def test_a_nick_that_cannot_be_one_is_refused_and_another_may_follow(
    autojump_clock: MockClock,
    case: str,
) -> None:
    async with open_world() as world:
        mallory = world.dial()
        await mallory.send({**HELLO, "nick": NAMES[case]})
        assert (await mallory.hear("refused"))["code"] == "bad_nick"
        await mallory.send(HELLO)
        assert (await mallory.hear("welcome"))["nick"] == "mallory"


@pytest.mark.parametrize("case", NAMES)
async def test_a_room_that_cannot_be_one_is_refused(
    autojump_clock: MockClock, case: str
) -> None:
    async with open_world() as world:
        mallory = await world.person("mallory")
        await mallory.send({"t": "join", "room": NAMES[case]})
        assert (await mallory.hear("refused"))["code"] == "bad_room"
        await mallory.say("still here")
        assert (await mallory.hear("accepted"))["seq"] == 1


async def test_a_taken_nick_is_refused_whatever_its_case(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        await world.person("Ada")
        second = world.dial()
        await second.send({"t": "hello", "v": 1, "nick": "aDA"})
        assert (await second.hear("refused"))["code"] == "nick_taken"
        await second.send({"t": "hello", "v": 1, "nick": "ada2"})
        await second.hear("welcome")


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"t": "say", "room": "lobby", "n": 1, "text": "a"}], "out_of_place"),
        ([{"t": "join", "room": "lobby"}], "out_of_place"),
        ([{"t": "hello", "v": 0, "nick": "a"}], "version"),
    ],
)
async def test_before_the_welcome_only_a_hello_counts(
    autojump_clock: MockClock, messages: list[Json], code: str
) -> None:
    async with open_world() as world:
        mallory = world.dial()
        await mallory.send(*messages)
        assert (await mallory.hear("error"))["code"] == code


@pytest.mark.parametrize("sent", [b"", b'{"t":"hel', b"\n\n\n", b'{"t":"ping"}\n'])
async def test_who_never_says_hello_is_ended_in_time(
    autojump_clock: MockClock, sent: bytes
) -> None:
    async with open_world(hello_s=10) as world:
        mallory = world.dial()
        await mallory.send(sent)
        start = trio.current_time()
        assert (await mallory.hear("error"))["code"] == "hello_timeout"
        assert trio.current_time() - start == pytest.approx(10)
        assert await mallory.ended()


async def test_half_a_line_and_then_silence_is_ended_within_two_heartbeats(
    autojump_clock: MockClock,
) -> None:
    async with open_world(heartbeat_s=15) as world:
        ada, mallory = await world.person("ada"), await world.person("mallory")
        await mallory.send(b'{"t":"say","room":"lob')
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_answer_pings, ada)
            await mallory.hear("ping")
            assert (await mallory.hear("error"))["code"] == "timed_out"
            assert trio.current_time() - start == pytest.approx(30)
            nursery.cancel_scope.cancel()
        left = await ada.hear("left")
        assert (left["nick"], left["reason"]) == ("mallory", "timed out")


async def _answer_pings(person: Any) -> None:
    while True:
        await trio.sleep(10)
        await person.send({"t": "pong"})


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"t": "say", "room": "attic", "n": 1, "text": "a"}, "not_joined"),
        ({"t": "say", "room": "@", "n": 1, "text": "a"}, "not_joined"),
        ({"t": "say", "room": "lobby", "n": 1, "text": ""}, "empty_text"),
        ({"t": "say", "room": "lobby", "n": 1, "text": "é" * 8_193}, "text_too_long"),
        ({"t": "direct", "to": "nobody", "n": 1, "text": "a"}, "no_such_nick"),
        ({"t": "leave", "room": "attic"}, "not_joined"),
        ({"t": "hold", "room": "attic"}, "not_joined"),
        ({"t": "who", "room": "attic"}, "not_joined"),
        ({"t": "nick", "nick": "a b"}, "bad_nick"),
        ({"t": "nick", "nick": "ada"}, "nick_taken"),
    ],
)
async def test_a_request_that_cannot_be_done_is_refused(
    autojump_clock: MockClock, request_: Json, code: str
) -> None:
    async with open_world() as world:
        await world.person("ada")
        mallory = await world.person("mallory")
        await mallory.send(request_)
        refused = await mallory.hear("refused")
        assert refused["code"] == code
        assert refused.get("n") == request_.get("n")


async def test_many_joins_at_once_leave_the_others_their_turns(
    autojump_clock: MockClock,
) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with open_world() as world, trio.open_nursery() as nursery:
        mallory = await world.person("mallory")
        join: Json = {"t": "join", "room": "lobby"}
        nursery.start_soon(take_turns)
        await mallory.send(*[join] * 500, {"t": "ping", "id": 7})
        assert (await mallory.hear("pong"))["id"] == 7
        assert turns >= 500
        nursery.cancel_scope.cancel()


async def test_one_room_too_many_is_refused(autojump_clock: MockClock) -> None:
    async with open_world(rooms_per_peer_max=3) as world:
        mallory = await world.person("mallory", "a", "b", "c")
        await mallory.send({"t": "join", "room": "d"})
        assert (await mallory.hear("refused"))["code"] == "too_many_rooms"


async def test_one_peer_too_many_is_told_so_and_ended(autojump_clock: MockClock) -> None:
    async with open_world(peers_max=1) as world:
        ada = await world.person("ada")
        late = world.dial()
        assert (await late.hear("error"))["code"] == "server_full"
        assert await late.ended()
        await ada.say("all well")
        assert await ada.texts(1) == [(1, "all well")]


async def test_an_identity_with_another_text_is_refused_and_changes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        say: Json = {"t": "say", "room": "lobby", "n": 7, "text": "one"}
        await ada.send(say, say, {**say, "text": "two"})
        assert await ada.texts(1) == [(1, "one")]
        assert [(await ada.hear("accepted"))["seq"] for _ in range(2)] == [1, 1]
        assert (await ada.hear("refused"))["code"] == "same_id_other_text"
        await ada.send({**say, "n": 8, "text": "next"})
        assert await ada.texts(1) == [(2, "next")]


async def test_unknown_fields_are_ignored(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada", caps=["from-the-future"], colour="red")
        line = {"t": "say", "room": "lobby", "n": 1, "text": "a", "mood": [1, {"x": None}]}
        await ada.send(json.dumps(line).encode() + b"\r\n\r\n")
        assert await ada.texts(1) == [(1, "a")]


async def test_a_bug_met_by_one_peer_ends_that_peer_alone(
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def buggy(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Hub, "leave", buggy)
    async with open_world() as world:
        ada, mallory = await world.person("ada"), await world.person("mallory")
        await mallory.send({"t": "leave", "room": "lobby"})
        assert await mallory.ended()
        assert (await ada.hear("left"))["nick"] == "mallory"
        await ada.say("all well")
        assert await ada.texts(1) == [(1, "all well")]
        assert len(world.events("bug")) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"t": "mark", "room": "lobby", "seq": 1},
        {"t": "hold", "room": "lobby"},
        {"t": "pong"},
    ],
    ids=["mark", "hold", "pong"],
)
async def test_what_nobody_answers_takes_a_turn_each_as_well(asked: Json) -> None:
    """One read holds thousands of them, and others wait for each of them once only."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with open_world() as world, trio.open_nursery() as nursery:
        eve = await world.person("eve")
        nursery.start_soon(others)
        turns = 0
        await eve.send(*[asked] * 500, {"t": "ping", "id": 5})
        await eve.hear("pong")
        assert turns >= 500
        nursery.cancel_scope.cancel()
