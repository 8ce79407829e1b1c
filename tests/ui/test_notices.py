"""Who does not look is told of what is for them: what of, and how."""

import time
from dataclasses import replace

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.ui.harness import entry
from trio_chat.client.events import Entry
from trio_chat.habits.notices import NoticeHabits, Quiet, quiet_hours
from trio_chat.sanitise import clean
from trio_chat.ui.notices import (
    Notice,
    Ways,
    both,
    command_of,
    notice_of,
    signals,
    title_of,
    ways_of,
)
from trio_chat.ui.rooms import said
from trio_chat.ui.state import Room, View

VIEW = View("ada", "lobby", (Room("lobby"), Room("dev")), muted=frozenset({"ops"}))
HABITS = NoticeHabits()
DIRECT = Entry("@", 1, "bob", "psst", 0.0)
CALL = entry(1, "ada: look")
NOTICE = Notice(clean("#dev"), clean("bob"), clean("hello ada"))


def told(what: Entry, *, looks: bool = False, when: str = "mentions") -> bool:
    habits = NoticeHabits(when=when)
    return notice_of(said(VIEW, what), VIEW, habits, looks=looks) is not None


@pytest.mark.parametrize(
    ("what", "looks", "when", "expected"),
    [
        (CALL, False, "mentions", True),
        (CALL, True, "mentions", False),  # it is on the screen
        (entry(1, "ada?", room="dev"), True, "mentions", True),
        (entry(1, "ada?", room="dev"), False, "mentions", True),
        (DIRECT, False, "mentions", True),
        (DIRECT, True, "mentions", False),
        (entry(1, "hello"), False, "mentions", False),
        (entry(1, "hello"), False, "all", True),
        (entry(1, "hello"), True, "all", False),
        (entry(1, "hello", room="dev"), True, "all", True),
        (entry(1, "ada!", nick="ada"), False, "all", False),
        (entry(1, "ada!", room="ops"), False, "all", False),
        (CALL, False, "never", False),
        (DIRECT, False, "never", False),
        (structs.replace(DIRECT, kind="react", ref=1), False, "all", False),
        (structs.replace(DIRECT, kind="delete", ref=1), False, "mentions", False),
        (structs.replace(CALL, kind="edit", ref=1), False, "mentions", True),
    ],
)
def test_one_is_told_of_what_is_for_oneself_and_not_seen(
    what: Entry, looks: bool, when: str, expected: bool
) -> None:
    assert told(what, looks=looks, when=when) == expected


def test_a_notice_says_who_and_where() -> None:
    notice = notice_of(said(VIEW, CALL), VIEW, HABITS, looks=False)
    assert notice is not None
    assert (notice.title, notice.text) == ("#lobby bob", "ada: look")
    direct = notice_of(said(VIEW, DIRECT), VIEW, HABITS, looks=False)
    assert direct is not None
    assert (direct.title, direct.text) == ("@bob", "psst")


def test_of_several_the_last_is_told_and_how_many_there_were() -> None:
    last = replace(NOTICE, nick=clean("eve"))
    three = both(both(both(None, NOTICE), NOTICE), last)
    assert three.title == "#dev eve (3 new)"


def test_a_text_of_many_lines_is_one() -> None:
    notice = notice_of(said(VIEW, entry(1, "ada:\n one\t two")), VIEW, HABITS, looks=False)
    assert notice is not None
    assert notice.text == "ada: one two"


def test_the_title_says_where_one_is_and_how_often_one_was_called() -> None:
    rooms = (Room("lobby"), Room("dev", calls=2, unread=9), Room("ops", calls=4))
    view = structs.replace(VIEW, rooms=rooms)
    assert title_of(VIEW, 0) == "#lobby - trio_chat"
    assert title_of(view, 0) == "(2) #lobby - trio_chat"
    assert title_of(view, 1) == "(3) #lobby - trio_chat"
    assert title_of(structs.replace(view, current="", rooms=()), 0) == "trio_chat"


# --- what a terminal is sent ---------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({}, Ways()),
        ({"TERM": "xterm-256color"}, Ways()),
        ({"TERM": "xterm-kitty"}, Ways("osc777")),
        ({"TERM": "foot"}, Ways("osc777")),
        ({"TERM_PROGRAM": "iTerm.app"}, Ways("osc9")),
        ({"TERM_PROGRAM": "WezTerm"}, Ways("osc777")),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TMUX": "x"}, Ways("off", True)),
        ({"TERM": "screen", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, Ways("osc777", True)),
    ],
)
def test_a_terminal_is_known_by_what_it_says_of_itself(
    environment: dict[str, str], way: Ways
) -> None:
    assert ways_of(environment, "auto") == way


def test_what_is_set_goes_before_what_is_known() -> None:
    assert ways_of({"TERM": "xterm-kitty"}, "off") == Ways()
    assert ways_of({"TMUX": "x"}, "osc9") == Ways("osc9", through_tmux=True)


@pytest.mark.parametrize(
    ("ways", "sent"),
    [
        (Ways(), "\x07"),
        (Ways("osc9"), "\x07\x1b]9;#dev bob: hello ada\x07"),
        (Ways("osc777"), "\x07\x1b]777;notify;#dev bob;hello ada\x07"),
        (Ways("osc9", True), "\x07\x1bPtmux;\x1b\x1b]9;#dev bob: hello ada\x07\x1b\\"),
    ],
)
def test_each_terminal_is_told_in_its_way(ways: Ways, sent: str) -> None:
    assert signals(NOTICE, HABITS, ways) == sent


def test_who_wants_no_bell_gets_none() -> None:
    assert signals(NOTICE, NoticeHabits(bell=False), Ways()) == ""


anything = st.text(st.characters(exclude_categories=[]), max_size=40) | st.text(
    st.sampled_from("ab;\x1b\\]\x07\x9c\x9d\n-{text}<"), max_size=20
)


@given(
    nick=anything, text=anything, room=anything, ways=st.sampled_from(["osc9", "osc777"])
)
def test_whatever_is_said_a_notice_is_one_order_of_our_own(
    nick: str, text: str, room: str, ways: str
) -> None:
    line = said(VIEW, Entry(room, 1, nick, f"{text} ada", 0.0))
    notice = notice_of(line, VIEW, NoticeHabits(when="all"), looks=False)
    if notice is None:
        return
    sent = signals(notice, HABITS, Ways(ways))
    fields = {"osc9": 1, "osc777": 3}[ways]
    assert sent.startswith(("\x07\x1b]9;#", "\x07\x1b]9;@", "\x07\x1b]777;notify;"))
    assert sent.endswith("\x07")
    body = sent[2:-1]
    assert body.count(";") == fields
    assert body.isprintable() or set("\u200c\u200d") & set(body)
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed("before" + signals(notice, HABITS, Ways(ways)) + "after")
    assert screen.display[0].rstrip() == "beforeafter"


# --- quiet hours ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        ("22:00-07:00", (21, 59), False),
        ("22:00-07:00", (22, 0), True),
        ("22:00-07:00", (3, 0), True),
        ("22:00-07:00", (7, 0), False),
        ("9:30-17:00", (9, 29), False),
        ("9:30-17:00", (12, 0), True),
        ("9:30-17:00", (17, 0), False),
        ("8:00-8:00", (8, 0), False),
    ],
)
def test_quiet_hours_may_go_over_midnight(
    hours: str, at: tuple[int, int], quiet: bool
) -> None:
    moment = time.struct_time((2026, 11, 21, *at, 0, 5, 325, 0))
    assert quiet_hours(hours).covers(moment) == quiet


def test_quiet_hours_are_read() -> None:
    assert quiet_hours("22:00-07:30") == Quiet(22 * 60, 7 * 60 + 30)


@pytest.mark.parametrize("hours", ["", "22-7", "24:00-07:00", "22:60-07:00", "night"])
def test_what_is_no_time_of_day_is_said(hours: str) -> None:
    with pytest.raises(ValueError, match="is no time of day such as 22:00-07:00"):
        quiet_hours(hours)


# --- a command -----------------------------------------------------------------------


def test_a_command_has_the_notice_in_its_arguments() -> None:
    command = ("tell", "{title}", "-m", "{nick} in {room} ({count}): {text}", "{other}")
    assert command_of(command, NOTICE) == (
        "tell",
        "#dev bob",
        "-m",
        "bob in #dev (1): hello ada",
        "{other}",
    )


def test_what_somebody_says_is_no_option_and_no_field() -> None:
    notice = replace(NOTICE, text=clean("--icon={title}"), nick=clean("-x"))
    command = ("tell", "{text}", "{nick}", "--body={text}")
    assert command_of(command, notice)[1:] == (
        " --icon={title}",
        " -x",
        "--body=--icon={title}",
    )


@pytest.mark.parametrize("name", ["notify-send", "/usr/bin/notify-send", "dunstify"])
def test_what_somebody_says_is_no_markup(name: str) -> None:
    notice = replace(NOTICE, text=clean("<a href='x'>your bank</a> & co"))
    shown = command_of((name, "{text}"), notice)[1]
    assert shown == "&lt;a href='x'&gt;your bank&lt;/a&gt; &amp; co"
    assert command_of(("tell", "{text}"), notice)[1] == notice.text
