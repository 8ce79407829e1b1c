"""The suites themselves find bugs of the zoo: each one its own, in its first few seeds."""

import pytest

from simulator.scenarios import SCENARIOS
from simulator.virtual import UnavailableError
from tests.simulator.zoo.bug import STORY, found_in, play
from tests.simulator.zoo.table import BUGS

NAMED = {bug.name: bug for bug in BUGS}

FOUND = {
    "smoke": [("shown twice", {"once"}, 2)],
    "order": [("a task per line", {"author"}, 2), ("shown after leave", {"order"}, 2)],
    "disconnect": [("ghost", {"presence"}, 10), ("another identity", {"once"}, 5)],
    "restart": [("accepted before fsync", {"once", "own"}, 20)],
    "partition": [("silence is consent", {"liveness"}, 20)],
    "overload": [
        ("the fan-out waits", {"isolation"}, 2),
        ("drop instead of set aside", {"complete"}, 2),
    ],
    "hostile": [("bytes are text", {STORY}, 2), ("no hello, no end", {"hygiene"}, 2)],
    "disk": [("the disk is never wrong", {"accepted"}, 10)],
    "retention": [
        ("a gap too wide", {"order"}, 2),
        ("one too many is given up", {"stored"}, 2),
    ],
    "swarm": [
        ("a ghost keeps its name", {"names"}, 20),
        ("numbers begin anew", {"acks"}, 20),
    ],
}
"""Which bug each suite finds, by whom at least, in how many seeds."""


def test_every_suite_is_here() -> None:
    """None is only for show."""
    assert FOUND.keys() == SCENARIOS.keys()


@pytest.mark.parametrize(
    ("suite", "name", "by", "within"),
    [(suite, *row) for suite, rows in FOUND.items() for row in rows],
)
def test_a_suite_finds_it(suite: str, name: str, by: set[str], within: int) -> None:
    """Among dozens of people and faults, as in a tiny story."""
    for seed in range(within):
        try:
            played = play(NAMED[name], seed, SCENARIOS[suite])
        except UnavailableError as error:
            pytest.skip(str(error))
        if found_in(played) >= by:
            return
    raise AssertionError(f"not found in {within} seeds")
