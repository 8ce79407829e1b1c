"""Who is behind is served a little at a time, and everything else goes on in between.

A thousand members that come back at once have gigabytes to get. If the task of each did
its part as soon as it could, one round of the scheduler would take as long as a thousand
parts, and whatever is said meanwhile would wait for it. So one task does the parts of all
of them, in the order in which they asked: in each round of the scheduler one, and more for
a share of the time that everything else has taken since the last one. A server with
nothing else to do gives them all of its time, and looks at its sockets after each part; one
that is busy gives them that share, so that who is behind gets ahead even then.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import outcome
import trio

_SHARE: Final = 1 / 8
"""Of what everything else takes. With as much as that a line said while 500 come back took
three times as long as with this, and they had all they had missed no sooner."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Gate:
    """Turns that wait for the same, in their order."""

    waiting: dict["_Turn", None] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Done(Generic[T]):
    """The end of a turn, with what it came to."""

    value: T


@dataclass(eq=False, slots=True)
class _Turn:
    task: trio.lowlevel.Task
    step: Callable[[], object]
    gate: Gate


class Turns:
    """Takes steps of many tasks by turns; run() takes them.

    Shape:  a step is a plain function. It gives the gate at which its next turn waits,
            which is `next` if it could go on at once, or Done. What it raises is raised in
            the task that asked for the turn. There are no more turns than tasks.
    """

    def __init__(self) -> None:
        self.next = Gate()
        """For who can go on: open all the time."""
        self._work = trio.Event()
        self._closed = False
        self._ended_s = float("inf")

    async def take(self, step: Callable[[], Gate | Done[T]]) -> T:
        """Take steps, one in each turn, until one says that it is Done; what it says.

        Cancel: atomic: no step is taken any more.
        """
        turn = _Turn(trio.lowlevel.current_task(), step, self.next)
        self._wait(turn, self.next)

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            del turn.gate.waiting[turn]
            return trio.lowlevel.Abort.SUCCEEDED

        value: T = await trio.lowlevel.wait_task_rescheduled(abort)
        return value

    def open(self, gate: Gate) -> None:
        """Let those go on that wait here."""
        for turn in gate.waiting:
            self._wait(turn, self.next)
        gate.waiting = {}

    async def run(self) -> None:
        """Live until close() was called and nobody waits any more.

        Cancel: atomic: no step is taken any more.
        """
        while not self._closed or self.next.waiting:
            if self.next.waiting:
                await trio.lowlevel.checkpoint()
                self._some()
            else:
                # What else was done from now on was not done instead of this.
                self._ended_s = float("inf")
                await self._work.wait()
                self._work = trio.Event()

    def close(self) -> None:
        """run() ends once nobody waits any more."""
        self._closed = True
        self._work.set()

    def _some(self) -> None:
        """Take one step, and more for a share of the time that was everything else's."""
        began_s = trio.current_time()
        share_s = _SHARE * (began_s - self._ended_s)
        while self.next.waiting:
            self._one(next(iter(self.next.waiting)))
            if trio.current_time() - began_s >= share_s:
                break
        self._ended_s = trio.current_time()

    def _one(self, turn: _Turn) -> None:
        del self.next.waiting[turn]
        try:
            result = turn.step()
        except Exception as error:  # noqa: BLE001 (it is raised in the task it is of)
            trio.lowlevel.reschedule(turn.task, outcome.Error(error))
            return
        if isinstance(result, Done):
            trio.lowlevel.reschedule(turn.task, outcome.Value(result.value))
        else:
            assert isinstance(result, Gate)
            self._wait(turn, result)

    def _wait(self, turn: _Turn, gate: Gate) -> None:
        turn.gate = gate
        gate.waiting[turn] = None
        if gate is self.next:
            self._work.set()
