"""Blocking calls: made in place, after a while."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final, Protocol

import outcome

from simulator.virtual import _trio
from simulator.virtual.errors import SimulationError
from simulator.virtual.process import Process
from simulator.virtual.timeline import Timeline, to_ns

_TAKES_S: Final = (0.0001, 0.005)


class Surroundings(Protocol):
    """What blocking calls need of their world."""

    timeline: Timeline

    def running(self) -> Process | None:
        """Whose turn it is."""

    def current(self, process: Process) -> AbstractContextManager[None]:
        """While it is this process's turn."""


class Threads:
    """What all programs of a world would have had done by threads.

    Shape:  each call is made at one instant, some time after it was asked for; so long its
            caller waits. A process that dies meanwhile never makes it.
    """

    def __init__(self, world: Surroundings) -> None:
        self._world = world

    def start(self, function: Callable[[], Any], deliver: _trio.Deliver) -> None:
        """As _trio.StartThread."""
        process = self._world.running()
        if process is None:
            raise SimulationError("a blocking call of nobody's")
        if process.is_buried:
            self._make(process, function, deliver)
            return
        process.calls[deliver] = None
        timeline = self._world.timeline
        done_ns = timeline.now_ns + to_ns(process.luck.threads.uniform(*_TAKES_S))
        due = partial(self._due, process, function, deliver)
        timeline.at(timeline.end_of_tick(done_ns), partial(process.when_it_runs, due))

    def _due(
        self, process: Process, function: Callable[[], Any], deliver: _trio.Deliver
    ) -> None:
        del process.calls[deliver]
        self._make(process, function, deliver)
        process.nudge()

    def _make(
        self, process: Process, function: Callable[[], Any], deliver: _trio.Deliver
    ) -> None:
        with self._world.current(process), _trio.outside_any_run():
            deliver(outcome.capture(function))
