"""Lines and the status line as text, in which no escape is anybody's but our own."""

import re
from dataclasses import replace

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.harness import entry
from trio_chat.client.events import Entry, Members, Queued, Status
from trio_chat.client.outbox import Progress
from trio_chat.ui.render import Look, queued, status, text_of
from trio_chat.ui.state import Line, Note, Rule, Said, Trouble, View, begin, opening, reduce

OUR_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
DAY_S = 86_400.0
any_text = st.text(st.characters(exclude_categories=[]), max_size=40)


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)


def shown(line: Line, now: float = 0.0) -> str:
    """What one reads."""
    return OUR_ESCAPES.sub("", text_of(line, Look(), now))


def test_a_line_has_the_time_the_nick_and_the_text() -> None:
    assert shown(Said(entry(1, "hello"))) == "00:00 <bob> hello\r\n"


def test_an_action_has_a_star() -> None:
    assert shown(Said(Entry("lobby", 1, "ada", "waves", 0.0, "me"))) == (
        "00:00 * ada waves\r\n"
    )


def test_a_direct_message_says_whom_it_is_for() -> None:
    line = Said(Entry("@", 1, "ada", "psst", 0.0), to="bob")
    assert shown(line) == "00:00 @bob <ada> psst\r\n"


def test_a_line_of_another_day_has_the_date() -> None:
    assert shown(Said(entry(1, "old")), now=DAY_S) == "1970-01-01 00:00 <bob> old\r\n"


@pytest.mark.parametrize("ts", [1e300, -1e300, float("inf")])
def test_any_clock_of_the_servers_is_borne(ts: float) -> None:
    assert "<bob>" in shown(Said(Entry("lobby", 1, "bob", "x", ts)))


def test_the_lines_of_a_text_hang_below_the_first() -> None:
    assert shown(Said(entry(1, "one\n\n  three"))) == (
        "00:00 <bob> one\r\n      \u2502\r\n      \u2502   three\r\n"
    )


def test_a_nick_has_the_same_colour_however_it_is_written() -> None:
    colour = re.compile(r"38;5;(\d+)")
    looks = [text_of(Said(entry(1, "", nick=nick)), Look(), 0.0) for nick in ("Bob", "bob")]
    assert colour.findall(looks[0]) == colour.findall(looks[1]) != []


def test_without_colour_there_is_none() -> None:
    lines: list[Line] = [Said(entry(1, "x")), Note("x"), Trouble("x"), Rule("x")]
    for line in lines:
        escapes = OUR_ESCAPES.findall(text_of(line, Look(colour=False), 0.0))
        assert set(escapes) <= {"\x1b[0m", "\x1b[1m", "\x1b[2m"}


def test_text_from_right_to_left_does_not_turn_the_line_around() -> None:
    assert "<\u2068\u05d0\u2069> \u2068\u05d1\u2069" in shown(
        Said(entry(1, "\u05d1", nick="\u05d0"))
    )


@given(any_text, any_text, st.sampled_from([Note, Trouble, Rule, None]))
def test_no_escape_of_others_gets_through(text: str, nick: str, kind: type | None) -> None:
    line: Line = kind(text) if kind else Said(Entry("@", 1, nick, text, 0.0), to=nick)
    drawn = shown(line)
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


# --- the status line -----------------------------------------------------------------


def status_text(view: View) -> str:
    """The status line without its styles."""
    return "".join(text for _, text in status(view))


def test_the_status_line_says_where_one_is_and_who_one_is() -> None:
    view = reduce(begin("ada", "lobby"), Status("online", "connected")).view
    view = reduce(view, Members("lobby", ("ada", "bob", "cy"))).view
    assert status_text(view) == "online \u00b7 #lobby \u00b7 3 here \u00b7 ada"


def test_the_status_line_says_why_there_is_no_link() -> None:
    view = reduce(begin("ada", "lobby"), Status("offline", "no way\x1b; in 2 s")).view
    assert (
        status_text(view) == "offline \u00b7 #lobby \u00b7 ada \u00b7 no way\u241b; in 2 s"
    )


def test_the_status_line_counts_what_waits_and_what_is_unread() -> None:
    view = begin("ada", "lobby")
    view = reduce(opening(view, "dev").view, entry(1, "x")).view
    view = reduce(view, Queued("dev", 1, "y")).view
    assert status_text(view).endswith("#dev \u00b7 ada \u00b7 1 queued \u00b7 #lobby 1")


def test_the_status_line_says_how_far_a_burst_is_while_there_is_a_link() -> None:
    """And nothing of what is gone in a moment."""
    view = reduce(begin("ada", "lobby"), Queued("lobby", 1, "y")).view
    online = replace(view, state="online")
    assert status_text(online).endswith("#lobby \u00b7 ada")
    bursting = replace(online, sending=Progress(37, 200))
    assert status_text(bursting).endswith("ada \u00b7 sending 37/200")
    offline = replace(bursting, state="offline")
    assert status_text(offline).endswith("ada \u00b7 1 queued")


def test_without_a_room_the_status_line_says_so() -> None:
    assert "no room" in status_text(replace(begin("ada", "x"), rooms=(), current=""))


def test_the_last_queued_lines_are_shown_while_there_is_no_link() -> None:
    view = begin("ada", "lobby")
    for n in range(1, 6):
        view = reduce(view, Queued("lobby", n, f"line {n}\nmore")).view
    ((_, text),) = queued(view)
    assert text.split("\n") == [
        "\u2026 2 more",
        "\u2026 line 3\u240amore",
        "\u2026 line 4\u240amore",
        "\u2026 line 5\u240amore",
    ]
    assert queued(replace(view, state="online")) == []


def test_a_queued_line_for_another_place_says_for_which() -> None:
    view = reduce(begin("ada", "lobby"), Queued("dev", 1, "one")).view
    view = reduce(view, Queued("@bob\x1b", 2, "two")).view
    ((_, text),) = queued(view)
    assert text == "\u2026 #dev one\n\u2026 @bob\u241b two"


def test_the_status_line_says_that_a_line_is_being_saved_and_that_one_leaves() -> None:
    view = replace(begin("ada", "lobby"), state="online", saving=True, leaving=True)
    assert status_text(view).endswith(
        "ada \u00b7 saving \u2026 \u00b7 leaving after the last answers"
    )
