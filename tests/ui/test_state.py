"""What is known after each event, and what is printed: values in, values out."""

import pytest
from msgspec.structs import replace

from tests.ui.harness import entry
from trio_chat.client.events import (
    Accepted,
    ClientEvent,
    Closed,
    Entry,
    Gap,
    Joined,
    Left,
    Members,
    Named,
    Opened,
    Queued,
    Refused,
    Renamed,
    Reset,
    Status,
)
from trio_chat.ui.asked import who
from trio_chat.ui.changes import lost, reduce
from trio_chat.ui.rooms import opening, switched
from trio_chat.ui.state import (
    KEPT_ENTRIES_MAX,
    Line,
    Missing,
    Moved,
    Note,
    Rule,
    Said,
    Trouble,
    Update,
    View,
    begin,
)

LOBBY = replace(begin("ada", "lobby"), state="online", told="online")


def after(view: View, *events: ClientEvent) -> Update:
    """The events one after the other; all that is printed."""
    lines: tuple[Line, ...] = ()
    back = ""
    for event in events:
        update = reduce(view, event)
        view, lines, back = update.view, lines + update.lines, update.back or back
    return Update(view, lines, back)


def dev_too() -> View:
    """In dev, with an eye on it, and in the lobby."""
    view = reduce(LOBBY, Opened("lobby", 0, 0)).view
    return reduce(opening(view, "dev").view, Opened("dev", 0, 0)).view


def test_a_line_of_the_current_room_is_printed() -> None:
    heard = entry(1, "hi")
    assert after(LOBBY, heard).lines == (Said(heard),)


def test_ones_own_line_is_known_as_ones_own() -> None:
    heard = entry(1, "hi", nick="ada")
    assert after(LOBBY, heard).lines == (Said(heard, own=True),)


def test_a_direct_message_is_printed_whatever_room_one_looks_at() -> None:
    to_me = Entry("@", 1, "bob", "psst", 0.0)
    from_me = Entry("@", 2, "ada", "yes?", 0.0, to="bob")
    assert after(dev_too(), to_me, from_me).lines == (
        Said(to_me, to="ada"),
        Said(from_me, own=True, to="bob"),
    )


def test_another_rooms_lines_are_unread_until_one_looks_at_it() -> None:
    heard = entry(1, "hi")
    update = after(dev_too(), heard)
    assert update.lines == ()
    lobby = update.view.find("lobby")
    assert lobby is not None
    assert lobby.unread == 1
    looked = switched(update.view, "lobby")
    rule = Rule("lobby", "1 new while you were away", news=True)
    assert looked.lines == (rule, Said(heard))
    assert looked.view.current == "lobby"
    room = looked.view.room
    assert room is not None
    assert (room.unread, room.kept) == (0, ())


def test_ones_own_lines_elsewhere_are_kept_but_not_unread() -> None:
    lobby = after(dev_too(), entry(1, "hi", nick="ada")).view.find("lobby")
    assert lobby is not None
    assert (lobby.unread, len(lobby.kept)) == (0, 1)


def test_so_many_unread_lines_are_kept_and_the_others_are_counted() -> None:
    heard = [entry(seq, f"{seq}") for seq in range(1, KEPT_ENTRIES_MAX + 4)]
    view = after(dev_too(), *heard).view
    looked = switched(view, "lobby")
    remark = f"{KEPT_ENTRIES_MAX + 3} new while you were away, 3 older lines not shown"
    assert looked.lines[0] == Rule("lobby", remark, news=True)
    assert looked.lines[1:] == tuple(Said(each) for each in heard[3:])


def test_a_room_begins_with_a_rule_and_what_is_not_shown_of_it() -> None:
    assert after(LOBBY, Opened("lobby", 41, 60)).lines == (
        Rule("lobby", "41 earlier lines not shown"),
    )


def test_a_room_that_opens_again_after_a_reconnect_is_silent() -> None:
    assert after(LOBBY, Opened("lobby", 0, 0), Opened("lobby", 9, 9)).lines == (
        Rule("lobby"),
    )


def test_members_come_and_go() -> None:
    update = after(
        LOBBY,
        Members("lobby", ("ada", "bob")),
        Joined("lobby", "cy"),
        Renamed("lobby", "bob", "rob"),
        Left("lobby", "cy", "timed out"),
    )
    assert update.lines == (
        Moved("cy", came=True),
        Note("bob is now rob"),
        Moved("cy", came=False, reason="timed out"),
    )
    room = update.view.room
    assert room is not None
    assert room.nicks == ("ada", "rob")


def test_a_member_that_is_told_twice_is_one_member() -> None:
    view = after(LOBBY, Members("lobby", ("ada", "bob")), Joined("lobby", "bob")).view
    assert view.room is not None
    assert view.room.nicks == ("ada", "bob")


@pytest.mark.parametrize("named_first", [True, False])
def test_ones_own_new_name_is_told_once(named_first: bool) -> None:
    events: list[ClientEvent] = [Named("eve"), Renamed("lobby", "ada", "eve")]
    members = Members("lobby", ("ada", "bob"))
    update = after(LOBBY, members, *(events if named_first else reversed(events)))
    assert update.lines == (Note("you are now eve"),)
    assert update.view.nick == "eve"
    assert update.view.room is not None
    assert update.view.room.nicks == ("eve", "bob")


def test_presence_elsewhere_is_known_but_not_told() -> None:
    update = after(dev_too(), Members("lobby", ("ada",)), Joined("lobby", "bob"))
    assert update.lines == ()
    lobby = update.view.find("lobby")
    assert lobby is not None
    assert lobby.nicks == ("ada", "bob")


def test_queued_lines_are_known_until_they_are_accepted() -> None:
    one, two = Queued("lobby", 1, "one"), Queued("lobby", 2, "two")
    view = after(LOBBY, one, two).view
    assert view.queued == (one, two)
    assert after(view, Accepted("lobby", 1, 7)).view.queued == (two,)


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        (Queued("lobby", 1, "hi"), "hi"),
        (Queued("lobby", 1, "waves", "me"), "/me waves"),
        (Queued("@bob", 1, "psst"), "/msg bob psst"),
        (Queued("lobby", 1, "/etc"), "//etc"),
    ],
)
def test_a_refused_line_comes_back_as_it_was_typed(line: Queued, typed: str) -> None:
    update = after(LOBBY, line, Refused("x", "no", line.room, 1, line.text))
    assert update.back == typed
    assert update.lines == (Trouble("not sent: no"),)
    assert update.view.queued == ()


def test_a_refused_room_is_told_once_and_one_looks_at_another() -> None:
    view = opening(LOBBY, "dev").view
    update = after(view, Refused("bad_room", "no", "dev"), Closed("dev", "no"))
    assert update.lines == (Trouble("#dev: no"),)
    assert update.view.current == "lobby"
    assert update.view.find("dev") is None


def test_leaving_a_room_takes_one_to_another_then_to_none() -> None:
    update = after(dev_too(), Closed("dev", "left"))
    assert update.lines == (Note("you left #dev"), Rule("lobby"))
    update = after(update.view, Closed("lobby", "thrown out"))
    assert update.lines == (Trouble("you left #lobby: thrown out"),)
    assert (update.view.current, update.view.rooms) == ("", ())
    assert isinstance(who(update.view), Trouble)


NEXT = "It is tried until it works; what you type is kept, and sent then"


def test_a_loss_that_is_mended_soon_is_not_told() -> None:
    update = after(
        LOBBY,
        *(Status("offline", "gone; trying again in 1 s", 1.0), Status("online", "back"))
        * 9,
    )
    assert update.lines == ()
    assert lost(update.view) == Update(update.view)


def test_a_loss_that_lasts_is_told_once_and_so_is_its_end() -> None:
    update = after(
        LOBBY,
        Status("offline", "gone; trying again in 1 s", 1.0),
        Status("offline", "refused; trying again in 2 s", 2.0),
    )
    assert update.lines == ()
    update = lost(update.view)
    assert update.lines == (Note(f"no link: refused. {NEXT}"),)
    assert lost(update.view) == Update(update.view)
    update = after(
        update.view, Status("offline", "refused", 1.0), Status("online", "connected")
    )
    assert update.lines == (Note("connected"),)


def test_a_loss_that_lasts_counts_the_lines_that_wait() -> None:
    view = after(LOBBY, Status("offline", "gone"), Queued("lobby", 1, "x")).view
    assert lost(view).lines == (Note(f"no link: gone. {NEXT}; 1 line waits"),)
    view = after(view, Queued("lobby", 2, "y")).view
    assert lost(view).lines == (Note(f"no link: gone. {NEXT}; 2 lines wait"),)


def test_who_never_had_a_link_is_told_at_once() -> None:
    update = after(begin("ada", "lobby"), Status("offline", "refused"))
    assert update.lines == (Note(f"no link: refused. {NEXT}"),)


def test_the_last_reason_is_known() -> None:
    view = after(LOBBY, Status("offline", "one"), Status("offline", "two")).view
    assert (view.state, view.reason) == ("offline", "two")


def test_who_has_to_take_another_name_is_told_how() -> None:
    update = after(LOBBY, Status("waiting", "the nick ada is taken"))
    assert update.lines == (
        Trouble("the nick ada is taken: /nick NAME takes another name"),
    )


def test_a_servers_other_past_is_told() -> None:
    assert after(LOBBY, Reset("another past")).lines == (Trouble("another past"),)


def test_what_is_missing_is_a_row_where_it_is() -> None:
    gap, direct = Gap("lobby", 0, 1_500, "no longer kept"), Gap("@", 6, 7, "no longer kept")
    assert after(LOBBY, gap, direct).lines == (Missing(gap), Missing(direct))


def test_what_is_missing_elsewhere_is_a_row_when_one_looks_there() -> None:
    gap = Gap("lobby", 1, 2, "no longer kept")
    view = after(dev_too(), entry(1, "a"), gap, entry(3, "c")).view
    lobby = view.find("lobby")
    assert lobby is not None
    assert lobby.unread == 2
    kinds = [type(line) for line in switched(view, "lobby").lines]
    assert kinds == [Rule, Said, Missing, Said]


def test_who_names_the_members() -> None:
    view = after(LOBBY, Members("lobby", ("ada", "bob"))).view
    assert who(view) == Note("2 in #lobby: ada, bob")
    assert who(LOBBY) == Note("who is in #lobby is not known yet")


def test_events_of_rooms_that_were_left_change_nothing() -> None:
    events: list[ClientEvent] = [
        entry(1, "x", room="gone"),
        Opened("gone", 0, 0),
        Joined("gone", "bob"),
        Closed("gone", "left"),
    ]
    assert after(LOBBY, *events) == Update(LOBBY)
