"""Rows that hang, on terminals of many widths, in many scripts."""

import re
import unicodedata

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from tests.ui.harness import entry
from trio_chat.sanitise import clean
from trio_chat.ui.cells import LINK, cells, clip, hang
from trio_chat.ui.render import text_of
from trio_chat.ui.state import Said
from trio_chat.ui.themes import Look, paint

WIDTHS = (40, 41, 60, 79, 80, 120)
OUR_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
WORDS = (
    *("a", "word", "incomprehensibilities", "x" * 90, "12:34", "<bob>", "12:34<bob>"),
    *("\u6f22\u5b57", "\u6f22" * 70, "e\u0301" * 9, "\u0915\u094d\u0937\u093f", FAMILY),
    *(FAMILY * 12, "\U0001f1e9\U0001f1ea" * 30, "\U0001f44d\U0001f3fd" * 7, "\u2764\ufe0f"),
    *("\u05e9\u05dc\u05d5\u05dd", "\uff21\uff22", "\u200b", "\u202e", "\x1b[2J"),
    *("https://example.org/", "https://example.org/" + "y" * 130, "(http://a.b/c)"),
)
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(" ".join)
lines = st.lists(sentences, min_size=1, max_size=3).map("\n".join)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


class PlainTerminal(pyte.Screen):
    """One that draws what is joined by its parts; the emulator stops at a joiner."""

    def draw(self, data: str) -> None:
        shown = (char for char in data if wcswidth(char) or unicodedata.combining(char))
        super().draw("".join(shown))


def on_screen(drawn: str, columns: int) -> list[str]:
    """The rows of a terminal, with what it wraps as rows of their own."""
    screen = PlainTerminal(columns, 400)
    pyte.Stream(screen).feed(drawn)
    return "\n".join(row.rstrip() for row in screen.display).rstrip().split("\n")


def test_what_is_joined_takes_what_its_parts_take() -> None:
    """Some terminals draw it as one, some do not: neither gets more than fits."""
    assert cells("abc") == 3
    assert cells("\u6f22\u5b57") == 4
    assert cells("e\u0301") == 1
    assert cells("\u2764\ufe0f") == 2
    assert cells(FAMILY) == 8


@pytest.mark.parametrize(
    ("text", "most", "clipped"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd\u2026"),
        ("\u6f22\u5b57\u6f22", 5, "\u6f22\u5b57\u2026"),
        ("\u6f22\u5b57\u6f22", 4, "\u6f22\u2026"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301\u2026"),
    ],
)
def test_what_is_clipped_is_clipped_between_letters(
    text: str, most: int, clipped: str
) -> None:
    assert clip(text, most) == clipped


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("onetwothree!", ["", "onetwothree!"]),
        ("one  two   three four", ["one  two", "three four"]),
        ("  four blanks before", ["  four", "blanks before"]),
        ("a" * 30, ["a" * 8, "a" * 14, "a" * 8]),
        ("to " + "a" * 30, ["to", "a" * 14, "a" * 14, "aa"]),
        ("see https://a.bc/defg ok", ["see", "https://a.bc/defg", "ok"]),
        ("see https://a.b ok", ["see", "https://a.b ok"]),
        ("(https://a.bc/defghij>", ["(", "https://a.bc/defghij", ">"]),
        ("\u6f22" * 8, ["\u6f22" * 4, "\u6f22" * 4]),
        (" " * 40, [""]),
    ],
)
def test_text_is_broken_behind_words_and_links_are_not_broken(
    text: str, rows: list[str]
) -> None:
    assert hang(text, first=12, indent=6, columns=20) == rows


@given(st.sampled_from(WIDTHS), st.one_of(lines, any_text))
def test_no_row_is_longer_than_the_terminal_but_for_links(columns: int, text: str) -> None:
    drawn = OUR_ESCAPES.sub("", text_of(Said(entry(1, text)), Look(columns=columns), 0.0))
    for row in drawn.split("\r\n")[:-1]:
        text = row.removeprefix("00:00 <bob>").strip(" ")
        assert cells(row) < columns or LINK.fullmatch(text)


@given(st.sampled_from(WIDTHS), st.one_of(lines, any_text))
def test_nothing_but_the_rest_of_a_link_begins_at_the_left_edge(
    columns: int, text: str
) -> None:
    """So nobody can put a line into somebody else's mouth."""
    drawn = text_of(Said(entry(1, text)), Look(columns=columns), 0.0)
    screen = PlainTerminal(columns, 400)
    pyte.Stream(screen).feed(drawn)
    assert screen.display[0].startswith("00:00 <bob> ")
    for y in range(1, screen.cursor.y):
        row = screen.buffer[y]
        assert row[0].data == " " or row[0].underscore, screen.display[y]


@given(st.sampled_from(WIDTHS), st.one_of(lines, any_text))
def test_every_letter_is_there_and_in_its_order(columns: int, text: str) -> None:
    drawn = OUR_ESCAPES.sub("", text_of(Said(entry(1, text)), Look(columns=columns), 0.0))
    letters = re.sub(r"[ \r\n\u2068\u2069]", "", drawn.removeprefix("00:00 <bob> "))
    assert letters == re.sub(r"[ \n]", "", "".join(map(clean, text.split("\n"))))


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_long_link_can_be_copied_as_one(columns: int) -> None:
    """The terminal wraps it, and remembers that it did."""
    link = "https://example.org/" + "z" * 200
    rows = on_screen(
        text_of(Said(entry(1, f"a {link} b")), Look(columns=columns), 0.0), columns
    )
    assert rows[0] == "00:00 <bob> a"
    assert rows[-1] == " " * 12 + "b"
    assert "".join(rows[1:-1]).strip() == link


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_long_nick_leaves_space_for_what_is_said(columns: int) -> None:
    said = Said(entry(1, "one two " * 9, nick="\u6f22" * 32))
    drawn = OUR_ESCAPES.sub("", text_of(said, Look(columns=columns), 0.0))
    rows = drawn.split("\r\n")
    assert "one" in rows[0]
    assert rows[1][: columns // 3 + 1].strip() in ("o", "t")


def test_paint_is_switched_off_where_it_ends() -> None:
    assert paint(clean("x"), "1") == "\x1b[1mx\x1b[0m"
    assert paint(clean("x"), "") == "x"
    assert paint(clean(""), "1") == ""
