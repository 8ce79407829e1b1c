"""From workloads to a table on the screen and every figure in a file."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import trio

from simulator.bench.cores import Cores, cores
from simulator.bench.machine import Machine, load_average, machine, sentences
from simulator.bench.plan import Measured
from simulator.bench.row import Row
from simulator.bench.run import measure_all, tasks
from simulator.bench.servers import Server
from simulator.bench.summary import summarise
from simulator.bench.table import legend, table
from simulator.bench.workloads import Workload
from simulator.screen import Screen


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured, and where."""

    machine: Machine
    cores: Cores
    runs: int
    seconds: float
    load_average_after: float | None
    rows: Sequence[Row]
    measured: Sequence[Measured]


async def bench(
    workloads: Sequence[Workload],
    servers: Sequence[Server],
    screen: Screen,
    *,
    runs: int,
    seconds: float,
    json_file: Path | None = None,
) -> bool:
    """Measure and show; whether every entry came once and in order.

    Shape:  servers are compared with the first one.
    Raises: LoadError, ServerError: it can't be measured here.
            OSError: the file can't be written.
    Cancel: what was measured by then is shown and written; no process is left.
    """
    if json_file is not None:
        await trio.Path(json_file).touch()  # better now than after some minutes
    here, pinned = machine(), cores()
    screen.show([*sentences(here), _pinned(pinned)])
    measured: list[Measured] = []
    cases = tasks(workloads, servers)
    measurements = runs * sum(map(len, cases))

    def take(one: Measured) -> None:
        measured.append(one)
        screen.progress(f"{len(measured)} of {measurements} measured")

    rows: list[Row] = []
    contestants = [each for server in servers for each in server.contestants]
    try:
        await measure_all(cases, runs=runs, seconds=seconds, cores=pinned, measured=take)
    finally:
        for workload in workloads:
            found = summarise(workload, contestants, measured)
            rows += found
            if found:
                screen.show(["", *_head(workload, found, seconds), *table(found)])
        screen.show(["", *legend(rows)])
        if json_file is not None:
            report = Report(
                machine=here,
                cores=pinned,
                runs=runs,
                seconds=seconds,
                load_average_after=load_average(),
                rows=rows,
                measured=measured,
            )
            await _write(json_file, report)
    return not any(row.faults for row in rows)


async def _write(path: Path, report: Report) -> None:
    text = msgspec.json.format(msgspec.json.encode(report))
    with trio.CancelScope(shield=True):
        await trio.Path(path).write_bytes(text + b"\n")


def _head(workload: Workload, rows: Sequence[Row], seconds: float) -> list[str]:
    runs = max(row.runs for row in rows)
    how = f"medians of {runs} runs" if runs > 1 else "one run"
    return [f"{workload.name}: {workload.summary}; {how} of {seconds:g} s", ""]


def _pinned(pinned: Cores) -> str:
    if pinned.server is None:
        return "server and load run on whichever core has time"
    return f"server on core {pinned.server}, load on core {pinned.load}"
