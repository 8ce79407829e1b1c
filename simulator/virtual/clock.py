"""The clocks of one machine: both are wrong in their own way."""

import math
from typing import Final

import trio

from simulator.virtual import _trio
from simulator.virtual.timeline import NS, Timeline

BEGINNING_S: Final = 1_767_225_600
"""The wall clock at the beginning of every world: 2026-01-01 00:00 UTC."""
_NEVER_S: Final = 1e15
"""Thirty million years: as good as infinite, and no float overflows before."""


class NodeClock(trio.abc.Clock):
    """What a machine's programs take for the time.

    Shape:  `deadline` is what the run waits for, and `idle` whether it waits at all: trio
            asks a clock how long it may sleep exactly when nothing of its is ready, and
            this one notes that, and never lets it sleep. `busy_ns` is when a task of it
            ran last.
    Units:  `base_s`: what the monotonic clock showed when the world began. `rate`: its
            seconds in a true second. `wall_offset_s`: by how much the wall clock is off.
    """

    def __init__(
        self, timeline: Timeline, base_s: int, rate: float, wall_offset_s: float
    ) -> None:
        self.wall_offset_s = wall_offset_s
        self.idle = False
        self.deadline = math.inf
        self.busy_ns = 0
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
        cushion_s = _trio.idleness_wanted_s()
        if cushion_s is not None:
            quiet_s = self._base_s + self.busy_ns / NS * self._rate + cushion_s
            if quiet_s <= self.current_time():
                # Told that it may sleep for longer than that, trio wakes who waits for it.
                self.idle = False
                return math.inf
            deadline = min(deadline, quiet_s)
        self.deadline = deadline
        self.idle = True
        return 0.0

    def wall_s(self) -> float:
        """Seconds since 1970, as this machine believes."""
        passed_s = self._timeline.now_ns / NS * self._rate
        return BEGINNING_S + passed_s + self.wall_offset_s

    def instant_of(self, deadline: float) -> int | None:
        """The first instant at which this clock shows `deadline` or more; None: never."""
        if deadline > _NEVER_S:
            return None
        if deadline <= self._base_s:
            return 0
        # One less than it should be: the difference of two floats is a little off.
        instant_ns = max(0, math.ceil((deadline - self._base_s) / self._rate * NS) - 1)
        step_ns = 1
        while self._base_s + instant_ns / NS * self._rate < deadline:
            instant_ns += step_ns
            step_ns *= 2  # so far ahead, a float can't tell nanoseconds apart
        return instant_ns

    def busy(self) -> None:
        """A task of its run is about to take a step."""
        self.busy_ns = self._timeline.now_ns

    def hurry(self) -> None:
        """Go to the deadline at once: for a run that is not part of the world any more."""
        self._hurried_s += max(0.0, self.deadline - self.current_time()) + 1 / NS
