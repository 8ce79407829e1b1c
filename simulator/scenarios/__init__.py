"""The stories, by name."""

from typing import Final

from simulator.scenarios import (
    disconnect,
    disk,
    hostile,
    order,
    overload,
    partition,
    restart,
    retention,
    smoke,
    swarm,
)
from simulator.scenarios.scenario import Scenario

SCENARIOS: Final = {
    each.name: each
    for each in (
        smoke.SCENARIO,
        order.SCENARIO,
        disconnect.SCENARIO,
        restart.SCENARIO,
        partition.SCENARIO,
        overload.SCENARIO,
        hostile.SCENARIO,
        disk.SCENARIO,
        retention.SCENARIO,
        swarm.SCENARIO,
    )
}
"""All of them, in the order in which one wants to run them."""

REAL: Final = "real"
"""The suite of all stories that can be played with processes."""

__all__ = ["REAL", "SCENARIOS", "Scenario"]
