"""The verdict: what a person reads."""

import io
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from simulator.checkers import CHECKERS, judge
from simulator.history import (
    Closed,
    Cut,
    Fail,
    Fault,
    History,
    Invoke,
    Linked,
    Logged,
    Ok,
    Opened,
    Proof,
    Record,
    Reset,
    Saw,
)
from simulator.report import COLOURS, described, verdict
from simulator.run import Run, Trouble
from simulator.screen import Screen
from simulator.virtual.seeds import Seed
from tests.simulator.inside import virtual_time

SEEN = Saw(0.25, "ben", "lobby", 1, "ada", "hi")
RECORDS: list[Record] = [
    Linked(0.0, "ada"),
    Linked(0.0, "ben"),
    Opened(0.1, "ben", "lobby", 0, 0),
    Invoke(0.2, "ada", "lobby", 1, "hi"),
    SEEN,
    Ok(0.3, "ada", "lobby", 1, 1),
]
LOG = {"lobby": [Logged("lobby", 1, "ada", "hi")]}


def play(records: list[Record] = RECORDS, **changes: Any) -> Run:
    history = History(tuple(records), LOG)
    facts: dict[str, Any] = {
        "scenario": "smoke",
        "seed": Seed(8127),
        "took_s": 3.14,
        "history": history,
        "findings": judge(history),
        "words": ("listening on 127.0.0.1:1", "[+] ada connected"),
    }
    return Run(**{**facts, **changes})


def test_a_good_run_is_seven_lines() -> None:
    """What was played, and each promise by its number."""
    lines = verdict(play())
    assert lines[0] == ("seed 8127  2 bots, 1 room, 1 line said, 1 entry seen in 3.1 s")
    assert lines[1] == (
        "ok  P1  order     every bot saw every room in seq order, without a hole"
    )
    assert [line.split()[2] for line in lines[1:]] == [each.name for each in CHECKERS]


def test_a_violation_is_told_with_its_proof_and_ends_with_the_replay() -> None:
    """What was violated, the records that show it, what the server said, the command."""
    lines = verdict(play([*RECORDS, SEEN]))
    place = lines.index("VIOLATED  P3  once      ben saw #lobby 1 twice")
    assert lines[place + 1 : place + 3] == [
        "       0.250 s  ben saw #lobby 1 <ada> hi",
        "       0.250 s  ben saw #lobby 1 <ada> hi",
    ]
    assert "    [+] ada connected" in lines
    assert lines[-1] == "python -m simulator run smoke --seed 8127"


def test_a_run_that_proves_nothing_has_failed() -> None:
    """Unknown is not ok."""
    nothing = History((), {})
    played = play(history=nothing, findings=judge(nothing))
    assert not played.passed
    assert any(line.startswith("UNKNOWN  P1") for line in verdict(played))


def test_a_story_that_got_stuck_says_why() -> None:
    """Also when all that happened was right; a bug comes with its traceback."""
    trouble = Trouble("after 30 s 2 lines have no answer", ("Traceback", "  in f"))
    lines = verdict(play(troubles=(trouble,)))
    assert "STUCK  after 30 s 2 lines have no answer" in lines
    assert "      in f" in lines
    assert lines[-1] == "python -m simulator run smoke --seed 8127"


def test_a_fault_is_part_of_the_verdict() -> None:
    """Who reads it wants to know that something did happen."""
    lines = verdict(play([*RECORDS, Fault(0.4, "the server is killed"), Linked(1, "ben")]))
    assert lines[1] == "     0.400 s  the server is killed"
    assert lines[2] == "  1 time a bot came back by itself"


def test_colours_do_not_disturb_the_columns() -> None:
    """Without them the lines are the same."""
    plain = verdict(play())
    coloured = verdict(play(), COLOURS)
    assert coloured[1].startswith("\x1b[32mok\x1b[0m  P1")
    assert [line.replace("\x1b[32m", "").replace("\x1b[0m", "") for line in coloured] == (
        plain
    )


def test_what_was_said_can_not_move_the_cursor() -> None:
    """P12 holds for a verdict, too."""
    nasty = "\x1b[2J\r\n\u202e" + 100 * "x"
    told = described(Saw(0.0, "ben", "lobby", 1, "ada\x1b[0m", nasty))
    assert told.isprintable()
    assert len(told) < 120


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Invoke(1, "ada", "x", 2, "hi"), "ada said in #x as number 2: hi"),
        (Ok(1, "ada", "x", 2, 3), "ada was told that number 2 is #x 3"),
        (Fail(1, "ada", "x", 2, "no"), "ada was refused number 2 in #x: no"),
        (Opened(1, "ada", "x", 2, 3), "ada reads #x after 2 (it goes up to 3)"),
        (Closed(1, "ada", "x", "left"), "ada is no longer in #x: left"),
        (Linked(1, "ada"), "ada is connected"),
        (Cut(1, "ada", "oh"), "ada lost the connection: oh"),
        (Reset(1, "ada"), "ada was told that the server has another past"),
        (Fault(1, "a flood"), "a flood"),
        (Logged("x", 3, "ada", "hi"), "has #x 3 <ada> hi"),
    ],
)
def test_every_record_is_a_sentence(record: Proof, words: str) -> None:
    """Whatever a checker points at can be read."""
    assert described(record).endswith(f"  {words}")


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them() -> None:
    """A pipe gets none, and neither does who said NO_COLOR."""
    assert Screen(io.StringIO(), {}).palette.good == ""
    assert Screen(Terminal(), {"NO_COLOR": "1"}).palette.good == ""
    assert Screen(Terminal(), {"TERM": "dumb"}).palette.good == ""
    assert Screen(Terminal(), {"WT_SESSION": "1"}).palette.good != ""


@virtual_time
async def test_progress_is_one_line_that_goes_away() -> None:
    """On a terminal it is updated in place, and nothing is left of it."""
    out = Terminal()
    screen = Screen(out, {"NO_COLOR": "1"})
    lines = iter(["long line", "short"])
    async with screen.open_progress(lambda: next(lines)):
        await trio.sleep(0.25)
    screen.show(["done"])
    assert out.getvalue() == "\rlong line\rshort    \r     \rdone\n"


@virtual_time
async def test_progress_elsewhere_is_a_line_now_and_then() -> None:
    """A log file is not a terminal."""
    out = io.StringIO()
    async with Screen(out, {}).open_progress(lambda: "half way"):
        await trio.sleep(12)
        await wait_all_tasks_blocked()
    assert out.getvalue() == "… half way\n… half way\n"
