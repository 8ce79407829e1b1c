"""Going from room to room: where to, and what is printed there."""

import pytest
from msgspec.structs import replace

from tests.ui.harness import bridged, entry, open_scene
from trio_chat.client.events import ClientEvent, Closed, Gap, Opened, Refused, Reset, Status
from trio_chat.ui.changes import reduce
from trio_chat.ui.rooms import calling, found, neighbour, numbered, opening, switched
from trio_chat.ui.state import Line, Room, Rule, Said, Update, View, begin
from trio_chat.ui.switcher import ROWS_MAX, rows

ALT_UP, ALT_DOWN = "\x1b[1;3A", "\x1b[1;3B"
CTRL_K, ESC = "\x0b", "\x1b"


def after(view: View, *events: ClientEvent) -> Update:
    """The events one after the other; all that is printed."""
    lines: tuple[Line, ...] = ()
    for event in events:
        update = reduce(view, event)
        view, lines = update.view, lines + update.lines
    return Update(view, lines)


def in_rooms(*rooms: Room, current: str = "") -> View:
    return replace(begin("ada", "x"), rooms=rooms, current=current or rooms[0].name)


A, B, C, D = (
    Room("alpha"),
    Room("beta", unread=5),
    Room("gamma", unread=1, calls=1),
    Room("d"),
)
VIEW = in_rooms(A, B, C, D)


# --- where to ------------------------------------------------------------------------


def test_a_number_is_a_room_in_the_order_of_joining() -> None:
    assert [numbered(VIEW, n) for n in range(6)] == [
        None,
        "alpha",
        "beta",
        "gamma",
        "d",
        None,
    ]


def test_the_next_one_comes_round_and_round() -> None:
    assert neighbour(VIEW, 1) == "beta"
    assert neighbour(VIEW, -1) == "d"
    assert neighbour(replace(VIEW, current="d"), 1) == "alpha"
    assert neighbour(in_rooms(A), 1) is None
    assert neighbour(replace(VIEW, current=""), 1) == "alpha"
    assert neighbour(replace(VIEW, rooms=(), current=""), 1) is None


def test_where_one_was_called_comes_before_what_is_new() -> None:
    assert calling(VIEW) == "gamma"
    assert calling(in_rooms(A, B, D)) == "beta"
    assert calling(in_rooms(A, D)) is None
    assert calling(in_rooms(A, B, replace(B, name="b2"), current="beta")) == "b2"


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", ["gamma", "beta", "d", "alpha"]),
        ("a", ["alpha", "gamma", "beta"]),
        ("#A", ["alpha", "gamma", "beta"]),
        ("bt", ["beta"]),
        ("ma", ["gamma"]),
        ("ga", ["gamma"]),
        ("xyz", []),
    ],
)
def test_a_room_is_found_by_a_few_letters(typed: str, names: list[str]) -> None:
    assert [room.name for room in found(VIEW, typed)] == names


def test_letters_that_stand_together_come_first() -> None:
    view = in_rooms(Room("x"), Room("discuss-events"), Room("old-dev"), Room("dev"))
    assert [room.name for room in found(view, "dev")] == [
        "dev",
        "old-dev",
        "discuss-events",
    ]


def test_of_many_rooms_those_around_the_selected_one_are_shown() -> None:
    rooms = [Room(f"r{n}") for n in range(20)]
    view = in_rooms(*rooms)
    text = "".join(part for _, part in rows(view, rooms, 15))
    assert text.split("\n")[-1] == "> #r15"
    assert text.count("\n") == ROWS_MAX - 1
    text = "".join(part for _, part in rows(view, rooms, 1))
    assert text.startswith("  #r0  Alt-1\n> #r1  Alt-2\n")
    assert rows(view, [], 0) == [("class:note", "no room is called so")]


def test_a_room_that_is_found_says_what_is_unread_in_it() -> None:
    text = "".join(part for _, part in rows(VIEW, found(VIEW, ""), 0))
    assert text.split("\n")[:2] == ["> #gamma 1 @1  Alt-3", "  #beta 5  Alt-2"]


# --- what is printed there -----------------------------------------------------------


def test_what_is_new_is_counted_and_what_of_it_is_for_oneself() -> None:
    view = reduce(begin("ada", "lobby"), Opened("lobby", 0, 0)).view
    view = reduce(opening(view, "dev").view, Opened("dev", 0, 0)).view
    view = after(view, entry(1, "hi"), entry(2, "hi ada"), entry(3, "x", "ada")).view
    lobby = view.find("lobby")
    assert lobby is not None
    assert (lobby.unread, lobby.calls, lobby.speakers) == (2, 1, ("bob",))
    update = switched(view, "lobby")
    assert update.lines[0] == Rule(
        "lobby", "2 new while you were away, 1 for you", news=True
    )
    assert [line.called for line in update.lines if isinstance(line, Said)] == [
        "",
        "ada",
        "",
    ]
    assert switched(update.view, "lobby").lines == (Rule("lobby"),)


def test_who_comes_back_to_a_room_reads_nothing_twice() -> None:
    heard = [entry(n, f"{n}", room="dev") for n in range(1, 8)]
    view = reduce(opening(begin("ada", "lobby"), "dev").view, Opened("dev", 0, 3)).view
    view = after(view, *heard[:3], Closed("dev", "left")).view
    update = after(opening(view, "dev").view, Opened("dev", 0, 5), *heard[:5])
    assert update.lines == (
        Rule("dev", "2 new while you were away", news=True),
        *map(Said, heard[3:5]),
    )
    update = after(update.view, Closed("dev", "left"))
    assert after(opening(update.view, "dev").view, Opened("dev", 0, 5)).lines == (
        Rule("dev"),
    )


def test_what_was_kept_for_a_room_that_was_left_was_not_read() -> None:
    heard = [entry(n, f"{n}", room="dev") for n in range(1, 4)]
    view = reduce(opening(begin("ada", "lobby"), "dev").view, Opened("dev", 0, 1)).view
    view = switched(after(view, heard[0]).view, "lobby").view
    view = after(view, *heard[1:], Closed("dev", "thrown out")).view
    assert view.left == {"dev": 1}
    update = after(opening(view, "dev").view, Opened("dev", 0, 3), *heard)
    assert update.lines[1:] == tuple(map(Said, heard[1:]))


def test_a_hole_that_was_read_over_is_not_told_again() -> None:
    gap = Gap("lobby", 0, 4, "no longer kept")
    view = after(begin("ada", "lobby"), Opened("lobby", 0, 5), gap, entry(5, "x")).view
    view = opening(after(view, Closed("lobby", "left")).view, "lobby").view
    assert after(view, Opened("lobby", 0, 5), gap, entry(5, "x")).lines == (Rule("lobby"),)


def test_who_had_no_link_is_told_how_much_there_is_to_read() -> None:
    view = after(begin("ada", "lobby"), Opened("lobby", 0, 5), entry(5, "x")).view
    away = after(view, Status("offline", "gone", 1.0), Status("online", "back")).view
    rule = Rule("lobby", "142 new while you were away", news=True)
    assert after(away, Opened("lobby", 5, 147)).lines == (rule,)
    assert after(away, Opened("lobby", 5, 14)).lines == ()
    flooded = after(away, Opened("lobby", 5, 5), Opened("lobby", 5, 147))
    assert flooded.lines == ()


def test_a_servers_other_past_is_read_from_its_beginning() -> None:
    view = after(begin("ada", "lobby"), Opened("lobby", 0, 9), entry(9, "old")).view
    view = after(view, Closed("lobby", "left"), Reset("another past")).view
    again = entry(1, "new")
    assert after(opening(view, "lobby").view, again).lines == (Said(again),)
    here = after(begin("ada", "lobby"), entry(9, "old"), Reset("another past"), again)
    assert Said(again) in here.lines


# --- with keys -----------------------------------------------------------------------


@bridged
async def test_keys_go_from_room_to_room_and_back_to_what_was_typed_there() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("/join dev\r/join ops\r")
        await scene.until(lambda: scene.chat.view.current == "ops")
        scene.client.tell(*(Opened(room, 0, 0) for room in ("dev", "ops")))
        scene.keys("for ops\x1b2")
        await scene.until(lambda: scene.chat.view.current == "dev")
        assert scene.typed == ""
        scene.keys(f"for dev{ALT_UP}")
        await scene.until(lambda: scene.chat.view.current == "lobby")
        scene.keys(ALT_UP)
        await scene.until(lambda: scene.typed == "for ops")
        scene.keys("!\r")
        await scene.until(lambda: scene.client.said == [("ops", "text", "for ops!")])
        scene.keys(f"/join dev\r{ALT_DOWN}")
        await scene.until(lambda: scene.chat.view.current == "ops")
        scene.keys(ALT_UP)
        await scene.until(lambda: scene.typed == "for dev")


@bridged
async def test_what_is_typed_for_a_room_that_closes_stays_in_the_input() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("/join dev\rhalf")
        await scene.until(lambda: scene.typed == "half")
        scene.client.tell(Opened("dev", 0, 0), Closed("dev", "thrown out"))
        await scene.until(lambda: scene.chat.view.current == "lobby")
        assert scene.typed == "half"


@bridged
async def test_alt_a_goes_where_one_was_called() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("/join dev\r/join ops\r")
        await scene.until(lambda: scene.chat.view.current == "ops")
        scene.client.tell(Opened("dev", 0, 0), Opened("ops", 0, 0))
        scene.client.tell(entry(1, "hi"), entry(1, "Ada?", room="dev"))
        await scene.until_seen("#lobby 1 \u00b7 #dev 1 @1")
        scene.keys("\x1ba")
        await scene.until_seen(
            "\u2500\u2500 #dev \u2500\u2500 1 new while you were away, 1 for you"
        )
        scene.keys("\x1ba")
        await scene.until_seen("<bob> hi")


@bridged
async def test_ctrl_k_finds_a_room_and_leaves_what_is_typed_alone() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("/join dev\r/join ops\rtyping" + CTRL_K)
        await scene.until_seen("room:")
        scene.keys("lb")
        await scene.until_seen("> #lobby")
        scene.keys("\r")
        await scene.until(lambda: scene.chat.view.current == "lobby")
        await scene.until(lambda: not any("room:" in row for row in scene.terminal.rows))
        scene.keys(CTRL_K + CTRL_K + "\r")
        await scene.until(lambda: scene.typed == "typing")
        scene.keys(CTRL_K + "nothing" + "\r" + ESC)
        await scene.until(lambda: not any("room:" in row for row in scene.terminal.rows))
        assert scene.typed == "typing"
        assert scene.chat.view.current == "ops"


# --- a line that comes back ----------------------------------------------------------


@bridged
async def test_a_line_that_comes_back_is_not_glued_to_the_next_one() -> None:
    """Whoever types on in the same moment did not see it come."""
    async with open_scene() as scene:
        scene.client.tell(Refused("no_such_nick", "nobody", "@x", 1, "the line"))
        await scene.until(lambda: scene.typed == "the line")
        scene.keys("next")
        await scene.until(lambda: scene.typed == "next")
        await scene.until_seen("Up brings it back: the line")
        scene.keys("\x15\x1b[A")  # Ctrl-U, Up
        await scene.until(lambda: scene.typed == "the line")


@bridged
async def test_a_paste_is_not_glued_to_a_line_that_comes_back_either() -> None:
    async with open_scene() as scene:
        scene.client.tell(Refused("no_such_nick", "nobody", "@x", 1, "the line"))
        await scene.until(lambda: scene.typed == "the line")
        scene.keys("\x1b[200~one\r\ntwo\tx\x1b[201~")
        await scene.until(lambda: scene.typed == "one\ntwo\tx")


@bridged
async def test_who_has_seen_a_line_come_back_goes_on_with_it() -> None:
    async with open_scene() as scene:
        scene.client.tell(Refused("no_such_nick", "nobody", "@x", 1, "the line"))
        await scene.until_seen("> the line")
        await scene.until(lambda: not scene.chat.desk.just_came_back())
        scene.keys("!")
        await scene.until(lambda: scene.typed == "the line!")


@bridged
async def test_a_line_that_came_back_and_was_cleared_is_not_in_the_way() -> None:
    async with open_scene() as scene:
        scene.client.tell(Refused("no_such_nick", "nobody", "@x", 1, "the line"))
        await scene.until(lambda: scene.typed == "the line")
        scene.keys("\x03")
        await scene.until(lambda: not scene.typed)
        scene.keys("next")
        await scene.until(lambda: scene.typed == "next")
        assert not any("brings it back" in row for row in scene.terminal.all_rows)


# --- how long until the next try -----------------------------------------------------


@bridged
async def test_the_seconds_until_the_next_try_are_counted() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.tell(Status("offline", "gone; trying again in 3 s", 3.0))
        for seconds in (3, 2, 1):
            await scene.until_seen(f"offline \u00b7 again in {seconds} s \u00b7 #lobby")
        await scene.until_seen("offline \u00b7 trying again \u00b7 #lobby")
        scene.client.tell(Status("online", "connected"))
        await scene.until_seen("online \u00b7 #lobby")
        assert scene.chat.view.retry_in_s is None
