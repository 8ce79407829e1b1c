"""A real client at a terminal that is measured, for a moment; no figure is judged."""

import random
import sys

import pytest
import trio

from simulator.bench.echo.plan import FAST, LETTERS, Case
from simulator.bench.echo.stream import Seen
from simulator.bench.echo.table import lines, sentence
from simulator.processes import open_server_process

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

from simulator.bench.echo import measure
from simulator.bench.echo.measure import Idle, Typed, idle, type_beside
from simulator.bench.echo.terminal import Terminal

CASE = Case(200, FAST)


def typed(*faults: str, unseen: int = 0) -> Typed:
    seen = Seen(echo_s=[0.002, 0.004], lines=1_000, skipped=50)
    return Typed(CASE, 10.0, seen, unseen, 0.25, None, faults)


def test_the_table_has_the_figures() -> None:
    head, row = lines([typed()])
    assert head.split()[:2] == ["keys", "p50"]
    assert row.startswith("fast terminal, 200 lines/s ")
    assert row.split()[4:] == ["2", "2.0", "4.0", "4.0", "100", "5", "0.0", "0", "25%", "-"]


def test_the_table_says_what_is_wrong() -> None:
    assert [*lines([typed("a line is lost", unseen=3)])][2:] == [
        "  WRONG: a line is lost",
        "  WRONG: 3 keys were never seen",
    ]


def test_what_nobody_counts_is_said() -> None:
    assert sentence(Idle(30.0, 0.001, 6)) == (
        "idle for 30 s: 2.0 ms of CPU and 12 wakeups a minute"
    )
    assert sentence(Idle(30.0, None, None)) == "idle: nobody counts here"


@pytest.mark.processes
async def test_keys_are_seen_and_lines_are_printed() -> None:
    async with open_server_process(flags=("--data", ":memory:")) as server:
        address = await server.start()
        found = await trio.to_thread.run_sync(
            type_beside, CASE, address, 2.0, random.Random(0)
        )
        await server.stop()
    assert found.seen.echo_s
    assert found.unseen == 0
    assert found.seen.lines == found.seen.said > 0
    assert found.faults == ()


@pytest.mark.processes
async def test_a_client_that_does_nothing_is_looked_at() -> None:
    async with open_server_process(flags=("--data", ":memory:")) as server:
        address = await server.start()
        rest = await trio.to_thread.run_sync(idle, FAST, address, 0.1)
        await server.stop()
    assert rest.seconds == 0.1


@pytest.mark.processes
async def test_a_line_that_does_not_say_what_was_typed_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted: somebody else's text has the letters, and the line has others."""

    def mistyped(terminal: Terminal, until_s: float, _: random.Random) -> str:
        terminal.keys("other letters")
        terminal.watch(until_s)
        return LETTERS[:3]

    monkeypatch.setattr(measure, "_type", mistyped)
    monkeypatch.setattr(measure, "_LAST_S", 0.5)
    async with open_server_process(flags=("--data", ":memory:")) as server:
        address = await server.start()
        found = await trio.to_thread.run_sync(
            type_beside, Case(0, FAST), address, 0.1, random.Random(0)
        )
        await server.stop()
    assert found.faults == (f"the line does not say {LETTERS[:3]}",)
