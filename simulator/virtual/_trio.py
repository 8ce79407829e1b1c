"""Every name of trio's that is not public, in one place, with what it is needed for.

tests/simulator/virtual/test_trio.py is the canary: it fails on a trio that lacks one of
them, or uses one differently, and says which.

1. `_run._ALLOW_DETERMINISTIC_SCHEDULING`: trio sorts what is ready before it shuffles it.
2. `_run._r`: the shuffle itself, the one thing that trio's scheduler asks of chance.
3. `_run.GLOBAL_RUN_CONTEXT`: which run this thread is in. Several share one thread here.
4. `Runner.entry_queue.size()`: whether an idle run has calls from outside to attend to.
5. `Runner.waiting_for_idle`: whether, and how soon, a wait_all_tasks_blocked() is over.
6. `_threads.start_thread_soon`: what would have been a thread for a blocking call.
7. `_run.start_thread_soon`: what would have been a thread that waits for real sockets.
8. `_threads._send_message_to_trio`: a blocking call that waits for its run.

The first two make one run repeatable; the others make many nodes out of one process.
"""

import importlib
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeAlias

import outcome
import trio

from simulator.virtual.errors import SimulationError

Deliver: TypeAlias = Callable[[outcome.Outcome[Any]], object]
StartThread: TypeAlias = Callable[[Callable[[], Any], Deliver], None]

_run: Any = importlib.import_module("trio._core._run")
_threads: Any = importlib.import_module("trio._threads")
_HERE: Any = _run.GLOBAL_RUN_CONTEXT
_NO_EVENTS: Final[Any] = 0 if sys.platform == "win32" else []
"""What trio's look at its real sockets comes to when there is nothing to see."""


class _Shuffler:
    """Stands in for trio's own chance; the scheduler asks it one thing."""

    def __init__(
        self, chance: Callable[[], random.Random], ran: Callable[[], object]
    ) -> None:
        self._chance = chance
        self._ran = ran

    def shuffle(self, batch: list[Any]) -> None:
        if batch:
            self._ran()
        if len(batch) > 1:
            self._chance().shuffle(batch)

    def uniform(self, _low: float, _high: float) -> NoReturn:
        """Where a real clock begins: that is for a trio.run() of somebody's own."""
        raise SimulationError(
            "a trio.run() inside a world has no place in its time: start a node for it"
        )


@contextmanager
def scheduled_by(
    chance: Callable[[], random.Random], ran: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Let the order of what is ready at once come from `chance`, in all runs; `ran` is
    called when tasks of the run we are in are about to take a step.
    """
    kept = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True
    _run._r = _Shuffler(chance, ran)
    try:
        yield
    finally:
        _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r = kept


@contextmanager
def threads_started_by(start: StartThread) -> Iterator[None]:
    """Let `start` have what trio would start a thread for.

    Shape:  start(function, deliver) has to see that deliver(what the function came to) is
            called some time, unless the run has died.
    """

    def start_thread_soon(
        function: Callable[[], Any],
        deliver: Deliver,
        name: str | None = None,  # noqa: ARG001 (trio's signature)
    ) -> None:
        start(function, deliver)

    def see_nothing(_wait_for_events: Callable[[], Any], deliver: Deliver) -> None:
        # Only for wait_all_tasks_blocked(cushion): the cushion is over in the world's time.
        deliver(outcome.Value(_NO_EVENTS))

    def send_message_to_trio(_token: object, _message: object) -> NoReturn:
        raise SimulationError(
            "trio.from_thread.run() and run_sync() would wait for ever: a blocking call is"
            " made in place, so its run can't go on before it has returned"
        )

    kept = (
        _threads.start_thread_soon,
        _run.start_thread_soon,
        _threads._send_message_to_trio,
    )
    _threads.start_thread_soon = start_thread_soon
    _run.start_thread_soon = see_nothing
    _threads._send_message_to_trio = send_message_to_trio
    try:
        yield
    finally:
        (
            _threads.start_thread_soon,
            _run.start_thread_soon,
            _threads._send_message_to_trio,
        ) = kept


class RunContext:
    """What a thread knows of the run it is in: kept here while it is in another one.

    Shape:  `with context:` is to be in the run; in the one from before again at the end.
    """

    __slots__ = ("_hooks", "_outer", "_state")

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._hooks: Any = (None, None)
        self._outer: list[tuple[dict[str, Any], Any]] = []

    def __enter__(self) -> None:
        here = _HERE.__dict__
        self._outer.append((here.copy(), sys.get_asyncgen_hooks()))
        here.clear()
        here.update(self._state)
        sys.set_asyncgen_hooks(*self._hooks)

    def __exit__(self, *_error: object) -> None:
        here = _HERE.__dict__
        self._state, self._hooks = here.copy(), sys.get_asyncgen_hooks()
        outer, hooks = self._outer.pop()
        here.clear()
        here.update(outer)
        sys.set_asyncgen_hooks(*hooks)


def calls_wait_here() -> bool:
    """Whether run_sync_soon() has left calls that the run we are in has not seen yet."""
    runner = _HERE.__dict__.get("runner")
    return runner is not None and runner.entry_queue.size() > 0


def outside_any_run() -> RunContext:
    """To be in no run at all, as a thread is."""
    return RunContext()


@contextmanager
def as_task(task: trio.lowlevel.Task) -> Iterator[None]:
    """Be that task of the run we are in, so that its blocks can be left."""
    _HERE.task = task
    try:
        yield
    finally:
        del _HERE.task


def idleness_wanted_s() -> float | None:
    """How long all tasks of the run we are in have to have waited, for the least patient
    wait_all_tasks_blocked(); None: nobody waits for that."""
    waiting = _HERE.runner.waiting_for_idle
    if not waiting:
        return None
    cushion_s: float = waiting.keys()[0][0]
    return cushion_s


def somebody_waits_for_idle() -> bool:
    """Whether a task of the run we are in is in wait_all_tasks_blocked()."""
    return idleness_wanted_s() is not None
