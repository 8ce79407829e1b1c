"""From workloads to a table on the screen, a picture, and every figure in a file."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
import trio

from simulator.bench.chart import chart
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


class Files(NamedTuple):
    """Where the figures go besides the screen, if anywhere."""

    json: Path | None = None
    svg: Path | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured, and where."""

    machine: Machine
    cores: Cores
    runs: int
    seconds: float
    load_average_after: float | None
    workloads: dict[str, str]
    """What each is, by its name."""
    rows: Sequence[Row]
    failed: Sequence[str]
    """What could not be measured, and why, for people."""
    measured: Sequence[Measured]

    @property
    def where(self) -> list[str]:
        """What the figures mean nothing without, for people."""
        return [*sentences(self.machine), _pinned(self.cores)]

    @property
    def right(self) -> bool:
        """Whether all was measured, and nothing lost, doubled or out of order."""
        return not self.failed and not any(row.faults for row in self.rows)


async def bench(
    workloads: Sequence[Workload],
    servers: Sequence[Server],
    screen: Screen,
    *,
    runs: int,
    seconds: float,
    files: Files,
) -> bool:
    """Measure and show; whether every entry came once and in order.

    Shape:  servers are compared with the first one.
    Raises: LoadError, ServerError: it can't be measured here.
            OSError: a file can't be written.
    Cancel: what was measured by then is shown and written; no process is left.
    """
    for file in filter(None, files):
        await trio.Path(file).touch()  # better now than after some minutes
    here, pinned = machine(), cores()
    versions = {each.name: await each.version() for each in servers if each.version}
    here = msgspec.structs.replace(here, versions={**here.versions, **versions})
    screen.show([*sentences(here), _pinned(pinned)])
    measured: list[Measured] = []
    cases = tasks(workloads, servers)
    measurements = runs * sum(map(len, cases))

    def take(one: Measured) -> None:
        measured.append(one)
        screen.progress(f"{len(measured)} of {measurements} measured")

    failed: list[str] = []
    contestants = [each for server in servers for each in server.contestants]
    try:
        await measure_all(
            cases,
            runs=runs,
            seconds=seconds,
            cores=pinned,
            measured=take,
            failed=failed.append,
        )
    finally:
        report = Report(
            machine=here,
            cores=pinned,
            runs=runs,
            seconds=seconds,
            load_average_after=load_average(),
            workloads={each.name: each.summary for each in workloads},
            rows=[
                row for each in workloads for row in summarise(each, contestants, measured)
            ],
            failed=failed,
            measured=measured,
        )
        screen.show(_tables(report))
        await _write(report, files)
    return report.right


async def show_again(json_file: Path, screen: Screen, files: Files) -> bool:
    """Show, and draw, what was measured some other time; whether it was right.

    Raises: msgspec.DecodeError: the file is not one that bench() has written.
            OSError: a file can't be read, or written.
    Cancel: may have happened.
    """
    data = await trio.Path(json_file).read_bytes()
    report = msgspec.json.decode(data, type=Report)
    screen.show([*report.where, *_tables(report)])
    await _write(report, files)
    return report.right


async def _write(report: Report, files: Files) -> None:
    with trio.CancelScope(shield=True):
        if files.json is not None:
            text = msgspec.json.format(msgspec.json.encode(report))
            await trio.Path(files.json).write_bytes(text + b"\n")
        if files.svg is not None:
            about = [*report.where, _how(report, report.rows)]
            drawn = chart(report.rows, report.workloads, about)
            await trio.Path(files.svg).write_text(drawn, encoding="utf-8")


def _tables(report: Report) -> list[str]:
    lines = []
    for name, group in groupby(report.rows, key=lambda row: row.cell.workload):
        rows = list(group)
        about = f"{name}: {report.workloads[name]}; {_how(report, rows)}"
        lines += ["", about, "", *table(rows)]
    failed = [f"it can't be measured: {each}" for each in report.failed]
    return [*lines, "", *failed, *legend(report.rows)]


def _how(report: Report, rows: Sequence[Row]) -> str:
    runs = max((row.runs for row in rows), default=0)
    how = f"medians of {runs} runs" if runs > 1 else "one run"
    return f"{how} of {report.seconds:g} s"


def _pinned(pinned: Cores) -> str:
    if pinned.server is None:
        return "server and load run on whichever core has time"
    return f"server on core {pinned.server}, load on core {pinned.load}"
