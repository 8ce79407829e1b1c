"""What is on its way between the two ends of a connection, in order.

A pipe carries segments, with one event of the timeline for each. Bytes are never lost: a
segment that finds its path closed is overdue, and so is all that comes after it; when the
path opens again they arrive at the next retransmission. Only what nobody would send again
is gone: a reset, and what a machine without power had sent.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from simulator.virtual.path import Path
from simulator.virtual.timeline import Timeline
from simulator.virtual.trace import Trace

DATA: Final = 0
FIN: Final = 1
RST: Final = 2
OPEN: Final = 3
"""The third step of the handshake: the connection is there for the other end."""


class End(Protocol):
    """One end of a connection, as the pipes between both know it."""

    name: str
    number: int
    gone: bool

    def note(self, event: str, **fields: str | int) -> None:
        """Write down what happened to this end."""

    def take(self, data: bytes) -> None:
        """Bytes have arrived."""

    def take_fin(self) -> None:
        """The other end has closed its half."""

    def take_reset(self) -> None:
        """The other end knows of no connection."""

    def take_open(self) -> None:
        """The handshake is done."""

    def suffer(self) -> None:
        """Something was not answered."""

    def relieved(self) -> None:
        """All was answered."""

    def sever(self) -> None:
        """Both ends are reset at once."""

    @property
    def can_answer(self) -> bool:
        """Whether the other end would hear it now."""

    def answer_again(self) -> None:
        """The other end has asked what has arrived."""


class Watch:
    """Something to do once so many segments or bytes were delivered."""

    def __init__(
        self,
        call: Callable[[End], object],
        *,
        machine: str | None,
        segments: int | None = None,
        octets: int | None = None,
    ) -> None:
        self.call = call
        self._machine = machine
        self._segments = segments
        self._octets = octets

    def due(self, source: str, target: str, octets: int) -> int | None:
        """After how many bytes of this segment it is to happen; None: not yet."""
        if self._machine is not None and self._machine not in (source, target):
            return None
        if self._segments is not None:
            self._segments -= 1
            return octets if self._segments == 0 else None
        assert self._octets is not None
        before, self._octets = self._octets, self._octets - octets
        return before if self._octets <= 0 else None


class Medium:
    """What all connections of a world share."""

    def __init__(self, timeline: Timeline, trace: Trace) -> None:
        self.timeline = timeline
        self.trace = trace
        self.segments = 0
        """How many were delivered so far: those with bytes in them."""
        self.watches: list[Watch] = []
        self.lossy: dict[Pipe, None] = {}
        """Where something is overdue, or was never answered."""
        self._number = 0

    def number(self) -> int:
        """One that nothing else has."""
        self._number += 1
        return self._number


class Pipe:
    """One direction of one connection: what is on its way, in order."""

    __slots__ = (
        "_answers_lost",
        "_in_flight",
        "_last_ns",
        "_medium",
        "_overdue",
        "_since_ns",
        "_skip",
        "_timeline",
        "late",
        "path",
        "source",
        "target",
        "torn",
    )

    def __init__(self, path: Path, medium: Medium) -> None:
        self.path = path
        self.source: End
        self.target: End
        self._medium = medium
        self._timeline = medium.timeline
        self._in_flight: deque[tuple[int, bytes, int]] = deque()
        self._last_ns = 0
        self._skip = 0
        """So many arrivals are still in the calendar whose segments are gone."""
        self._overdue = 0
        """So many of the first in flight have found the path closed."""
        self._since_ns = 0
        self._answers_lost = False
        self.torn = False
        """A segment is missing that nobody sends again: no later one can be used."""
        self.late = False
        """Something is overdue or missing, so that nothing simply arrives."""

    def send(self, kind: int, data: bytes = b"") -> None:
        """Put a segment on its way."""
        path = self.path
        when = path.arrival_ns(len(data))
        if path.fragment and len(data) > 1:
            start = 0
            for size in path.pieces(len(data)):
                if start:
                    when = max(when, self._last_ns) + path.gap()
                self._depart(kind, data[start : start + size], when)
                start += size
        else:
            self._depart(kind, data, when)

    def _depart(self, kind: int, data: bytes, when_ns: int) -> None:
        if when_ns < self._last_ns:
            when_ns = self._last_ns
        else:
            self._last_ns = when_ns
        timeline = self._timeline
        self._in_flight.append((kind, data, self.path.free_ns))
        timeline.at(timeline.end_of_tick(when_ns), self._arrive)

    def reset(self) -> None:
        """Tell the other end that there is no connection; nothing is sent again."""
        if self._overdue:
            self.clear()
        self.send(RST)

    def clear(self) -> None:
        """Nothing of what is on its way will arrive."""
        self._skip += len(self._in_flight) - self._overdue
        self._in_flight.clear()
        self._overdue = 0
        self._answers_lost = False
        self.late = self.torn
        self._medium.lossy.pop(self, None)

    def lose_power(self) -> None:
        """The sender is no more: only what has left it still arrives."""
        if self._overdue:
            self.clear()
        now_ns = self._timeline.now_ns
        while self._in_flight and self._in_flight[-1][2] > now_ns:
            self._in_flight.pop()
            # Their arrivals come after all others, and find nothing there.

    def answer_lost(self) -> None:
        """The sender could not be told of what has arrived."""
        self._answers_lost = True
        self._note_loss()
        self.source.suffer()

    @property
    def suffering(self) -> bool:
        """Whether the sender waits for an answer to what it has sent."""
        return bool(self._overdue) or self._answers_lost

    def resume_later(self) -> None:
        """The path may be open again: try at the next retransmission."""
        path = self.path
        if self._overdue and not path.takes:
            return
        timeline = self._timeline
        when = path.retry_ns(self._since_ns) + path.latency_ns
        timeline.at(timeline.end_of_tick(when), self._resume)

    def wanted_now(self) -> None:
        """The far end takes in bytes again, and says so."""
        timeline = self._timeline
        when = timeline.now_ns + self.path.latency_ns
        timeline.at(timeline.end_of_tick(when), self._resume)

    def _resume(self) -> None:
        if self._overdue and self.path.takes:
            self._answers_lost = False  # what arrives now is answered, or lost again
        while self._overdue and self.path.takes:
            self._overdue -= 1
            self._deliver()
        self.late = self.torn or bool(self._overdue)
        if self._answers_lost and self.path.open and self.target.can_answer:
            self._answers_lost = False
            self.target.answer_again()
        if not self.suffering:
            self._medium.lossy.pop(self, None)
            self.source.relieved()

    def _arrive(self) -> None:
        if self._skip:
            self._skip -= 1
        elif not self._in_flight:
            return
        elif self.late or not self.path.takes:
            self._arrive_late()
        else:
            self._deliver()

    def _deliver(self) -> None:
        kind, data, _ = self._in_flight.popleft()
        target = self.target
        if kind == DATA:
            target.take(data)
        elif kind == FIN:
            target.take_fin()
        elif kind == RST:
            target.take_reset()
        else:
            target.take_open()

    def _arrive_late(self) -> None:
        index = self._overdue
        kind, data, _ = self._in_flight[index]
        path = self.path
        if kind == RST:
            # It asks for no room and waits for nothing before it, and is sent once only.
            del self._in_flight[index]
            if path.open:
                self.clear()
                self.target.take_reset()
        elif self.source.gone or self.torn:
            del self._in_flight[index]
            self.torn = self.late = True
        else:
            self._overdue += 1
            self.late = True
            self._note_loss()
            if not path.open:  # an end that takes nothing in still answers
                self.source.suffer()
            if self._medium.trace.active:
                self.source.note("held", octets=len(data))

    def _note_loss(self) -> None:
        if self not in self._medium.lossy:
            self._since_ns = self._timeline.now_ns
            self._medium.lossy[self] = None
