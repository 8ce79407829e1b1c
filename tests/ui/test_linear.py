"""A conversation that is read aloud: what is typed, what is heard, each line once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from tests.ui.harness import ScriptedClient, entry
from trio_chat.client.events import (
    Accepted,
    Entry,
    Joined,
    Left,
    Members,
    Opened,
    Refused,
    Status,
)
from trio_chat.sanitise import Drawn
from trio_chat.ui.commands import COMMANDS
from trio_chat.ui.hearing import LOSS_TOLD_S
from trio_chat.ui.linear import GREETING, Linear, Surroundings


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)


class Talk:
    """A linear conversation, its keyboard and what was read aloud."""

    def __init__(self) -> None:
        self.client = ScriptedClient()
        self.aloud: list[str] = []
        self._type, typed = trio.open_memory_channel[str](100)
        around = Surroundings(lines=typed, show=self._show, now=lambda: 0.0)
        self.linear = Linear(self.client, "lobby", around)
        self.ended = False

    async def _show(self, text: Drawn) -> None:
        await trio.lowlevel.checkpoint()
        self.aloud += text.removesuffix("\n").split("\n")

    async def run(self) -> None:
        await self.linear.run(2.0)
        self.ended = True

    async def said(self, *lines: str) -> list[str]:
        """What is read aloud when these were typed."""
        for line in lines:
            self._type.send_nowait(line)
        return await self.heard()

    async def heard(self) -> list[str]:
        """What was read aloud since."""
        await trio.sleep(0.1)  # on virtual time
        heard, self.aloud = self.aloud, []
        return heard

    async def go_online(self) -> None:
        self.client.state = "online"
        self.client.tell(
            Status("online", "connected as ada"),
            Opened("lobby", 0, 0),
            Members("lobby", ("ada", "bob")),
        )
        await self.heard()

    def end(self) -> None:
        self._type.close()


@asynccontextmanager
async def open_talk() -> AsyncIterator[Talk]:
    talk = Talk()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.run)
        await trio.sleep(0.1)  # on virtual time
        yield talk
        nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def _virtual_time(autojump_clock: MockClock) -> None:
    """No test waits."""


async def test_it_says_how_it_is_used_and_each_event_is_one_line(
    autojump_clock: MockClock,
) -> None:
    async with open_talk() as talk:
        assert await talk.heard() == [GREETING]
        talk.client.state = "online"
        talk.client.tell(
            Status("online", "connected as ada"),
            Opened("lobby", 0, 0),
            Members("lobby", ("ada", "bob")),
            entry(1, "hello"),
        )
        assert await talk.heard() == ["connected as ada", "#lobby", "bob: hello"]


async def test_what_one_types_is_said_and_not_read_aloud_again(
    autojump_clock: MockClock,
) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        assert await talk.said("hi", "//me", "/me waves") == []
        assert talk.client.said == [
            ("lobby", "text", "hi"),
            ("lobby", "text", "/me"),
            ("lobby", "me", "waves"),
        ]
        talk.client.tell(entry(1, "hi", "ada"), entry(2, "hi", "ada"))
        assert await talk.heard() == ["ada: hi"]  # the second came from elsewhere


async def test_what_is_said_to_one_alone_is_read_aloud(autojump_clock: MockClock) -> None:
    """Who says something in private hears that it was."""
    async with open_talk() as talk:
        await talk.go_online()
        await talk.said("/msg bob psst")
        talk.client.tell(Entry("@", 1, "ada", "psst", 0.0, to="bob"))
        assert await talk.heard() == ["ada, to bob alone: psst"]


async def test_who_comes_and_goes_is_said_once_and_who_is_back_at_once_not_at_all(
    autojump_clock: MockClock,
) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        talk.client.tell(Left("lobby", "bob", "timed out"), Joined("lobby", "bob"))
        talk.client.tell(Joined("lobby", "cy"), Joined("lobby", "dee"))
        await trio.sleep(3)
        assert await talk.heard() == ["cy, dee joined"]


async def test_a_link_that_flaps_is_silent_and_a_loss_is_one_sentence(
    autojump_clock: MockClock,
) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        for reason in ("gone", "refused"):
            talk.client.tell(Status("offline", f"{reason}; trying again in 1 s", 1.0))
            await trio.sleep(LOSS_TOLD_S / 3)
        assert await talk.heard() == []
        await trio.sleep(LOSS_TOLD_S)
        what = "It is tried until it works; what you type is kept, and sent then"
        assert await talk.heard() == [f"no link: refused. {what}"]
        talk.client.tell(Status("online", "connected"))
        assert await talk.heard() == ["connected"]


async def test_a_line_that_waits_is_told_and_so_is_that_it_is_sent(
    autojump_clock: MockClock,
) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        talk.client.state = "offline"
        talk.client.tell(Status("offline", "gone"))
        assert await talk.said("one") == ["1 line waits for the link"]
        assert await talk.said("two") == ["2 lines wait for the link"]
        assert await talk.said("/cancel") == ["taken back: two"]
        talk.client.state = "online"
        talk.client.tell(Status("online", "connected"), Accepted("lobby", 1, 1))
        assert await talk.heard() == ["what waited is sent"]


async def test_what_can_not_be_done_is_said(autojump_clock: MockClock) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        assert await talk.said("/nosuch") == [
            "there is no /nosuch: /help lists what there is"
        ]
        too_long = await talk.said("x" * 20_000)
        assert too_long[0].startswith("not sent: ")
        assert await talk.said("/edit") == [
            "you have said nothing here yet: ^N names a line by its number"
        ]
        talk.client.tell(Refused("slow_down", "too much", "lobby", 1, "hi"))
        assert await talk.heard() == ["not sent: too much", "it was: hi"]


async def test_a_line_to_be_changed_is_read_aloud_as_it_has_to_be_typed(
    autojump_clock: MockClock,
) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        talk.client.tell(entry(1, "deploy at five", "ada"))
        await talk.heard()
        assert await talk.said("/edit") == ["it is /edit ^1 deploy at five"]


async def test_other_rooms_are_heard_of_and_gone_to(autojump_clock: MockClock) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        assert await talk.said("/join dev") == []
        talk.client.tell(Opened("dev", 0, 0), Opened("lobby", 0, 0))
        assert await talk.heard() == ["#dev"]
        talk.client.tell(entry(1, "one"), entry(2, "two"), entry(3, "ada: come"))
        assert await talk.heard() == [
            "something new in #lobby",
            "bob calls you in #lobby, ada: come",
        ]
        assert await talk.said("/join lobby") == [
            "#lobby, 3 new while you were away, 1 for you",
            "bob: one",
            "bob: two",
            "bob: ada: come",
        ]
        assert await talk.said("/join lobby") == ["you are in #lobby"]


async def test_every_command_is_understood(autojump_clock: MockClock) -> None:
    async with open_talk() as talk:
        await talk.go_online()
        listed = await talk.said("/help")
        assert [line.split()[0].rstrip(",") for line in listed] == [
            f"/{each.name}" for each in COMMANDS
        ]
        assert await talk.said("/help react") == [
            "/react [^N] EMOJI, react to a line; again: take it back"
        ]
        assert await talk.said("/who") == ["2 in #lobby: ada, bob"]
        assert await talk.said("/outbox") == ["nothing waits to be sent"]
        assert await talk.said("/unread") == ["nothing is unread"]
        assert await talk.said("/mute") == ["#lobby does not call you: /unmute ends that"]
        assert await talk.said("/unmute") == ["#lobby calls you"]
        assert await talk.said("/unmute dev") == ["#dev is not muted"]
        assert await talk.said("/search") == ["it is /search WORDS: what do you look for?"]


async def test_it_ends_with_what_is_typed_or_with_quit(autojump_clock: MockClock) -> None:
    for leave in (Talk.end, lambda talk: talk._type.send_nowait("/quit")):
        async with open_talk() as talk:
            await talk.go_online()
            await talk.said("last")
            leave(talk)
            await talk.heard()
            assert not talk.ended  # the last answer is a moment away
            talk.client.tell(Accepted("lobby", 1, 1))
            await talk.heard()
            assert talk.ended
