"""What is typed about a line, what goes out for it, and what is shown of it."""

import re
from typing import get_args

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.harness import bridged, open_scene
from trio_chat.client.events import (
    ClientEvent,
    Entry,
    Opened,
    Queued,
    Refused,
    Reset,
)
from trio_chat.protocol.messages import INBOX, Kind
from trio_chat.ui.about import Draft, ToChange, Unclear, meant
from trio_chat.ui.changes import reduce
from trio_chat.ui.commands import Intent, Mistake, parse
from trio_chat.ui.complete import complete
from trio_chat.ui.feed import REACTIONS_MAX, begin_feed, fed, settled
from trio_chat.ui.pointing import About, Point
from trio_chat.ui.render import text_of
from trio_chat.ui.rooms import opening, switched
from trio_chat.ui.state import Line, Note, Reacted, Said, View, begin, typed
from trio_chat.ui.themes import Look

OUR_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
LOBBY = replace(begin("ada", "lobby"), state="online", told="online")
nasty = st.sampled_from("\x1b\x9b\x9d\x07\x00\r\n\x7f\u202e\u2066\u200b[];?0mKJab ")
any_text = st.text(nasty | st.characters(exclude_categories=[]), max_size=40)


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)


def entry(
    seq: int,
    text: str,
    nick: str = "bob",
    kind: Kind = "text",
    ref: int | None = None,
    *,
    room: str = "lobby",
    to: str | None = None,
    ts: float = 0.0,
) -> Entry:
    return Entry(room, seq, nick, text, ts, kind, to, ref)


def heard(*events: ClientEvent, view: View = LOBBY) -> tuple[View, list[Line]]:
    lines: list[Line] = []
    for event in events:
        update = reduce(view, event)
        view = update.view
        lines += update.lines
    return view, lines


def shown(*events: ClientEvent, columns: int = 80) -> list[str]:
    """What one reads at last, as rows."""
    feed, lines = fed(begin_feed(0.0), heard(*events)[1], 0.0)
    lines += settled(feed, 0.0)[1]
    look = Look(columns=columns)
    drawn = "".join(OUR_ESCAPES.sub("", text_of(line, look, 0.0)) for line in lines)
    return drawn.split("\r\n")[:-1]


FIVE = entry(1, "deploy at five", "ada")
YES = entry(2, "yes", "bob", ref=1)


# --- what is typed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "intent"),
    [
        ("/reply yes", About("text", None, "yes")),
        ("/reply ^12 yes\nno", About("text", Point(12), "yes\nno")),
        ("/reply @^12 yes", About("text", Point(12, inbox=True), "yes")),
        ("/reply ^^ yes", About("text", None, "^^ yes")),
        ("/reply ^12yes", About("text", None, "^12yes")),
        ("/edit", About("edit", None)),
        ("/edit ^12", About("edit", Point(12))),
        ("/edit ^12 six", About("edit", Point(12), "six")),
        ("/edit six", About("edit", None, "six")),
        ("/delete", About("delete", None)),
        ("/delete ^12", About("delete", Point(12))),
        ("/react \U0001f44d", About("react", None, "\U0001f44d")),
        ("/react ^12 :TADA:", About("react", Point(12), "\U0001f389")),
        ("/react ^12 :)", About("react", Point(12), ":)")),
    ],
)
def test_a_line_is_named_by_its_number_or_not_at_all(line: str, intent: Intent) -> None:
    assert parse(line) == intent


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/reply", "it is /reply"),
        ("/reply ^12", "it is /reply"),
        ("/react ^12", "it is /react"),
        ("/react :nope:", "no emoji is called :nope:"),
        ("/delete this", "it is /delete"),
    ],
)
def test_what_is_not_clear_is_a_mistake(line: str, reason: str) -> None:
    mistake = parse(line)
    assert isinstance(mistake, Mistake)
    assert reason in mistake.reason


# --- what goes out -------------------------------------------------------------------


def asked(view: View, line: str) -> object:
    intent = parse(line)
    assert isinstance(intent, About)
    return meant(view, intent)


def test_without_a_number_it_is_the_last_line_that_can_be_meant() -> None:
    view, _ = heard(FIVE, YES, entry(3, "no", "ada"), entry(4, "+1", kind="react", ref=3))
    assert asked(view, "/reply why?") == Draft("lobby", "why?", "text", 2)
    assert asked(view, "/react +1") == Draft("lobby", "+1", "react", 2)
    assert asked(view, "/edit maybe") == Draft("lobby", "maybe", "edit", 3)
    assert asked(view, "/delete") == Draft("lobby", "", "delete", 3)


def test_what_was_taken_back_is_not_the_last_line() -> None:
    view, _ = heard(FIVE, entry(2, "no", "ada"), entry(3, "", "ada", "delete", 2))
    assert asked(view, "/delete") == Draft("lobby", "", "delete", 1)


def test_where_nothing_was_said_there_is_nothing_to_mean() -> None:
    for line in ("/reply x", "/react x", "/edit x", "/edit", "/delete"):
        assert isinstance(asked(LOBBY, line), Unclear), line


def test_a_number_need_not_be_known() -> None:
    assert asked(LOBBY, "/reply ^7 x") == Draft("lobby", "x", "text", 7)
    assert asked(LOBBY, "/edit ^7 x") == Draft("lobby", "x", "edit", 7)


def test_an_edit_without_a_text_is_for_the_input() -> None:
    view, _ = heard(FIVE, entry(2, "deploy\nat six", "ada", "edit", 1), YES)
    assert asked(view, "/edit") == ToChange("/edit ^1 deploy\nat six")
    for line in ("/edit ^2", "/edit ^99"):
        assert isinstance(asked(view, line), Unclear), line


def test_the_same_reaction_again_takes_it_back() -> None:
    view, _ = heard(YES)
    view, _ = heard(Queued("lobby", 1, "+1", "react", 2), view=view)
    assert asked(view, "/react +1") == Draft("lobby", "+1", "unreact", 2)
    assert asked(view, "/react -1") == Draft("lobby", "-1", "react", 2)
    view = replace(heard(entry(3, "+1", "ada", "react", 2), view=view)[0], queued=())
    assert asked(view, "/react +1") == Draft("lobby", "+1", "unreact", 2)
    view, _ = heard(entry(4, "+1", "ada", "unreact", 2), view=view)
    assert asked(view, "/react +1") == Draft("lobby", "+1", "react", 2)


def test_in_direct_messages_it_goes_to_the_other_one() -> None:
    own = entry(1, "psst", "ada", room=INBOX, to="bob")
    view, _ = heard(own, entry(2, "what?", "cyd", room=INBOX))
    assert asked(view, "/edit @^1 psssst") == Draft("@bob", "psssst", "edit", 1)
    assert asked(view, "/reply @^2 you know") == Draft("@cyd", "you know", "text", 2)
    assert isinstance(asked(view, "/reply @^3 x"), Unclear)


def test_what_was_said_to_one_alone_is_not_answered_or_edited_before_all_by_mistake() -> (
    None
):
    """Without a number the last line is meant; where that is a private one, nothing is."""
    view, _ = heard(
        entry(1, "hi", "ada", ts=1.0),
        entry(2, "hello", ts=2.0),
        entry(1, "the password is x", "ada", room=INBOX, to="bob", ts=3.0),
        entry(2, "thanks", room=INBOX, ts=4.0),
    )
    for line in ("/edit the password is y", "/edit", "/delete"):
        assert asked(view, line) == Unclear(
            "your last line was for bob alone: @^1 names it, ^1 your last one here"
        )
    for line in ("/reply keep it", "/react +1"):
        assert asked(view, line) == Unclear(
            "the last line was for you alone: @^2 names it, ^2 the last one here"
        )
    view, _ = heard(entry(3, "so", ts=5.0), entry(4, "yes", "ada", ts=6.0), view=view)
    assert asked(view, "/reply x") == Draft("lobby", "x", "text", 3)
    assert asked(view, "/edit x") == Draft("lobby", "x", "edit", 4)
    view, _ = heard(entry(3, "ho", room=INBOX, ts=7.0))
    assert asked(view, "/reply x") == Unclear(
        "the last line was for you alone: @^3 names it"
    )


def test_a_line_that_waits_is_not_the_one_that_is_changed_and_nor_is_one_before_it() -> (
    None
):
    view, _ = heard(FIVE, Queued("lobby", 1, "deploy at six"))
    for line in ("/edit at seven", "/delete"):
        reason = "your last line is not sent yet: /cancel takes it back"
        assert asked(view, line) == Unclear(reason)
    assert asked(view, "/edit ^1 x") == Draft("lobby", "x", "edit", 1)
    view, _ = heard(FIVE, Queued("lobby", 1, "+1", "react", 1))
    assert asked(view, "/edit x") == Draft("lobby", "x", "edit", 1)


@pytest.mark.parametrize(
    ("line", "how"),
    [
        (Queued("lobby", 1, "yes", "text", 12), "/reply ^12 yes"),
        (Queued("lobby", 1, "six", "edit", 12), "/edit ^12 six"),
        (Queued("lobby", 1, "", "delete", 12), "/delete ^12"),
        (Queued("lobby", 1, "+1", "react", 12), "/react ^12 +1"),
        (Queued("lobby", 1, "+1", "unreact", 12), "/react ^12 +1"),
        (Queued("@bob", 1, "six", "edit", 12), "/edit @^12 six"),
    ],
)
def test_it_comes_back_as_it_has_to_be_typed(line: Queued, how: str) -> None:
    assert typed(line) == how
    view, _ = heard(line)
    assert reduce(view, Refused("not_yours", "no", "lobby", 1, line.text)).back == how


# --- what is known, and what calls ---------------------------------------------------


def elsewhere(*events: ClientEvent) -> View:
    """One looks at dev, and these come in the lobby."""
    view = heard(Opened("lobby", 0, 0))[0]
    view = heard(Opened("dev", 0, 0), view=opening(view, "dev").view)[0]
    return heard(*events, view=view)[0]


def counted(*events: ClientEvent) -> tuple[int, int]:
    room = elsewhere(*events).find("lobby")
    assert room is not None
    return room.unread, room.calls


def test_what_is_said_about_lines_is_not_unread() -> None:
    bobs = entry(1, "hi", "bob")
    for kind in ("edit", "delete", "react", "unreact"):
        assert counted(bobs, entry(2, "x", "bob", kind, 1)) == (1, 0), kind


def test_an_edit_that_newly_names_one_calls() -> None:
    assert counted(entry(1, "hi"), entry(2, "hi ada", kind="edit", ref=1)) == (2, 1)
    assert counted(entry(1, "ada"), entry(2, "ada!", kind="edit", ref=1)) == (1, 1)
    assert counted(entry(7, "ada", kind="react", ref=1)) == (0, 0)


def test_an_answer_to_ones_own_line_calls() -> None:
    assert counted(FIVE, YES) == (1, 1)
    assert counted(entry(1, "x", "cyd"), YES) == (2, 0)
    assert counted(FIVE, entry(2, "also", "ada", ref=1)) == (0, 0)


def test_what_came_meanwhile_shows_the_line_as_it_was_then() -> None:
    six = entry(3, "deploy at six", "ada", "edit", 1)
    gone = entry(4, "", "ada", "delete", 1)
    view = elsewhere(FIVE, YES, six, gone)
    _, *lines = switched(view, "lobby").lines
    abouts = [line.about for line in lines if isinstance(line, Said)]
    assert [about and about.text for about in abouts] == [
        None,
        "deploy at five",
        "deploy at five",
        "deploy at six",
    ]


def test_another_past_has_other_lines() -> None:
    assert heard(FIVE, Reset("anew"))[0].recent == {}


# --- what is shown -------------------------------------------------------------------


def test_an_answer_shows_what_it_answers() -> None:
    assert shown(FIVE, YES)[1:] == ["00:00 <bob> [^1 ada: deploy at five] yes"]
    assert shown(entry(9, "yes", ref=7)) == ["00:00 <bob> [^7] yes"]


def test_what_is_quoted_has_one_row_and_an_end() -> None:
    rows = shown(entry(1, "one\ntwo " * 30, "ada"), YES)
    assert rows[-1].startswith("00:00 <bob> [^1 ada: one two one")
    assert rows[-1].endswith("\u2026] yes")


def test_an_edit_shows_the_line_the_old_text_and_the_new() -> None:
    edited = entry(2, "deploy at six", "ada", "edit", 1)
    assert shown(FIVE, edited)[1:] == [
        "00:00 <ada> [edits ^1: deploy at five] deploy at six"
    ]


def test_who_takes_back_a_line_is_told_in_a_sentence() -> None:
    gone = entry(2, "", "ada", "delete", 1)
    assert shown(FIVE, gone)[1:] == ['00:00 ada took back ^1 "deploy at five"']
    assert shown(gone) == ["00:00 ada took back ^1"]


def test_in_direct_messages_the_number_says_so() -> None:
    psst = entry(1, "psst", "bob", room=INBOX)
    assert shown(psst, entry(2, "what?", "ada", ref=1, room=INBOX, to="bob"))[1:] == [
        "00:00 @bob <ada> [@^1 bob: psst] what?"
    ]


def reacts(seq: int, nick: str, text: str, kind: Kind = "react", ref: int = 1) -> Entry:
    return entry(seq, text, nick, kind, ref)


def test_reactions_that_come_together_share_a_row() -> None:
    rows = shown(
        FIVE, reacts(2, "bob", "+1"), reacts(3, "cyd", "+1"), reacts(4, "dee", "!")
    )
    assert rows[1:] == ['00:00 bob, cyd +1  dee !  ^1 "deploy at five"']
    rows = shown(FIVE, reacts(2, "bob", "+1"), reacts(3, "bob", "!"))
    assert rows[1:] == ['00:00 bob +1 !  ^1 "deploy at five"']


def test_reactions_to_several_lines_have_a_row_each() -> None:
    rows = shown(FIVE, YES, reacts(3, "cyd", "+1"), reacts(4, "cyd", "+1", ref=2))
    assert rows[2:] == ['00:00 cyd +1  ^1 "deploy at five"', '00:00 cyd +1  ^2 "yes"']


def test_who_takes_it_back_at_once_has_not_reacted() -> None:
    rows = shown(FIVE, reacts(2, "bob", "+1"), reacts(3, "bob", "+1", "unreact"))
    assert len(rows) == 1
    assert shown(FIVE, reacts(3, "bob", "+1", "unreact"))[1:] == [
        '00:00 bob took back +1  ^1 "deploy at five"'
    ]


def test_of_many_people_only_the_number_is_told() -> None:
    rows = shown(FIVE, *(reacts(seq, f"n{seq}", "+1") for seq in range(2, 12)))
    assert rows[1:] == ['00:00 n2, n3, n4, n5, n6 and 5 others +1  ^1 "deploy at five"']


def test_reactions_come_before_what_is_said_next_and_are_not_kept_without_end() -> None:
    many = [reacts(seq, f"n{seq}", "+1") for seq in range(2, REACTIONS_MAX + 5)]
    view, lines = heard(FIVE, *many)
    feed, printed = fed(begin_feed(0.0), lines, 0.0)
    assert len(feed.reactions) <= REACTIONS_MAX
    feed, then = fed(feed, [Note("next")], 0.0)
    assert isinstance(then[0], Reacted)
    assert then[-1] == Note("next")
    told = [each for each in (*printed, *then) if isinstance(each, Reacted | Said)]
    count = sum(
        len(each.all) if isinstance(each, Reacted) else each.reacts for each in told
    )
    assert count == len(many)
    assert view.recent["lobby"][0].mine == frozenset()


def test_ones_name_stands_out_in_an_edit_that_brings_it() -> None:
    _, lines = heard(entry(1, "hi"), entry(2, "hi ada", kind="edit", ref=1))
    assert [line.called for line in lines if isinstance(line, Said)] == ["", "ada"]


@given(
    old=st.builds(entry, st.just(1), any_text, any_text),
    new=st.builds(
        entry,
        st.just(3),
        any_text,
        any_text,
        st.sampled_from(get_args(Kind)),
        st.sampled_from([None, 1, 2]),
    ),
    columns=st.integers(20, 100),
)
def test_whatever_is_said_about_whatever_draws_in_its_own_rows(
    old: Entry, new: Entry, columns: int
) -> None:
    _, lines = heard(old, new)
    drawn = text_of(lines[-1], Look(columns=columns), 0.0)
    screen = pyte.Screen(columns, 60)
    pyte.Stream(screen).feed(drawn)
    bare = OUR_ESCAPES.sub("", drawn).replace("\r\n", "")
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in bare)
    assert screen.title == ""
    rows = [row.rstrip() for row in screen.display]
    assert rows[0].startswith("00:00")
    assert all(row.startswith(" ") for row in rows[1:] if row)


# --- at a terminal -------------------------------------------------------------------


@bridged
async def test_ones_last_line_comes_into_the_input_to_be_changed() -> None:
    async with open_scene() as scene:
        scene.client.tell(Opened("lobby", 0, 0), FIVE, YES)
        await scene.until_seen("] yes")
        scene.keys("/edit\r")
        await scene.until(lambda: scene.typed == "/edit ^1 deploy at five")
        scene.keys("\x7f\x7f\x7f\x7fsix\r")
        await scene.until(lambda: bool(scene.client.outbox.lines))
        (ticket,) = scene.client.outbox.lines
        assert (ticket.text, ticket.kind, ticket.ref) == ("deploy at six", "edit", 1)
        await scene.until(lambda: not scene.typed)


@bridged
async def test_what_is_not_known_is_said_and_stays() -> None:
    async with open_scene() as scene:
        scene.keys("/delete\r")
        await scene.until_seen("you have said nothing here yet")
        assert scene.typed == "/delete"


@bridged
async def test_a_reaction_that_is_too_long_is_not_offered_as_several() -> None:
    async with open_scene() as scene:
        scene.client.tell(Opened("lobby", 0, 0), YES)
        await scene.until_seen("<bob>")
        scene.keys(f"/react {'x' * 33}\r")
        await scene.until_seen("a reaction is an emoji or a short word")
        assert not scene.client.outbox.lines


def test_behind_a_caret_the_last_lines_are_offered() -> None:
    view, _ = heard(FIVE, YES, entry(12, "no", "ada"), entry(13, "", "ada", "delete", 1))

    def words(typed: str) -> list[str]:
        return [each.word for each in complete(view, typed, lambda _: True)]

    assert words("/reply ^") == ["^12 ", "^2 "]
    assert words("/edit ^") == ["^12 "]
    assert words("/react ^2") == ["^2 "]
