"""Each checker against histories written by hand: one for each way to break a promise."""

from collections.abc import Sequence

from simulator.checkers import CHECKERS, judge
from simulator.history import (
    Closed,
    Fail,
    History,
    Invoke,
    Log,
    Logged,
    Ok,
    Opened,
    Record,
    Reset,
    Saw,
)

ROOM = "lobby"


def said(bot: str, n: int, text: str) -> Invoke:
    return Invoke(1.0, bot, ROOM, n, text)


def accepted(bot: str, n: int, seq: int) -> Ok:
    return Ok(2.0, bot, ROOM, n, seq)


def opened(bot: str, after: int = 0, head: int = 0) -> Opened:
    return Opened(0.5, bot, ROOM, after, head)


def saw(bot: str, seq: int, nick: str, text: str) -> Saw:
    return Saw(3.0, bot, ROOM, seq, nick, text)


def log(*lines: tuple[str, str]) -> Log:
    entries = [Logged(ROOM, seq, nick, text) for seq, (nick, text) in enumerate(lines, 1)]
    return {ROOM: entries}


def good() -> list[Record]:
    """Ada says three lines, Ben one; both see them all, Cyd comes after the second."""
    return [
        opened("ada"),
        opened("ben"),
        said("ada", 1, "a"),
        said("ada", 2, "b"),
        said("ben", 1, "c"),
        saw("ben", 1, "ada", "a"),
        saw("ada", 1, "ada", "a"),
        accepted("ada", 1, 1),
        opened("cyd", after=2, head=2),
        saw("ben", 2, "ada", "b"),
        accepted("ada", 2, 2),
        saw("ada", 2, "ada", "b"),
        saw("ada", 3, "ben", "c"),
        saw("ben", 3, "ben", "c"),
        saw("cyd", 3, "ben", "c"),
        accepted("ben", 1, 3),
        said("ada", 3, "d"),
        saw("cyd", 4, "ada", "d"),
        saw("ada", 4, "ada", "d"),
        saw("ben", 4, "ada", "d"),
        accepted("ada", 3, 4),
    ]


GOOD_LOG = log(("ada", "a"), ("ada", "b"), ("ben", "c"), ("ada", "d"))


def answers(records: Sequence[Record], final: Log | None = GOOD_LOG) -> dict[str, str]:
    """What every checker says that does not say ok; each violation has its proof."""
    findings = judge(History(tuple(records), final))
    for _, finding in findings:
        if finding.answer == "violated":
            assert finding.reason
            assert 1 <= len(finding.proof) <= 4
    return {
        checker.name: finding.answer
        for checker, finding in findings
        if finding.answer != "ok"
    }


def without(*unwanted: Record) -> list[Record]:
    records = good()
    for record in unwanted:
        records.remove(record)
    return records


def replaced(old: Record, *new: Record) -> list[Record]:
    records = good()
    place = records.index(old)
    records[place : place + 1] = new
    return records


def test_a_good_history_is_ok_for_everyone() -> None:
    """There are no false alarms: a latecomer and a line without an answer are no harm."""
    assert answers(good()) == {}
    assert answers(without(accepted("ada", 3, 4))) == {}


def test_nothing_proves_nothing() -> None:
    """An empty history is unknown to every checker, and ok to none."""
    assert set(answers([], {}).values()) == {"unknown"}
    assert len(answers([], {})) == len(CHECKERS)


def test_without_a_look_into_the_store_only_that_is_unknown() -> None:
    """What needs the final log says so; the others can do without."""
    assert answers(good(), None) == {"stored": "unknown"}


def test_another_past_makes_everything_unknown() -> None:
    """Numbers of two pasts can't be compared."""
    records = [*good(), Reset(9.0, "ben")]
    assert set(answers(records).values()) == {"unknown"}


def test_a_hole_breaks_the_order() -> None:
    """An entry that one bot alone was not shown is missed, though others saw it."""
    found = answers(without(saw("ben", 3, "ben", "c")))
    assert found == {"order": "violated", "accepted": "violated"}


def test_two_entries_in_the_wrong_order_break_the_order_alone() -> None:
    """Nothing is lost, nothing is twice: it only came too early."""
    records = good()
    first = records.index(saw("ada", 2, "ada", "b"))
    records[first], records[first + 1] = records[first + 1], records[first]
    assert answers(records) == {"order": "violated"}


def test_a_seam_that_does_not_meet_breaks_the_order() -> None:
    """Who reads on must read on from where it was."""
    assert answers([*good(), opened("ben", after=9, head=4)]) == {"order": "violated"}
    assert answers([*good(), opened("ben", after=4, head=4)]) == {}


def test_who_left_and_came_again_begins_anew() -> None:
    """Between two memberships there may be a hole, and the past may be shown again."""
    again: list[Record] = [
        Closed(4.0, "ben", ROOM, "left"),
        opened("ben", after=3, head=4),
        saw("ben", 4, "ada", "d"),
    ]
    assert answers([*good(), *again]) == {}


def test_an_entry_from_a_room_one_is_not_in_breaks_the_order() -> None:
    """Nobody is shown what was not asked for."""
    stranger = saw("dan", 1, "ada", "a")
    assert "order" in answers([*good(), stranger])


def test_an_entry_that_comes_twice_is_not_once_and_that_is_all() -> None:
    """A repeat breaks one promise only, so the verdict names the right one."""
    seen = saw("ben", 2, "ada", "b")
    assert answers(replaced(seen, seen, seen)) == {"once": "violated"}


def test_a_line_that_is_two_entries_is_not_once() -> None:
    """A resend that did not find itself in the log."""
    last = [saw(bot, 5, "ada", "d") for bot in ("ada", "ben", "cyd")]
    final = log(("ada", "a"), ("ada", "b"), ("ben", "c"), ("ada", "d"), ("ada", "d"))
    assert answers([*good(), *last], final) == {"once": "violated"}


def test_a_seq_that_is_two_lines_is_not_once() -> None:
    """Everyone sees the same, and so does the store."""
    other = replaced(saw("ben", 4, "ada", "d"), saw("ben", 4, "ada", "D"))
    assert answers(other)["once"] == "violated"
    assert answers(other)["stored"] == "violated"


def test_a_line_that_nobody_said_is_not_once() -> None:
    """A phantom, also when everyone sees it alike."""
    ghost = [saw(bot, 5, "eve", "boo") for bot in ("ada", "ben", "cyd")]
    final = log(("ada", "a"), ("ada", "b"), ("ben", "c"), ("ada", "d"), ("eve", "boo"))
    assert answers([*good(), *ghost], final) == {"once": "violated"}


def test_a_refused_line_that_is_there_is_not_once() -> None:
    """A refusal is for ever."""
    refused = replaced(accepted("ada", 3, 4), Fail(4.0, "ada", ROOM, 3, "no"))
    assert answers(refused) == {"once": "violated"}


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


def test_an_accepted_line_that_is_nowhere_is_lost() -> None:
    """It was the last one, so nobody can see a hole; the author was told, though."""
    seen = [saw(bot, 4, "ada", "d") for bot in ("ada", "ben", "cyd")]
    final = log(("ada", "a"), ("ada", "b"), ("ben", "c"))
    found = answers(without(*seen), final)
    assert found == {"accepted": "violated", "complete": "violated"}


def test_an_accepted_line_that_is_elsewhere_is_not_where_its_author_was_told() -> None:
    """The seq of an answer is the seq of the log."""
    wrong = replaced(accepted("ben", 1, 3), accepted("ben", 1, 2))
    assert answers(wrong) == {"accepted": "violated"}


def test_one_place_is_not_given_to_two_lines() -> None:
    """Two authors can't both be told the same seq."""
    records = without(*(saw(bot, 4, "ada", "d") for bot in ("ada", "ben", "cyd")))
    records[records.index(accepted("ada", 3, 4))] = accepted("ada", 3, 3)
    final = log(("ada", "a"), ("ada", "b"), ("ben", "c"))
    assert answers(records, final) == {"accepted": "violated"}


def test_an_answer_to_nothing_is_an_error() -> None:
    """A line is said before it is accepted."""
    assert answers(without(said("ada", 3, "d")))["accepted"] == "violated"


def test_what_was_seen_and_is_not_in_the_store_was_not_durable() -> None:
    """Shown before it was stored: the crash made it a rumour."""
    final = log(("ada", "a"), ("ada", "b"), ("ben", "c"))
    found = answers(without(accepted("ada", 3, 4)), final)
    assert found == {"stored": "violated"}


def test_a_store_with_a_hole_is_no_log() -> None:
    """Numbers are given without a hole, whoever looks."""
    hole = {ROOM: [entry for entry in GOOD_LOG[ROOM] if entry.seq != 2]}
    assert answers(good(), hole)["stored"] == "violated"


def test_who_stands_still_is_not_complete() -> None:
    """The last entry did not come to everyone, and nothing came after it."""
    assert answers(without(saw("cyd", 4, "ada", "d"))) == {"complete": "violated"}


def test_who_has_left_owes_nothing() -> None:
    """Only who is still there must have it all."""
    records = replaced(saw("cyd", 4, "ada", "d"), Closed(4.0, "cyd", ROOM, "left"))
    assert answers(records) == {}


def test_what_is_in_the_store_alone_counts_for_complete() -> None:
    """An entry that reached the log and nobody's eyes is missing everywhere."""
    final = {ROOM: [*GOOD_LOG[ROOM], Logged(ROOM, 5, "ben", "e")]}
    records = [*good(), said("ben", 2, "e")]
    assert answers(records, final) == {"complete": "violated"}
