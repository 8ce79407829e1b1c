"""One program on one node: a trio run of its own, which can be left alone for ever.

Guest mode is what makes this possible: the run does nothing unless it is told to take a
step. Not to tell it any more is kill -9: no `finally` runs, no socket is closed politely.
"""

import contextvars
import math
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, suppress
from enum import Enum, auto
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

import outcome
import trio

from simulator.virtual import _trio
from simulator.virtual.clock import NodeClock
from simulator.virtual.errors import SimulationError
from simulator.virtual.seeds import Luck
from simulator.virtual.timeline import Timeline, Timer

Main: TypeAlias = Callable[..., Coroutine[Any, Any, Any]]
Handlers: TypeAlias = dict[int, Any]

_TICKS_PER_TURN_MAX: Final = 1_000
_BURIAL_STEPS_MAX: Final = 2_000
_BURIAL_ROUNDS_MAX: Final = 100
_STUCK_STEPS: Final = 3
_CLOSINGS_MAX: Final = 10
_HARMLESS: Final = frozenset(
    getattr(signal, name, None) for name in ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH")
)
"""Signals of which nobody dies who has no handler for them."""


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
        self, name: str, clock: NodeClock, timeline: Timeline, owner: Owner, luck: Luck
    ) -> None:
        self.name = name
        self.luck = luck
        self.punctual = False
        """Whether it notices its deadlines at once, not at the end of a tick."""
        self.state = State.RUNNING
        self.is_buried = False
        """Whether it is only being unwound, outside of the world."""
        self.result: outcome.Outcome[Any] | None = None
        self.handlers: Handlers = {}
        """What it does about signals, by number."""
        self.root: trio.lowlevel.Task | None = None
        self.calls: dict[_trio.Deliver, None] = {}
        """The blocking calls that are not made yet."""
        self._held: list[Callable[[], object]] = []
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
            if self.is_buried:
                return None  # it was killed before it had begun
            setup()
            self.root = trio.lowlevel.current_root_task()
            trio.lowlevel.current_task().name = _name_of(main)
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

    def step(self) -> int:
        """Run its tasks until all of them wait: no other machine could tell the time.

        Shape:  how many ticks of its loop that took; a limit on how many it may take in
                one turn is for whoever never waits.
        """
        with self._owner.current(self), self._context:
            for number in range(1, _TICKS_PER_TURN_MAX + 1):
                self._clock.idle = False
                assert self._tick is not None
                self._tick()
                if self.state is not State.RUNNING:
                    return number
                if self._clock.idle and not _trio.calls_wait_here():
                    break
            else:
                self._owner.ready(self)
                return number
        self._set_alarm()
        return number

    def call(self, function: Callable[[], object]) -> None:
        """Call this inside the run, between two steps; nothing if it is over."""
        if self.state in (State.RUNNING, State.PAUSED):
            with self._owner.current(self), self._context:
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

    def ran(self) -> None:
        """A task of it is about to take a step."""
        self._clock.busy()

    @property
    def has_calls(self) -> bool:
        """Whether something was left for it that it has not seen yet."""
        with self._context:
            return self.state is State.RUNNING and _trio.calls_wait_here()

    def pause(self) -> None:
        """It takes no step until go_on()."""
        if self.state is State.RUNNING:
            self.state = State.PAUSED

    def go_on(self) -> None:
        """It takes up what has come meanwhile."""
        if self.state is State.PAUSED:
            self.state = State.RUNNING
            held, self._held = self._held, []
            for call in held:
                self.when_it_runs(call)
            self.nudge()

    def when_it_runs(self, call: Callable[[], object]) -> None:
        """Call this now; if it is paused, when it goes on; if it is over, never."""
        if self.state is State.RUNNING:
            call()
        elif self.state is State.PAUSED:
            self._held.append(call)

    def kill(self) -> None:
        """It will never take another step."""
        if self.state in (State.RUNNING, State.PAUSED):
            self.state = State.KILLED
            self._cancel_alarm()

    def signal(self, number: int) -> bool:
        """Have its handler called; whether it survives that."""
        handler = self.handlers.get(number, signal.SIG_DFL)
        if handler == signal.SIG_IGN:
            return True
        if not callable(handler) or handler is signal.default_int_handler:
            return number in _HARMLESS
        self.call(partial(handler, number, None))
        return True

    def bury(self) -> None:
        """Unwind what is left of it, outside of the world and of its time.

        Shape:  its `finally` blocks run, so that this process's own memory and descriptors
                are in order; nothing of the world is there for them to touch. What would
                wait for ever even so, or go on for ever, is closed where it waits.
        """
        if self.state is State.ENDED or self._tick is None:
            return
        self.state = State.KILLED
        self.is_buried = True
        self._cancel_alarm()
        with self._owner.current(self), self._context:
            self._scope.cancel()
            for deliver in self.calls:
                deliver(_never_made())
        for _ in range(_BURIAL_ROUNDS_MAX):
            self._unwind()
            if self.result is not None:
                return
            with self._owner.current(self), self._context:
                for task in list(_leaves(self.root)):
                    _close(task)

    def _unwind(self) -> None:
        """Take steps to its end, or until that seems to be of no use."""
        stuck = 0
        clock = self._clock
        with self._owner.current(self), self._context:
            for _ in range(_BURIAL_STEPS_MAX):
                clock.idle = False
                assert self._tick is not None
                self._tick()
                if self.result is not None or stuck > _STUCK_STEPS:
                    return
                forever = clock.deadline == math.inf and not _trio.calls_wait_here()
                stuck = stuck + 1 if clock.idle and forever else 0
                if clock.idle and clock.deadline < math.inf:
                    clock.hurry()

    def _keep(self, tick: Callable[[], object]) -> None:
        self._tick = tick

    def _done(self, result: outcome.Outcome[Any]) -> None:
        self.result = result
        self._tick = self.root = None
        self._cancel_alarm()
        if self.state is not State.KILLED:
            self.state = State.ENDED
            self._owner.ended(self)

    def _set_alarm(self) -> None:
        instant_ns = self._clock.instant_of(self._clock.deadline)
        if instant_ns is None:
            return
        if not self.punctual:
            # Noticed together with what arrives in the same tick: a deadline that passes
            # with the answer in hand is a race of its own.
            instant_ns = self._timeline.end_of_tick(instant_ns)
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


def _leaves(task: trio.lowlevel.Task | None) -> Iterator[trio.lowlevel.Task]:
    """The program's tasks that wait for no others."""
    if task is None:
        return
    children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    for child in children:
        yield from _leaves(child)
    if not children and not task.name.startswith("<"):  # not trio's own
        yield task


def _close(task: trio.lowlevel.Task) -> None:
    """End a task where it waits, and where it waits then; its run finds it ended."""
    for _ in range(_CLOSINGS_MAX):
        # It may well say that it "ignored GeneratorExit".
        with _trio.as_task(task), suppress(BaseException):
            task.coro.close()
            break
    with suppress(AssertionError):  # it didn't wait
        trio.lowlevel.reschedule(task)


def _name_of(main: Main) -> str:
    while isinstance(main, partial):
        main = main.func
    return getattr(main, "__qualname__", "program")


def _never_made() -> outcome.Outcome[Any]:
    """What a blocking call comes to whose process is over before it was made."""
    return outcome.Error(SimulationError("the process was over before this call was made"))
