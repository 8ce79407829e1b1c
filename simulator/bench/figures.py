"""What many figures come to."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

_NANO: Final = 1e-9


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


def median_ratio(
    values: Sequence[float | None], bases: Sequence[float | None]
) -> float | None:
    """How many times its base a value is, in the middle.

    Shape:  the n-th value and the n-th base were measured one after the other: what the
            machine did meanwhile is in both. None: no pair is known.
    """
    return median_of(
        [
            value / base if value is not None and base else None
            for value, base in zip(values, bases, strict=True)
        ]
    )


def median_difference(
    values: Sequence[float | None], bases: Sequence[float | None]
) -> float | None:
    """As median_ratio(), by how much more a value is."""
    return median_of(
        [
            value - base if value is not None and base is not None else None
            for value, base in zip(values, bases, strict=True)
        ]
    )
