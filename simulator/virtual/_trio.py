"""Every name of trio's that is not public, in one place, with what it is needed for.

tests/simulator/virtual/test_trio.py is the canary: it fails on a trio that lacks one of
them, or uses one differently, and says which.

1. `_run._ALLOW_DETERMINISTIC_SCHEDULING`: trio sorts what is ready before it shuffles it.
2. `_run._r`: the shuffle itself, the one thing that trio's scheduler asks of chance.
3. `GLOBAL_RUN_CONTEXT`: which run this thread is in. Several runs share one thread here.
4. `Runner.entry_queue.size()` and `Runner.waiting_for_idle`: whether an idle run has calls
   from outside, or a wait_all_tasks_blocked(), to attend to.
5. `start_thread_soon`, as two modules know it: what would have been a thread.

The first two make one run repeatable; the others make many nodes out of one process.
"""

import importlib
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import outcome
import trio

T = TypeVar("T")
StartThread: TypeAlias = Callable[
    [Callable[[], Any], Callable[[outcome.Outcome[Any]], object]], None
]

_run: Any = importlib.import_module("trio._core._run")
_threads: Any = importlib.import_module("trio._threads")
_HERE: Any = _run.GLOBAL_RUN_CONTEXT


class _Shuffler:
    """Stands in for trio's own chance; the scheduler asks it one thing."""

    def __init__(self, chance: Callable[[], random.Random]) -> None:
        self._chance = chance

    def shuffle(self, batch: list[Any]) -> None:
        if len(batch) > 1:
            self._chance().shuffle(batch)


@contextmanager
def scheduled_by(chance: Callable[[], random.Random]) -> Iterator[None]:
    """Let the order of what is ready at once come from `chance`, in all runs."""
    kept = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True
    _run._r = _Shuffler(chance)
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
        deliver: Callable[[outcome.Outcome[Any]], object],
        name: str | None = None,  # noqa: ARG001 (trio's signature)
    ) -> None:
        start(function, deliver)

    def look_at_once(
        get_events: Callable[[], Any], deliver: Callable[[outcome.Outcome[Any]], object]
    ) -> None:
        # Only for wait_all_tasks_blocked(cushion): it is about real time, and short.
        deliver(outcome.capture(get_events))

    kept = _threads.start_thread_soon, _run.start_thread_soon
    _threads.start_thread_soon = start_thread_soon
    _run.start_thread_soon = look_at_once
    try:
        yield
    finally:
        _threads.start_thread_soon, _run.start_thread_soon = kept


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


def somebody_waits_for_idle() -> bool:
    """Whether a task of the run we are in is in wait_all_tasks_blocked()."""
    return bool(_HERE.runner.waiting_for_idle)


def captured(function: Callable[[], T]) -> outcome.Outcome[T]:
    """What calling it comes to."""
    return outcome.capture(function)


def version() -> str:
    """Of trio."""
    return trio.__version__
