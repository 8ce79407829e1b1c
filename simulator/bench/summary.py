"""Many measurements as a few figures: medians, and ratios within the same run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from simulator.bench.figures import Ratio, median_difference, median_of, ratio_of
from simulator.bench.plan import Cell, Measured, Outcome
from simulator.bench.workloads import STORES, Workload

_MICRO: Final = 1e6
_MILLI: Final = 1e3
_KILO: Final = 1e3


class Figure(NamedTuple):
    """Something that one measurement gives."""

    name: str
    of: Callable[[Outcome], float | None]
    compared: bool = False
    """Whether the ratio to the first variant says something."""


def _over(value: float | None, by: float) -> float | None:
    return None if value is None or not by else value / by


def _times(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


FIGURES: Final = (
    Figure("messages_per_s", lambda it: it.messages / it.seconds, compared=True),
    Figure("deliveries_per_s", lambda it: it.deliveries / it.seconds),
    Figure(
        "cpu_us_per_delivery",
        lambda it: _over(_times(it.server_cpu_s, _MICRO), it.deliveries),
        compared=True,
    ),
    Figure("p50_ms", lambda it: _times(it.p50_s, _MILLI), compared=True),
    Figure("p99_ms", lambda it: _times(it.p99_s, _MILLI), compared=True),
    Figure("server_waited_share", lambda it: _over(it.server_waited_s, it.seconds)),
    Figure("load_busy_share", lambda it: it.load_cpu_s / it.seconds),
    Figure("caught_up_s", lambda it: it.caught_up_s),
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of one case: what it comes to in the middle of all runs."""

    cell: Cell
    runs: int
    """How many there are, of it and of the first variant."""
    slow: int
    """How many members do not read, or slowly."""
    figures: Mapping[str, float | None]
    """By the names in FIGURES."""
    ratios: Mapping[str, Ratio | None]
    """To the first variant, of those that are compared."""
    kernel_kb_each: float | None
    """What the kernel holds for a slow member."""
    server_kb_each: float | None
    """By how much more a server grows that has slow members, for each of them. With few of
    them it drowns in what servers differ by anyhow."""
    faults: Sequence[str]


def summarise(workload: Workload, measured: Sequence[Measured]) -> list[Row]:
    """Its rows, in the order of stores, cases and variants; those that were measured."""
    outcomes: dict[Cell, list[Outcome]] = {}
    for each in sorted(measured, key=lambda each: each.run):
        outcomes.setdefault(each.cell, []).append(each.outcome)
    rows = []
    for store in STORES:
        for case in workload.cases:
            first = Cell(workload.name, store, case.name, case.variants[0].name)
            bases = outcomes.get(first, [])
            for variant in case.variants:
                cell = msgspec.structs.replace(first, variant=variant.name)
                # After Ctrl-C the last run is not whole: pairs only.
                pairs = list(zip(outcomes.get(cell, []), bases, strict=False))
                if pairs:
                    rows.append(_row(cell, variant.slow, pairs))
    return rows


def _row(cell: Cell, slow: int, pairs: Sequence[tuple[Outcome, Outcome]]) -> Row:
    outcomes, bases = zip(*pairs, strict=True)
    grown = median_difference(
        [each.server_grown_bytes for each in outcomes],
        [each.server_grown_bytes for each in bases],
    )
    kernel = median_of([each.kernel_bytes for each in outcomes])
    return Row(
        cell=cell,
        runs=len(pairs),
        slow=slow,
        figures={each.name: median_of([*map(each.of, outcomes)]) for each in FIGURES},
        ratios={
            each.name: ratio_of([*map(each.of, outcomes)], [*map(each.of, bases)])
            for each in FIGURES
            if each.compared
        },
        kernel_kb_each=_over(kernel, slow * _KILO),
        server_kb_each=_over(grown, slow * _KILO),
        faults=[fault for each in outcomes for fault in each.faults],
    )
