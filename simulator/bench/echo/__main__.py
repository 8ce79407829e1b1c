"""`python -m simulator.bench.echo`: how long a key takes until it is seen."""

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import trio

from simulator.arguments import number
from simulator.bench.echo.measure import Idle, Typed, idle, type_beside
from simulator.bench.echo.plan import CASES, FAST, Case
from simulator.bench.echo.table import lines, sentence
from simulator.bench.machine import machine, sentences
from simulator.processes import open_server_process
from trio_chat.addresses import Address

T = TypeVar("T")

_SEED: Final = 6
"""Of the moments at which keys are hit."""


async def run(cases: Sequence[Case], seconds: float, idle_s: float) -> bool:
    """Measure the cases, each with a server of its own; whether nothing was wrong.

    Raises: ServerError: a process does not come up, or ends.
    Cancel: no process is left.
    """
    sys.stdout.write("\n".join(sentences(machine())) + "\n")
    typed: list[Typed] = []
    for case in cases:
        sys.stderr.write(f"… {case.title}\n")
        chance = random.Random(_SEED)
        call = partial(type_beside, case, seconds=seconds, chance=chance)
        typed.append(await _with_server(call))
    sys.stdout.write("\n".join(lines(typed)) + "\n")
    if idle_s:
        sys.stderr.write("… idle\n")
        rest = await _with_server(partial(_idle, seconds=idle_s))
        sys.stdout.write(sentence(rest) + "\n")
    return not any(each.faults or each.unseen for each in typed)


async def _with_server(call: Callable[[Address], T]) -> T:
    async with open_server_process(flags=("--data", ":memory:")) as server:
        address = await server.start()
        result = await trio.to_thread.run_sync(partial(call, address))
        await server.stop()
        return result


def _idle(address: Address, *, seconds: float) -> Idle:
    return idle(FAST, address, seconds)


def main() -> int:
    """What it can be asked."""
    parser = argparse.ArgumentParser(prog="python -m simulator.bench.echo")
    parser.add_argument(
        "--only",
        metavar="WORDS",
        default="",
        help="cases whose title has these words (all)",
    )
    parser.add_argument("--seconds", type=_seconds, default=20.0, help="each case (20)")
    parser.add_argument(
        "--idle", type=_seconds, default=30.0, metavar="S", help="0: not at all (30)"
    )
    options = parser.parse_args()
    cases = [case for case in CASES if options.only in case.title]
    return 0 if trio.run(run, cases, options.seconds, options.idle) else 1


def _seconds(text: str) -> float:
    return number(text, 0, 3_600)


if __name__ == "__main__":
    sys.exit(main())
