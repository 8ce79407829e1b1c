"""The command line: what it answers, how it ends, and that it leaves nothing behind."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from simulator import cli
from simulator.cli import main
from simulator.processes import open_server_process
from simulator.run import run_with_processes
from simulator.scenarios import SCENARIOS
from tests.simulator.zoo.in_peers import one_answer_for_a_batch
from tests.simulator.zoo.stories import quiet
from trio_chat import open_client
from trio_chat.client.events import Entry

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


def ends_with(code: int, *arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == code


def test_list_says_which_suites_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each."""
    assert main(["list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [*SCENARIOS, "real"]


def test_help_has_examples_and_says_what_a_seed_can_not_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A world runs on a seed, real processes do not."""
    ends_with(0, "--help")
    out = capsys.readouterr().out
    assert "python -m simulator run order" in out
    assert "seed is the same run. In `real`" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["run", "nothing"],
        ["run", "smoke", "--seed", "x"],
        ["run", "smoke", "--seeds", "0"],
        ["run", "smoke", "--jobs", "0"],
        ["crowd", "not an address"],
        ["crowd", "--bots", "0"],
        ["crowd", "--bots", "1000"],
        ["crowd", "--pace", "never"],
        ["crowd", "--room", "no room"],
    ],
)
def test_wrong_usage_is_2(
    arguments: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And a sentence on stderr."""
    ends_with(2, *arguments)
    assert "error: " in capsys.readouterr().err


@asynccontextmanager
async def open_simulator(*arguments: str) -> AsyncIterator[trio.Process]:
    """`python -m simulator …`, ended with the block if it has not ended before."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None,
    )
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            if process.returncode is None:
                process.terminate()
            await process.wait()
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                await pipe.aclose()


async def text(pipe: trio.abc.ReceiveStream | None) -> str:
    assert pipe is not None
    return b"".join([data async for data in pipe]).decode()


# --- in worlds -----------------------------------------------------------------------


def out_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    """What it says, line by line."""
    assert main(arguments) == code
    return capsys.readouterr().out.splitlines()


def test_a_run_says_its_seed_first_and_then_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each promise by its number, with the faults that there were."""
    first, second, *rest = out_of(capsys, "run", "partition", "--seed", "7")
    assert first == f"partition: {SCENARIOS['partition'].summary}; seed 7"
    assert second.startswith("seed 7  ")
    assert sum(line.startswith("ok ") for line in rest) >= 12


def test_a_seed_that_nobody_chose_is_said_and_can_be_played_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There is no default seed; the same seed is the same run."""
    once = out_of(capsys, "run", "partition")
    seed = once[0].split()[-1]
    assert out_of(capsys, "run", "partition", "--seed", seed) == once


def test_many_seeds_end_with_a_line_about_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The verdicts of those that are well are of no interest."""
    lines = out_of(capsys, "run", "partition", "--seed", "7", "--seeds", "3")
    assert len(lines) == 2
    assert lines[-1].startswith("3 of 3 seeds, ")
    assert ", all ok; " in lines[-1]


@pytest.mark.processes
def test_many_seeds_may_be_played_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Each in a process of its own, and each as it is alone."""
    arguments = ("run", "partition", "--seed", "7", "--seeds", "2")
    alone = out_of(capsys, *arguments)[-1]
    together = out_of(capsys, *arguments, "--jobs", "2")[-1]
    assert together.split(";")[0] == alone.split(";")[0]


def test_a_trace_is_one_json_object_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the time, the node and the event."""
    file = tmp_path / "run.jsonl"
    out_of(capsys, "run", "partition", "--seed", "7", "--trace", str(file))
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert all({"t", "node", "event"} <= event.keys() for event in events)
    assert events[-1]["event"] == "end"


def test_a_trace_that_can_not_be_written_is_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With a sentence."""
    nowhere = str(tmp_path / "nowhere" / "run.jsonl")
    lines = out_of(capsys, "run", "partition", "--trace", nowhere, code=1)
    assert lines[-1].startswith("the trace can't be written: ")


@pytest.mark.parametrize("seeds", [(), ("--seeds", "2")])
def test_a_failure_is_1_and_its_last_line_plays_it_again(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    seeds: tuple[str, ...],
) -> None:
    """Also when it is one of several; to the byte."""
    one_answer_for_a_batch(monkeypatch)
    *lines, last = out_of(capsys, "run", "partition", "--seed", "5", *seeds, code=1)
    assert any(line.startswith("VIOLATED  P3  acks ") for line in lines)
    assert last == "python -m simulator run partition --seed 5"
    again = out_of(capsys, *last.split()[3:], code=1)
    assert [line for line in again if line.startswith("VIOLATED")] == [
        line for line in lines if line.startswith("VIOLATED")
    ][:1]


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize("jobs", ["1", "2"])
async def test_ctrl_c_ends_many_seeds_with_130_and_what_is_known(jobs: str) -> None:
    """It says what was done by then; whoever still plays a seed ends with it."""
    with trio.fail_after(PATIENCE_S):
        arguments = ("run", "partition", "--seeds", "900", "--jobs", jobs)
        async with open_simulator(*arguments) as process:
            assert process.stdout is not None
            told = b""
            while b"of 900 seeds" not in told:
                told += await process.stdout.receive_some()
            process.send_signal(signal.SIGINT)
            rest = await text(process.stdout)
            assert await process.wait() == 130
            assert " of 900 seeds, " in rest.splitlines()[-1]
            assert await text(process.stderr) == ""


# --- with processes ------------------------------------------------------------------


@pytest.fixture
def one_real_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny one, so that a run is over soon."""
    monkeypatch.setattr(cli, "_real_stories", lambda: [quiet(within_s=PATIENCE_S)])


@pytest.mark.processes
@pytest.mark.usefixtures("one_real_story")
def test_a_story_holds_with_real_processes(capsys: pytest.CaptureFixture[str]) -> None:
    """A real server, real clients, real TCP."""
    first, *rest = out_of(capsys, "run", "real", "--seed", "3")
    assert first == "real: quiet: a tiny story; seed 3"
    assert any("5 bots, 2 rooms, 18 lines said" in line for line in rest)
    assert sum(line.startswith("ok ") for line in rest) >= 12


@pytest.mark.processes
@pytest.mark.usefixtures("one_real_story")
@pytest.mark.parametrize(
    "body", ["sys.exit('no disk here')", "print('listening on 127.0.0.1:9', flush=True)"]
)
def test_a_real_server_that_does_not_stay_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """It has a verdict like any other, and the seed is said once more."""
    broken = (sys.executable, "-c", f"import sys; {body}")
    play = partial(run_with_processes, open_server=lambda: open_server_process(broken))
    monkeypatch.setattr(cli, "run_with_processes", play)
    lines = out_of(capsys, "run", "real", "--seed", "5", code=1)
    assert any(line.startswith("STUCK") for line in lines)
    assert lines[-1] == "python -m simulator run real --seed 5"


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
async def test_ctrl_c_ends_real_processes_with_130_and_no_trace() -> None:
    """Those that it started are gone as well (their pipes would keep us waiting)."""
    with trio.fail_after(PATIENCE_S):
        async with open_simulator("run", "real") as process:
            assert process.stdout is not None
            assert (await process.stdout.receive_some()).startswith(b"real: smoke: ")
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            assert await text(process.stderr) == ""


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
async def test_a_crowd_chats_until_ctrl_c() -> None:
    """Who is alone on a server hears others talk, and Ctrl-C ends it without a trace."""
    with trio.fail_after(PATIENCE_S):
        async with open_server_process() as server:
            address = await server.start()
            async with (
                open_client(address, nick="alone", history=50) as alone,
                open_simulator("crowd", str(address), "--pace", "0.1") as process,
            ):
                authors = set()
                async for event in alone:
                    if isinstance(event, Entry):
                        authors.add(event.nick)
                    if len(authors) == 5:
                        break
                process.send_signal(signal.SIGINT)
                assert await process.wait() == 130
                assert await text(process.stderr) == ""
                assert "on the way to #lobby" in await text(process.stdout)
            await server.stop()
