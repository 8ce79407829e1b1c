"""Each planted bug is found, by whom it should be, within so many seeds."""

import pytest

from simulator.checkers import CHECKERS
from simulator.faults import FAULTS
from simulator.run import Run
from simulator.virtual import UnavailableError
from tests.simulator.zoo.bug import STORY, Bug, found_in, play
from tests.simulator.zoo.table import BUGS

TICKS_S = (0.0, 0.02)


def each_bug(bugs: tuple[Bug, ...] = BUGS) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bug", bugs, ids=lambda bug: bug.name)


def played(bug: Bug, seed: int, **options: object) -> Run:
    try:
        return play(bug, seed, **options)  # type: ignore[arg-type]
    except UnavailableError as error:
        pytest.skip(str(error))


def first_seed(bug: Bug) -> int:
    """The first seed in which all find it who should."""
    for seed in range(bug.within):
        found = found_in(played(bug, seed), also=bug.found_by)
        if bug.alone:
            assert not found or found == set(bug.found_by), f"seed {seed}"
        if found >= set(bug.found_by):
            return seed
    raise AssertionError(f"not found in {bug.within} seeds")


@each_bug()
def test_it_is_found(bug: Bug) -> None:
    """By the checkers that it is in the zoo for; and by no other, if there is but one."""
    seed = first_seed(bug)
    if bug.without is not None:
        # The same seeds, without what it needs: nobody can find it there.
        for other in {0, seed}:
            calm = played(bug, other, story=bug.without)
            assert found_in(calm, also=bug.found_by) == set(), f"seed {other}"


def test_every_checker_has_a_bug_that_only_it_finds() -> None:
    """A checker that nothing needs would be decoration."""
    alone = {name for bug in BUGS if bug.alone for name in bug.found_by}
    assert alone - {STORY} == {checker.name for checker in CHECKERS}


def test_every_fault_has_a_bug_that_needs_it() -> None:
    """And is not found without it."""
    needed = {bug.needs for bug in BUGS if bug.without is not None}
    assert needed >= FAULTS.keys()


def test_the_zoo_is_large_and_its_animals_have_names() -> None:
    assert len(BUGS) >= 15
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert all(bug.wrong and bug.within <= 50 for bug in BUGS)


@each_bug(tuple(bug for bug in BUGS if bug.needs == "tick"))
def test_a_race_is_hidden_where_no_two_things_happen_at_once(bug: Bug) -> None:
    """With delays that are real numbers hardly ever two lines are ready in one step."""
    for seed in range(bug.within):
        assert found_in(played(bug, seed, tick_s=0.0)) == set()
