"""What comes out of the terminal, taken apart: echoes, lines, notices. Pure.

The bytes are looked through as they come, without an emulator: one would need more time
than the client, on the same cores.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from simulator.bench.echo.plan import LINE_WORDS

QUESTION: Final = b"\x1b[5n"
ANSWER: Final = b"\x1b[0n"
"""What a terminal that is asked "how are you?" answers: well."""
_LINE: Final = re.compile(rb"(\w+):(\d+) " + LINE_WORDS.encode())
_SKIPPED: Final = re.compile(rb"([\d,]+) lines? skipped")
_KEPT_BYTES: Final = 256
"""More than anything that is looked for; the rest of a piece waits for the next one."""


@dataclass(eq=False, slots=True)
class Seen:
    """What was seen so far.

    Shape:  `await_echo` before the letter is typed; feed() says when which was seen.
    """

    echo_s: list[float] = field(default_factory=list)
    """How long each key took, in the order of typing."""
    lines: int = 0
    """What was said, and printed."""
    skipped: int = 0
    """What notices say was skipped."""
    notices: int = 0
    questions: int = 0
    """How often the terminal was asked how it is."""
    faults: list[str] = field(default_factory=list)
    read_bytes: int = 0
    first: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    """Of each author: the number of the first line that was printed, and of the last."""
    _typed: deque[tuple[bytes, float]] = field(default_factory=deque)
    _rest: bytes = b""

    @property
    def waiting(self) -> int:
        """How many keys were not seen yet."""
        return len(self._typed)

    def all_faults(self) -> list[str]:
        """What is wrong, when all has come: each line is printed once, or counted."""
        told = self.lines + self.skipped
        if told == self.said:
            return self.faults
        return [*self.faults, f"{self.said:,} lines were said, {told:,} were told of"]

    @property
    def said(self) -> int:
        """How many lines there were between the first and the last, as authors count."""
        return sum(self.last[each] - self.first[each] + 1 for each in self.first)

    def await_echo(self, letter: str, now_s: float) -> None:
        """This letter is typed now."""
        self._typed.append((letter.encode(), now_s))

    def feed(self, data: bytes, now_s: float) -> int:
        """This came out of the terminal now; how often it was asked how it is."""
        self.read_bytes += len(data)
        before = len(self._rest)
        text = self._rest + data
        self._see_echoes(text, now_s)
        questions = text.count(QUESTION) - self._rest.count(QUESTION)
        self.questions += questions
        self._see_lines(text, before)
        self._rest = text[-_KEPT_BYTES:]
        return questions

    def _see_echoes(self, text: bytes, now_s: float) -> None:
        # In the order of typing: what shows a later one shows the earlier ones, too.
        while self._typed and self._typed[0][0] in text:
            _, typed_s = self._typed.popleft()
            self.echo_s.append(now_s - typed_s)

    def _see_lines(self, text: bytes, before: int) -> None:
        for found in _LINE.finditer(text):
            if found.end() > before:
                self._see_line(found[1].decode(), int(found[2]))
        for found in _SKIPPED.finditer(text):
            if found.end() > before:
                self.notices += 1
                self.skipped += int(found[1].replace(b",", b""))

    def _see_line(self, author: str, number: int) -> None:
        self.lines += 1
        self.first.setdefault(author, number)
        if number <= self.last.get(author, 0):
            self.faults.append(f"{author}:{number} after {author}:{self.last[author]}")
        self.last[author] = number
