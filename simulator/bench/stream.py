"""One member's bytes, held against its room: is anything lost, repeated or out of order?"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulator.bench.dialects.dialect import Aside
from simulator.bench.room_log import RoomLog


@dataclass(frozen=True, slots=True)
class Faults:
    """How many entries are wrong at one member."""

    lost: int = 0
    repeated: int = 0
    swapped: int = 0
    """Came after one with a larger number."""
    changed: int = 0
    """Not what others got under the same number."""

    def __str__(self) -> str:
        return (
            f"lost {self.lost}, repeated {self.repeated}, out of order {self.swapped},"
            f" changed {self.changed}"
        )

    def __add__(self, other: "Faults") -> "Faults":
        return Faults(
            self.lost + other.lost,
            self.repeated + other.repeated,
            self.swapped + other.swapped,
            self.changed + other.changed,
        )


def judge(first: int, last: int, numbers: Sequence[int], changed: int = 0) -> Faults:
    """What is wrong with these numbers, where `first` to `last` were expected."""
    seen: set[int] = set()
    repeated = swapped = 0
    highest = first - 1
    for number in numbers:
        repeated += number in seen or number < first
        swapped += number not in seen and first <= number < highest
        seen.add(number)
        highest = max(highest, number)
    lost = sum(number not in seen for number in range(first, last + 1))
    return Faults(lost, repeated, swapped, changed)


class Stream(ABC):
    """What one member of a room is sent, in pieces cut anywhere.

    Shape:  `aside` is told what is no entry, in order. `own`: who never gets what it says
            itself, if it is such a member's.
    """

    def __init__(
        self, room: RoomLog, aside: Callable[[Aside], None], own: str | None = None
    ) -> None:
        self.at = 0
        """Of the room's bytes, those that it has had, as long as it follows them."""
        self._room = room
        self._own = own
        self._dialect = room.dialect
        self._aside = aside
        self._follows = True
        self._tail = b""
        self._marks = 0
        """So many of the room's marks have passed here."""

    @property
    @abstractmethod
    def entries(self) -> int:
        """How many it has had."""

    @property
    @abstractmethod
    def whole(self) -> bool:
        """Whether it has all that is in the room, or never will."""

    @abstractmethod
    def faults(self) -> Faults:
        """What is wrong, if nothing more comes."""

    @abstractmethod
    def _entries(self, run: bytes) -> None:
        """Take whole entries that need a closer look."""

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises: ValueError: nobody said that.
        """
        if self._tail:
            data = self._tail + data
            self._tail = b""
        if not self._follows:
            self._come_back()
        if self._follows:
            data = self._pass(data)
            if not data:
                return  # by far the most frequent case, and the cheapest
            data = self._step_back() + data
        data = bytes(data)
        cut = self._dialect.cut(data)
        whole, self._tail = data[:cut], data[cut:]
        if self._follows:
            whole = bytes(self._pass(whole))
        for entries, run in self._dialect.runs(whole):
            if entries:
                self._entries(run)
            else:
                for aside in self._dialect.asides(run, self._room.name):
                    self._aside(aside)

    def passed(self) -> Sequence[float]:
        """When the lines were sent that are timed, and that it has since it was asked."""
        marks, begin, end = self._room.marks, self._marks, self._marks
        while end < len(marks) and marks[end].end <= self.at:
            end += 1
        if begin == end:
            return ()
        self._marks = end
        return [mark.sent_s for mark in marks[begin:end] if mark.nick != self._own]

    def _come_back(self) -> None:  # noqa: B027 (not to come back is fine)
        """Follow the room's bytes again, if that can be."""

    def _pass(self, data: bytes | memoryview) -> bytes | memoryview:
        """Step over bytes that the room has as well; what is left of them."""
        if not self._room.bytes.startswith(data, self.at):
            return data
        self.at += len(data)
        return b""

    def _step_back(self) -> bytes:
        """Take back what it has had of an entry that was not whole; that."""
        begin, end = self._room.end_of(self._room.count_at(self.at)), self.at
        self.at = begin
        return bytes(self._room.bytes[begin:end])

    def _follow(self, run: bytes) -> bytes:
        """Step over what the room has, and give it what it has not; what is neither."""
        run = run[self._known(run) :]
        if run and self.at == len(self._room.bytes):
            taken = self._room.extend(run)
            self.at += taken
            run = run[taken:]
        return run

    def _known(self, run: bytes) -> int:
        """Step over what the room has already; how many bytes that is."""
        room, begin = self._room, self.at
        known = run[: len(room.bytes) - begin]
        if room.bytes.startswith(known, begin):
            self.at += len(known)
            return len(known)
        # It differs somewhere: entry by entry up to there.
        for number in range(room.count_at(begin), len(room)):
            end = room.ends[number]
            if known[self.at - begin : end - begin] != room.bytes[self.at : end]:
                break
            self.at = end
        return self.at - begin


class NumberedStream(Stream):
    """Of a protocol whose entries have a seq: the same for all, 1, 2, 3 and so on."""

    def __init__(self, room: RoomLog, aside: Callable[[Aside], None]) -> None:
        super().__init__(room, aside)
        self._astray = bytearray()
        """Where it differs from the room, the entries from there on."""

    @property
    def entries(self) -> int:
        """How many it has had, up to where it differs from the room."""
        return self._room.count_at(self.at)

    @property
    def whole(self) -> bool:
        """As Stream.whole."""
        return bool(self._astray) or self.at == len(self._room.bytes)

    def faults(self) -> Faults:
        """As Stream.faults."""
        room, first = self._room, self.entries + 1
        astray, begin = bytes(self._astray), 0
        seqs, changed = list[int](), 0
        for said in self._dialect.entries(astray):
            seqs.append(said.seq)
            changed += room.entry(said.seq) not in (None, astray[begin : said.end])
            begin = said.end
        return judge(first, max(len(room), *seqs, first - 1), seqs, changed)

    def _entries(self, run: bytes) -> None:
        if self._follows:
            run = self._follow(run)
            self._follows = not run
        self._astray += run
