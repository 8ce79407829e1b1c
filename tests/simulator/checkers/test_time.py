"""In time, not dropped, not forgotten, nothing left over."""

import pytest

from simulator.history import (
    Down,
    Dropped,
    Fail,
    Fault,
    Gone,
    Healed,
    Killed,
    Maybe,
    Record,
    Resources,
    Restarted,
    Resumed,
    Settled,
    Stalled,
    Up,
)
from tests.simulator.checkers.book import (
    GOOD_LOG,
    ROOM,
    accepted,
    closed,
    cut,
    found,
    idles,
    linked,
    opened,
    said,
    saw,
)

HEALED = Healed(100.0, within_s=10.0)
STALLED = Stalled(100.0, "cyd", lives=True, others_within_s=10.0)
RESUMED = Resumed(300.0, "cyd")
HERE: list[Record] = [
    *(linked(bot) for bot in ("ada", "ben", "cyd")),
    *(opened(bot) for bot in ("ada", "ben", "cyd")),
]
LINE = said("ada", 1, "a", at_s=150.0)


def answer(at_s: float) -> Record:
    return accepted("ada", 1, 1, at_s=at_s)


def seen(bot: str, at_s: float) -> Record:
    return saw(bot, 1, "ada", "a", at_s=at_s)


def all_seen(at_s: float) -> list[Record]:
    return [seen(bot, at_s) for bot in ("ada", "ben", "cyd")]


# --- P5: after the faults everything gets done, in time ------------------------------


def test_a_story_that_gets_everything_done_in_time_is_ok() -> None:
    """A line of before is counted from when the faults are over."""
    early = said("ada", 1, "a", at_s=20.0)
    story = [*HERE, early, cut("ben", 20.0), HEALED, linked("ben", 101.0)]
    assert found("liveness", [*story, answer(109.0), *all_seen(109.5)])[0] == "ok"


def test_an_answer_that_comes_too_late_is_found() -> None:
    """With the moment from which it counts."""
    proof = HEALED, LINE, answer(160.5)
    assert found("liveness", [*HERE, HEALED, LINE, answer(160.5)]) == ("violated", proof)


def test_an_entry_that_comes_too_late_is_found() -> None:
    """It was known that it is there: its author was told."""
    story = [*HERE, HEALED, LINE, answer(151.0), seen("ada", 151.0), seen("ben", 162.0)]
    proof = HEALED, answer(151.0), seen("ben", 162.0)
    assert found("liveness", story) == ("violated", proof)


@pytest.mark.parametrize("end", [Settled(170.0), Gone(170.0, "ada"), Fault(170.0, "again")])
def test_an_answer_that_never_comes_is_found(end: Record) -> None:
    """However the waiting ends."""
    assert found("liveness", [*HERE, HEALED, LINE, end]) == ("violated", (HEALED, LINE))


def test_an_entry_that_never_comes_is_found() -> None:
    """Ben stands still."""
    story = [*HERE, HEALED, LINE, answer(151.0), seen("ada", 151.0), seen("cyd", 151.0)]
    assert found("liveness", [*story, Settled(170.0)]) == (
        "violated",
        (HEALED, answer(151.0)),
    )


def test_who_does_not_come_back_is_found() -> None:
    """All faults are over, and it has no connection."""
    lost = cut("ben", 50.0)
    story = [*HERE, lost, HEALED, Settled(170.0)]
    assert found("liveness", story) == ("violated", (HEALED, lost))


def test_a_story_that_ends_before_the_time_is_up_proves_nothing() -> None:
    """There is still something due."""
    assert found("liveness", [*HERE, HEALED, LINE])[0] == "unknown"
    assert found("liveness", [*HERE, HEALED, cut("ben", 105.0)])[0] == "unknown"
    assert found("liveness", [*HERE, HEALED, LINE, answer(151.0)])[0] == "unknown"


def test_a_line_without_an_author_waits_for_nothing() -> None:
    """It may be in the log or not: nobody will be told."""
    story = [*HERE, LINE, Killed(151.0, "ada"), Maybe(151.0, "ada", ROOM, 1)]
    assert found("liveness", [*story, Healed(152.0, 1.0), Settled(300.0)])[0] == "ok"


def test_who_hardly_reads_owes_nothing_until_it_reads_again() -> None:
    """And then it has the whole time."""
    story = [*HERE, HEALED, STALLED, LINE, answer(151.0), seen("ada", 151.0)]
    story += [seen("ben", 151.0)]
    assert found("liveness", [*story, Settled(290.0)])[0] == "ok"
    assert found("liveness", [*story, RESUMED, seen("cyd", 309.0)])[0] == "ok"
    assert found("liveness", [*story, RESUMED, seen("cyd", 311.0)])[0] == "violated"


def test_who_left_the_room_waits_for_nothing() -> None:
    """Nor does who comes in late wait since before."""
    story = [*HERE, HEALED, LINE, answer(151.0), seen("ada", 151.0), seen("cyd", 151.0)]
    assert found("liveness", [*story, closed("ben", 152.0), Settled(290.0)])[0] == "ok"
    late = [opened("ben", 0, 1, at_s=200.0), seen("ben", 209.0)]
    assert found("liveness", [*story, closed("ben", 152.0), *late])[0] == "ok"


def test_a_refusal_is_an_answer_too() -> None:
    """In time, or too late."""
    soon, late = Fail(155.0, "ada", ROOM, 1, "no"), Fail(190.0, "ada", ROOM, 1, "no")
    assert found("liveness", [*HERE, HEALED, LINE, soon])[0] == "ok"
    assert found("liveness", [*HERE, HEALED, LINE, late])[0] == "violated"


def test_a_story_whose_faults_never_end_is_not_asked() -> None:
    """Safety first, then liveness."""
    assert idles("liveness", [*HERE, LINE])


# --- P6: nobody waits for a slow reader ----------------------------------------------


def test_others_who_go_on_in_time_are_ok() -> None:
    """Whatever the slow one gets."""
    story = [*HERE, STALLED, LINE, answer(155.0), seen("ada", 155.0), seen("ben", 156.0)]
    assert found("isolation", [*story, RESUMED, seen("cyd", 301.0)])[0] == "ok"


def test_an_author_who_waits_for_a_slow_reader_is_found() -> None:
    """Its answer came when the other read again, or did not come."""
    late = answer(170.0)
    assert found("isolation", [*HERE, STALLED, LINE, late]) == (
        "violated",
        (STALLED, LINE, late),
    )
    assert found("isolation", [*HERE, STALLED, LINE, RESUMED]) == (
        "violated",
        (STALLED, LINE),
    )
    assert found("isolation", [*HERE, STALLED, LINE, Settled(400.0)])[0] == "violated"


def test_a_reader_who_waits_for_a_slow_reader_is_found() -> None:
    """Ben sees late what Ada was told long ago."""
    story = [*HERE, STALLED, LINE, answer(151.0), seen("ben", 170.0)]
    assert found("isolation", story) == (
        "violated",
        (STALLED, answer(151.0), seen("ben", 170.0)),
    )
    stuck = [*HERE, STALLED, LINE, answer(151.0), seen("ada", 151.0), RESUMED]
    assert found("isolation", stuck) == ("violated", (STALLED, answer(151.0)))


def test_the_slow_reader_itself_waits_as_long_as_it_likes() -> None:
    """For what it says as well."""
    line = said("cyd", 1, "a", at_s=150.0)
    assert found("isolation", [*HERE, STALLED, line, RESUMED])[0] == "ok"


def test_who_has_no_connection_waits_for_that() -> None:
    """Its time begins when it is back."""
    story = [*HERE, STALLED, LINE, cut("ada", 151.0), linked("ada", 200.0)]
    assert found("isolation", [*story, answer(205.0)])[0] == "ok"


@pytest.mark.parametrize("fault", [Fault(151.0, "a cut"), Down(151.0, kindly=False)])
def test_a_delay_by_a_fault_is_not_the_slow_readers(fault: Record) -> None:
    """Until all faults are over nobody can say whose it is."""
    assert found("isolation", [*HERE, STALLED, LINE, fault, answer(190.0)])[0] == "ok"
    assert idles("isolation", [*HERE, fault, STALLED, LINE, answer(190.0)])


def test_without_a_slow_reader_nobody_asks() -> None:
    """As in most stories."""
    assert idles("isolation", [*HERE, LINE])
    assert idles("patient", [*HERE, LINE])


# --- P6: a slow reader is kept -------------------------------------------------------


def test_a_slow_reader_that_is_dropped_is_found() -> None:
    """It read little, and answered."""
    dropped = cut("cyd", 200.0)
    assert found("patient", [*HERE, STALLED, dropped]) == ("violated", (STALLED, dropped))


def test_a_slow_reader_that_is_kept_is_ok() -> None:
    """What happens to it later, or to others, is something else."""
    story = [*HERE, STALLED, cut("ben", 120.0), RESUMED, cut("cyd", 400.0)]
    assert found("patient", story)[0] == "ok"


def test_who_does_not_answer_may_be_dropped() -> None:
    """A peer that vanished is noticed; and a fault is a fault."""
    dead = Stalled(100.0, "cyd", lives=False, others_within_s=10.0)
    assert idles("patient", [*HERE, dead, cut("cyd", 200.0)])
    assert idles("patient", [*HERE, Fault(90.0, "a cut"), STALLED, cut("cyd", 200.0)])
    story = [*HERE, STALLED, Fault(150.0, "a cut"), cut("cyd", 200.0)]
    assert found("patient", story)[0] == "ok"


# --- P6: connections are lost for reasons --------------------------------------------


def test_a_connection_that_is_lost_for_nothing_is_found() -> None:
    """With when it was made."""
    lost = cut("ben", 50.0)
    assert found("linked", [*HERE, lost]) == ("violated", (linked("ben"), lost))


@pytest.mark.parametrize(
    "trouble",
    [
        Fault(49.0, "a cut"),
        Down(49.0, kindly=True),
        Up(49.0),
        Restarted(49.0, "cyd"),
        Resumed(49.0, "cyd"),
        Stalled(1.0, "ben", lives=True, others_within_s=10.0),
        Dropped(49.0, "ben"),
    ],
)
def test_a_connection_that_had_trouble_may_be_lost(trouble: Record) -> None:
    """Or one that its bot broke itself."""
    assert found("linked", [*HERE, trouble, cut("ben", 50.0)])[0] == "ok"


def test_what_broke_one_connection_does_not_excuse_the_next() -> None:
    """One by its own bot is no trouble of anybody else either."""
    own = [Dropped(20.0, "ben"), cut("ben", 20.0), linked("ben", 21.0)]
    lost = cut("ben", 50.0)
    proof = linked("ben", 21.0), lost
    assert found("linked", [*HERE, *own, lost]) == ("violated", proof)
    other = cut("ada", 50.0)
    assert found("linked", [*HERE, *own, other]) == ("violated", (linked("ada"), other))


def test_the_aftermath_of_a_trouble_ends() -> None:
    """It is counted from when the faults were over, if there were any."""
    fault, healed, late = Fault(10.0, "a cut"), Healed(100.0, 10.0), cut("ben", 301.0)
    assert found("linked", [*HERE, fault, cut("ben", 209.0)])[0] == "ok"
    assert found("linked", [*HERE, fault, healed, cut("ben", 299.0)])[0] == "ok"
    assert found("linked", [*HERE, fault, healed, late])[0] == "violated"
    assert found("linked", [*HERE, healed, cut("ben", 101.0)])[0] == "violated"


def test_without_a_connection_there_is_none_to_lose() -> None:
    """Who was never there, or is there no more, is not asked."""
    assert idles("linked", [cut("ben", 50.0)])


# --- P7: what was typed survives -----------------------------------------------------


def test_a_line_that_died_with_its_client_is_found() -> None:
    """It was typed, and is nowhere."""
    life: list[Record] = [Killed(160.0, "ada"), Restarted(170.0, "ada")]
    records = [*HERE, LINE, *life, Settled(900.0)]
    assert found("outbox", records, {}) == ("violated", (LINE, *life))


def test_a_line_that_is_sent_in_the_next_life_is_ok() -> None:
    """Seen, accepted, refused or only in the log: it was not lost."""
    life: list[Record] = [Killed(160.0, "ada"), Restarted(170.0, "ada")]
    no = Fail(180.0, "ada", ROOM, 1, "no")
    for proof in (answer(180.0), seen("ben", 180.0), no):
        assert found("outbox", [*HERE, LINE, *life, proof], {})[0] == "ok"
    assert found("outbox", [*HERE, LINE, *life], GOOD_LOG)[0] == "ok"


def test_who_does_not_live_again_is_not_asked_for_its_lines() -> None:
    """Its disk is where it was."""
    assert idles("outbox", [*HERE, LINE, Killed(160.0, "ada")])
    life: list[Record] = [Killed(160.0, "ada"), Restarted(170.0, "ada")]
    assert idles("outbox", [*HERE, LINE, answer(151.0), *life])


def test_who_is_killed_again_owes_its_lines_to_the_next_life() -> None:
    """As long as there is none they are on its disk; in the end they are asked for."""
    life: list[Record] = [Killed(160.0, "ada"), Restarted(170.0, "ada")]
    again: list[Record] = [Killed(180.0, "ada"), Restarted(190.0, "ada")]
    assert idles("outbox", [*HERE, LINE, *life, again[0]])
    proof = LINE, *again
    assert found("outbox", [*HERE, LINE, *life, *again], {}) == ("violated", proof)
    assert found("outbox", [*HERE, LINE, *life, *again, answer(195.0)], {})[0] == "ok"


# --- P11: nothing is left ------------------------------------------------------------


def test_a_server_that_is_as_before_is_ok() -> None:
    """Meanwhile it may hold what it likes."""
    busy = Resources(50.0, tasks=20, sockets=5)
    story = [Resources(0.0, 7, 1), *HERE, busy, *(Gone(60.0, b) for b in _BOTS)]
    assert found("hygiene", [*story, Resources(90.0, 7, 1)])[0] == "ok"
    assert found("hygiene", [*story, Resources(90.0, 6, 1)])[0] == "ok"


@pytest.mark.parametrize("after", [Resources(90.0, 8, 1), Resources(90.0, 7, 2)])
def test_what_is_left_of_those_who_have_gone_is_found(after: Resources) -> None:
    """A task or a socket."""
    before = Resources(0.0, 7, 1)
    story = [before, *HERE, Gone(60.0, "ada"), Killed(60.0, "ben"), cut("cyd", 60.0), after]
    assert found("hygiene", story) == ("violated", (before, after))


def test_who_does_not_count_again_knows_nothing() -> None:
    """Nor who counts while somebody is there; and who never counts is not asked."""
    before = Resources(0.0, 7, 1)
    assert found("hygiene", [before, *HERE]) == ("unknown", (before,))
    assert found("hygiene", [before, *HERE, Resources(9.0, 99, 9)])[0] == "unknown"
    assert idles("hygiene", HERE)


_BOTS = ("ada", "ben", "cyd")
