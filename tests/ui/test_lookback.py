"""Looking back as a person does it: what is typed, what is printed, and when."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import trio

from tests.ui.harness import Scene, bridged, entry, open_scene
from trio_chat.client.events import Entry, Opened, Status
from trio_chat.client.past import Found, Page
from trio_chat.errors import NoLinkError, RefusedError
from trio_chat.ui.lookback import WAITING_MAX

Answer: TypeAlias = Callable[..., Awaitable[Any]]


def answer_with(
    scene: Scene, *, fetch: Answer | None = None, search: Answer | None = None
) -> None:
    """Have the client's questions answered by these."""
    if fetch is not None:
        scene.client.fetch = fetch  # type: ignore[method-assign, assignment]
    if search is not None:
        scene.client.search = search  # type: ignore[method-assign, assignment]


async def lines(room: str, *, after: int, through: int) -> Page:
    await trio.sleep(0.1)
    seqs = range(after + 1, through + 1)
    return Page(room, tuple(entry(seq, f"line {seq}", room=room) for seq in seqs))


async def come_in(scene: Scene, after: int, head: int) -> None:
    scene.client.state = "online"
    scene.client.tell(
        Status("online", "connected to the server as ada"), Opened("lobby", after, head)
    )
    await scene.until(lambda: scene.chat.view.rooms[0].opened)


@bridged
async def test_history_stands_between_two_rules_and_goes_on_further_back() -> None:
    async with open_scene() as scene:
        answer_with(scene, fetch=lines)
        await come_in(scene, 10, 10)
        scene.keys("/history 3\r")
        await scene.until_seen("now")
        at = scene.terminal.rows.index("\u2500\u2500 #lobby \u2500\u2500 3 earlier lines")
        assert [row[6:] for row in scene.terminal.rows[at + 1 : at + 4]] == [
            "^8 <bob> line 8",
            "^9 <bob> line 9",
            "^10 <bob> line 10",
        ]
        assert scene.terminal.rows[at + 4] == "\u2500\u2500 #lobby \u2500\u2500 now"
        scene.keys("/history\r")
        await scene.until_seen("here begins #lobby")
        await scene.until_seen("^7 <bob> line 7")
        scene.keys("/history\r")
        await scene.until_seen("there is nothing before")


@bridged
async def test_one_looks_back_in_ones_direct_messages_as_in_a_room() -> None:
    async with open_scene() as scene:
        answer_with(scene, fetch=lines)
        await come_in(scene, 0, 0)
        scene.keys("/history @\r")
        await scene.until_seen("direct messages: it is not known yet")
        scene.client.tell(Entry("@", 9, "bob", "psst", 0.0))
        await scene.until_seen("psst")
        scene.keys("/history @ 3\r")
        await scene.until_seen("\u2500\u2500 direct messages \u2500\u2500 3 earlier lines")
        await scene.until_seen("^6 @ada <bob> line 6")
        await scene.until_seen("\u2500\u2500 #lobby \u2500\u2500 now")
        scene.keys("/history @\r")
        await scene.until_seen("here begins direct messages")


@bridged
async def test_the_prompt_is_usable_while_it_is_looked_for() -> None:
    never = trio.Event()

    async def search(*_: Any, **__: Any) -> Found:
        await never.wait()
        raise RefusedError("no_search", "not today")

    async with open_scene() as scene:
        answer_with(scene, search=search)
        await come_in(scene, 0, 0)
        scene.keys("/search red\r")
        scene.keys("hello\r")
        await scene.until(lambda: scene.client.said == [("lobby", "text", "hello")])
        scene.client.tell(entry(1, "meanwhile"))
        await scene.until_seen("<bob> meanwhile")
        scene.keys((1 + WAITING_MAX) * "/search red\r")
        await scene.until_seen("is still looked for: ask again then")
        assert scene.typed == "/search red"
        never.set()
        await scene.until_seen("#lobby: not today")


@bridged
async def test_without_a_link_one_line_says_so() -> None:
    async def fetch(*_: Any, **__: Any) -> Page:
        await trio.lowlevel.checkpoint()
        raise NoLinkError("there is no link to the server now")

    async with open_scene() as scene:
        answer_with(scene, fetch=fetch)
        await come_in(scene, 10, 10)
        scene.keys("/jump ^3\r")
        await scene.until_seen("#lobby: there is no link to the server now")


@bridged
async def test_a_search_is_gone_on_with_and_ends() -> None:
    asked = []

    async def search(room: str, words: str, *, before: int | None, limit: int) -> Found:
        await trio.lowlevel.checkpoint()
        asked.append((room, words, before))
        seq = before - 1 if before else 9
        found = (entry(seq, f"red {seq}"),)
        return Found(room, found, seq if seq > 8 else None)

    async with open_scene() as scene:
        answer_with(scene, search=search)
        await come_in(scene, 0, 9)
        scene.keys("/search\r")
        await scene.until_seen("it is /search WORDS")
        scene.keys("/search red\r")
        await scene.until_seen("^9 <bob> red 9")
        scene.keys("/search\r")
        await scene.until_seen("^8 <bob> red 8")
        scene.keys("/search\r")
        await scene.until_seen("there is nothing older with \u201cred\u201d")
        assert asked == [("lobby", "red", None), ("lobby", "red", 9)]


@bridged
async def test_what_was_looked_up_is_not_unread_and_moves_no_room() -> None:
    async with open_scene() as scene:
        answer_with(scene, fetch=lines)
        await come_in(scene, 10, 10)
        before = scene.chat.view.find("lobby")
        scene.keys("/jump ^4\r")
        await scene.until_seen("around ^4")
        assert scene.chat.view.find("lobby") == before
