"""One member's bytes, held against its room: is anything lost, repeated or out of order?"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.bench.dialect import ENTRY_BEGINS, heard
from simulator.bench.room_log import RoomLog

_ENTRY: Final = re.compile(rb"\n" + re.escape(ENTRY_BEGINS))
_ASIDE: Final = re.compile(rb"\n(?!" + re.escape(ENTRY_BEGINS) + rb"|\Z)")


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


def judge(first: int, last: int, seqs: Sequence[int], changed: int = 0) -> Faults:
    """What is wrong with these numbers, where `first` to `last` were expected."""
    seen: set[int] = set()
    repeated = swapped = 0
    highest = first - 1
    for seq in seqs:
        repeated += seq in seen or seq < first
        swapped += seq not in seen and first <= seq < highest
        seen.add(seq)
        highest = max(highest, seq)
    lost = sum(seq not in seen for seq in range(first, last + 1))
    return Faults(lost, repeated, swapped, changed)


class Stream:
    """What one member of a room is sent, in pieces cut anywhere.

    Shape:  `asides` is given whole lines, of all that is no entry, in order.
    """

    def __init__(self, room: RoomLog, asides: Callable[[bytes], None]) -> None:
        self.at = 0
        """Of the room's bytes, those that it has had."""
        self._room = room
        self._asides = asides
        self._tail = b""
        self._astray: list[bytes] | None = None
        """Where it differs from the room, the lines from there on."""

    @property
    def entries(self) -> int:
        """How many it has had, up to where it differs from the room."""
        return self._room.count_at(self.at)

    @property
    def whole(self) -> bool:
        """Whether it has all that is in the room, or never will."""
        return self._astray is not None or self.at == len(self._room.lines)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._tail + data
        cut = data.rfind(b"\n") + 1
        lines, self._tail = data[:cut], data[cut:]
        if self._astray is None and self._room.lines.startswith(lines, self.at):
            self.at += len(lines)  # by far the most frequent case, and the cheapest
        else:
            self._take_apart(lines)

    def faults(self) -> Faults:
        """What is wrong, if nothing more comes."""
        room, first = self._room, self.entries + 1
        lines = self._astray or []
        seqs = [heard(line).seq for line in lines]
        changed = sum(
            room.line(seq) not in (None, line)
            for seq, line in zip(seqs, lines, strict=True)
        )
        return judge(first, max(len(room), *seqs, first - 1), seqs, changed)

    def _take_apart(self, lines: bytes) -> None:
        while lines:
            if lines.startswith(ENTRY_BEGINS):
                end = _end(_ASIDE, lines)
                self._entries(lines[:end])
            else:
                end = _end(_ENTRY, lines)
                self._asides(lines[:end])
            lines = lines[end:]

    def _entries(self, lines: bytes) -> None:
        if self._astray is None:
            lines = lines[self._known(lines) :]
        if self._astray is None and lines and self.at == len(self._room.lines):
            taken = self._room.extend(lines)
            self.at += taken
            lines = lines[taken:]
        if lines:
            astray = self._astray = self._astray or []
            astray += lines.splitlines(keepends=True)

    def _known(self, lines: bytes) -> int:
        """Step over what the room has already; how many bytes that is."""
        begin = self.at
        known = lines[: len(self._room.lines) - begin]
        if self._room.lines.startswith(known, begin):
            self.at += len(known)
            return len(known)
        # It differs somewhere: line by line up to there.
        for line in known.splitlines(keepends=True):
            if not self._room.lines.startswith(line, self.at):
                break
            self.at += len(line)
        return self.at - begin


def _end(next_of_another_kind: re.Pattern[bytes], lines: bytes) -> int:
    found = next_of_another_kind.search(lines)
    return found.start() + 1 if found else len(lines)
