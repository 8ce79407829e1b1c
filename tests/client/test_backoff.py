"""How long a client waits before it tries again."""

import random

import pytest

from trio_chat.client.backoff import CEILING_S, FLOOR_S, backoff_s


@pytest.mark.parametrize(
    ("attempt", "ceiling_s"),
    [(0, 0.5), (1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (6, 15), (1_000, 15)],
)
def test_the_wait_is_spread_from_the_floor_to_a_ceiling_that_doubles(
    attempt: int, ceiling_s: float
) -> None:
    rng = random.Random(1)
    waits_s = [backoff_s(attempt, rng) for _ in range(2_000)]
    span_s = ceiling_s - FLOOR_S
    assert FLOOR_S <= min(waits_s) < FLOOR_S + span_s / 50
    assert ceiling_s >= max(waits_s) > ceiling_s - span_s / 50
    mean_s = sum(waits_s) / len(waits_s)
    assert mean_s == pytest.approx(FLOOR_S + span_s / 2, rel=0.05)


def test_a_year_of_failures_is_no_huge_number() -> None:
    assert FLOOR_S <= backoff_s(10**9, random.Random(1)) <= CEILING_S


def test_the_same_chance_gives_the_same_wait() -> None:
    assert backoff_s(3, random.Random(5)) == backoff_s(3, random.Random(5))
