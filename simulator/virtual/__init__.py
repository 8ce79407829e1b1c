"""Worlds in which unmodified trio programs run: one seed, one run, to the byte."""

from simulator.virtual.disk import Disk
from simulator.virtual.errors import (
    DeadlockError,
    LeakError,
    LimitError,
    LivelockError,
    NodeError,
    SimulationError,
    UnavailableError,
)
from simulator.virtual.link import Link
from simulator.virtual.node import Node
from simulator.virtual.seeds import Seed, any_seed
from simulator.virtual.world import Report, World, run

__all__ = [
    "DeadlockError",
    "Disk",
    "LeakError",
    "LimitError",
    "Link",
    "LivelockError",
    "Node",
    "NodeError",
    "Report",
    "Seed",
    "SimulationError",
    "UnavailableError",
    "World",
    "any_seed",
    "run",
]
