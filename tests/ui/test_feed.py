"""What stands between the lines: days, and who came and went."""

from collections.abc import Sequence

import pytest

from tests.ui.harness import entry
from trio_chat.client.events import Entry, Gap
from trio_chat.ui.feed import Feed, begin_feed, fed, settled
from trio_chat.ui.state import Day, Line, Missing, Moved, Note, Rule, Said

DAY_S = 86_400.0
NOW = 10 * DAY_S


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)


def said(ts: float) -> Said:
    return Said(Entry("lobby", 1, "bob", "hi", ts))


def came(*nicks: str) -> list[Moved]:
    return [Moved(nick, came=True) for nick in nicks]


def went(*nicks: str) -> list[Moved]:
    return [Moved(nick, came=False, reason="quit") for nick in nicks]


def printed(lines: Sequence[Line], now: float = NOW) -> list[Line]:
    """What is printed at last, when nothing more comes."""
    feed, first = fed(begin_feed(now), lines, now)
    return first + settled(feed, now)[1]


def test_a_line_of_today_needs_no_date() -> None:
    assert printed([said(NOW), Note("x")]) == [said(NOW), Note("x")]


def test_another_day_begins_with_a_rule_and_so_does_today_again() -> None:
    old, older = said(NOW - DAY_S), said(NOW - 2 * DAY_S)
    lines: list[Line] = [older, older, Missing(Gap("lobby", 0, 1, "")), old, said(NOW)]
    assert printed(lines) == [
        Day(NOW - 2 * DAY_S),
        older,
        older,
        lines[2],
        Day(NOW - DAY_S),
        old,
        Day(NOW),
        said(NOW),
    ]


def test_midnight_passes_while_one_looks() -> None:
    feed, _ = fed(begin_feed(NOW), [said(NOW)], NOW)
    assert fed(feed, [Note("x")], NOW + DAY_S)[1] == [Day(NOW + DAY_S), Note("x")]


def test_one_alone_is_told_in_words() -> None:
    assert printed(came("bob")) == [Note("bob joined")]
    assert printed(went("bob")) == [Note("bob left (quit)")]


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        (came("a", "b", "c"), "+a, b, c"),
        (came("a", "b") + went("c"), "+a, b  -c"),
        (went("c", "d"), "-c, d"),
        (came(*"abcdef"), "6 people joined"),
        (came(*"abcde") + went("x"), "5 people joined, 1 person left"),
        (went(*map(str, range(1_200))), "1,200 people left"),
    ],
)
def test_several_share_a_row(moves: list[Line], words: str) -> None:
    assert printed(moves) == [Note(words)]


@pytest.mark.parametrize("moves", [came("a") + went("a"), went("a") + came("a")])
def test_who_is_where_they_were_is_not_told(moves: list[Line]) -> None:
    assert printed(moves) == []
    assert printed([*moves, *came("b")]) == [Note("b joined")]


def test_they_are_told_before_what_is_said_next() -> None:
    lines: list[Line] = [*came("a", "b"), Said(entry(1, "hi")), *went("a")]
    feed, first = fed(Feed((1970, 1, 1)), lines, 0.0)
    assert first == [Note("+a, b"), Said(entry(1, "hi"))]
    assert settled(feed, 0.0) == (Feed((1970, 1, 1)), [Note("a left (quit)")])


def test_another_room_does_not_begin_with_who_came_into_this_one() -> None:
    assert printed([*came("a"), Rule("dev")]) == [Note("a joined"), Rule("dev")]
