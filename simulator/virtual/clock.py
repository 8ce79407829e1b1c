"""The clocks of one machine: both are wrong in their own way."""

import math
from typing import Final

import trio

from simulator.virtual import _trio
from simulator.virtual.timeline import NS, Timeline

BEGINNING_S: Final = 1_767_225_600
"""The wall clock at the beginning of every world: 2026-01-01 00:00 UTC."""
_IDLE_S: Final = 1.0


class NodeClock(trio.abc.Clock):
    """What a machine's programs take for the time.

    Shape:  `deadline` is what the run waits for, and `idle` whether it waits at all: trio
            asks a clock how long it may sleep exactly when nothing of its is ready, and
            this one notes that, and never lets it sleep.
    Units:  `base_s`: what the monotonic clock showed when the world began. `rate`: its
            seconds in a true second. `wall_offset_s`: by how much the wall clock is off.
    """

    def __init__(
        self, timeline: Timeline, base_s: int, rate: float, wall_offset_s: float
    ) -> None:
        self.wall_offset_s = wall_offset_s
        self.idle = False
        self.deadline = math.inf
        self._timeline = timeline
        self._base_s = base_s
        self._rate = rate
        self._hurried_s = 0.0

    def start_clock(self) -> None:
        """As trio.abc.Clock."""

    def current_time(self) -> float:
        """As trio.abc.Clock."""
        return self._base_s + self._timeline.now_ns / NS * self._rate + self._hurried_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """As trio.abc.Clock."""
        self.deadline = deadline
        # Who waits for idleness is woken in the step after the one in which it began.
        self.idle = not _trio.somebody_waits_for_idle()
        return 0.0 if self.idle else _IDLE_S

    def wall_s(self) -> float:
        """Seconds since 1970, as this machine believes."""
        passed_s = self._timeline.now_ns / NS * self._rate
        return BEGINNING_S + passed_s + self.wall_offset_s

    def instant_of(self, deadline: float) -> int | None:
        """The first instant at which this clock shows `deadline` or more; None: never."""
        if deadline == math.inf:
            return None
        instant_ns = max(0, math.ceil((deadline - self._base_s) / self._rate * NS))
        while self._base_s + instant_ns / NS * self._rate < deadline:
            instant_ns += 1
        return instant_ns

    def hurry(self) -> None:
        """Go to the deadline at once: for a run that is not part of the world any more."""
        self._hurried_s += max(0.0, self.deadline - self.current_time()) + 1 / NS
