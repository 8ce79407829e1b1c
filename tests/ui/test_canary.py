"""Each private name of prompt_toolkit that is used; a new release breaks here first."""

import inspect
from typing import Any

import pytest
from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.output import DummyOutput


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
