"""The chat takes neither time nor chance from the real machine."""

import pytest

from simulator.run import run_in_world
from simulator.scenarios import SCENARIOS
from simulator.virtual import Seed


@pytest.mark.parametrize("suite", ["hostile", "disk"])
def test_every_call_into_c_is_watched_and_nothing_leaks(suite: str) -> None:
    """Everything that the server, the client, the store and SQLite are made of."""
    played = run_in_world(SCENARIOS[suite], Seed(3), watched=True)
    assert played.troubles == ()
    assert played.passed
