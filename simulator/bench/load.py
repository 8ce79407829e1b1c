"""The load: a process of its own that does nothing else, and has a module for each kind."""

import gc
import os
import selectors
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from simulator.bench import load_idle, load_resume, load_talk
from simulator.bench.cores import pin
from simulator.bench.plan import AnyOutcome, LoadError, Plan
from simulator.bench.workloads import AnyLoad, Idle, Resume, Talk

Put: TypeAlias = Callable[[Plan, Any, selectors.BaseSelector], AnyOutcome]
"""Puts the load of a plan, of the kind that it is for, on a server. Raises LoadError."""

PUT: Final[Mapping[type[AnyLoad], Put]] = {
    Talk: load_talk.put,
    Resume: load_resume.put,
    Idle: load_idle.put,
}


def main() -> int:
    """Read a Plan from standard input, write its outcome to standard output."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    pin(os.getpid(), plan.core)
    gc.disable()  # nothing here is a cycle, and a pause would be taken for the server's
    with selectors.DefaultSelector() as selector:
        try:
            outcome = PUT[type(plan.load)](plan, plan.load, selector)
        except LoadError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main())
