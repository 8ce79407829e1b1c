"""Measures each variant of each case in turn, over and over, with fresh processes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import trio

from simulator.bench.cores import Cores, pin
from simulator.bench.plan import Cell, LoadError, Measured, Outcome, Plan
from simulator.bench.workloads import IN_MEMORY, STORES, Case, Variant, Workload
from simulator.environment import child_environment
from simulator.processes import open_server_process
from trio_chat.errors import lone_exception

_WARM_SHARE: Final = 0.2
"""Of the time that is measured, talked before it."""
_QUIET: Final = ("--heartbeat-s=3600",)
"""Members that only read would be asked now and then whether they are still there."""


async def measure_all(
    workloads: Sequence[Workload],
    *,
    runs: int,
    seconds: float,
    cores: Cores,
    measured: Callable[[Measured], None],
) -> None:
    """Measure everything `runs` times, and tell each outcome as it is known.

    Shape:  the variants of one case follow each other, from first to last and then from
            last to first, so that what the machine does besides is shared out fairly.
    Raises: LoadError, ServerError: it can't be measured here.
    Cancel: no process is left.
    """
    for run in range(runs):
        for workload in workloads:
            for store, case, variant in _cells(workload, backwards=run % 2 == 1):
                outcome = await measure(case, variant, store, seconds=seconds, cores=cores)
                cell = Cell(workload.name, store, case.name, variant.name)
                measured(Measured(cell, run, outcome))


def _cells(workload: Workload, *, backwards: bool) -> Iterator[tuple[str, Case, Variant]]:
    for store in STORES:
        for case in workload.cases:
            for variant in case.variants[::-1] if backwards else case.variants:
                yield store, case, variant


async def measure(
    case: Case, variant: Variant, store: str, *, seconds: float, cores: Cores
) -> Outcome:
    """One server and one load, each a new process.

    Raises: LoadError, ServerError: it can't be measured here.
    Cancel: no process is left.
    """
    flags = [*_QUIET, "--data=:memory:"] if store == IN_MEMORY else _QUIET
    with lone_exception():
        return await _with_server(flags, case, variant, seconds, cores)


async def _with_server(
    flags: Sequence[str], case: Case, variant: Variant, seconds: float, cores: Cores
) -> Outcome:
    async with open_server_process(flags=flags) as server:
        address = await server.start()
        assert server.pid is not None
        pin(server.pid, cores.server)
        plan = Plan(
            host=address.host,
            port=address.port,
            server_pid=server.pid,
            load=case.load,
            variant=variant,
            seconds=seconds,
            warm_s=seconds * _WARM_SHARE,
            core=cores.load,
        )
        return await put_load(plan)


async def put_load(plan: Plan) -> Outcome:
    """What a server that runs makes of a load.

    Raises: LoadError: it can't be measured.
    Cancel: no process is left.
    """
    ended = await trio.run_process(
        [sys.executable, "-m", "simulator.bench.load"],
        stdin=msgspec.json.encode(plan),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        env=child_environment(),
    )
    if ended.returncode:
        words = ended.stderr.decode(errors="replace").strip().splitlines()
        raise LoadError(words[-1] if words else f"the load ended with {ended.returncode}")
    return msgspec.json.decode(ended.stdout, type=Outcome)
