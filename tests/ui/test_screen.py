"""Where the prompt began, after the terminal has broken its rows."""

import pytest
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout.screen import Char, Screen

from trio_chat.ui.screen import rows_above


def drawn(*rows: str) -> Screen:
    """A screen with these rows."""
    screen = Screen()
    for y, row in enumerate(rows):
        for x, char in enumerate(row):
            screen.data_buffer[y][x] = Char(char)
    return screen


@pytest.mark.parametrize(
    ("rows", "cursor", "columns", "above"),
    [
        (("> hello", "status"), (7, 0), 80, 0),
        (("> hello", "status"), (7, 0), 4, 1),
        (("x" * 80, "y" * 10), (5, 1), 80, 1),
        (("x" * 80, "y" * 10), (5, 1), 40, 2),
        (("x" * 81, "y" * 90), (85, 1), 40, 5),
        (("", "  ", "> "), (2, 2), 40, 2),
        (("x" * 10 + " " * 90, "> "), (2, 1), 20, 1),
    ],
)
def test_rows_that_do_not_fit_any_more_are_counted_as_the_terminal_breaks_them(
    rows: tuple[str, ...], cursor: tuple[int, int], columns: int, above: int
) -> None:
    assert rows_above(drawn(*rows), Point(*cursor), columns) == above


def test_what_was_never_drawn_has_only_its_cursor() -> None:
    assert rows_above(None, Point(x=70, y=2), 10) == 2
