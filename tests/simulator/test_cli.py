"""The command line: what it answers, how it ends, and that it leaves nothing behind."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from simulator import cli
from simulator.cli import main
from simulator.processes import open_server_process
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
    assert names == ["smoke", "restart"]


def test_help_has_examples_and_says_what_a_seed_can_not_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A real server does not run on a seed."""
    ends_with(0, "--help")
    out = capsys.readouterr().out
    assert "python -m simulator run smoke" in out
    assert "same story,\nnot the same run" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["run", "nothing"],
        ["run", "smoke", "--seed", "x"],
        ["run", "smoke", "--seeds", "0"],
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


@pytest.mark.processes
@pytest.mark.parametrize("suite", ["smoke", "restart"])
async def test_a_suite_holds_with_a_real_server(suite: str) -> None:
    """Twenty bots over real TCP; six promises, each by its number."""
    with trio.fail_after(PATIENCE_S):
        async with open_simulator("run", suite) as process:
            out = await text(process.stdout)
            assert await process.wait() == 0, out
    assert out.splitlines()[0].startswith(f"{suite}: ")
    assert "20 bots, 4 rooms, 400 lines said" in out
    assert sum(line.startswith("ok  P") for line in out.splitlines()) == 6


@pytest.mark.processes
def test_a_failure_is_1_and_its_last_line_plays_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is one of several."""
    broken = (sys.executable, "-c", "import sys; sys.exit('no disk here')")
    monkeypatch.setattr(cli, "open_server_process", lambda: open_server_process(broken))
    assert main(["run", "smoke", "--seed", "5", "--seeds", "2"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("; seed 5")
    assert "    no disk here" in lines
    assert lines[-2:] == [
        "0 of 2 runs of smoke are ok",
        "python -m simulator run smoke --seed 5",
    ]


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
async def test_ctrl_c_ends_a_run_with_130_and_no_trace() -> None:
    """The server that it started is gone as well (its pipes would keep us waiting)."""
    with trio.fail_after(PATIENCE_S):
        async with open_simulator("run", "smoke", "--seeds", "9") as process:
            assert process.stdout is not None
            assert (await process.stdout.receive_some()).startswith(b"smoke: ")
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
