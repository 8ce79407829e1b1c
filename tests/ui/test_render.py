"""Lines and the status line as text, in which no escape is anybody's but our own."""

import re

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.harness import entry
from trio_chat.client.events import Entry, Gap
from trio_chat.ui.render import text_of
from trio_chat.ui.state import (
    Day,
    Line,
    Missing,
    Moved,
    Note,
    Recalled,
    Rule,
    Said,
    Trouble,
)
from trio_chat.ui.themes import Look
from trio_chat.words import wanted

OUR_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
DAY_S = 86_400.0

any_text = st.text(st.characters(exclude_categories=[]), max_size=40)


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)


def shown(line: Line, columns: int = 80) -> str:
    """What one reads."""
    return OUR_ESCAPES.sub("", text_of(line, Look(columns=columns), 0.0))


def test_a_line_has_the_time_the_nick_and_the_text() -> None:
    assert shown(Said(entry(1, "hello"))) == "00:00 <bob> hello\r\n"


def test_an_action_has_a_star() -> None:
    assert shown(Said(Entry("lobby", 1, "ada", "waves", 0.0, "me"))) == (
        "00:00 * ada waves\r\n"
    )


def test_a_direct_message_says_whom_it_is_for() -> None:
    line = Said(Entry("@", 1, "ada", "psst", 0.0), to="bob")
    assert shown(line) == "00:00 @bob <ada> psst\r\n"


def test_a_day_begins_with_its_date() -> None:
    assert shown(Day(DAY_S)) == "\u2500\u2500 Fri 1970-01-02 \u2500\u2500\r\n"


def test_what_is_missing_is_a_row_across() -> None:
    row = shown(Missing(Gap("lobby", 0, 2, "no longer kept")))
    assert row == (
        "\u2504\u2504 entries 1 to 2 of #lobby are no longer kept \u2504\u2504\r\n"
    )


def test_ones_own_name_stands_out_and_so_does_the_time_of_the_line() -> None:
    drawn = text_of(Said(entry(1, "hey Ada, adamant"), called="ada"), Look(), 0.0)
    assert drawn.startswith("\x1b[1;7;38;5;136m00:00\x1b[0m ")
    assert drawn.endswith("> hey \x1b[1;38;5;136mAda\x1b[0m, adamant\r\n")


@pytest.mark.parametrize("ts", [1e300, -1e300, float("inf")])
def test_any_clock_of_the_servers_is_borne(ts: float) -> None:
    assert "<bob>" in shown(Said(Entry("lobby", 1, "bob", "x", ts)))


def test_the_lines_of_a_text_hang_below_the_first() -> None:
    assert shown(Said(entry(1, "one\n\n  three"))) == (
        "00:00 <bob> one\r\n            \r\n              three\r\n"
    )


def test_a_long_line_goes_on_below_its_own_text() -> None:
    rows = shown(Said(entry(1, "one two three four five")), columns=24).split("\r\n")
    assert rows == ["00:00 <bob> one two", "        three four five", ""]


def test_a_note_goes_on_behind_its_time() -> None:
    assert shown(Note("one two three four"), columns=18).split("\r\n") == [
        "00:00 one two",
        "      three four",
        "",
    ]


def test_a_long_link_is_left_to_the_terminal_and_is_underlined() -> None:
    link = "https://example.org/" + "x" * 60
    drawn = text_of(Said(entry(1, f"see {link} or not")), Look(columns=40), 0.0)
    assert OUR_ESCAPES.sub("", drawn).split("\r\n") == [
        "00:00 <bob> see",
        f"            {link}",
        "            or not",
        "",
    ]
    assert f"\x1b[4m{link}\x1b[0m" in drawn


def test_a_nick_has_the_same_colour_however_it_is_written() -> None:
    colour = re.compile(r"38;5;(\d+)")
    looks = [text_of(Said(entry(1, "", nick=nick)), Look(), 0.0) for nick in ("Bob", "bob")]
    assert colour.findall(looks[0]) == colour.findall(looks[1]) != []


def test_without_colour_there_is_none() -> None:
    lines: list[Line] = [
        *(Said(entry(1, "x")), Said(entry(1, "ada x"), called="ada"), Note("x")),
        *(Trouble("x"), Rule("x", "x", news=True), Missing(Gap("x", 0, 1, "x")), Day(0)),
        Said(Entry("@", 1, "bob", "x https://x.org", 0.0), to="ada"),
        Recalled(Said(entry(1, "x")), wanted("x"), here=True),
    ]
    for line in lines:
        escapes = OUR_ESCAPES.findall(text_of(line, Look(depth="none"), 0.0))
        assert not any(re.search(r"3\d|9\d", escape) for escape in escapes)


def test_text_from_right_to_left_does_not_turn_the_line_around() -> None:
    assert "<\u2068\u05d0\u2069> \u2068\u05d1\u2069" in shown(
        Said(entry(1, "\u05d1", nick="\u05d0"))
    )


@given(any_text, any_text, st.integers(0, 7))
def test_no_escape_of_others_gets_through(text: str, nick: str, kind: int) -> None:
    lines: list[Line] = [
        *(Note(text), Trouble(text), Rule(text, nick), Missing(Gap(text, 0, 9, nick))),
        *(Moved(nick, came=True), Moved(nick, came=False, reason=text)),
        Said(Entry("@", 1, nick, text, 0.0), to=nick, called=nick),
        Recalled(Said(Entry("x", 1, nick, text, 0.0)), wanted(text), dated=True),
    ]
    drawn = shown(lines[kind])
    assert drawn.endswith("\r\n")
    for row in drawn[:-2].split("\r\n"):
        assert all(char.isprintable() or char in "\u2068\u2069\u200c\u200d" for char in row)


@given(any_text, any_text)
def test_only_the_cells_of_the_line_change(text: str, nick: str) -> None:
    screen = pyte.Screen(200, 60)
    stream = pyte.Stream(screen)
    stream.feed(
        "above\r\n" + text_of(Said(Entry("lobby", 1, nick, text, 0.0)), Look(), 0.0)
    )
    assert screen.display[0].rstrip() == "above"
    assert screen.display[1].startswith("00:00 <")
    assert screen.cursor.x == 0
    assert screen.cursor.y >= 2
    stream.feed("below")
    assert screen.display[screen.cursor.y].rstrip() == "below"
    assert screen.title == ""
    assert not screen.cursor.attrs.bold
