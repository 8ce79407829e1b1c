"""The scenes: what is said and typed until there is something to see."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from docs.pictures.stage import Stage, Terminal

NARROW: Final = (40, 10)


async def room(stage: Stage) -> Any:
    """The client's face: a room, what is said about lines, and what waits elsewhere."""
    async with stage.bots("bob", "grace", rooms=("lobby", "dev", "ops")) as (bob, grace):
        await grace.say("lobby", "the build box is back, green since 9:14")
        async with stage.terminal("ops", "dev", "lobby") as ada:
            await ada.until_seen("green since")
            await bob.say("lobby", "nice. who restarted the chat server?")
            await grace.say("lobby", "raises a hand", kind="me")
            await ada.type(
                "I did, in the middle of my own sentence. Nothing lost\r",
                until="<ada> I did",
            )
            await bob.say("lobby", "\U0001f44d", kind="react", ref=4)
            await grace.say("lobby", "\U0001f44d", kind="react", ref=4)
            await ada.until_seen("bob, grace")
            asked = await bob.say("lobby", "so ada, we deploy at for?")
            await bob.say("lobby", "so ada, we deploy at four?", kind="edit", ref=asked)
            await grace.say("lobby", "yes, if the notes are in", ref=asked)
            await grace.say("lobby", "for the notes:\nkill -9 the server\nstart it again")
            await bob.say("@ada", "lunch at noon?")
            await ada.type("this line stays as it is, whatever co", until="whatever co")
            for text in ("review?", "tests are in", "merging"):
                await bob.say("dev", text)
            await grace.say("ops", "ada: the pager is yours tonight")
            await ada.until_seen("#ops 1 @1")
            await ada.until_seen("lunch at noon")
            return ada.screen


async def link_lost(stage: Stage) -> Any:
    """No link: what waits, and what happens next."""
    async with (
        stage.bots("bob", "grace", rooms=("lobby", "dev")) as (bob, grace),
        stage.terminal("dev", "lobby", size=(84, 8)) as ada,
    ):
        await _without_a_link(stage, ada, bob, grace)
        return ada.screen


async def link_back(stage: Stage) -> Any:
    """The link is back: what was said meanwhile, and what waited has gone out."""
    async with (
        stage.bots("bob", "grace", rooms=("lobby", "dev")) as (bob, grace),
        stage.terminal("dev", "lobby", size=(84, 21)) as ada,
    ):
        await _without_a_link(stage, ada, bob, grace)
        says = (
            *("the train is in the tunnel again", "she will be back in Kassel"),
            *("meanwhile: who has the key of the rack?", "Jan, I think"),
            *("Jan has left it at the desk", "got it", "fan 3 is the noisy one"),
            *("replaced", "quiet now", "writing it down", "thanks, grace"),
        )
        for number, text in enumerate(says):
            await (bob, grace)[number % 2].say("lobby", text)
        for text in ("tagged 1.4", "docs are up"):
            await grace.say("dev", text)
        stage.network.accept("ada")
        await ada.until_seen("new while you were away")
        await ada.until_seen("<ada> and the rack?")
        await ada.until_seen("#dev 2")
        return ada.screen


async def _without_a_link(stage: Stage, ada: Terminal, bob: Any, grace: Any) -> None:
    await grace.say("lobby", "see you at the stand-up, ada?")
    await ada.until_seen("stand-up")
    await ada.type("from the train, yes\r", until="<ada> from the train")
    await bob.say("lobby", "window seat, I hope")
    await ada.until_seen("window seat")
    stage.network.refuse("ada")
    stage.network.cut("ada")
    await ada.until_seen("offline")
    await ada.type("always. there is no network in this tunnel\r", until="1 queued")
    await ada.type("and the rack?\r", until="2 queued")
    await ada.type("half a thought, which st", until="which st")
    await ada.until_seen("no link:")
    await ada.until(lambda: re.search(r"again in [3-9] s \u00b7", ada.text) is not None)


async def looking_back(stage: Stage) -> Any:
    """Where it was said, and what was said around it."""
    async with stage.bots("bob", "grace", rooms=("lobby",)) as (bob, grace):
        for number in range(30):
            await (bob, grace)[number % 2].say("lobby", _SMALLTALK[number % 7])
            if number == 12:
                await bob.say("lobby", "we could meet in the blue caf\u00e9")
                await grace.say("lobby", "that is a cafe I like")
        async with stage.terminal("lobby", size=(84, 24)) as ada:
            await ada.until_seen("stand-up is over")
            await ada.type("/search cafe\r", until="that is a cafe")
            await ada.type("/jump ^14\r", until="^19")
            return ada.screen


_SMALLTALK: Final = (
    "anyone for tea?",
    "the printer is out of paper",
    "filled it",
    "tests are green on 3.13",
    "then the release can go out today",
    "after the review",
    "the stand-up is over, notes are in the wiki",
)


async def narrow(stage: Stage) -> Any:
    """Forty columns and ten rows."""
    async with (
        stage.bots("bob", "grace", rooms=("lobby", "dev", "ops")) as (bob, grace),
        stage.terminal("ops", "dev", "lobby", size=NARROW) as ada,
    ):
        await bob.say("lobby", "morning")
        await grace.say("lobby", "the report is at https://example.org/r/2031")
        await bob.say("lobby", "reads well on the phone, and in forty columns as well")
        await grace.say("lobby", "\u6771\u4eac says thank you")
        for text in ("review?", "merging"):
            await bob.say("dev", text)
        await grace.say("ops", "ada: the pager is yours")
        await ada.until_seen("says thank you")
        await ada.until_seen("@1")
        await ada.type("tell them the ne", until="tell them the ne")
        return ada.screen


async def switcher(stage: Stage) -> Any:
    """Ctrl-K: where to?"""
    rooms = ("lobby", "dev", "design", "ops")
    async with (
        stage.bots("bob", "grace", rooms=rooms) as (bob, grace),
        stage.terminal("ops", "design", "dev", "lobby", size=(84, 10)) as ada,
    ):
        await grace.say("lobby", "the drafts for the new page are there")
        await bob.say("lobby", "two of them, and both are better than what we have")
        await grace.say("lobby", "who looks at them before the demo?")
        for text in ("new drafts are up", "ada: the blue one?", "or the green one"):
            await grace.say("design", text)
        for text in ("merged", "tagged"):
            await bob.say("dev", text)
        await ada.until_seen("before the demo")
        await ada.until_seen("#design 3 @1")
        await ada.until_seen("#dev 2")
        await ada.type("I do, as soon as I ha", until="as I ha")
        await ada.type("\x0b", until="room:")
        await ada.type("de", until="room: de")
        return ada.screen


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, and how it comes about."""

    play: Callable[[Stage], Awaitable[Any]]
    """What is on the screen at the end."""
    title: str
    """For those who can't see it."""


SCENES: Final[Mapping[str, Scene]] = {
    "client": Scene(room, "The terminal client of trio_chat"),
    "walk-lost": Scene(link_lost, "A lost link: two lines wait, and the next try is near"),
    "walk-back": Scene(link_back, "The link is back, with what was said meanwhile"),
    "walk-past": Scene(looking_back, "A search, and a jump to what it has found"),
    "walk-rooms": Scene(switcher, "Looking for a room by its first letters"),
    "walk-narrow": Scene(narrow, "The client in 40 columns and 10 rows"),
}
"""By the name of the file."""
