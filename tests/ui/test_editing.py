"""The line being typed: what it suggests, completes and finds; and who came and went."""

import stat
import sys
from pathlib import Path

import pytest
import trio

from tests.ui.harness import bridged, entry, open_scene
from trio_chat.client.events import Joined, Left
from trio_chat.sanitise import clean
from trio_chat.ui.cells import cells
from trio_chat.ui.emoji import EMOJI
from trio_chat.ui.feed import FOLDED_S

UP, RIGHT, CTRL_R, CTRL_E = "\x1b[A", "\x1b[C", "\x12", "\x05"


def test_an_emoji_is_one_that_a_reader_sees() -> None:
    for name, emoji in EMOJI.items():
        assert name == name.lower()
        assert " " not in name
        assert cells(emoji) in range(1, 9)
        # What is cleaned away on the way to a screen is the form, not the sign.
        assert clean(emoji)[:1] == emoji[:1]


@bridged
async def test_an_emoji_is_completed_by_its_name() -> None:
    async with open_scene() as scene:
        scene.keys("go :rocket\t")
        await scene.until(lambda: scene.typed == "go \U0001f680 ")


@bridged
async def test_who_spoke_last_is_completed_first() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.tell(Joined("lobby", "bert"), entry(1, "hi", "bob"))
        scene.client.tell(Left("lobby", "bob", "quit"))  # and will read it later
        await scene.until_seen("<bob> hi")
        scene.keys("b\t")
        await scene.until(lambda: scene.typed == "b")  # there are two: a menu is shown
        await scene.until_seen("bert:")
        shown = [
            row.strip() for row in scene.terminal.rows if row.strip() in ("bob:", "bert:")
        ]
        assert shown == ["bob:", "bert:"]
        scene.keys("\t")
        await scene.until(lambda: scene.typed == "bob: ")


@bridged
async def test_the_rest_of_a_line_is_suggested_and_taken() -> None:
    async with open_scene() as scene:
        scene.keys("a fine day\r")
        await scene.until(lambda: scene.client.said and not scene.typed)
        scene.keys("a f")
        await scene.until(lambda: scene.typed == "a f")
        await scene.until_seen("> a fine day")
        scene.keys(RIGHT)
        await scene.until(lambda: scene.typed == "a fine day")


@bridged
async def test_a_suggestion_is_not_said() -> None:
    async with open_scene() as scene:
        scene.keys("a fine day\ra f")
        await scene.until_seen("> a fine day")
        scene.keys("\r")
        await scene.until(lambda: len(scene.client.said) == 2)
        assert scene.client.said[1] == ("lobby", "text", "a f")


@bridged
async def test_ctrl_r_finds_what_was_typed_before() -> None:
    async with open_scene() as scene:
        scene.keys("one fish\rtwo birds\r")
        await scene.until(lambda: len(scene.client.said) == 2)
        scene.keys(f"{CTRL_R}fi")
        await scene.until_seen("> one fish")
        scene.keys("\r")
        await scene.until(lambda: scene.typed == "one fish")


@pytest.mark.skipif(sys.platform == "win32", reason="an editor there is another program")
def test_an_editor_goes_on_with_the_line_and_does_not_send_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf " and more" >> "$1"\n', encoding="utf-8")
    editor.chmod(stat.S_IRWXU)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)

    @bridged
    async def edit() -> None:
        async with open_scene() as scene:
            scene.keys("some\x18" + CTRL_E)
            with trio.fail_after(1e6):  # of virtual seconds: the editor's are real ones
                while scene.typed != "some and more":
                    await trio.lowlevel.checkpoint()
            assert not scene.client.said
            scene.client.tell(entry(1, "hi"))
            await scene.until_seen("<bob> hi")

    edit()


@bridged
async def test_who_came_and_went_within_a_moment_shares_a_row() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.tell(*(Joined("lobby", nick) for nick in ("cy", "dee", "eve")))
        await trio.sleep(FOLDED_S / 2)
        scene.client.tell(Left("lobby", "bob", "quit"), Left("lobby", "eve", "quit"))
        await scene.until_seen("00:00 +cy, dee  -bob")
        scene.client.tell(*(Joined("lobby", f"n{number}") for number in range(9)))
        scene.client.tell(entry(1, "hi", "cy"))
        await scene.until_seen("<cy> hi")
        assert any("00:00 9 people joined" in row for row in scene.terminal.rows)
