"""What many measurements of one thing come to."""

from collections.abc import Mapping, Sequence

import msgspec

from simulator.bench.figures import Ratio
from simulator.bench.plan import Cell
from simulator.bench.workloads import AnyLoad


class ToPeer(msgspec.Struct, frozen=True):
    """How one figure stands to that of the best peer."""

    peer: str
    """The server that is the best in this figure, of those that were not written here."""
    ratio: Ratio


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A cell: what it comes to in the middle of all runs.

    Shape:  figures by the names that its kind of load gives them.
    """

    cell: Cell
    load: AnyLoad
    is_peer: bool
    """Whether its server is one that people would pick instead."""
    runs: int
    """How many there are, of it and of the first."""
    first: Cell
    """What it is compared with: the first of its case, on the same server where there are
    variants."""
    figures: Mapping[str, float | None]
    ratios: Mapping[str, Ratio | None]
    """To the first, of the figures for which that says something."""
    differences: Mapping[str, float | None]
    """By how much more than the first's a figure is, where that says something."""
    to_best_peer: Mapping[str, ToPeer | None]
    """As `ratios`, where peers were measured."""
    faults: Sequence[str]
