"""What is printed of the past, and how far back one has gone."""

import re
from dataclasses import replace

import pytest
from msgspec import structs

from tests.ui.harness import entry
from trio_chat.client.events import GONE, Entry, Gap, Opened, Reset
from trio_chat.client.past import Found, Page
from trio_chat.ui import past
from trio_chat.ui.changes import reduce
from trio_chat.ui.feed import begin_feed, fed
from trio_chat.ui.past import Range, Sought
from trio_chat.ui.render import text_of
from trio_chat.ui.rooms import said, switched
from trio_chat.ui.state import (
    KEPT_ENTRIES_MAX,
    Day,
    Line,
    Missing,
    Note,
    Recalled,
    Room,
    Rule,
    Update,
    View,
    begin,
)
from trio_chat.ui.themes import Look
from trio_chat.words import wanted

DAY_S = 86_400


def opened(after: int, head: int, *rooms: str) -> View:
    """Somebody who has just come in, and reads from there."""
    view = begin("ada", "lobby", *rooms)
    return reduce(view, Opened("lobby", after, head)).view


def lobby(view: View) -> Room:
    room = view.find("lobby")
    assert room is not None
    return room


def page(*seqs: int) -> Page:
    return Page("lobby", tuple(entry(seq, f"line {seq}") for seq in seqs))


def numbers(update: Update) -> list[int]:
    return [line.said.entry.seq for line in update.lines if isinstance(line, Recalled)]


def drawn(line: Line, columns: int = 80) -> str:
    text = text_of(line, Look(depth="none", columns=columns), 0.0)
    return re.sub("\x1b\\[[0-9;]*m", "", text).removesuffix("\r\n")


# --- history -------------------------------------------------------------------------


def test_history_goes_back_from_the_oldest_line_that_was_printed() -> None:
    view = opened(350, 400)
    asked = past.earlier(lobby(view), 20)
    assert asked == Range(330, 350)
    assert isinstance(asked, Range)
    update = past.history(view, "lobby", asked, page(*range(331, 351)))
    assert numbers(update) == list(range(331, 351))
    assert update.lines[0] == Rule("lobby", "20 earlier lines")
    assert update.lines[-1] == Rule("lobby", "now")
    assert past.earlier(lobby(update.view), 20) == Range(310, 330)


def test_the_first_line_is_said_to_be_that() -> None:
    view = opened(12, 40)
    asked = past.earlier(lobby(view), 20)
    assert asked == Range(0, 12)
    assert isinstance(asked, Range)
    update = past.history(view, "lobby", asked, page(*range(1, 13)))
    assert update.lines[1] == Note("here begins #lobby")
    assert past.earlier(lobby(update.view), 20) == Note("#lobby: there is nothing before")


def test_what_is_no_longer_kept_is_said_once_and_for_all() -> None:
    view = opened(30, 40)
    gap = Gap("lobby", 10, 25, GONE)
    update = past.history(
        view, "lobby", Range(10, 30), Page("lobby", (gap, *page(26, 27).events))
    )
    assert update.lines[1] == Missing(Gap("lobby", 0, 25, GONE))
    assert past.earlier(lobby(update.view), 20) == Note("#lobby: there is nothing before")


def test_of_a_room_that_is_not_open_yet_nothing_can_be_asked() -> None:
    assert isinstance(past.earlier(lobby(begin("ada", "lobby")), 20), Note)


def test_history_moves_nothing_else() -> None:
    view = reduce(opened(350, 400, "den"), entry(351, "hi")).view
    update = past.history(view, "lobby", Range(330, 350), page(*range(331, 351)))
    assert update.view == structs.replace(
        view, rooms=(structs.replace(lobby(view), back=331), *view.rooms[1:])
    )


def test_with_another_past_history_begins_anew() -> None:
    view = reduce(opened(350, 400), Reset("another past")).view
    assert isinstance(past.earlier(lobby(view), 20), Note)
    view = reduce(view, Opened("lobby", 3, 5)).view
    assert past.earlier(lobby(view), 20) == Range(0, 3)


def test_history_of_a_room_that_was_left_meanwhile_is_printed_all_the_same() -> None:
    view = opened(350, 400)
    update = past.history(
        structs.replace(view, rooms=(), current=""),
        "lobby",
        Range(348, 350),
        page(349, 350),
    )
    assert numbers(update) == [349, 350]


# --- days ----------------------------------------------------------------------------


def test_days_stand_between_the_lines_of_history_and_not_between_what_was_found() -> None:
    lines = [
        Recalled(said(begin("ada", "lobby"), replace_ts(entry(n, "x"), n)))
        for n in range(3)
    ]
    _, printed = fed(begin_feed(5 * DAY_S), lines, 5 * DAY_S)
    assert [type(line) for line in printed] == 3 * [Day, Recalled]
    dated = [replace(line, dated=True) for line in lines]
    _, printed = fed(begin_feed(5 * DAY_S), dated, 5 * DAY_S)
    assert [type(line) for line in printed] == 3 * [Recalled]


def replace_ts(each: Entry, day: int) -> Entry:
    return Entry(room=each.room, seq=each.seq, nick=each.nick, text="x", ts=day * DAY_S)


# --- what was left out ---------------------------------------------------------------


def test_what_a_room_could_not_keep_can_be_had_later() -> None:
    view = reduce(opened(10, 10, "den"), entry(11, "read")).view
    view = switched(view, "den").view
    last = 11 + KEPT_ENTRIES_MAX + 300
    for seq in range(12, last + 1):
        view = reduce(view, entry(seq, "x")).view
    view = switched(view, "lobby").view
    assert lobby(view).hole == (11, 311)
    asked = past.left_out(lobby(view))
    assert asked == Range(11, 211)
    assert isinstance(asked, Range)
    update = past.filled(view, "lobby", asked, page(*range(12, 212)))
    assert numbers(update) == list(range(12, 212))
    assert update.lines[0] == Rule("lobby", "200 lines that were left out")
    assert update.lines[-1] == Rule("lobby", "100 more: /fill goes on")
    asked = past.left_out(lobby(update.view))
    assert asked == Range(211, 311)
    assert isinstance(asked, Range)
    update = past.filled(update.view, "lobby", asked, page(*range(212, 312)))
    assert update.lines[-1] == Rule("lobby", "now")
    assert isinstance(past.left_out(lobby(update.view)), Note)


def test_a_room_that_was_never_looked_at_has_no_hole_before_where_one_came_in() -> None:
    view = begin("ada", "den", "lobby")
    view = reduce(view, Opened("lobby", 350, 400)).view
    for seq in range(351, 351 + KEPT_ENTRIES_MAX + 5):
        view = reduce(view, entry(seq, "x")).view
    assert lobby(switched(view, "lobby").view).hole == (350, 355)


def test_who_comes_back_into_a_room_can_have_what_was_said_meanwhile() -> None:
    view = structs.replace(begin("ada", "lobby"), rooms=(Room("lobby", read=40),))
    view = reduce(view, Opened("lobby", 350, 400)).view
    assert lobby(view).hole == (40, 350)


@pytest.mark.parametrize(("reason", "hole"), [("not to be had", (3, 9)), (GONE, None)])
def test_a_gap_that_was_printed_is_filled_if_it_can_be(
    reason: str, hole: tuple[int, int] | None
) -> None:
    view = reduce(opened(3, 20), Gap("lobby", 3, 9, reason)).view
    assert lobby(view).hole == hole


# --- around an entry -----------------------------------------------------------------


def test_the_entry_that_was_asked_for_is_marked() -> None:
    assert past.around(100) == Range(94, 105)
    assert past.around(2) == Range(0, 7)
    update = past.jumped(opened(0, 200), "lobby", 100, page(*range(95, 106)))
    here = [line.here for line in update.lines if isinstance(line, Recalled)]
    assert here == [*[False] * 5, True, *[False] * 5]


def test_an_entry_that_is_not_there_is_said_not_to_be() -> None:
    view = opened(0, 97)
    for answer in (page(95, 96, 97), page()):
        update = past.jumped(view, "lobby", 100, answer)
        assert update == Update(view, (Note("there is no ^100 in #lobby"),))


# --- what was found ------------------------------------------------------------------


def test_the_newest_that_was_found_stands_last() -> None:
    answer = Found("lobby", (entry(9, "red"), entry(4, "red")), before=4)
    update = past.found(opened(0, 9), Sought("lobby", "red"), answer)
    assert numbers(update) == [4, 9]
    first, *_, last = update.lines
    assert first == Rule("lobby", "2 lines with \u201cred\u201d, the newest last")
    assert isinstance(last, Rule)
    assert last.remark.startswith("/search shows older ones")


@pytest.mark.parametrize(
    ("sought", "before", "words"),
    [
        (Sought("lobby", "red"), None, "nothing in #lobby with \u201cred\u201d"),
        (Sought("lobby", "red", 9), None, "nothing older in #lobby with \u201cred\u201d"),
        (
            Sought("lobby", "red"),
            5,
            "nothing in #lobby with \u201cred\u201d so far: /search shows older ones",
        ),
    ],
)
def test_that_nothing_was_found_is_one_line(
    sought: Sought, before: int | None, words: str
) -> None:
    view = opened(0, 9)
    update = past.found(view, sought, Found("lobby", (), before))
    assert update == Update(view, (Note(words),))


def test_of_a_long_text_what_stands_around_the_word_is_shown() -> None:
    text = "hay " * 1_000 + "needle " + "hay " * 1_000
    answer = Found("lobby", (entry(9, text), entry(4, "a needle")), before=None)
    update = past.found(opened(0, 9), Sought("lobby", "needle"), answer)
    shorter, longer = (
        line.said.entry.text for line in update.lines if isinstance(line, Recalled)
    )
    assert shorter == "a needle"
    assert "hay needle hay" in longer
    assert longer[0] == longer[-1] == "\u2026"
    assert len(longer) < 500


# --- drawn ---------------------------------------------------------------------------


def recalled(text: str, **more: object) -> Recalled:
    line = said(begin("ada", "lobby"), entry(1131, text))
    return replace(Recalled(line), **more)  # type: ignore[arg-type]


def test_a_line_of_before_shows_its_number() -> None:
    assert drawn(recalled("hello")) == "00:00 ^1131 <bob> hello"
    assert drawn(recalled("hello", dated=True)) == "1970-01-01 00:00 ^1131 <bob> hello"


def test_what_was_looked_for_is_marked_and_nothing_else() -> None:
    look = Look(theme="any", depth="16")
    line = recalled("The Dep\u0142oyment, ada: deploy", sought=wanted("deploy"))
    assert "Dep\u0142oyment" in text_of(line, look, 0.0)
    assert "\x1b[1;7mdeploy\x1b[0m" in text_of(line, look, 0.0)
    line = recalled("Caf\xe9s in Stra\xdfburg", sought=wanted("cafes strass"))
    drawn_ = text_of(line, look, 0.0)
    assert "\x1b[1;7mCaf\xe9s\x1b[0m" in drawn_
    assert "\x1b[1;7mStra\xdf\x1b[0m" in drawn_


def test_in_a_narrow_terminal_a_line_of_before_hangs_behind_its_head() -> None:
    line = recalled("a line that is longer than such a row", dated=True)
    rows = drawn(line, columns=40).split("\r\n")
    assert all(len(row) < 40 for row in rows)
    assert all(row.startswith(" " * 13) for row in rows[1:])
