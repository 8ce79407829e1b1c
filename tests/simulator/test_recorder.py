"""The recorder: what it keeps up with, and what a client's events become in it."""

import pytest

from simulator import history
from simulator.bots.heard import heard
from simulator.recorder import Recorder
from trio_chat.client import events

ROOM = "lobby"


@pytest.mark.parametrize(
    ("event", "record"),
    [
        (
            events.Entry(ROOM, 3, "ada", "hi", 1.0),
            history.Saw(9, "ben", ROOM, 3, "ada", "hi"),
        ),
        (events.Opened(ROOM, 2, 3), history.Opened(9, "ben", ROOM, 2, 3)),
        (events.Closed(ROOM, "left"), history.Closed(9, "ben", ROOM, "left")),
        (events.Accepted(ROOM, 1, 4), history.Ok(9, "ben", ROOM, 1, 4)),
        (
            events.Refused("empty_text", "no", ROOM, 1),
            history.Fail(9, "ben", ROOM, 1, "no"),
        ),
        (events.Refused("not_joined", "you are not in it", ROOM), None),
        (
            events.Members(ROOM, ("ada", "ben")),
            history.Members(9, "ben", ROOM, ("ada", "ben")),
        ),
        (events.Joined(ROOM, "ada"), history.Joined(9, "ben", ROOM, "ada")),
        (events.Left(ROOM, "ada", "quit"), history.Left(9, "ben", ROOM, "ada", "quit")),
        (events.Renamed(ROOM, "ada", "eve"), history.Renamed(9, "ben", ROOM, "ada", "eve")),
        (events.Status("online", "connected"), history.Linked(9, "ben")),
        (events.Status("offline", "it broke", 2.5), history.Cut(9, "ben", "it broke", 2.5)),
        (events.Status("waiting", "taken"), history.TurnedAway(9, "ben", "taken")),
        (events.Status("connecting", "connecting"), None),
        (events.Reset("another past"), history.Reset(9, "ben")),
        (events.Named("ben"), None),
        (events.Queued(ROOM, 1, "hi"), None),
    ],
)
def test_what_a_client_tells_its_bot_is_a_record(
    event: events.ClientEvent, record: history.Record | None
) -> None:
    """Whatever no checker asks about is none."""
    assert heard(event, 9, "ben") == record


@pytest.fixture
def recorder() -> Recorder:
    """One with a clock that stands still, and nobody who waits."""
    return Recorder(lambda: 0.0, lambda _waiting: None)


def write(recorder: Recorder, *records: history.Record) -> None:
    for record in records:
        recorder.add(record)


def test_a_line_is_unsettled_until_there_is_an_answer(recorder: Recorder) -> None:
    """Accepted, refused, or never to be known."""
    lines = [history.Invoke(0.0, "ada", ROOM, n, f"{n}") for n in (1, 2, 3)]
    write(recorder, *lines)
    assert list(recorder.unsettled.values()) == lines
    write(recorder, history.Ok(0.0, "ada", ROOM, 1, 1), history.Fail(0, "ada", ROOM, 2, ""))
    assert list(recorder.unsettled.values()) == lines[2:]
    recorder.leave_open("ben")
    assert recorder.unsettled
    recorder.leave_open("ada")
    assert not recorder.unsettled
    assert recorder.history().records[-1] == history.Maybe(0.0, "ada", ROOM, 3)


@pytest.mark.parametrize("end", [history.Killed, history.Gone])
def test_who_is_not_there_any_more_is_nowhere(
    recorder: Recorder, end: type[history.Killed | history.Gone]
) -> None:
    """Not online, in no room, behind with nothing, done with nothing."""
    write(
        recorder,
        history.Linked(0.0, "ada"),
        history.Opened(0.0, "ada", ROOM, 0, 7),
        history.Done(0.0, "ada"),
        history.Stalled(0.0, "ada", lives=True, others_within_s=1.0),
    )
    assert recorder.behind() == [("ada", ROOM, 0, 7)]
    assert recorder.online == recorder.done == recorder.stalled == {"ada"}
    write(recorder, end(0.0, "ada"))
    assert not recorder.behind()
    assert not recorder.inside("ada", ROOM)
    assert recorder.online == recorder.done == recorder.stalled == set()


def test_a_new_life_reads_from_where_it_likes(recorder: Recorder) -> None:
    """It has another cursor than the one before."""
    opened = history.Opened(0.0, "ada", ROOM, 0, 1)
    write(recorder, opened, history.Saw(0.0, "ada", ROOM, 1, "ben", "hi"))
    assert not recorder.behind()
    write(recorder, history.Killed(0.0, "ada"), history.Restarted(0.0, "ada"), opened)
    assert recorder.behind() == [("ada", ROOM, 0, 1)]


def test_another_past_begins_anew(recorder: Recorder) -> None:
    """Its rooms end where they end now."""
    write(
        recorder,
        history.Opened(0.0, "ada", ROOM, 5, 5),
        history.Restored(0.0),
        history.Reset(0.0, "ada"),
        history.Opened(0.0, "ada", ROOM, 2, 2),
    )
    assert recorder.inside("ada", ROOM)
    assert not recorder.behind()


def test_who_is_turned_away_has_no_connection(recorder: Recorder) -> None:
    """As after a cut."""
    for loss in (history.TurnedAway(0.0, "ada", "taken"), history.Cut(0.0, "ada", "oh")):
        write(recorder, history.Linked(0.0, "ada"))
        assert recorder.online == {"ada"}
        write(recorder, loss)
        assert not recorder.online
    write(recorder, history.Stalled(0.0, "ada", lives=False, others_within_s=1.0))
    write(recorder, history.Resumed(0.0, "ada"))
    assert not recorder.stalled


def test_what_comes_when_the_run_is_over_is_no_part_of_it() -> None:
    """The remains of killed programs are unwound then, and may have something to say."""
    recorder = Recorder(lambda: 0.0)
    recorder.add(history.Linked(0, "ada"))
    recorder.close()
    recorder.add(history.Cut(0, "ada", "late"))
    assert recorder.history().records == (history.Linked(0, "ada"),)
