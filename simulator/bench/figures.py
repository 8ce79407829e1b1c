"""What many figures come to."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

import msgspec

_NANO: Final = 1e-9
_SELDOM: Final = 0.1


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all does not exceed.

    Shape:  `ordered` goes upwards; `share` is above 0, at most 1. None: there is no value.
    """
    assert 0 < share <= 1
    if not ordered:
        return None
    return ordered[max(math.ceil(share * len(ordered) - _NANO), 1) - 1]


def median_of(values: Sequence[float | None]) -> float | None:
    """The median of what is known; None: nothing is."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


class Ratio(msgspec.Struct, frozen=True):
    """How many times its base a value is."""

    median: float
    clear: bool
    """Whether so many pairs agree that chance alone would seldom do it."""


def ratio_of(values: Sequence[float | None], bases: Sequence[float | None]) -> Ratio | None:
    """How many times its base a value is, pair by pair.

    Shape:  the n-th value and the n-th base were measured one after the other: what the
            machine did meanwhile is in both. None: no pair is known.
    """
    known = [
        value / base
        for value, base in zip(values, bases, strict=True)
        if value is not None and base
    ]
    if not known:
        return None
    more, less = sum(each > 1 for each in known), sum(each < 1 for each in known)
    return Ratio(median(known), by_chance(more, less) <= _SELDOM)


def by_chance(more: int, less: int) -> float:
    """How often a fair coin is as one-sided as this, or more (the sign test)."""
    throws = more + less
    one_side = sum(math.comb(throws, count) for count in range(min(more, less) + 1))
    return min(2 * one_side * 0.5**throws, 1.0)


def median_difference(
    values: Sequence[float | None], bases: Sequence[float | None]
) -> float | None:
    """By how much more than its base a value is, in the middle."""
    return median_of(
        [
            value - base if value is not None and base is not None else None
            for value, base in zip(values, bases, strict=True)
        ]
    )
