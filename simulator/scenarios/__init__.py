"""The stories, by name."""

from typing import Final

from simulator.scenarios import restart, smoke
from simulator.scenarios.scenario import Scenario

SCENARIOS: Final = {each.name: each for each in (smoke.SCENARIO, restart.SCENARIO)}
"""All of them, in the order in which one wants to run them."""

__all__ = ["SCENARIOS", "Scenario"]
