"""Whatever any field of any event holds, nothing changes but the rows that it has.

Held on a terminal emulator: the rows above and below, the cursor, the title, the modes, the
margins, the character sets and the colours are as they would be without it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pyte
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.fuzz import PIECES, events, past_events, texts
from tests.ui.harness import bridged, open_scene
from trio_chat.client.events import ClientEvent, Entry, Gap, Status
from trio_chat.client.outbox import Ticket
from trio_chat.client.past import Found, Page
from trio_chat.sanitise import LINE_END, clean
from trio_chat.ui import past, render
from trio_chat.ui.asked import left_over, outbox, who
from trio_chat.ui.changes import reduce
from trio_chat.ui.complete import complete
from trio_chat.ui.feed import begin_feed, fed, settled
from trio_chat.ui.meeting import met
from trio_chat.ui.notices import title_of
from trio_chat.ui.past import Range, Sought
from trio_chat.ui.render import text_of
from trio_chat.ui.rooms import switched
from trio_chat.ui.state import Line, Room, View
from trio_chat.ui.status import Fragments, queued, status
from trio_chat.ui.switcher import rows
from trio_chat.ui.themes import Look
from trio_chat.ui.unread import unread

VIEW = View("ada", "lobby", (Room("lobby", opened=True), Room("dev", opened=True)))
many_events = st.lists(events, min_size=1, max_size=4)


def heard(view: View, told: Iterable[ClientEvent]) -> tuple[View, list[Line]]:
    """What is known after these, and what is printed, as the running client does it."""
    feed, printed = begin_feed(0.0), list[Line]()
    for event in told:
        for step in (met, reduce):
            update = step(view, event)
            view = update.view
            feed, lines = fed(feed, update.lines, 0.0)
            printed += lines
    update = (
        switched(view, "dev") if view.find("dev") else reduce(view, Status("online", ""))
    )
    feed, lines = fed(feed, update.lines, 0.0)
    printed += [*lines, *settled(feed, 0.0)[1], who(view)]
    return update.view, printed


def state(screen: pyte.Screen) -> tuple[Any, ...]:
    """All that a terminal knows beside its cells and where its cursor is."""
    return (
        screen.title,
        screen.icon_name,
        set(screen.mode),
        screen.margins,
        (screen.g0_charset, screen.g1_charset, screen.charset),
        screen.cursor.attrs,
        screen.cursor.hidden,
        list(screen.savepoints),
        set(screen.tabstops),
    )


def stand(drawn: str, columns: int) -> None:
    """Draw this between other rows, and look whether it has left them alone."""
    # As high as it needs: most of the time goes into the rows of the emulator.
    rows = 4 + sum(1 + 2 * len(row) // columns for row in drawn.split("\n"))
    screen = pyte.Screen(columns, rows)
    stream = pyte.Stream(screen)
    stream.feed(f"\x1b]2;before\x07\x1b[{rows};1Hbelow\x1b[1;1Habove\r\n")
    before = state(screen)
    stream.feed(drawn)
    assert state(screen) == before
    assert screen.cursor.x == 0
    stream.feed("behind")
    shown = [row.rstrip() for row in screen.display]
    assert (shown[0], shown[-1]) == ("above", "below")
    assert shown[screen.cursor.y] == "behind"
    assert not any(shown[screen.cursor.y + 1 : -1])


@given(many_events, st.sampled_from([40, 57, 80, 200]))
@example([Entry("lobby", 1, "eve\n00:00 <bob> ", "a\n00:00 <bob> b", 0.0)], 40)
@example([Gap("lobby", 0, 9, "\x1b[2J\x1b]0;owned\x07")], 80)
@example([Entry("dev", 1, "eve", "x", float("nan"), "me", "\x9b2J")], 80)
def test_what_is_printed_changes_its_own_rows_and_nothing_else(
    told: list[ClientEvent], columns: int
) -> None:
    _, lines = heard(VIEW, told)
    for line in lines:
        stand(text_of(line, Look(columns=columns), 0.0), columns)


@given(many_events)
def test_no_row_of_what_is_printed_begins_at_the_edge_but_the_first(
    told: list[ClientEvent],
) -> None:
    """So nothing that somebody says can pass for a line of somebody else's."""
    for line in heard(VIEW, told)[1]:
        _, *others = text_of(line, Look(columns=80), 0.0).removesuffix("\r\n").split("\r\n")
        assert all(row.startswith("   ") for row in others)


@given(st.lists(past_events, min_size=1, max_size=4), texts, st.sampled_from([40, 80]))
def test_what_is_printed_of_the_past_changes_its_own_rows_and_nothing_else(
    told: list[Entry | Gap], words: str, columns: int
) -> None:
    page = Page("lobby", tuple(told))
    entries = tuple(each for each in told if isinstance(each, Entry))
    # Also with a word that is in it, so that something is marked.
    for sought in (words, *(each.text for each in entries[:1])):
        answer = Found("lobby", entries, before=3)
        lines = past.found(VIEW, Sought("lobby", sought), answer).lines
        stand("".join(text_of(line, Look(columns=columns), 0.0) for line in lines), columns)
    asked = Range(0, 9)
    for update in (
        past.history(VIEW, "lobby", asked, page),
        past.filled(VIEW, "lobby", asked, page),
        past.jumped(VIEW, "lobby", 3, page),
    ):
        drawn = (text_of(line, Look(columns=columns), 0.0) for line in update.lines)
        stand("".join(drawn), columns)


@given(many_events)
def test_what_is_told_of_what_is_unread_changes_its_own_rows_and_nothing_else(
    told: list[ClientEvent],
) -> None:
    looking_elsewhere = switched(VIEW, "dev").view
    view, _ = heard(looking_elsewhere, told)
    for line in unread(in_a_strange_room(view, "\x1b[2Jden")):
        stand(text_of(line, Look(columns=80), 0.0), 80)


def in_a_strange_room(view: View, name: str) -> View:
    """The server calls everything so."""
    rooms = (*view.rooms, Room(name, nicks=(name,), unread=3, calls=1, opened=True))
    return replace(view, nick=name, current=name, rooms=rooms, reason=name)


def shown_texts(fragments: Fragments) -> list[str]:
    return [text for _, text in fragments if text != LINE_END]


@given(many_events, st.integers(10, 100), texts)
def test_what_stands_around_the_input_is_clean(
    told: list[ClientEvent], columns: int, typed: str
) -> None:
    view, _ = heard(VIEW, told)
    view = in_a_strange_room(view, typed)
    around = [status(view, columns), queued(view, columns), rows(view, view.rooms, 0)]
    for text in (each for fragments in around for each in shown_texts(fragments)):
        assert text == clean(text)
    for candidate in complete(view, typed, lambda _: True):
        assert clean(clean(candidate.word)) == clean(candidate.word)


@given(texts, st.integers(0, 9))
def test_a_title_is_one_line_of_words(name: str, missed: int) -> None:
    title = title_of(in_a_strange_room(VIEW, name), missed)
    assert title == clean(title)
    assert len(title) < 200


@given(texts, texts)
def test_ones_own_lines_are_listed_as_lines(room: str, text: str) -> None:
    """They may be of another program's outbox."""
    ticket = Ticket(room, 1, text, "text")
    listed: Sequence[Line] = outbox([(ticket, True)], 0.0, online=True)
    for line in (*listed, *left_over([ticket])):
        stand(text_of(line, Look(columns=80), 0.0), 80)


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_is_harmless_in_each_field(piece: str) -> None:
    told = Entry("lobby", 1, f"e{piece}", f"{piece}x{piece}", 0.0, "text", piece)
    for line in heard(VIEW, [told])[1]:
        stand(text_of(line, Look(columns=80), 0.0), 80)


def test_the_check_sees_what_is_not_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail: without the sanitiser most of the pieces do something."""
    monkeypatch.setattr(render, "clean", lambda text: text)
    seen = 0
    for piece in PIECES:
        line = heard(VIEW, [Entry("lobby", 1, "eve", f"{piece}1;1H", 0.0)])[1][0]
        try:
            stand(text_of(line, Look(columns=80), 0.0), 80)
        except (AssertionError, TypeError, ValueError, IndexError):
            seen += 1
    assert seen > 20


# --- the whole client ----------------------------------------------------------------


# A failure takes long, so it is shown as it was found.
@settings(max_examples=25, phases=set(Phase) - {Phase.shrink})
@given(st.lists(events, min_size=1, max_size=6), st.integers(45, 100))
def test_the_prompt_stands_whatever_is_heard_also_after_a_resize(
    told: list[ClientEvent], columns: int
) -> None:
    """The input is on the screen, below all that was said, and the cursor is in it."""

    @bridged
    async def run() -> None:
        async with open_scene() as scene:
            await scene.go_online()
            screen = scene.terminal.screen
            modes = set(screen.mode)
            scene.keys("half a line")
            await scene.until_seen("> half a line")
            scene.client.tell(*told)
            await scene.until(lambda: scene.client.waiting == 0)
            await scene.chat.desk.paper.drained()
            scene.terminal.resize(columns)
            scene.chat.screen._on_resize()
            scene.keys("!")
            await scene.until(lambda: scene.typed.endswith("!"))
            await scene.until_seen("half a line!")
            (row,) = (y for y, text in enumerate(screen.display) if "half a line!" in text)
            assert screen.cursor.y == row
            assert set(screen.mode) == modes
            assert screen.margins is None
            assert (screen.charset, screen.g0_charset) == (0, pyte.charsets.LAT1_MAP)
            assert screen.title == clean(screen.title)
            assert screen.title.endswith("trio_chat")

    run()
