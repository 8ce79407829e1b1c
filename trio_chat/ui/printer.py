"""What is to be printed, in pieces: a slow terminal must not hold up the keyboard."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import trio

from trio_chat.sanitise import Drawn

PAUSE_S: Final = 0.03
"""Between two pieces: what comes meanwhile is printed at once, in one piece."""
SLOW_S: Final = 0.03
PIECE_CHARS: Final = (1_000, 64_000)
"""The smallest piece on a slow terminal, the largest on any."""
FIRST_PIECE_CHARS: Final = 4_000
"""Before it is known how fast the terminal is."""


class Printer:
    """A queue of lines on their way to the terminal.

    Shape:  `print_above(text)` writes, and returns False if it can't do it now. Whoever
            fills the queue waits for drained() first: then it holds no more than that.
    """

    def __init__(self, print_above: Callable[[Drawn], bool]) -> None:
        self._print_above = print_above
        self._lines: deque[Drawn] = deque()
        self._work = trio.Event()
        self._drained = trio.Event()
        self._piece_chars = FIRST_PIECE_CHARS

    def put(self, lines: Iterable[Drawn]) -> None:
        """Print these, after all others."""
        self._lines.extend(lines)
        self._work.set()

    async def drained(self) -> None:
        """Wait until all is printed.

        Cancel: atomic.
        """
        while self._lines:
            self._drained = trio.Event()
            await self._drained.wait()

    async def run(self) -> None:
        """Print what comes.

        Cancel: what is not printed yet never is.
        """
        while True:
            await self._work.wait()
            cost_s = self._print_piece()
            # At most a third of the time goes into printing, whatever the terminal.
            await trio.sleep(max(PAUSE_S, 2 * cost_s))

    def _print_piece(self) -> float:
        lines = self._piece()
        text = Drawn("".join(lines))
        began = trio.current_time()
        if not self._print_above(text):
            return 0.0
        cost_s = trio.current_time() - began
        self._adapt(len(text), cost_s)
        for _ in lines:
            self._lines.popleft()
        if not self._lines:
            self._work = trio.Event()
            self._drained.set()
        return cost_s

    def _piece(self) -> list[Drawn]:
        """The next lines: one at least, and not many more characters than a piece has."""
        piece: list[Drawn] = []
        chars = 0
        for line in self._lines:
            piece.append(line)
            chars += len(line)
            if chars >= self._piece_chars:
                break
        return piece

    def _adapt(self, chars: int, cost_s: float) -> None:
        least, most = PIECE_CHARS
        if cost_s > SLOW_S:
            self._piece_chars = max(least, int(chars * SLOW_S / cost_s))
        elif chars >= self._piece_chars:
            self._piece_chars = min(most, 2 * self._piece_chars)
