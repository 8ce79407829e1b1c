"""Virtual time, and what will happen at which instant of it.

Time is a whole number of nanoseconds, so that an instant is equal to itself: whether two
things happen at once must not hang on the last bit of a float.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Final

NS: Final = 1_000_000_000
"""Nanoseconds in a second."""


class Timer:
    """Something that will happen, unless it is cancelled before."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """It will not happen; no matter if it has."""
        self.call = None


class Timeline:
    """The one clock of a world, with its calendar.

    Shape:  what is entered for one instant happens in the order in which it was entered.
    Units:  `tick_s`: how much of the world's time a busy machine takes in at once. All
            that arrives within one tick is ready together, at its end; with 0 hardly
            ever two things are, and races hide.
    """

    def __init__(self, tick_s: float = 0.0) -> None:
        self.now_ns = 0
        self._tick_ns = round(tick_s * NS)
        self._calendar: list[tuple[int, int, Timer]] = []
        self._numbers = itertools.count()

    @property
    def now_s(self) -> float:
        """Seconds since the world began."""
        return self.now_ns / NS

    def at(self, when_ns: int, call: Callable[[], object]) -> Timer:
        """Have this called at that instant; a past one means now."""
        timer = Timer(call)
        when_ns = max(when_ns, self.now_ns)
        heapq.heappush(self._calendar, (when_ns, next(self._numbers), timer))
        return timer

    def after(self, delay_s: float, call: Callable[[], object]) -> Timer:
        """Have this called so many seconds from now."""
        return self.at(self.now_ns + to_ns(delay_s), call)

    def end_of_tick(self, when_ns: int) -> int:
        """The instant at which what arrives at `when_ns` is noticed."""
        if not self._tick_ns:
            return when_ns
        return -(-when_ns // self._tick_ns) * self._tick_ns

    def next_ns(self) -> int | None:
        """When something happens next; None: never."""
        while self._calendar and self._calendar[0][2].call is None:
            heapq.heappop(self._calendar)
        return self._calendar[0][0] if self._calendar else None

    def advance(self, when_ns: int) -> int:
        """Go to that instant, and have all happen that is due; how many things did."""
        self.now_ns = max(self.now_ns, when_ns)
        happened = 0
        while (next_ns := self.next_ns()) is not None and next_ns <= self.now_ns:
            _, _, timer = heapq.heappop(self._calendar)
            call = timer.call
            timer.call = None
            assert call is not None
            call()
            happened += 1
        return happened


def to_ns(seconds: float) -> int:
    """Seconds as the next whole nanosecond that is not earlier."""
    return math.ceil(seconds * NS)
