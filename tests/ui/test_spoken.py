"""What is read aloud: one sentence an event, who first, nothing for the eye alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.harness import entry
from trio_chat.client.events import Entry, Gap
from trio_chat.protocol.messages import INBOX
from trio_chat.ui.feed import begin_feed, fed, settled
from trio_chat.ui.recent import Known
from trio_chat.ui.spoken import elsewhere, spoken
from trio_chat.ui.state import (
    Day,
    Line,
    Missing,
    Moved,
    Note,
    Recalled,
    Room,
    Rule,
    Said,
    Trouble,
    View,
)

FIVE = Known(12, "ada", "deploy at five", "text", False, 0.0, "lobby")


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)


@pytest.mark.parametrize(
    ("line", "aloud"),
    [
        (Said(entry(1, "hi")), "bob: hi"),
        (Said(entry(1, "one\ntwo")), "bob: one\nbob, line 2: two"),
        (Said(Entry("lobby", 1, "bob", "waves", 0.0, "me")), "bob acts: waves"),
        (Said(entry(1, "hi"), like="b0b"), "bob, who is not b0b: hi"),
        (
            Said(Entry(INBOX, 1, "bob", "psst", 0.0), to="ada"),
            "bob, to you alone: psst",
        ),
        (
            Said(Entry(INBOX, 1, "ada", "what", 0.0, to="bob"), own=True, to="bob"),
            "ada, to bob alone: what",
        ),
        (
            Said(Entry("lobby", 13, "bob", "yes", 0.0, "text", None, 12), about=FIVE),
            "bob, answering ^12 ada: deploy at five: yes",
        ),
        (
            Said(Entry("lobby", 13, "ada", "at six", 0.0, "edit", None, 12), about=FIVE),
            "ada, edits ^12: deploy at five: at six",
        ),
        (
            Said(Entry("lobby", 13, "ada", "", 0.0, "delete", None, 12), about=FIVE),
            'ada took back ^12 "deploy at five"',
        ),
        (Recalled(Said(entry(7, "hi"))), "bob: hi, ^7, 00:00"),
        (
            Recalled(Said(entry(7, "hi")), dated=True),
            "bob: hi, ^7, Thursday 1970-01-01 00:00",
        ),
        (Note("connected"), "connected"),
        (Trouble("not sent: no"), "not sent: no"),
        (Moved("bob", came=False, reason="timed out"), "bob left (timed out)"),
        (Missing(Gap("lobby", 0, 2, "gone")), "entries 1 to 2 of #lobby are gone"),
        (Rule("dev"), "#dev"),
        (
            Rule("dev", "3 new while you were away", news=True),
            "#dev, 3 new while you were away",
        ),
        (Day(0.0), "Thursday 1970-01-01"),
    ],
)
def test_each_line_is_a_sentence(line: Line, aloud: str) -> None:
    assert spoken(line) == f"{aloud}\n"


@given(st.text(max_size=40), st.sampled_from(["text", "me", "edit", "react", "delete"]))
def test_no_text_can_pass_for_what_somebody_else_or_the_chat_says(
    text: str, kind: str
) -> None:
    said = Said(Entry("lobby", 2, "eve", text, 0.0, kind, None, 1))  # type: ignore[arg-type]
    lines = spoken(said).removesuffix("\n").split("\n")
    assert all(re.match(r"eve\b", line) for line in lines)
    assert spoken(said).isprintable() or "\n" in spoken(said)
    assert "\x1b" not in spoken(said)


def test_who_came_and_went_is_said_in_words() -> None:
    moves = [Moved("bob", came=True), Moved("cy", came=True), Moved("dee", came=False)]
    feed, _ = fed(begin_feed(0.0, aloud=True), moves, 0.0)
    assert settled(feed, 0.0)[1] == [Note("bob, cy joined; dee left")]
    feed, _ = fed(begin_feed(0.0, aloud=True), moves[:1], 0.0)
    assert settled(feed, 0.0)[1] == [Note("bob joined")]


def room(unread: int, calls: int = 0) -> Room:
    said = Entry("dev", 5, "bob", "ada: look", 0.0)
    return Room("dev", unread=unread, calls=calls, kept=(said,), called=(5,) * calls)


def test_of_another_room_it_is_told_once_that_it_has_news_and_each_call() -> None:
    def view(dev: Room, **known: frozenset[str]) -> View:
        return View("ada", "lobby", (Room("lobby", unread=3), dev), **known)  # type: ignore[arg-type]

    told, lines = elsewhere(view(room(1)), {})
    assert lines == [Note("something new in #dev")]
    told, lines = elsewhere(view(room(2)), told)
    assert lines == []
    told, lines = elsewhere(view(room(3, 1)), told)
    assert lines == [Note("bob calls you in #dev, ada: look")]
    told, lines = elsewhere(view(room(4, 1)), told)
    assert lines == []
    told, lines = elsewhere(view(room(0)), told)
    assert (told, lines) == ({}, [])
    assert elsewhere(view(room(1, 1), muted=frozenset({"dev"})), {}) == ({}, [])
