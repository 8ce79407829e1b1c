"""The verdict: what a person reads."""

import io
from dataclasses import replace
from typing import Any, get_args

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from simulator.checkers import CHECKERS, judge
from simulator.history import (
    Closed,
    Cut,
    Done,
    Down,
    Dropped,
    Fail,
    Fault,
    Gone,
    Healed,
    History,
    Invoke,
    Joined,
    Killed,
    Left,
    Linked,
    Logged,
    Maybe,
    Members,
    Ok,
    Opened,
    Proof,
    Record,
    Renamed,
    Reset,
    Resources,
    Restarted,
    Restored,
    Resumed,
    Saw,
    Settled,
    Stalled,
    Stranger,
    TurnedAway,
    Up,
)
from simulator.report import _SENTENCES, COLOURS, described, verdict
from simulator.run import Run, Trouble
from simulator.screen import Screen
from simulator.virtual.seeds import Seed

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


def test_a_good_run_is_a_line_for_each_promise_that_was_asked() -> None:
    """What was played, each promise by its number, and what there was no cause to ask."""
    lines = verdict(play())
    assert lines[0] == ("seed 8127  2 bots, 1 room, 1 line said, 1 entry seen in 3.1 s")
    assert lines[1] == (
        "ok  P1  order     every bot saw every room in seq order, without a hole"
    )
    told = [line.split()[2] for line in lines[1:-1]]
    not_asked = lines[-1].removeprefix("  nothing to judge: ").split(", ")
    assert {*told, *not_asked} == {each.name for each in CHECKERS}
    assert len(told) + len(not_asked) == len(CHECKERS)


def test_what_is_not_built_yet_is_told_and_fails_nothing() -> None:
    """By its number: whoever builds it sees it turn. As if grace was not built."""
    story: list[Record] = [
        Opened(0.3, "ada", "lobby", 0, 1),
        Saw(0.3, "ada", "lobby", 1, "ada", "hi"),
        Members(0.4, "ben", "lobby", ("ben", "ada")),
        Dropped(1.0, "ada"),
        Cut(1.0, "ada", "oh"),
        Left(1.1, "ben", "lobby", "ada", "went away"),
        Opened(2.0, "ada", "lobby", 1, 1),
    ]
    findings = tuple(
        (replace(each, expected="not yet") if each.name == "grace" else each, finding)
        for each, finding in judge(History((*RECORDS, *story), LOG))
    )
    played = play([*RECORDS, *story], findings=findings)
    words = "ada was away from #lobby for a moment, and it was told"
    assert f"not yet  P8  grace     {words}" in verdict(played)
    assert played.passed


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
    for code in ("\x1b[32m", "\x1b[2m", "\x1b[0m"):
        coloured = [line.replace(code, "") for line in coloured]
    assert coloured == plain


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
        (Maybe(1, "ada", "x", 2), "ada will not hear what became of number 2 in #x"),
        (Members(1, "ada", "x", ("a", "b")), "ada was told who is in #x: a b"),
        (Members(1, "ada", "x", ()), "ada was told who is in #x: nobody"),
        (Joined(1, "ada", "x", "ben"), "ada was told that ben came into #x"),
        (Left(1, "ada", "x", "ben", "quit"), "ada was told that ben is not in #x: quit"),
        (Renamed(1, "ada", "x", "b", "c"), "ada was told that b in #x is c now"),
        (Linked(1, "ada"), "ada is connected"),
        (Cut(1, "ada", "oh"), "ada lost the connection: oh"),
        (Reset(1, "ada"), "ada was told that the server has another past"),
        (
            Stranger(1, "eve", ("noise",)),
            "eve comes, who is not to be trusted (noise)",
        ),
        (Dropped(1, "ada"), "ada breaks its own connection"),
        (TurnedAway(1, "ada", "taken"), "ada was turned away: taken"),
        (Done(1, "ada"), "ada has said all it had to say"),
        (Killed(1, "ada"), "ada is killed"),
        (Restarted(1, "ada"), "ada lives again"),
        (Gone(1, "ada"), "ada says goodbye"),
        (Stalled(1, "ada", lives=True, others_within_s=1), "ada hardly reads any more"),
        (Resumed(1, "ada"), "ada reads again"),
        (Down(1, kindly=True), "the server is asked to end"),
        (Down(1, kindly=False), "the server is killed"),
        (Up(1), "the server serves again"),
        (Restored(1), "the server was given an older past"),
        (Healed(1, within_s=60), "all faults are over: 60 s from here"),
        (Settled(1), "all has come to rest"),
        (Resources(1, tasks=1, sockets=2), "the server has 1 task and 2 sockets"),
        (Fault(1, "a flood"), "a flood"),
        (Logged("x", 3, "ada", "hi"), "has #x 3 <ada> hi"),
    ],
)
def test_every_record_is_a_sentence(record: Proof, words: str) -> None:
    """Whatever a checker points at can be read."""
    assert described(record).endswith(f"  {words}")


def test_no_record_is_without_a_sentence() -> None:
    """The table is as long as the vocabulary."""
    assert set(_SENTENCES) == set(get_args(Record))


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


async def test_progress_is_one_line_that_goes_away(autojump_clock: MockClock) -> None:
    """On a terminal it is updated in place, and nothing is left of it."""
    out = Terminal()
    screen = Screen(out, {"NO_COLOR": "1"})
    lines = iter(["long line", "short"])
    async with screen.open_progress(lambda: next(lines)):
        await trio.sleep(0.25)
    screen.show(["done"])
    assert out.getvalue() == "\rlong line\rshort    \r     \rdone\n"


async def test_progress_elsewhere_is_a_line_now_and_then(autojump_clock: MockClock) -> None:
    """A log file is not a terminal."""
    out = io.StringIO()
    async with Screen(out, {}).open_progress(lambda: "half way"):
        await trio.sleep(12)
        await wait_all_tasks_blocked()
    assert out.getvalue() == "… half way\n… half way\n"
