"""Each private name of prompt_toolkit that is used, and what else it does not promise.

A new release breaks here first.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding.key_processor import KeyPress, KeyProcessor
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl
from prompt_toolkit.layout.screen import Screen
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.renderer import Renderer

from tests.test_layering import sources


@pytest.fixture
def application() -> Application[Any]:
    with create_pipe_input() as keyboard:
        return Application(input=keyboard, output=DummyOutput())


def test_the_renderer_knows_where_its_cursor_is(application: Application[Any]) -> None:
    assert application.renderer._cursor_pos == Point(x=0, y=0)


@pytest.mark.parametrize("name", ["_last_screen", "_last_size", "_last_style"])
def test_the_renderer_draws_all_when_it_knows_of_nothing(
    application: Application[Any], name: str
) -> None:
    assert getattr(application.renderer, name) is None


def test_the_renderer_keeps_whether_pastes_are_bracketed(
    application: Application[Any],
) -> None:
    assert application.renderer._bracketed_paste_enabled is False


def test_the_application_can_be_drawn_now(application: Application[Any]) -> None:
    application._redraw()


def test_the_application_draws_by_the_method_that_is_overridden() -> None:
    assert "self._redraw()" in inspect.getsource(Application.invalidate)
    parameters = inspect.signature(Application._redraw).parameters
    assert [*parameters] == ["self", "render_as_done"]


def test_the_application_is_told_of_another_size() -> None:
    source = inspect.getsource(Application.run_async)
    assert "attach_winch_signal_handler(self._on_resize)" in source


def test_the_application_knows_when_it_has_let_the_terminal_go(
    application: Application[Any],
) -> None:
    assert application._running_in_terminal is False


def test_the_parser_knows_that_it_is_in_a_paste() -> None:
    keys: list[Any] = []
    parser = Vt100Parser(keys.append)
    parser.feed("\x1b[200~abc")
    assert parser._in_bracketed_paste
    assert parser._paste_buffer == "abc"
    parser.feed("\x1b[201~")
    assert not vars(parser)["_in_bracketed_paste"]
    assert keys[0].data == "abc"


def private_names(source: str) -> Iterator[tuple[str, bool]]:
    """The private names in it, and whether each is one that is given there."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name, ctx=context) if not name.startswith("__"):
                ours = isinstance(node.value, ast.Name) and node.value.id == "self"
                yield name, ours and isinstance(context, ast.Store)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, True
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, True
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name, True


def test_each_private_name_of_somebody_else_has_a_canary() -> None:
    used: set[str] = set()
    ours: set[str] = set()
    for path in sources("trio_chat/ui"):
        for name, is_given in private_names(path.read_text(encoding="utf-8")):
            if name.startswith("_"):
                (ours if is_given else used).add(name)
    canaries = Path(__file__).read_text(encoding="utf-8")
    theirs = used - ours
    assert "_in_bracketed_paste" in theirs  # this test sees something
    assert {name for name in theirs if name not in canaries} == set()


# --- what is public, but promised by nobody ------------------------------------------


def test_pastes_are_bracketed_as_long_as_the_terminal_is_the_toolkits() -> None:
    # ui/modes.py asks for focus reports, and gives the title back, with that.
    assert "output.enable_bracketed_paste()" in inspect.getsource(Renderer.render)
    assert "output.disable_bracketed_paste()" in inspect.getsource(Renderer.reset)


def test_a_parser_asks_its_callback_for_each_key_anew() -> None:
    with create_pipe_input() as keyboard:
        parser: Any = keyboard.vt100_parser  # type: ignore[attr-defined]
        keys: list[KeyPress] = []
        parser.feed_key_callback = keys.append
        parser.feed("a")
        assert [each.key for each in keys] == ["a"]


def test_a_parser_takes_a_sequence_that_it_came_to_know_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys: list[KeyPress] = []
    parser = Vt100Parser(keys.append)
    monkeypatch.delitem(ANSI_SEQUENCES, "\x1b[I", raising=False)
    parser.feed("\x1b[I")
    parser.flush()
    keys.clear()
    monkeypatch.setitem(ANSI_SEQUENCES, "\x1b[I", Keys.Ignore)
    parser.feed("\x1b[Ia")
    assert [each.key for each in keys] == [Keys.Ignore, "a"]


def test_no_key_is_taken_from_a_queue_that_says_it_is_empty() -> None:
    source = inspect.getsource(KeyProcessor.process_keys)
    assert "return bool(self.input_queue)" in source


def test_the_application_has_the_context_that_it_runs_in(
    application: Application[Any],
) -> None:
    assert application.context is None
    assert "self.context = context" in inspect.getsource(Application.run_async)


def test_the_cell_that_is_to_be_seen_can_be_marked() -> None:
    control = FormattedTextControl(
        [("", "one\n"), ("[SetCursorPosition]", ""), ("", "two")]
    )
    assert control.create_content(80, 2).cursor_position == Point(x=0, y=1)


def test_what_was_drawn_is_known_cell_by_cell() -> None:
    drawn = Screen()
    assert drawn.height == 0
    drawn.data_buffer[0][3].char  # noqa: B018 (a row is made when it is asked for)
    assert [*drawn.data_buffer[0]] == [3]
    assert drawn.data_buffer[0][3].char == " "


def test_an_editor_gets_the_terminal_while_nothing_is_printed() -> None:
    assert "run_in_terminal(" in inspect.getsource(Buffer.open_in_editor)
