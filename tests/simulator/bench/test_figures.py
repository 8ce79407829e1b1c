"""Medians, percentiles and ratios."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bench.figures import (
    Ratio,
    by_chance,
    median_difference,
    median_of,
    percentile,
    ratio_of,
)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1), (0.5, 50), (0.505, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert percentile(range(1, 101), share) == expected


def test_of_one_value_all_percentiles_are_the_same() -> None:
    assert [percentile([7.0], share) for share in (0.001, 0.5, 1.0)] == [7.0] * 3


def test_of_no_values_there_is_none() -> None:
    assert percentile([], 0.5) is None
    assert median_of([]) is None
    assert median_of([None, None]) is None


@given(
    st.lists(st.integers(0, 20), min_size=1),
    st.floats(0.001, 1, allow_nan=False),
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[int], share: float
) -> None:
    """As its definition says, with a rounding error's tolerance."""
    ordered = sorted(values)
    found = percentile(ordered, share)

    def not_above(limit: float) -> float:
        return sum(value <= limit for value in ordered) / len(ordered)

    assert found in ordered
    assert not_above(found) >= share or math.isclose(not_above(found), share, abs_tol=1e-8)
    below = [value for value in ordered if value < found]
    assert not below or not_above(below[-1]) < share


def test_a_median_is_in_the_middle_and_leaves_out_what_is_not_known() -> None:
    assert median_of([3, None, 1, 2]) == 2
    assert median_of([4, 1, 2, 3]) == 2.5


def test_ratios_are_taken_pair_by_pair() -> None:
    """A machine that was slow in one run was so for both of its measurements."""
    assert ratio_of([2, 20, 300], [1, 10, 100]) == Ratio(2, clear=False)
    assert ratio_of([5, None, 3], [None, 2, 2]) == Ratio(1.5, clear=False)
    assert ratio_of([1.0], [0.0]) is None


@pytest.mark.parametrize(
    ("values", "clear"),
    [
        ([1.1] * 4, False),  # one time in eight a coin does that as well
        ([1.1] * 5, True),
        ([0.9] * 5, True),
        ([1.1] * 5 + [1.0] * 4, True),
        ([1.0] * 9, False),
        ([0.9] * 4 + [1.1], False),
        ([0.9] * 8 + [1.1], True),
        ([0.6] * 7 + [1.1] * 2, False),
    ],
)
def test_a_ratio_is_clear_if_more_pairs_agree_than_by_chance(
    values: list[float], clear: bool
) -> None:
    """By how much they differ from 1 says little, where the machine is not quiet."""
    ratio = ratio_of(values, [1.0] * len(values))
    assert ratio is not None
    assert ratio.clear == clear


def test_chance_is_what_coins_do() -> None:
    assert by_chance(0, 0) == by_chance(1, 1) == 1
    assert by_chance(3, 0) == by_chance(0, 3) == 0.25
    assert by_chance(8, 1) == pytest.approx(20 / 512)


def test_differences_too() -> None:
    assert median_difference([2, 20, 300], [1, 10, 100]) == 10
    assert median_difference([None], [1]) is None
