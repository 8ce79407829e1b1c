"""The terminal says whether somebody looks at it, and that is no key."""

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.keys import Keys

from tests.ui.harness import bridged, open_scene
from trio_chat.ui.focus import REPORTS_OFF, REPORTS_ON, Focus, listen_to

GONE, BACK = "\x1b[O", "\x1b[I"


def heard(*pieces: str) -> tuple[list[bool], list[str]]:
    """What is reported, and what is typed, when this comes from a terminal."""
    focus, reports = Focus(), list[bool]()
    focus.on_change.append(reports.append)
    with create_pipe_input() as source:
        listen_to(source, focus)
        keys = []
        for piece in pieces:
            source.send_text(piece)
            keys += source.read_keys()
        keys += source.flush_keys()
    return reports, [
        press.data if press.key is Keys.BracketedPaste else press.key for press in keys
    ]


def test_who_never_says_anything_is_there() -> None:
    assert Focus().focused
    assert heard("abc") == ([], ["a", "b", "c"])


@pytest.mark.parametrize("text", [f"a{GONE}b", f"{GONE}ab", f"ab{GONE}{BACK}"])
def test_a_report_is_not_typed(text: str) -> None:
    reports, keys = heard(text)
    assert keys == ["a", "b"]
    assert reports == [False, True]


def test_a_report_may_come_in_pieces() -> None:
    assert heard("a\x1b", "[", "O") == ([False], ["a"])


def test_a_report_that_says_nothing_new_is_not_told() -> None:
    assert heard(BACK, GONE, GONE) == ([False], [])


def test_a_report_in_the_middle_of_a_paste_is_no_part_of_it() -> None:
    assert heard(f"\x1b[200~one{GONE}two\x1b[201~") == ([False], ["onetwo"])


def test_keys_that_look_alike_are_keys() -> None:
    assert heard("\x1b[A\x1bOA") == ([], [Keys.Up, Keys.Up])


@bridged
async def test_reports_are_asked_for_while_the_prompt_is_there() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        assert 1004 << 5 in scene.terminal.screen.mode
        scene.keys(f"half{GONE} typed")
        await scene.until(lambda: scene.typed == "half typed")
        assert scene.chat.focus.focused  # who types is there
        scene.keys(GONE)
        await scene.until(lambda: not scene.chat.focus.focused)
        scene.keys("\x15\x04")
        assert await scene.until_ended() == 0
        written = "".join(scene.terminal.written)
        assert written.count(REPORTS_ON) == written.count(REPORTS_OFF) == 1
        assert 1004 << 5 not in scene.terminal.screen.mode


@bridged
async def test_a_report_leaves_a_half_typed_shortcut_as_it_is() -> None:
    async with open_scene() as scene:
        scene.keys(f"one two\x18{GONE}")
        await scene.until(lambda: not scene.chat.focus.focused)
        scene.keys("\x15")  # Ctrl-X Ctrl-U is an undo
        await scene.until(lambda: scene.typed == "one tw")
