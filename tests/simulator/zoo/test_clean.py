"""The clean system raises no alarm: 200 worlds and more, in the very stories of the zoo."""

import pytest

from simulator.run import run_in_world
from simulator.virtual import UnavailableError
from simulator.virtual.seeds import Seed
from tests.simulator.zoo.bug import Bug, found_in
from tests.simulator.zoo.table import BUGS

SEEDS = range(100, 105)
"""Others than those in which the bugs were found."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_nobody_finds_anything_where_nothing_is_wrong(bug: Bug) -> None:
    """Not even those whose promises are not built, where the story keeps out of that."""
    for seed in SEEDS:
        try:
            played = run_in_world(bug.story, Seed(seed), tick_s=bug.tick_s)
        except UnavailableError as error:
            pytest.skip(str(error))
        assert found_in(played, also=bug.found_by) == set(), f"seed {seed}"
        assert played.passed, f"seed {seed}"


def test_these_are_200_worlds() -> None:
    assert len(BUGS) * len(SEEDS) >= 200
