"""The emulator's scrollback, and what another width makes of it."""

import pyte

from tests.day.emulator import Emulator


def shown(text: str, columns: int = 10, rows: int = 3) -> Emulator:
    screen = Emulator(columns, rows)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return screen


def rows(screen: Emulator) -> list[str]:
    return [row.rstrip() for row in screen.display]


def test_what_scrolls_out_is_kept() -> None:
    assert shown("1\n2\n3\n4\n5").texts == ["1", "2", "3", "4", "5"]


def test_a_line_that_is_too_long_is_one_line() -> None:
    screen = shown("0123456789abc\nnext")
    assert rows(screen) == ["0123456789", "abc", "next"]
    assert screen.texts == ["0123456789abc", "next"]


def test_a_narrower_window_breaks_rows_and_a_wider_one_joins_them() -> None:
    screen = shown("abcdefgh\n> typin")
    screen.resize(3, 4)
    assert rows(screen) == ["efgh", "> ty", "pin"]
    assert screen.texts == ["abcdefgh", "> typin"]
    screen.resize(3, 10)
    assert rows(screen) == ["abcdefgh", "> typin", ""]
    assert (screen.cursor.y, screen.cursor.x) == (1, 7)


def test_fewer_rows_show_the_last_ones_and_more_bring_the_others_back() -> None:
    screen = shown("1\n2\n3")
    screen.resize(2, 10)
    assert rows(screen) == ["2", "3"]
    screen.resize(3, 10)
    assert rows(screen) == ["1", "2", "3"]
    assert screen.cursor.y == 2


def test_a_wide_character_is_not_cut() -> None:
    screen = shown("ab\u6771\u4eac")
    screen.resize(3, 3)
    assert rows(screen) == ["ab", "\u6771", "\u4eac"]
    assert screen.texts == ["ab\u6771\u4eac"]
