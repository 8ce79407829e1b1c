"""The kinds of load, with the figures that each gives: a module for each."""

from collections.abc import Mapping
from typing import Final

from simulator.bench.kinds.idle import IDLE
from simulator.bench.kinds.kind import Kind
from simulator.bench.kinds.resume import RESUME
from simulator.bench.kinds.talk import TALK
from simulator.bench.workloads import AnyLoad, Idle, Resume, Talk

KINDS: Final[Mapping[type[AnyLoad], Kind]] = {
    Talk: TALK,
    Resume: RESUME,
    Idle: IDLE,
}


def kind_of(load: AnyLoad) -> Kind:
    """Its row in the table."""
    return KINDS[type(load)]
