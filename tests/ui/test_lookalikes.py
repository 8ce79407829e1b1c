"""Who looks like somebody else has a mark, and is told of once."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.harness import bridged, entry, open_scene
from trio_chat.client.events import ClientEvent, Entry, Joined, Members, Renamed
from trio_chat.errors import RefusedError
from trio_chat.protocol import names
from trio_chat.ui.confusables import confusables
from trio_chat.ui.lookalikes import ALIKE_MAX, MET_MAX, Likes, like_of, meet, skeleton
from trio_chat.ui.meeting import WARNED_MAX, met
from trio_chat.ui.state import Note, Room, Trouble, View, who

ADA = "\u0430d\u0430"  # Cyrillic
VIEW = View("ada", "lobby", (Room("lobby", opened=True), Room("dev", opened=True)))


@pytest.mark.parametrize(
    ("nick", "other"),
    [
        ("ada", ADA),
        ("ada", "\u0410DA"),
        ("alice", "aIice"),
        ("alice", "a1ice"),
        ("bob", "b0b"),
        ("modem", "modern"),
        ("paypal", "\u0440\u0430\u0443\u0440\u0430\u04c0"),
        ("ada", "\U0001d4eada"),
        ("omega", "\u03bfmega"),
    ],
)
def test_nicks_that_one_reads_alike_have_one_skeleton(nick: str, other: str) -> None:
    assert skeleton(nick) == skeleton(other)


@pytest.mark.parametrize(
    ("nick", "other"),
    [("ada", "eda"), ("ada", "ada_"), ("bob", "rob"), ("\u00e4da", "ada")],
)
def test_other_nicks_have_other_ones(nick: str, other: str) -> None:
    assert skeleton(nick) != skeleton(other)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=32))
def test_who_is_the_same_for_the_server_is_never_told_of(text: str) -> None:
    likes, _ = meet(Likes(), "x", text)
    assert meet(likes, "x", text)[1] == ""
    assert meet(likes, "x", text)[0] is likes


def test_the_table_is_of_what_can_stand_in_a_nick() -> None:
    table = dict(confusables())
    assert len(table) > 1_900
    for char, like in table.items():
        assert names.nick(f"x{char}"), char
        assert char != like
        assert unicodedata.normalize("NFKD", char) == char


def warnings(*events: ClientEvent, view: View = VIEW) -> list[str]:
    """What is said of these, one after the other."""
    said: list[str] = []
    for event in events:
        update = met(view, event)
        view = update.view
        said += [line.text for line in update.lines if isinstance(line, Trouble)]
    return said


@pytest.mark.parametrize(
    "event",
    [
        entry(1, "hi", nick=ADA),
        Entry("@", 1, ADA, "psst", 0.0),
        Joined("lobby", ADA),
        Members("lobby", ("ada", ADA, "bob")),
        Renamed("lobby", "eve", ADA),
    ],
)
def test_who_looks_like_oneself_is_told_of_once(event: ClientEvent) -> None:
    assert warnings(event, event, entry(2, "again", nick=ADA)) == [
        f"{ADA} looks like ada, and is somebody else"
    ]


def test_who_looks_like_another_is_told_of_also_when_that_one_has_gone() -> None:
    said = warnings(entry(1, "hi", nick="bob"), Joined("dev", "b0b"))
    assert said == ["b0b in #dev looks like bob, and is somebody else"]


def test_nobody_looks_like_themselves() -> None:
    assert not warnings(
        Members("lobby", ("ada", "bob")),
        entry(1, "hi", nick="Bob"),
        entry(2, "hi", nick="ADA"),
        Renamed("lobby", "bob", "b0b"),  # it is bob
        entry(3, "hi", nick="b0b"),
    )


def test_a_crowd_that_looks_like_one_is_told_of_a_few_times_and_marked_each() -> None:
    crowd = tuple(f"\u0430d{a}{b}" for a in "a\u0430" for b in ("", "\u0301"))
    crowd += tuple(
        sorted({"\u0430d\u0430", "ad\u0430", "\u0430da", "\U0001d4eada", "a\u0501a"})
    )
    alike = [nick for nick in dict.fromkeys(crowd) if skeleton(nick) == skeleton("ada")]
    assert len(alike) > WARNED_MAX
    assert len(warnings(*(Joined("lobby", nick) for nick in alike))) == WARNED_MAX
    view = VIEW
    for nick in alike:
        view = met(view, Joined("lobby", nick)).view
    assert all(
        like_of(nick, view.likes) == "ada" for nick in alike if nick != "\U0001d4eada"
    )


def test_no_more_is_kept_than_has_a_bound() -> None:
    likes = Likes()
    for number in range(MET_MAX + 10):
        likes, _ = meet(likes, "ada", f"x{number:05}")
    assert len(likes.met) == MET_MAX
    for number in range(ALIKE_MAX + 10):
        likes, _ = meet(likes, "ada", f"y{number:05}".replace("0", "o"))
        likes, _ = meet(likes, "ada", f"y{number:05}".replace("0", "\u043e"))
    assert len(likes.alike) <= ALIKE_MAX


def test_a_mark_is_no_part_of_a_nick() -> None:
    update = met(VIEW, Members("lobby", ("ada", ADA)))
    room = Room("lobby", nicks=("ada", ADA))
    line = who(View("ada", "lobby", (room,), likes=update.view.likes))
    assert line == Note(f"2 in #lobby: ada, \u2260{ADA}")
    with pytest.raises(RefusedError):
        names.nick("\u2260ada")


@bridged
async def test_who_looks_like_oneself_is_seen_to_be_another() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.tell(entry(1, "I am ada", nick=ADA), entry(2, "no", nick=ADA))
        await scene.until_seen(f"<\u2260{ADA}> no")
        shown = [row[6:] for row in scene.terminal.rows]
        assert f"! {ADA} looks like ada, and is somebody else" in shown
        assert shown.index(f"! {ADA} looks like ada, and is somebody else") < shown.index(
            f"<\u2260{ADA}> I am ada"
        )
