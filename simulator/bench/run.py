"""Measures all that is compared by turns, over and over, each time with new processes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import trio

from simulator.bench.cores import Cores
from simulator.bench.plan import AnyOutcome, Cell, LoadError, Measured, Plan
from simulator.bench.servers import Open, Server
from simulator.bench.workloads import AnyLoad, Idle, Workload
from simulator.environment import child_environment
from simulator.errors import ServerError
from trio_chat.errors import lone_exception

_WARM_SHARE: Final = 0.2
"""Of the time that is measured, talked before it."""


class Task(NamedTuple):
    """What is to be measured once a run."""

    cell: Cell
    server: Server
    load: AnyLoad


def tasks(workloads: Sequence[Workload], servers: Sequence[Server]) -> list[list[Task]]:
    """All there is to be measured, a list for each case; what is compared is in one."""
    return [
        list(_tasks(workload, number, servers))
        for workload in workloads
        for number in range(len(workload.cases))
    ]


def _tasks(workload: Workload, number: int, servers: Sequence[Server]) -> Iterator[Task]:
    case = workload.cases[number]
    for server in servers:
        if workload.ours_only and not server.is_ours:
            continue
        for store in server.stores:
            for variant in case.variants:
                cell = Cell(
                    workload=workload.name,
                    case=case.name,
                    server=server.name,
                    store=store,
                    variant=variant.name,
                )
                yield Task(cell, server, variant.load)


async def measure_all(
    cases: Sequence[Sequence[Task]],
    *,
    runs: int,
    seconds: float,
    cores: Cores,
    measured: Callable[[Measured], None],
    failed: Callable[[str], None],
) -> None:
    """Measure everything `runs` times, and tell each outcome as it is known.

    Shape:  what is in one case follows each other, from first to last and then from last
            to first, so that what the machine does besides is shared out fairly.
            A server that is not ours may fail: that is told, in a sentence, and it goes on.
    Raises: LoadError, ServerError: ours can't be measured here.
    Cancel: no process is left.
    """
    for run in range(runs):
        for case in cases:
            for task in case[::-1] if run % 2 else case:
                try:
                    outcome = await measure(task, seconds=seconds, cores=cores)
                except (LoadError, ServerError) as error:
                    if task.server.is_ours:
                        raise
                    failed(f"{task.cell.workload}: {task.cell.server}: {error}")
                else:
                    measured(Measured(task.cell, run, outcome))


async def measure(task: Task, *, seconds: float, cores: Cores) -> AnyOutcome:
    """One server and one load, each a new process.

    Raises: LoadError, ServerError: it can't be measured here.
    Cancel: no process is left.
    """
    with lone_exception():
        async with _open(task)(task.cell.store, cores.server) as running:
            return await put_load(
                Plan(
                    host=running.host,
                    port=running.port,
                    server_pid=running.pid,
                    dialect=task.server.dialect,
                    load=task.load,
                    seconds=seconds,
                    warm_s=seconds * _WARM_SHARE,
                    core=cores.load,
                )
            )


def _open(task: Task) -> Open:
    server = task.server
    return server.open_asking if isinstance(task.load, Idle) else server.open


async def put_load(plan: Plan) -> AnyOutcome:
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
    outcome: AnyOutcome = msgspec.json.decode(ended.stdout, type=AnyOutcome)
    return outcome
