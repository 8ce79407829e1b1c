"""One program on one node: a trio run of its own, which can be left alone for ever.

Guest mode is what makes this possible: the run does nothing unless it is told to take a
step. Not to tell it any more is kill -9: no `finally` runs, no socket is closed politely.
"""

import contextvars
import math
import signal
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from enum import Enum, auto
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

import outcome
import trio

from simulator.virtual import _trio
from simulator.virtual.clock import NodeClock
from simulator.virtual.timeline import Timeline, Timer

Main: TypeAlias = Callable[..., Coroutine[Any, Any, Any]]
Handlers: TypeAlias = dict[int, Any]

_TICKS_PER_TURN_MAX: Final = 1000
_BURIAL_STEPS_MAX: Final = 20_000


class State(Enum):
    """Of a process."""

    RUNNING = auto()
    PAUSED = auto()
    ENDED = auto()
    """It returned, or raised."""
    KILLED = auto()
    """It will never take another step."""


class Owner(Protocol):
    """What a process needs of the node it runs on, and of the world."""

    def ready(self, process: "Process") -> None:
        """The process has something to do at this instant."""

    def ended(self, process: "Process") -> None:
        """The process is over, by itself."""

    def current(self, process: "Process") -> AbstractContextManager[None]:
        """While it is this process's turn."""


class Process:
    """A trio run that takes one step at a time.

    Shape:  `result` once it has ended by itself.
    """

    def __init__(
        self, name: str, clock: NodeClock, timeline: Timeline, owner: Owner
    ) -> None:
        self.name = name
        self.state = State.RUNNING
        self.result: outcome.Outcome[Any] | None = None
        self.handlers: Handlers = {}
        """What it does about signals, by number."""
        self.root: trio.lowlevel.Task | None = None
        self._clock = clock
        self._timeline = timeline
        self._owner = owner
        self._context = _trio.RunContext()
        self._tick: Callable[[], object] | None = None
        self._alarm: Timer | None = None
        self._alarm_ns = 0
        self._scope = trio.CancelScope()

    def start(self, main: Main, setup: Callable[[], None]) -> None:
        """Begin; its first step is taken in its turn."""

        async def program() -> Any:
            setup()
            self.root = trio.lowlevel.current_root_task()
            with self._scope:
                return await main()
            return None

        def begin() -> None:
            trio.lowlevel.start_guest_run(
                program,
                run_sync_soon_threadsafe=self._keep,
                run_sync_soon_not_threadsafe=self._keep,
                done_callback=self._done,
                host_uses_signal_set_wakeup_fd=True,
                clock=self._clock,
            )

        with self._owner.current(self), self._context:
            # In a fresh context: whoever starts a program leaves nothing of its own in it.
            contextvars.Context().run(begin)
        self._owner.ready(self)

    def step(self) -> None:
        """Run its tasks until all of them wait: no other machine could tell the time.

        Shape:  a limit on how long it may run in one turn is for whoever never waits.
        """
        with self._owner.current(self), self._context:
            for _ in range(_TICKS_PER_TURN_MAX):
                tick = self._tick
                assert tick is not None
                self._clock.idle = False
                tick()
                if self.state is not State.RUNNING:
                    return
                if self._clock.idle and not _trio.calls_wait_here():
                    break
            else:
                self._owner.ready(self)
                return
        self._set_alarm()

    def call(self, function: Callable[[], object]) -> None:
        """Call this inside the run, between two steps; nothing if it is over."""
        if self.state in (State.RUNNING, State.PAUSED):
            with self._context:
                function()
            self._owner.ready(self)

    def tasks(self) -> int:
        """How many tasks there are in it."""
        if self.state not in (State.RUNNING, State.PAUSED):
            return 0
        with self._context:
            return trio.lowlevel.current_statistics().tasks_living

    def nudge(self) -> None:
        """Something was left for it from outside: it takes a step."""
        if self.state in (State.RUNNING, State.PAUSED):
            self._owner.ready(self)

    def kill(self) -> None:
        """It will never take another step."""
        if self.state in (State.RUNNING, State.PAUSED):
            self.state = State.KILLED
            self._cancel_alarm()

    def signal(self, number: int) -> bool:
        """Have its handler called; whether there is one."""
        handler = self.handlers.get(number, signal.SIG_DFL)
        if handler is signal.SIG_IGN:
            return True
        if not callable(handler):
            return False
        with self._owner.current(self):
            self.call(partial(handler, number, None))
        return True

    def bury(self) -> None:
        """Unwind what is left of it, outside of the world and of its time.

        Shape:  its `finally` blocks run, so that this process's own memory, descriptors
                and warnings are in order; nothing of the world is there for them to touch.
        """
        if self.state is State.ENDED or self._tick is None:
            return
        self.state = State.KILLED
        self._cancel_alarm()
        with self._context:
            self._scope.cancel()
        for _ in range(_BURIAL_STEPS_MAX):
            tick = self._tick
            self._clock.idle = False
            with self._owner.current(self), self._context:
                tick()
            if self.result is not None:
                return
            if self._clock.idle and self._clock.deadline < math.inf:
                self._clock.hurry()

    def _keep(self, tick: Callable[[], object]) -> None:
        self._tick = tick

    def _done(self, result: outcome.Outcome[Any]) -> None:
        self.result = result
        self._cancel_alarm()
        if self.state is not State.KILLED:
            self.state = State.ENDED
            self._owner.ended(self)

    def _set_alarm(self) -> None:
        instant_ns = self._clock.instant_of(self._clock.deadline)
        if instant_ns is None:
            return
        if self._alarm is not None and self._alarm_ns <= instant_ns:
            return  # it rings early, and is set anew then: cheaper than each time
        self._cancel_alarm()
        self._alarm_ns = instant_ns
        self._alarm = self._timeline.at(instant_ns, self._alarmed)

    def _alarmed(self) -> None:
        self._alarm = None
        instant_ns = self._clock.instant_of(self._clock.deadline)
        if instant_ns is not None and instant_ns <= self._timeline.now_ns:
            self._owner.ready(self)
        else:
            self._set_alarm()

    def _cancel_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
