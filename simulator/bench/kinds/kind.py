"""What a kind of load gives: its figures, and how a person is shown them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from simulator.bench.row import Row

KILO: Final = 1e3
MILLI: Final = 1e3
MICRO: Final = 1e6
_MANY: Final = 100

Best: TypeAlias = Callable[..., Any]
"""`min` or `max`, whichever of many values is the best."""


class Figure(NamedTuple):
    """Something that one measurement gives."""

    name: str
    of: Callable[[Any], float | None]
    """Of an outcome of this kind."""
    best: Best | None = None
    """Given where ratios say something: to what came first, and to the best peer."""
    difference: bool = False
    """Whether it says something by how much more it is than with what came first."""


class Column(NamedTuple):
    """A figure, as it is shown."""

    figure: str
    title: str
    chars: int
    form: Callable[[float], str] = "{:,.0f}".format
    to_best_peer: bool = False
    """Whether it shows the ratio to the best peer's, and not the figure."""


class Kind(NamedTuple):
    """All of that."""

    figures: Sequence[Figure]
    main: str
    """The figure by which servers are compared: the chart has it."""
    main_title: str
    """What it is, with its unit."""
    columns: Sequence[Column]
    legend: Sequence[str]
    """What the columns' titles do not say."""
    notes: Callable[[Row], Iterator[str]]
    """What a row has to say besides."""


def over(value: float | None, by: float) -> float | None:
    """The value for each of so many; None: it is not known, or there are none."""
    return None if value is None or not by else value / by


def times(value: float | None, by: float) -> float | None:
    """The value in another unit."""
    return None if value is None else value * by


def short(value: float) -> str:
    """With as many digits as anybody reads."""
    return f"{value:,.0f}" if value >= _MANY else f"{value:.2f}"
