"""Order, store, answers, authors: each way to break what is promised of a room's log."""

import pytest

from simulator.checkers import CHECKERS
from simulator.history import (
    Closed,
    Fail,
    Gone,
    Invoke,
    Killed,
    Linked,
    Logged,
    Ok,
    Opened,
    Record,
    Reset,
    Restarted,
    Restored,
    Resumed,
    Saw,
    Settled,
    Stalled,
)
from tests.simulator.checkers.book import (
    GOOD_LOG,
    ROOM,
    accepted,
    answers,
    closed,
    cut,
    found,
    good,
    idles,
    linked,
    log,
    opened,
    replaced,
    said,
    saw,
    without,
)

THREE = ("ada", "ben", "cyd")
LAST = [saw(bot, 4, "ada", "d") for bot in THREE]
SHORT_LOG = log(("ada", "a"), ("ada", "b"), ("ben", "c"))


# --- nothing is wrong, and nothing is known ------------------------------------------


def test_a_good_history_is_ok_for_everyone() -> None:
    """There are no false alarms: a latecomer and a line without an answer are no harm."""
    assert answers(good()) == {}
    assert answers(without(accepted("ada", 3, 4))) == {}


def test_nothing_proves_nothing() -> None:
    """An empty history is ok to nobody, and what is always promised can't pass on it."""
    always = {"order", "monotonic", "stored", "accepted", "once", "acks", "phantom"}
    always |= {"author", "complete", "own"}
    assert answers([], {}) == dict.fromkeys(always, "unknown")
    assert all(idles(each.name, [], {}) for each in CHECKERS if each.name not in always)


def test_without_a_look_into_the_store_only_that_is_unknown() -> None:
    """What needs the final log says so; the others can do without."""
    assert answers(good(), None) == {"stored": "unknown"}


# --- P1: order -----------------------------------------------------------------------


def test_a_hole_breaks_the_order() -> None:
    """P1: and the line in the hole was promised to whoever reads on, too."""
    records = without(saw("ben", 2, "ada", "b"))
    proof = saw("ben", 1, "ada", "a"), saw("ben", 3, "ben", "c")
    assert found("order", records) == ("violated", proof)
    assert answers(records) == {"order": "violated", "accepted": "violated"}


def test_two_entries_in_the_wrong_order_break_it() -> None:
    """Nothing is lost and nothing comes twice; still, somebody read backwards."""
    records = good()
    one, two = records.index(saw("ben", 2, "ada", "b")), records.index(LAST[1])
    records[one], records[two] = records[two], records[one]
    assert found("order", records) == ("violated", (saw("ben", 1, "ada", "a"), LAST[1]))
    assert found("monotonic", records) == ("violated", (LAST[1], saw("ben", 3, "ben", "c")))


@pytest.mark.parametrize("after", [2, 4])
def test_a_seam_that_does_not_meet_breaks_the_order(after: int) -> None:
    """Who comes back reads on from its cursor: not later, and not earlier."""
    seam = opened("ben", after, 4)
    records = replaced(saw("ben", 3, "ben", "c"), saw("ben", 3, "ben", "c"), seam)
    proof = saw("ben", 3, "ben", "c"), seam
    assert found("order", records) == ("violated", proof)


def test_who_left_and_came_again_begins_anew() -> None:
    """Between two stays there may be a hole, and the past may be shown again."""
    again: list[Record] = [closed("ben"), opened("ben", 3, 4), saw("ben", 4, "ada", "d")]
    assert answers([*good(), *again]) == {}


@pytest.mark.parametrize("end", [Killed, Gone])
@pytest.mark.parametrize("after", [0, 2, 4])
def test_who_lives_again_begins_anew(end: type[Killed | Gone], after: int) -> None:
    """Also without its cursor, which is another promise."""
    lines = [("ada", "a"), ("ada", "b"), ("ben", "c"), ("ada", "d")]
    again = [saw("ben", seq, *lines[seq - 1]) for seq in range(after + 1, 5)]
    life = [end(4.0, "ben"), Restarted(5.0, "ben"), opened("ben", after, 4)]
    assert answers([*good(), *life, *again]) == {}


def test_an_entry_from_a_room_one_is_not_in_breaks_the_order() -> None:
    """Nobody is shown what was not asked for."""
    stranger = saw("dan", 1, "ada", "a")
    assert found("order", [*good(), stranger]) == ("violated", (stranger,))


def test_a_room_that_ends_before_what_was_read_of_it_has_shrunk() -> None:
    """P1: whatever happened in between: a cut, a stay, a life."""
    shrunk = opened("cyd", 3, 3)
    for between in (cut("cyd", 4.0), closed("cyd"), Killed(4.0, "cyd")):
        records = [*good(), between, shrunk]
        assert found("monotonic", records) == ("violated", (LAST[2], shrunk))


# --- P2: the store, and what was accepted --------------------------------------------


def test_what_was_seen_and_is_not_in_the_store_was_not_durable() -> None:
    """Shown before it was stored: the crash made it a rumour."""
    records = without(accepted("ada", 3, 4))
    assert answers(records, SHORT_LOG) == {"stored": "violated"}
    assert found("stored", records, SHORT_LOG) == ("violated", (LAST[2],))


def test_a_store_with_a_hole_is_no_log() -> None:
    """Numbers are given without a hole, whoever looks."""
    hole = {ROOM: [entry for entry in GOOD_LOG[ROOM] if entry.seq != 2]}
    assert found("stored", good(), hole) == ("violated", (Logged(ROOM, 3, "ben", "c"),))


def test_a_store_with_another_line_is_not_what_was_seen() -> None:
    """The store is the truth, and somebody was told something else."""
    other = {ROOM: [*GOOD_LOG[ROOM][:3], Logged(ROOM, 4, "ada", "D")]}
    proof = LAST[2], Logged(ROOM, 4, "ada", "D")
    assert found("stored", good(), other) == ("violated", proof)


def test_an_accepted_line_that_is_nowhere_is_lost() -> None:
    """It was the last one, so nobody can see a hole; the author was told, though."""
    found_by = answers(without(*LAST), SHORT_LOG)
    assert found_by == {"accepted": "violated", "complete": "violated"}
    proof = said("ada", 3, "d"), accepted("ada", 3, 4)
    assert found("accepted", without(*LAST), SHORT_LOG) == ("violated", proof)


def test_an_accepted_line_in_whose_place_is_another_is_lost() -> None:
    """The author was told a place, and somebody else's line is there."""
    wrong = accepted("ada", 3, 3)
    records = [*without(*LAST, accepted("ben", 1, 3), accepted("ada", 3, 4)), wrong]
    proof = said("ada", 3, "d"), wrong, saw("ada", 3, "ben", "c")
    assert found("accepted", records, SHORT_LOG) == ("violated", proof)


def test_an_accepted_line_that_others_read_past_unseen_is_lost_to_them() -> None:
    """Also if it is in the store."""
    records = without(saw("cyd", 3, "ben", "c"))
    proof = said("ben", 1, "c"), accepted("ben", 1, 3), LAST[2]
    assert found("accepted", records) == ("violated", proof)


def test_no_accepted_line_proves_nothing_about_accepted_lines() -> None:
    """Unknown to all that go by answers."""
    records = [record for record in good() if not isinstance(record, Ok)]
    assert set(answers(records)) == {"accepted", "acks", "own"}


# --- P3: once, answered once, and said -----------------------------------------------


def test_an_entry_that_comes_twice_is_not_once_and_that_is_all() -> None:
    """A repeat breaks one promise only, so the verdict names the right one."""
    seen = saw("ben", 2, "ada", "b")
    assert answers(replaced(seen, seen, seen)) == {"once": "violated"}
    assert found("once", replaced(seen, seen, seen)) == ("violated", (seen, seen))


def test_a_line_that_is_two_entries_is_not_once() -> None:
    """A resend that did not find itself in the log."""
    again = [saw(bot, 5, "ada", "d") for bot in THREE]
    final = log(("ada", "a"), ("ada", "b"), ("ben", "c"), ("ada", "d"), ("ada", "d"))
    assert answers([*good(), *again], final) == {"once": "violated"}
    assert found("once", [*good(), *again], final) == ("violated", (LAST[2], again[0]))


def test_a_seq_that_is_two_lines_is_not_once() -> None:
    """One reader has another line in that place than everybody else."""
    other = saw("ben", 4, "ben", "c")
    records = replaced(LAST[1], other)
    assert found("once", records) == ("violated", (LAST[2], other))
    assert set(answers(records)) == {"once", "stored"}


def test_a_line_with_two_answers_is_not_clearly_answered() -> None:
    """Two places, or a yes and a no; the same answer again is none."""
    first = accepted("ada", 1, 1)
    for other in (accepted("ada", 1, 2), Fail(2.0, "ada", ROOM, 1, "no")):
        proof = said("ada", 1, "a"), first, other
        assert found("acks", [*good(), other]) == ("violated", proof)
    assert answers([*good(), first]) == {}


def test_one_place_is_not_given_to_two_lines() -> None:
    """Two authors can't both be told the same seq."""
    records = without(*LAST)
    records[records.index(accepted("ada", 3, 4))] = accepted("ada", 3, 3)
    proof = accepted("ben", 1, 3), accepted("ada", 3, 3)
    assert found("acks", records, SHORT_LOG)[0] == "violated"
    assert set(found("acks", records, SHORT_LOG)[1]) == set(proof)


def test_an_accepted_line_is_where_its_author_was_told() -> None:
    """The seq of an answer is the seq of the log."""
    wrong = accepted("ben", 1, 5)
    proof = said("ben", 1, "c"), wrong, saw("ada", 3, "ben", "c")
    records = replaced(accepted("ben", 1, 3), wrong)
    assert found("acks", records) == ("violated", proof)


def test_an_answer_to_nothing_is_none() -> None:
    """A line is said before it is accepted."""
    stray = accepted("ada", 7, 4)
    assert found("acks", [*good(), stray]) == ("violated", (stray,))


def test_who_is_in_a_room_is_refused_nothing_there() -> None:
    """Elsewhere, or after it was left, a line may be refused."""
    no = Fail(4.0, "ben", ROOM, 7, "no")
    line = said("ben", 7, "e")
    came = next(each for each in good() if isinstance(each, Opened) and each.bot == "ben")
    assert found("acks", [*good(), line, no]) == ("violated", (came, line, no))
    left = Closed(3.9, "ben", ROOM, "left")
    assert found("acks", [*good(), line, left, no])[0] == "ok"
    assert found("acks", [*good(), left, line, no])[0] == "ok"


def test_an_answer_is_to_the_last_line_with_its_number() -> None:
    """In another life a bot may count from 1 again."""
    life: list[Record] = [Killed(4.0, "ada"), Restarted(5.0, "ada"), opened("ada", 4, 4)]
    line: list[Record] = [said("ada", 1, "e"), accepted("ada", 1, 5)]
    seen = [saw(bot, 5, "ada", "e") for bot in THREE]
    final = {ROOM: [*GOOD_LOG[ROOM], Logged(ROOM, 5, "ada", "e")]}
    assert answers([*good(), *life, *line, *seen], final) == {}


def test_a_line_that_nobody_said_is_a_phantom() -> None:
    """Also when everyone sees it alike."""
    ghost = [saw(bot, 5, "eve", "boo") for bot in THREE]
    final = log(("ada", "a"), ("ada", "b"), ("ben", "c"), ("ada", "d"), ("eve", "boo"))
    assert answers([*good(), *ghost], final) == {"phantom": "violated"}
    assert found("phantom", [*good(), *ghost], final) == ("violated", (ghost[0],))


def test_a_line_under_another_name_or_in_another_room_is_a_phantom() -> None:
    """The proof shows what was said really."""
    for wrong in (saw("ben", 3, "cyd", "c"), Saw(3.0, "ben", "attic", 3, "ben", "c")):
        records = replaced(saw("ben", 3, "ben", "c"), wrong)
        assert found("phantom", records) == ("violated", (said("ben", 1, "c"), wrong))


def test_a_line_that_is_seen_before_it_was_said_is_a_phantom() -> None:
    """The clock of a run is one clock."""
    early = saw("ben", 4, "ada", "d", at_s=0.9)
    records = [record for record in good() if record != LAST[1]]
    records.insert(records.index(said("ada", 3, "d")), early)
    proof = early, said("ada", 3, "d")
    assert found("phantom", records) == ("violated", proof)


def test_a_refused_line_that_is_there_is_a_phantom() -> None:
    """A refusal is for ever."""
    no = Fail(4.0, "ada", ROOM, 3, "no")
    refused = replaced(accepted("ada", 3, 4), no)
    assert answers(refused) == {"phantom": "violated", "acks": "violated"}
    proof = said("ada", 3, "d"), no, LAST[2]
    assert found("phantom", refused) == ("violated", proof)


# --- P4: authors ---------------------------------------------------------------------


def test_lines_that_overtook_each_other_break_the_authors_order() -> None:
    """The same for everyone, contiguous, once, and still not what ada typed."""
    swap = {"a": "b", "b": "a"}
    records: list[Record] = []
    for record in good():
        match record:
            case Saw(bot=bot, seq=seq, nick=nick, text=text):
                records.append(saw(bot, seq, nick, swap.get(text, text)))
            case Ok(bot="ada", n=n, seq=seq) if n < 3:
                records.append(accepted("ada", 3 - n, seq))
            case _:
                records.append(record)
    final = log(("ada", "b"), ("ada", "a"), ("ben", "c"), ("ada", "d"))
    assert answers(records, final) == {"author": "violated"}
    proof = (
        said("ada", 1, "a"),
        said("ada", 2, "b"),
        saw("ben", 1, "ada", "b"),
        saw("ben", 2, "ada", "a"),
    )
    assert found("author", records, final) == ("violated", proof)


# --- P5: complete, one's own lines, another past -------------------------------------


def test_who_stands_still_is_not_complete() -> None:
    """The last entry did not come to everyone, and nothing came after it."""
    records = without(LAST[2])
    assert answers(records) == {"complete": "violated"}
    proof = saw("cyd", 3, "ben", "c"), LAST[0]
    assert found("complete", records) == ("violated", proof)


@pytest.mark.parametrize("excuse", [closed("cyd"), Gone(4.0, "cyd"), Killed(4.0, "cyd")])
def test_who_is_not_there_any_more_owes_nothing(excuse: Record) -> None:
    """Only who is still there must have it all."""
    assert answers(replaced(LAST[2], excuse)) == {}


def test_who_hardly_reads_owes_nothing_until_it_reads_again() -> None:
    """It is not complete because it need not be."""
    stalled = Stalled(2.5, "cyd", lives=True, others_within_s=9.0)
    assert "complete" not in answers(replaced(LAST[2], stalled))
    resumed = replaced(LAST[2], stalled, Resumed(3.5, "cyd"))
    assert answers(resumed) == {"complete": "violated"}


def test_complete_is_asked_when_all_has_come_to_rest() -> None:
    """Not after the goodbyes: who has gone home could be asked nothing."""
    home = [Gone(10.0, bot) for bot in THREE]
    assert answers([*good(), Settled(9.0), *home]) == {"presence": "unknown"}
    late = [*without(LAST[2]), Settled(9.0), *home]
    assert answers(late)["complete"] == "violated"
    assert answers([*good(), *home])["complete"] == "unknown"


def test_what_is_in_the_store_alone_counts_for_complete() -> None:
    """An entry that reached the log and nobody's eyes is missing everywhere."""
    final = {ROOM: [*GOOD_LOG[ROOM], Logged(ROOM, 5, "ben", "e")]}
    records = [*good(), said("ben", 2, "e")]
    assert answers(records, final) == {"complete": "violated"}


def test_an_author_that_reads_past_its_own_line_has_lost_it() -> None:
    """To everybody else it is there."""
    records = without(saw("ada", 2, "ada", "b"))
    proof = said("ada", 2, "b"), accepted("ada", 2, 2), saw("ada", 3, "ben", "c")
    assert found("own", records) == ("violated", proof)
    assert "accepted" not in answers(records)


def test_an_author_that_comes_back_to_a_room_without_its_line_has_lost_it() -> None:
    """What was accepted on one link is there on the next."""
    back = opened("ada", 3, 3, at_s=6.0)
    records = [*without(LAST[1]), cut("ada", 5.0), linked("ada", 5.5), back]
    assert found("own", records) == ("violated", (accepted("ada", 3, 4), back))


def test_an_answer_on_the_same_link_says_nothing_about_the_rooms_head() -> None:
    """Answers overtake what a client has not read yet."""
    records: list[Record] = [
        linked("ada"),
        said("ada", 1, "a"),
        accepted("ada", 1, 1),
        opened("ada", after=0, head=0),
        saw("ada", 1, "ada", "a"),
    ]
    assert answers(records, log(("ada", "a"))) == {}


def test_another_past_makes_everything_unknown() -> None:
    """Numbers of two pasts can't be compared; and it had no business to be another one."""
    told = Reset(9.0, "ben")
    found_by = answers([*good(), told])
    assert found_by.pop("epoch") == "violated"
    assert set(found_by.values()) == {"unknown"}
    assert len(found_by) == len(CHECKERS) - 2  # not epoch, and hygiene was not asked
    assert found("epoch", [*good(), told]) == ("violated", (told,))


def test_another_past_that_the_story_made_is_told_to_everyone_and_fails_nothing() -> None:
    """A backup was restored: whoever comes back hears of it, before it reads on."""
    story: list[Record] = [linked("ben"), *good(), Restored(5.0), cut("ben", 5.0)]
    back: list[Record] = [linked("ben", 6.0), Reset(6.0, "ben"), opened("ben", 0, 1)]
    assert answers([*story, *back]) == {}
    silent = [record for record in back if not isinstance(record, Reset)]
    proof = Restored(5.0), opened("ben", 0, 1)
    assert found("epoch", [*story, *silent]) == ("violated", proof)
    twice = [*story, *back, Reset(7.0, "ben")]
    assert found("epoch", twice) == ("violated", (Restored(5.0), Reset(7.0, "ben")))


def test_who_came_after_the_restore_was_told_nothing_and_need_not_be() -> None:
    """It never knew the other past; nor does who lives anew."""
    story: list[Record] = [linked("ben"), *good(), Restored(5.0), Killed(5.0, "ben")]
    new: list[Record] = [linked("eve", 6.0), opened("eve", 0, 1)]
    again: list[Record] = [Restarted(6.0, "ben"), Linked(6.0, "ben"), opened("ben", 0, 1)]
    assert answers([*story, *new, *again]) == {}


def test_records_of_lines_know_their_rooms() -> None:
    """One number in two rooms is two lines of one outbox, and no trouble."""
    other: list[Record] = [
        Opened(0.5, "ada", "attic", 0, 0),
        Invoke(1.0, "ada", "attic", 4, "a"),
        Saw(3.0, "ada", "attic", 1, "ada", "a"),
        Ok(3.0, "ada", "attic", 4, 1),
    ]
    final = {**GOOD_LOG, "attic": [Logged("attic", 1, "ada", "a")]}
    assert answers([*good(), *other], final) == {}
