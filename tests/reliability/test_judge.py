"""The judge: what went well has no faults, and each fault is told as what it is."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pytest

from tests.reliability.judge import Life, faults

Case: TypeAlias = tuple[list[tuple[int, tuple[str, str]]], dict[str, list[Life]]]

SIGKILL: Final = -9


def entry(seq: int, nick: str, text: str) -> dict[str, Any]:
    """An event."""
    return {"type": "entry", "seq": seq, "nick": nick, "text": text}


def queued(n: int, text: str) -> dict[str, Any]:
    """An event."""
    return {"type": "queued", "n": n, "text": text}


def opened(after: int) -> dict[str, Any]:
    """An event."""
    return {"type": "opened", "after": after}


def good() -> Case:
    """Ada is killed with one line in her outbox and one in doubt; eve hears everything."""
    said = [("ada", "a1"), ("ada", "a2"), ("ada", "b1")]
    log = list(enumerate(said, start=1))
    first = Life("ada", 1, given=["a1", "a2", "a3"], killed=True, code=SIGKILL)
    first.heard = [queued(1, "a1"), {"type": "accepted", "n": 1, "seq": 1}, queued(2, "a2")]
    second = Life("ada", 2, given=["b1"], code=0)
    second.heard = [
        queued(2, "a2"),
        queued(3, "b1"),
        {"type": "accepted", "n": 2, "seq": 2},
        {"type": "accepted", "n": 3, "seq": 3},
    ]
    eve = Life("eve", 1, listens=True, code=0)
    eve.heard = [opened(0), entry(1, "ada", "a1"), opened(1)]
    eve.heard += [entry(2, "ada", "a2"), entry(3, "ada", "b1")]
    return log, {"ada": [first, second], "eve": [eve]}


def test_what_went_well_has_no_faults() -> None:
    """A line that nobody said was taken may be missing, if it was the last."""
    assert faults(*good()) == []


def hole(case: Case) -> None:
    case[0][2] = (4, case[0][2][1])


def twice(case: Case) -> None:
    case[0].append((4, ("ada", "a1")))


def forged(case: Case) -> None:
    case[0].append((4, ("ada", "who says that?")))


def by_another(case: Case) -> None:
    case[0][2] = (3, ("eve", "b1"))


def swapped(case: Case) -> None:
    case[0][:2] = [(1, ("ada", "a2")), (2, ("ada", "a1"))]


def lost(case: Case) -> None:
    case[0][1:] = [(2, ("ada", "b1"))]


def lost_in_the_middle(case: Case) -> None:
    case[1]["ada"][0].given.insert(0, "a0")


def lost_at_the_end(case: Case) -> None:
    case[1]["ada"][1].given.append("b2")


def numbered_anew(case: Case) -> None:
    case[1]["ada"][1].heard[0] = queued(1, "a2")


def another_seq(case: Case) -> None:
    case[1]["ada"][0].heard[1]["seq"] = 3


def skipped(case: Case) -> None:
    del case[1]["eve"][0].heard[3]


def repeated(case: Case) -> None:
    case[1]["eve"][0].heard.insert(2, entry(1, "ada", "a1"))


def another_text(case: Case) -> None:
    case[1]["eve"][0].heard[1] = entry(1, "ada", "never said")


def other_cursor(case: Case) -> None:
    case[1]["eve"][0].heard[2] = opened(0)


def gap(case: Case) -> None:
    case[1]["eve"][0].heard.append({"type": "gap"})


def nick_taken(case: Case) -> None:
    case[1]["eve"][0].heard.append({"type": "status", "state": "waiting"})


def too_early(case: Case) -> None:
    del case[1]["eve"][0].heard[4]


def crashed(case: Case) -> None:
    case[1]["eve"][0].code = 1
    case[1]["eve"][0].words = ["a trace", "ZeroDivisionError"]


def crashed_before_the_kill(case: Case) -> None:
    case[1]["ada"][0].code = 1


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (hole, "the log has <ada> 'b1' as 4 in the place of 3"),
        (twice, "the log has <ada> 'a1' twice, as 1 and as 4"),
        (forged, "the log has <ada> 'who says that?' as 4, which ada was never given"),
        (by_another, "the log has <eve> 'b1' as 3, which eve was never given"),
        (swapped, "ada: 'a1' is 2 in the log, behind 'a2', which was written after it"),
        (lost, "ada, life 1: 'a2' was taken, and is not in the log"),
        (lost_in_the_middle, "ada, life 1: 'a0' is not in the log, and later lines are"),
        (lost_at_the_end, "ada, life 2: ended with 0, and 1 of its lines is missing"),
        (numbered_anew, "ada, life 2: line 1 is 'a2', and was 'a1'"),
        (
            another_seq,
            "ada, life 1: <ada> 'a1' was accepted as 3, which is <ada> 'b1' in the log",
        ),
        (skipped, "eve, life 1: heard 3 after 1"),
        (repeated, "eve, life 1: heard 1 after 1"),
        (
            another_text,
            "eve, life 1: heard <ada> 'never said' as 1, which is <ada> 'a1' in the log",
        ),
        (other_cursor, "eve, life 1: went on after 0, and was at 1"),
        (gap, "eve, life 1: heard {'type': 'gap'}"),
        (nick_taken, "eve, life 1: heard {'type': 'status', 'state': 'waiting'}"),
        (too_early, "eve, life 1: heard up to 2 of 3"),
        (crashed, "eve, life 1: ended with 1: ZeroDivisionError"),
        (crashed_before_the_kill, "ada, life 1: ended with 1: no last words"),
    ],
)
def test_each_fault_is_told(harm: Callable[[Case], None], sentence: str) -> None:
    """With who, which line and which number."""
    case = good()
    harm(case)
    assert sentence in faults(*case)


def test_of_many_faults_of_one_kind_a_few_are_told() -> None:
    """And how many more there are."""
    log, lives = good()
    log += [(4 + count, ("ada", "a1")) for count in range(9)]
    told = [each for each in faults(log, lives) if "twice" in each or "more" in each]
    assert told[3] == "… and 6 more of this kind"
