"""The status line and what waits above the input: what fits, the weightiest first."""

import pytest
from msgspec.structs import replace

from trio_chat.client.events import Members, Queued, Status
from trio_chat.client.outbox import Progress
from trio_chat.ui.cells import cells
from trio_chat.ui.changes import reduce
from trio_chat.ui.rooms import calling
from trio_chat.ui.state import Room, View, begin
from trio_chat.ui.status import queued, status

WIDTHS = (39, 40, 60, 80, 120)


def status_text(view: View, columns: int = 120) -> str:
    """The status line without its styles."""
    text = "".join(text for _, text in status(view, columns))
    assert cells(text) <= columns
    return text


def in_rooms(**unread: int) -> View:
    """In the lobby, online, with others about, and with so much unread elsewhere."""
    view = reduce(begin("ada", "lobby"), Status("online", "connected")).view
    view = reduce(view, Members("lobby", ("ada", "bob", "cy"))).view
    for name, number in unread.items():
        view = replace(view, rooms=(*view.rooms, Room(name, opened=True, unread=number)))
    return view


def offline(view: View, lines: int, retry_in_s: float | None = 3.0) -> View:
    """Without a link, and with so many lines that wait."""
    reason = "connection refused by 192.168.178.20:8765; trying again in 3 s"
    view = reduce(view, Status("offline", reason, retry_in_s)).view
    for n in range(lines):
        view = reduce(view, Queued("lobby", n, "y")).view
    return view


def called(view: View, name: str, number: int) -> View:
    """So many of the unread lines of a room are for oneself."""
    rooms = (
        replace(room, calls=number) if room.name == name else room for room in view.rooms
    )
    return replace(view, rooms=tuple(rooms))


def test_the_status_line_says_where_one_is_and_who_one_is() -> None:
    assert status_text(in_rooms()) == "online \u00b7 #lobby \u00b7 3 here \u00b7 ada"


def test_the_status_line_counts_what_is_unread_and_what_of_it_is_for_oneself() -> None:
    view = called(in_rooms(dev=3, ops=12), "ops", 1)
    assert status_text(view).endswith("ada \u00b7 #dev 3 \u00b7 #ops 12 @1")


def test_without_a_link_it_says_what_happens_next() -> None:
    view = offline(in_rooms(), 2)
    text = "offline \u00b7 again in 3 s \u00b7 2 queued \u00b7 #lobby"
    assert status_text(view, 80).startswith(f"{text} \u00b7 ada \u00b7 connection")
    assert status_text(view, 42) == text
    assert status_text(view, 41) == "offline 3 s \u00b7 2 queued \u00b7 #lobby"
    assert "again in 1 min 5 s" in status_text(offline(in_rooms(), 0, 64.5))
    assert "offline \u00b7 trying again \u00b7" in status_text(offline(in_rooms(), 0, 0.0))
    assert "again" not in status_text(offline(in_rooms(), 0, None))


def test_it_says_why_without_what_it_counts_anyway() -> None:
    text = status_text(offline(in_rooms(), 0))
    assert text.endswith("ada \u00b7 connection refused by 192.168.178.20:8765")
    view = reduce(in_rooms(), Status("waiting", "ada\x1b is taken")).view
    assert status_text(view).endswith("ada\u241b is taken")


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("link", ["online", "offline"])
@pytest.mark.parametrize("name", ["lobby", "a" * 32, "\u6f22" * 32])
def test_what_matters_is_there_at_any_width(columns: int, link: str, name: str) -> None:
    view = called(in_rooms(dev=3, ops=12, verylongroomname=1_500, more=9), "ops", 1)
    view = replace(view, current=name, rooms=(*view.rooms, Room(name)))
    view = replace(view, nick="n" * 32)
    if link == "offline":
        view = offline(view, 17)
    text = status_text(view, columns)
    assert text.startswith(link)
    assert f"#{name[:2]}" in text
    assert "@1" in text
    assert "17 queued" in text or link == "online"
    assert "3 s" in text or link == "online"
    assert "#ops 12 @1" in text or "+1k @1" in text


def test_what_is_for_oneself_is_named_before_what_is_much() -> None:
    view = called(in_rooms(dev=3, ops=12, verylongroomname=1_500, more=9), "dev", 2)
    assert "#dev 3 @2" in status_text(view, 60)
    assert "#dev 3 @2 \u00b7 +1k" in status_text(view, 45)


def test_the_status_line_says_how_far_a_burst_is_while_there_is_a_link() -> None:
    """And nothing of what is gone in a moment."""
    view = reduce(in_rooms(), Queued("lobby", 1, "y")).view
    assert status_text(view).endswith("3 here \u00b7 ada")
    bursting = replace(view, sending=Progress(37, 200))
    assert status_text(bursting).endswith("ada \u00b7 sending 37/200")
    assert status_text(offline(bursting, 0)).startswith(
        "offline \u00b7 again in 3 s \u00b7 1 queued"
    )


def test_without_a_room_the_status_line_says_so() -> None:
    assert "no room" in status_text(replace(begin("ada", "x"), rooms=(), current=""))


def test_the_last_queued_lines_are_shown_while_there_is_no_link() -> None:
    view = begin("ada", "lobby")
    for n in range(1, 6):
        view = reduce(view, Queued("lobby", n, f"line {n}\nmore")).view
    text = "".join(text for _, text in queued(view, 80))
    assert text.split("\n") == [
        "\u2026 2 more",
        "\u2026 line 3\u240amore",
        "\u2026 line 4\u240amore",
        "\u2026 line 5\u240amore",
    ]
    assert queued(replace(view, state="online"), 80) == []


def test_a_queued_line_for_another_place_says_for_which() -> None:
    view = reduce(begin("ada", "lobby"), Queued("dev", 1, "one")).view
    view = reduce(view, Queued("@bob\x1b", 2, "two")).view
    text = "".join(text for _, text in queued(view, 80))
    assert text == "\u2026 #dev one\n\u2026 @bob\u241b two"


def test_a_queued_line_is_cut_where_the_terminal_ends() -> None:
    view = reduce(begin("ada", "lobby"), Queued("lobby", 1, "\u6f22" * 1_000)).view
    ((_, text),) = queued(view, 40)
    assert text == "\u2026 " + "\u6f22" * 18 + "\u2026"


def test_the_status_line_says_that_a_line_is_being_saved_and_that_one_leaves() -> None:
    view = replace(in_rooms(), saving=True, leaving=True)
    assert status_text(view).endswith(
        "ada \u00b7 saving \u2026 \u00b7 leaving after the last answers"
    )
    assert status_text(view, 40).endswith("saving \u2026 \u00b7 leaving \u2026")


def test_a_muted_room_comes_last_and_is_the_first_to_go() -> None:
    rooms = (Room("lobby"), Room("ops", unread=9, calls=1), Room("dev", unread=3))
    view = replace(begin("ada", "lobby"), state="online", rooms=rooms)
    view = replace(view, muted=frozenset({"ops"}))
    assert status_text(view).endswith("#dev 3 \u00b7 #ops 9 @1")
    assert ("class:unread", "#ops 9") not in status(view, 80)
    assert "@1" in status_text(view, 40)
    only = replace(view, rooms=(Room("lobby"), Room("ops", unread=9)))
    assert status_text(only).endswith("#ops 9")
    assert calling(only) is None
    assert calling(view) == "ops"
