"""Many measurements as a few figures: medians, and ratios within the same run."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from simulator.bench.figures import median_difference, median_of, ratio_of
from simulator.bench.kinds import kind_of
from simulator.bench.kinds.kind import Figure
from simulator.bench.plan import AnyOutcome, Cell, Contestant, Measured
from simulator.bench.row import Row, ToPeer
from simulator.bench.workloads import AnyLoad, Case, Workload

_Outcomes: TypeAlias = Mapping[Cell, Sequence[AnyOutcome]]


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
    outcomes: dict[Cell, list[AnyOutcome]] = {}
    mine = (each for each in measured if each.cell.workload == workload.name)
    for each in sorted(mine, key=lambda each: each.run):
        outcomes.setdefault(each.cell, []).append(each.outcome)
    there = {(cell.server, cell.store) for cell in outcomes}
    contestants = [each for each in contestants if (each.server, each.store) in there]
    return [
        _row(place, outcomes)
        for case in workload.cases
        for place in _places(workload, case, contestants)
        # After Ctrl-C the last run is not whole: what has nothing to be compared with
        # counts for nothing.
        if outcomes.get(place.cell) and outcomes.get(place.first)
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
    # Pairs only.
    runs = min(len(outcomes[place.cell]), len(outcomes[place.first]))
    mine, first = outcomes[place.cell][:runs], outcomes[place.first][:runs]
    figures = kind_of(place.load).figures
    return Row(
        cell=place.cell,
        load=place.load,
        is_peer=place.is_peer,
        runs=runs,
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
            each.name: _to_best_peer(each, mine, place.peers, outcomes)
            for each in figures
            if each.best
        },
        faults=[fault for each in mine for fault in each.faults],
    )


def _to_best_peer(
    figure: Figure, mine: Sequence[AnyOutcome], peers: Sequence[Cell], outcomes: _Outcomes
) -> ToPeer | None:
    values = {peer: [*map(figure.of, outcomes.get(peer, []))] for peer in peers}
    medians = {
        peer: median
        for peer, each in values.items()
        if (median := median_of(each)) is not None
    }
    if not medians or figure.best is None:
        return None
    best = figure.best(medians, key=medians.__getitem__)
    runs = min(len(mine), len(values[best]))
    ratio = ratio_of([*map(figure.of, mine[:runs])], values[best][:runs])
    return ToPeer(best.server, ratio) if ratio else None
