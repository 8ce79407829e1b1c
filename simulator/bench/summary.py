"""Many measurements as a few figures: medians, and ratios within the same run."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from simulator.bench.figures import median_difference, median_of, ratio_of
from simulator.bench.kinds import kind_of
from simulator.bench.kinds.kind import Figure
from simulator.bench.plan import AnyOutcome, Cell, Contestant, Measured
from simulator.bench.row import Row, ToPeer
from simulator.bench.workloads import AnyLoad, Case, Workload

_Outcomes: TypeAlias = Mapping[Cell, Mapping[int, AnyOutcome]]
"""By the number of the run."""


class _Place(NamedTuple):
    """Where a cell stands: what is put on it, and what it is compared with."""

    cell: Cell
    load: AnyLoad
    is_peer: bool
    first: Cell
    peers: Sequence[Cell]


def summarise(
    workload: Workload, contestants: Sequence[Contestant], measured: Sequence[Measured]
) -> list[Row]:
    """The rows of what was measured, in the order of cases, contestants and variants."""
    outcomes: dict[Cell, dict[int, AnyOutcome]] = {}
    for each in measured:
        if each.cell.workload == workload.name:
            outcomes.setdefault(each.cell, {})[each.run] = each.outcome
    there = {(cell.server, cell.store) for cell in outcomes}
    contestants = [each for each in contestants if (each.server, each.store) in there]
    return [
        _row(place, outcomes)
        for case in workload.cases
        for place in _places(workload, case, contestants)
        # After Ctrl-C the last run is not whole, and a server may fail: what has nothing
        # to be compared with counts for nothing.
        if outcomes.get(place.cell, {}).keys() & outcomes.get(place.first, {}).keys()
    ]


def _places(
    workload: Workload, case: Case, contestants: Sequence[Contestant]
) -> list[_Place]:
    def cell(contestant: Contestant, variant: str) -> Cell:
        return Cell(
            workload=workload.name,
            case=case.name,
            server=contestant.server,
            store=contestant.store,
            variant=variant,
        )

    several = len(case.variants) > 1
    return [
        _Place(
            cell(each, variant.name),
            variant.load,
            each.is_peer,
            cell(each if several else contestants[0], case.variants[0].name),
            [cell(peer, variant.name) for peer in contestants if peer.is_peer],
        )
        for each in contestants
        for variant in case.variants
    ]


def _row(place: _Place, outcomes: _Outcomes) -> Row:
    mine, first = _pairs(outcomes[place.cell], outcomes[place.first])
    figures = kind_of(place.load).figures
    return Row(
        cell=place.cell,
        load=place.load,
        is_peer=place.is_peer,
        runs=len(mine),
        first=place.first,
        figures={each.name: median_of([*map(each.of, mine)]) for each in figures},
        ratios={
            each.name: ratio_of([*map(each.of, mine)], [*map(each.of, first)])
            for each in figures
            if each.best
        },
        differences={
            each.name: median_difference([*map(each.of, mine)], [*map(each.of, first)])
            for each in figures
            if each.difference
        },
        to_best_peer={
            each.name: _to_best_peer(each, place, outcomes) for each in figures if each.best
        },
        faults=[fault for each in mine for fault in each.faults],
    )


def _pairs(
    ones: Mapping[int, AnyOutcome], others: Mapping[int, AnyOutcome]
) -> tuple[list[AnyOutcome], list[AnyOutcome]]:
    """Those of the runs that both are in."""
    runs = sorted(ones.keys() & others.keys())
    return [ones[run] for run in runs], [others[run] for run in runs]


def _to_best_peer(figure: Figure, place: _Place, outcomes: _Outcomes) -> ToPeer | None:
    medians = {
        peer: median
        for peer in place.peers
        if (median := median_of([*map(figure.of, outcomes.get(peer, {}).values())]))
        is not None
    }
    if not medians or figure.best is None:
        return None
    best = figure.best(medians, key=medians.__getitem__)
    mine, peers = _pairs(outcomes[place.cell], outcomes[best])
    ratio = ratio_of([*map(figure.of, mine)], [*map(figure.of, peers)])
    return ToPeer(best.server, ratio) if ratio else None
