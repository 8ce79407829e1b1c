"""What was measured, as a table. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from simulator.bench.echo.measure import Idle, Typed
from simulator.bench.figures import percentile

_HEADS: Final = (
    *("keys", "p50 ms", "p99 ms", "max ms", "printed/s", "skipped/s", "notices/s"),
    *("kB/s", "CPU", "waited"),
)
_NAME_CHARS: Final = 40


def lines(typed: Iterable[Typed]) -> Iterator[str]:
    """A row for each case, and below it what was wrong."""
    yield " " * _NAME_CHARS + "".join(head.rjust(10) for head in _HEADS)
    for each in typed:
        cells = "".join(cell.rjust(10) for cell in _cells(each))
        yield each.case.title.ljust(_NAME_CHARS) + cells
        for fault in each.faults:
            yield f"  WRONG: {fault}"
        if each.unseen:
            yield f"  WRONG: {each.unseen} keys were never seen"


def _cells(typed: Typed) -> Iterator[str]:
    seen, seconds = typed.seen, typed.seconds
    ordered = sorted(seen.echo_s)
    yield f"{len(ordered):,}"
    for share in (0.5, 0.99, 1.0):
        value = percentile(ordered, share)
        yield "-" if value is None else f"{value * 1e3:.1f}"
    for number in (seen.lines, seen.skipped):
        yield f"{number / seconds:,.0f}"
    yield f"{seen.notices / seconds:.1f}"
    yield f"{seen.read_bytes / seconds / 1e3:,.0f}"
    for part in (typed.cpu_share, typed.waited_share):
        yield "-" if part is None else f"{part:.0%}"


def sentence(idle: Idle) -> str:
    """What doing nothing costs."""
    if idle.cpu_s is None or idle.wakeups is None:
        return "idle: nobody counts here"
    minute = 60 / idle.seconds
    return (
        f"idle for {idle.seconds:g} s: {idle.cpu_s * minute * 1e3:.1f} ms of CPU and"
        f" {idle.wakeups * minute:.0f} wakeups a minute"
    )
