"""Where the prompt began, after the terminal has broken its rows."""

import pytest
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout.screen import Char, Screen

from tests.ui.harness import bridged, open_scene
from trio_chat.client.events import Status
from trio_chat.ui.screen import row_widths, rows_above


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


def test_a_row_is_as_wide_as_what_is_seen_of_it() -> None:
    assert row_widths(drawn("ab", "", "c  ", " d"), 4) == [2, 0, 1, 2]


@bridged
async def test_rows_that_got_shorter_are_forgotten_by_the_terminal() -> None:
    """Cells that were only overwritten are still a part of their row for some: where the
    status line was, a short row would be broken in two by a narrower terminal."""
    async with open_scene() as scene:
        scene.client.tell(Status("offline", "no way " * 9, 9.0))
        await scene.until_seen("no way no way")
        scene.keys("one\r")
        await scene.until_seen("1 queued")
        scene.keys("two\r")
        await scene.until_seen("2 queued")
        await scene.until(lambda: not scene.typed)
        written = "".join(scene.terminal.written)
        shifted = written.index("\u2026 two")  # where the status line was before
        assert "\x1b[J" in written[shifted:]
