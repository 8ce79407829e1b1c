"""How many lines are unread, and every way in which a count could get stuck."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.harness import entry
from trio_chat.client.events import (
    ClientEvent,
    Closed,
    Entry,
    Gap,
    Marked,
    Opened,
    Reset,
    Status,
)
from trio_chat.ui.changes import reduce
from trio_chat.ui.rooms import opening, switched
from trio_chat.ui.state import (
    KEPT_ENTRIES_MAX,
    Line,
    Note,
    Room,
    Rule,
    Said,
    Update,
    View,
    begin,
)
from trio_chat.ui.unread import NEWS_MAX, unread
from trio_chat.ui.unread import seen as seen_since


def after(view: View, *events: ClientEvent) -> Update:
    """The events one after the other; all that is printed."""
    lines: tuple[Line, ...] = ()
    for event in events:
        update = reduce(view, event)
        view, lines = update.view, lines + update.lines
    return Update(view, lines)


def dev(view: View) -> Room:
    """The room that is not looked at."""
    room = view.find("dev")
    assert room is not None
    return room


def counts(view: View) -> tuple[int, int]:
    return dev(view).unread, dev(view).calls


def said(first: int, last: int, nick: str = "bob", text: str = "x") -> list[Entry]:
    return [entry(seq, text, nick, "dev") for seq in range(first, last + 1)]


def of_kind(seq: int, kind: str, nick: str = "bob") -> Entry:
    """One of a kind that changes another line, or reacts to it."""
    return msgspec.structs.replace(entry(seq, "x", nick, "dev"), kind=kind)


def seen(view: View) -> View:
    """All that was given to the printer was printed, and somebody has seen it."""
    return seen_since(view, view)


BOTH = after(begin("ada", "lobby", "dev"), Opened("lobby", 0, 0)).view


# --- at the start --------------------------------------------------------------------


def test_who_is_here_for_the_first_time_has_nothing_unread() -> None:
    view = after(BOTH, Opened("dev", 40, 90), *said(41, 90)).view
    assert counts(view) == (0, 0)
    assert dev(view).mark == 90
    view = after(view, *said(91, 93)).view
    assert counts(view) == (3, 0)


def test_after_a_restart_all_behind_the_mark_is_unread() -> None:
    view = after(BOTH, Opened("dev", 40, 90, 88), *said(41, 90)).view
    assert counts(view) == (2, 0)
    update = switched(view, "dev")
    rules = [line for line in update.lines if isinstance(line, Rule)]
    assert rules == [Rule("dev"), Rule("dev", "2 new while you were away", news=True)]
    assert update.lines.index(rules[1]) == len(update.lines) - 3


def test_what_is_not_known_is_counted_by_its_numbers() -> None:
    view = after(BOTH, Opened("dev", 250, 300, 100), *said(251, 300)).view
    assert counts(view) == (200, 0)
    assert switched(view, "dev").lines[0] == Rule(
        "dev", "200 new while you were away, 150 older lines not shown", news=True
    )


def test_a_room_in_which_nothing_was_said_when_one_first_came_has_a_mark() -> None:
    """Of nothing: what is said in it while one is away is unread."""
    view = after(BOTH, Opened("dev", 0, 0)).view
    assert dev(view).mark == 0
    view = after(BOTH, Opened("dev", 0, 3, 0), *said(1, 3)).view
    assert counts(view) == (3, 0)


def test_a_rule_stands_before_the_first_new_line_of_the_current_room() -> None:
    update = after(
        begin("ada", "lobby"),
        Opened("lobby", 1, 6, 3),
        *(entry(seq, "x") for seq in range(2, 7)),
    )
    rule = Rule("lobby", "3 new while you were away", news=True)
    kinds = [line if isinstance(line, Rule) else line.entry.seq for line in update.lines]  # type: ignore[union-attr]
    assert kinds == [Rule("lobby", "1 earlier line not shown"), 2, 3, rule, 4, 5, 6]


def test_if_all_that_follows_is_new_the_first_rule_says_so() -> None:
    update = after(begin("ada", "lobby"), Opened("lobby", 250, 300, 100), entry(251, "x"))
    remark = "200 new while you were away, 250 earlier lines not shown"
    assert update.lines[0] == Rule("lobby", remark, news=True)
    assert isinstance(update.lines[1], Said)


def test_a_rule_that_waits_goes_when_another_device_reads_on() -> None:
    view = after(begin("ada", "lobby"), Opened("lobby", 1, 6, 3), entry(2, "x")).view
    lines = after(view, Marked("lobby", 6), entry(3, "x"), entry(4, "x")).lines
    assert not [line for line in lines if isinstance(line, Rule)]


# --- on several devices --------------------------------------------------------------


def test_a_count_sinks_when_another_device_reads_on() -> None:
    view = after(BOTH, Opened("dev", 0, 0, 0), *said(1, 5, text="ada!")).view
    assert counts(view) == (5, 5)
    view = after(view, Marked("dev", 3)).view
    assert counts(view) == (2, 2)
    view = after(view, Marked("dev", 2)).view  # it never sinks
    assert counts(view) == (2, 2)
    assert counts(after(view, Marked("dev", 5)).view) == (0, 0)


def test_a_mark_may_come_before_the_lines() -> None:
    view = after(BOTH, Opened("dev", 0, 0, 0), Marked("dev", 3), *said(1, 5)).view
    assert counts(view) == (2, 0)


def test_after_a_reconnect_the_mark_of_meanwhile_counts() -> None:
    view = after(BOTH, Opened("dev", 0, 0, 0), *said(1, 5)).view
    view = after(view, Status("offline", "gone"), Status("online", "back")).view
    view = after(view, Opened("dev", 5, 9, 7), *said(6, 9)).view
    assert counts(view) == (2, 0)


def test_what_was_read_elsewhere_while_there_was_no_link_is_no_news() -> None:
    view = after(begin("ada", "lobby"), Opened("lobby", 0, 0), entry(1, "x")).view
    away = after(view, Status("offline", "gone", 1.0), Status("online", "back")).view
    assert after(away, Opened("lobby", 1, 60, 60)).lines == ()


# --- what is read --------------------------------------------------------------------


def test_what_was_looked_at_is_read_once_it_was_seen() -> None:
    view = after(BOTH, Opened("dev", 0, 0, 0), *said(1, 5)).view
    view = switched(view, "dev").view
    assert (counts(view), dev(view).mark) == ((0, 0), 0)
    assert dev(seen(view)).mark == 5


def test_what_is_printed_is_not_read_before_it_was_seen() -> None:
    view = after(BOTH, Opened("dev", 0, 0), entry(1, "x"), entry(2, "x")).view
    assert view.room is not None
    assert (view.room.mark, view.room.unread) == (0, 0)
    room = seen(view).room
    assert room is not None
    assert room.mark == 2


def test_what_was_given_to_the_printer_since_is_not_read() -> None:
    then = after(BOTH, Opened("dev", 0, 0), entry(1, "x")).view
    now = seen_since(after(then, entry(2, "x")).view, then)
    assert now.room is not None
    assert (now.room.mark, now.room.read) == (1, 2)
    anew = after(then, Reset("another past"), Opened("lobby", 0, 1, 0)).view
    room = seen_since(anew, then).room
    assert room is not None
    assert room.mark == 0


def test_who_speaks_has_read_what_was_said_before() -> None:
    view = after(BOTH, entry(1, "x"), entry(2, "hi", "ada"), entry(3, "x")).view
    assert view.room is not None
    assert view.room.mark == 2


def test_direct_messages_have_a_mark() -> None:
    to_me = Entry("@", 4, "bob", "psst", 0.0)
    view = after(BOTH, Marked("@", 3), to_me).view
    assert view.inbox.mark == 3
    assert seen(view).inbox.mark == 4
    assert after(seen(view), Reset("another past")).view.inbox == Room("@")


# --- ways to get stuck ---------------------------------------------------------------


def is_read(view: View) -> bool:
    """Whether a look at the room leaves nothing unread, here and on the server."""
    room = dev(seen(switched(view, "dev").view))
    return (room.unread, room.calls) == (0, 0) and room.mark == room.heard


def test_ones_own_lines_are_not_unread() -> None:
    view = after(BOTH, Opened("dev", 0, 0), *said(1, 3, "ada")).view
    assert (counts(view), dev(view).mark) == ((0, 0), 3)
    view = after(view, *said(4, 4), *said(5, 6, "ada")).view
    assert (counts(view), dev(view).mark) == ((1, 0), 3)
    assert is_read(view)


@pytest.mark.parametrize("kind", ["edit", "delete", "react", "unreact"])
def test_what_changes_another_line_is_not_unread(kind: str) -> None:
    view = after(BOTH, Opened("dev", 0, 0), of_kind(1, kind), of_kind(2, kind)).view
    assert (counts(view), dev(view).mark) == ((0, 0), 2)
    view = after(view, *said(3, 3), of_kind(4, kind)).view
    assert counts(view) == (1, 0)
    assert counts(after(view, Marked("dev", 3)).view) == (0, 0)
    assert is_read(view)


def test_a_gap_is_not_unread() -> None:
    gap = Gap("dev", 5, 180, "no longer kept")
    view = after(BOTH, Opened("dev", 5, 190, 5), gap).view
    assert (counts(view), dev(view).mark) == ((0, 0), 180)
    view = after(view, *said(181, 190)).view
    assert counts(view) == (10, 0)
    assert is_read(view)


def test_lines_that_are_no_longer_kept_do_not_stay_unread() -> None:
    gap = Gap("dev", 450, 500, "no longer kept")
    view = after(BOTH, Opened("dev", 450, 500, 100), gap).view
    assert counts(view) == (350, 0)
    assert is_read(view)


def test_a_room_whose_past_is_not_asked_for_does_not_stay_unread() -> None:
    view = after(BOTH, Opened("dev", 300, 300, 100)).view
    assert counts(view) == (200, 0)
    assert is_read(view)
    here = after(begin("ada", "lobby"), Opened("lobby", 300, 300, 100))
    assert here.lines == (
        Rule(
            "lobby",
            "200 new while you were away, 300 earlier lines not shown",
            news=True,
        ),
    )
    room = seen(here.view).room
    assert room is not None
    assert (room.unread, room.mark) == (0, 300)


def test_of_very_many_lines_the_count_is_still_right() -> None:
    view = after(BOTH, Opened("dev", 0, 0), *said(1, NEWS_MAX + 500)).view
    assert counts(view) == (NEWS_MAX + 500, 0)
    assert len(dev(view).news) <= NEWS_MAX
    assert counts(after(view, Marked("dev", 400)).view) == (NEWS_MAX + 100, 0)
    assert counts(after(view, Marked("dev", NEWS_MAX + 499)).view) == (1, 0)
    assert is_read(view)


def test_a_room_that_was_left_and_joined_again_counts_from_the_mark() -> None:
    view = after(BOTH, Opened("dev", 0, 0, 0), *said(1, 5), Closed("dev", "left")).view
    view = switched(opening(view, "dev").view, "lobby").view
    view = after(view, Opened("dev", 0, 7, 2), *said(1, 7)).view
    assert counts(view) == (5, 0)
    view = after(switched(view, "dev").view, Closed("dev", "left")).view
    view = switched(opening(view, "dev").view, "lobby").view
    view = after(view, Opened("dev", 0, 9, None), *said(1, 9)).view  # nothing is known
    assert counts(view) == (2, 0)


def test_in_another_past_all_begins_anew() -> None:
    view = after(BOTH, Opened("dev", 0, 0), *said(1, 900), Reset("another past")).view
    assert (counts(view), dev(view).mark) == ((0, 0), None)
    view = after(view, Opened("dev", 10, 40), *said(11, 40)).view
    assert (counts(view), dev(view).mark) == ((0, 0), 40)
    assert counts(after(view, *said(41, 42)).view) == (2, 0)
    assert is_read(view)


def test_a_room_that_was_held_does_not_count_twice() -> None:
    view = after(BOTH, Opened("dev", 0, 0), *said(1, 5), Opened("dev", 5, 9)).view
    view = after(view, *said(6, 9)).view
    assert counts(view) == (9, 0)


KINDS = st.sampled_from(("bob", "bob", "ada", "react", "gap"))


@given(
    st.lists(KINDS, max_size=40),
    st.integers(0, 45),
    st.lists(st.integers(0, 45), max_size=4),
    st.integers(0, 45),
)
def test_a_count_is_what_is_behind_the_mark(
    kinds: list[str], read: int, marks: list[int], cursor: int
) -> None:
    """In whatever order: and a look at the room leaves none."""
    head = len(kinds)
    read, cursor = min(read, head), min(cursor, head)
    events: list[ClientEvent] = [Marked("dev", min(mark, head)) for mark in marks]
    for seq, kind in enumerate(kinds, 1):
        if seq > cursor:
            events.insert(len(events) - len(marks), event_of(seq, kind))
    view = after(BOTH, Opened("dev", cursor, head, read), *events).view
    mark = max([read, *(min(mark, head) for mark in marks)])
    unknown = max(0, cursor - mark)
    known = [seq for seq, kind in enumerate(kinds, 1) if kind == "bob" and seq > cursor]
    assert counts(view)[0] == unknown + sum(seq > mark for seq in known)
    assert is_read(view)


def event_of(seq: int, kind: str) -> ClientEvent:
    if kind == "gap":
        return Gap("dev", seq - 1, seq, "no longer kept")
    return of_kind(seq, "react") if kind == "react" else entry(seq, "x", kind, "dev")


# --- /unread -------------------------------------------------------------------------


def test_unread_lists_where_something_is_unread() -> None:
    assert unread(BOTH) == (Note("nothing is unread"),)
    view = after(BOTH, Opened("dev", 0, 0), *said(1, 2)).view
    assert unread(view) == (Note("2 unread lines in 1 room:"), Note("#dev  2"))
    call = f"ada: can you look at {'this ' * 20}?"
    view = after(view, *said(3, 4, text=call)).view
    listed = unread(view)[1]
    assert isinstance(listed, Note)
    assert listed.text.startswith("#dev  4, 2 for you: <bob> ada: can you look at this")
    assert listed.text.endswith("\u2026")
    view = after(view, *said(5, 5 + KEPT_ENTRIES_MAX)).view  # the calls are not kept
    assert unread(view)[1] == Note(f"#dev  {KEPT_ENTRIES_MAX + 5}, 2 for you")


def test_unread_names_each_room_in_its_order() -> None:
    view = after(BOTH, Opened("dev", 0, 0), *said(1, 2)).view
    view = replace(view, rooms=(*view.rooms, Room("ops", unread=1)))
    assert unread(view) == (
        Note("3 unread lines in 2 rooms:"),
        Note("#dev  2"),
        Note("#ops  1"),
    )
