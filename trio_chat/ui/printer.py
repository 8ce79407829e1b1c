"""What is to be printed, in pieces: a slow terminal must not hold up the keyboard.

Bounds: what waits is at most BEHIND_S of what this terminal takes, and CHARS_MAX on any.
The oldest of what is more is skipped, once the terminal has been behind for PATIENCE_S
(see ui/waiting.py); what can't be skipped is waited for with ready(), and whoever waits
there reads no more from the server meanwhile.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from trio_chat.sanitise import Drawn
from trio_chat.ui.pace import (
    ECHO_S,
    EVERY_S,
    PIECE_CHARS,
    Pace,
    answered,
    measured,
    swallowed,
)
from trio_chat.ui.state import Line
from trio_chat.ui.waiting import Waiting, chars_of, thinned, weight

BEHIND_S: Final = 2.0
PATIENCE_S: Final = 1.0
"""A burst that is printed within this is printed whole."""
CHARS_MAX: Final = 1_000_000
ASKED_CHARS: Final = 500
"""Whoever prints less at once does not ask the terminal: it is chat at a common pace."""
SILENCE_S: Final = 0.3
ASKED_AGAIN_S: Final = 10.0
"""But for one question now and then, so that the way is known before it matters."""
ANSWERED_S: Final = 1.0
"""A terminal that does not answer within this never will, or is stopped."""


@dataclass(frozen=True, slots=True)
class _Question:
    """The terminal was asked how it is, and has not answered."""

    asked_s: float
    chars: int
    """Printed since the question before."""
    more: bool
    """Whether something else was waiting."""
    answered: trio.Event = field(default_factory=trio.Event)


class Printer:
    """A queue of lines on their way to the terminal.

    Shape:  `draw(lines)` are their texts; `write(text, ask)` prints it above the prompt,
            and asks the terminal how it is if that is wanted; False: not now. answered()
            is called with its answer.
    """

    def __init__(
        self,
        draw: Callable[[Sequence[Line]], Iterable[Drawn]],
        write: Callable[[Drawn, bool], bool],
    ) -> None:
        self._draw = draw
        self._write = write
        self._waiting: deque[Waiting] = deque()
        self._number = 0
        self._chars = 0
        self._pace = Pace()
        self._question: _Question | None = None
        self._unasked = 0  # characters since the last question
        self._ask_again_s = 0.0
        self._deaf = False
        self._full_s, self._since_full = 0.0, 0  # of a deaf terminal
        self._busy_since_s = self._printed_s = 0.0
        self._work = trio.Event()
        self._less = trio.Event()

    def put(self, lines: Iterable[Line]) -> None:
        """Print these, after all others."""
        if not self._waiting:
            self._busy_since_s = trio.current_time()
        for line in lines:
            self._number += 1
            self._waiting.append(Waiting(line, self._number, weight(line)))
            self._chars += self._waiting[-1].chars
        if self._waiting:
            self._skim()
            self._work.set()

    def answered(self) -> None:
        """The terminal has taken all up to where it was asked."""
        self._deaf = False
        question, self._question = self._question, None
        if question is not None:
            took_s = trio.current_time() - question.asked_s
            self._pace = answered(self._pace, question.chars, took_s, more=question.more)
            question.answered.set()

    async def answers(self) -> None:
        """Wait until no answer of the terminal's is on its way.

        Cancel: atomic.
        """
        if self._question is not None:
            await self._question.answered.wait()

    async def drained(self) -> None:
        """Wait until all that was put before is printed, or counted in a row that is.

        Cancel: atomic.
        """
        last = self._number
        await self._until(lambda: not self._waiting or self._waiting[0].number > last)

    async def ready(self) -> None:
        """Wait until there is space for more.

        Cancel: atomic.
        """
        await self._until(lambda: self._chars <= self._chars_max)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._less.wait()

    async def run(self) -> None:
        """Print what comes.

        Cancel: what is not printed yet never is.
        """
        while True:
            await self._work.wait()
            await self._until_answered()
            began_s = trio.current_time()
            self._skim()
            chars = self._print_piece()
            cost_s = trio.current_time() - began_s
            await trio.sleep(max(0.0, EVERY_S - cost_s))
            if chars and self._waiting:
                await self._until_answered()
                seconds = trio.current_time() - began_s
                self._pace = measured(self._pace, chars, seconds)

    async def _until_answered(self) -> None:
        """Wait for what is on its way to the terminal, if more would be too much."""
        question = self._question
        if question is None or self._unasked + self._chars < ASKED_CHARS:
            return
        with trio.move_on_at(question.asked_s + ANSWERED_S) as patience:
            await question.answered.wait()
        if patience.cancelled_caught:
            self._question = None
            self._deaf = True
            self._pace = Pace(way_s=0.0)
            self._full_s, self._since_full = trio.current_time(), 0

    def _print_piece(self) -> int:
        """Print the next lines; how many characters that were."""
        piece = self._piece()
        text = Drawn("".join(self._draw([each.line for each in piece])))
        began_s = trio.current_time()
        if began_s - self._printed_s > SILENCE_S:
            self._unasked = 0  # that was taken long since
        chars = self._unasked + len(text)
        due = chars >= ASKED_CHARS or began_s >= self._ask_again_s
        ask = due and self._question is None and not self._deaf
        if not self._write(text, ask):
            return 0
        more = len(self._waiting) > len(piece)
        self._unasked = 0 if ask else chars
        if ask:
            self._question = _Question(began_s, chars, more)
            self._ask_again_s = began_s + ASKED_AGAIN_S
        elif self._deaf:
            self._swallowed(len(text), trio.current_time() - began_s, more=more)
        for _ in piece:
            self._chars -= self._waiting.popleft().chars
        if not self._waiting:
            self._work = trio.Event()
        self._printed_s = trio.current_time()
        self._less.set()
        self._less = trio.Event()
        return len(text)

    def _swallowed(self, chars: int, cost_s: float, *, more: bool) -> None:
        now_s = trio.current_time()
        self._since_full += chars
        full = cost_s > ECHO_S
        self._pace = swallowed(
            self._pace, self._since_full, now_s - self._full_s, full=full, more=more
        )
        if full:
            self._full_s, self._since_full = now_s, 0

    def _piece(self) -> list[Waiting]:
        """The next lines: one at least, and not many more characters than a piece has."""
        piece: list[Waiting] = []
        chars = 0
        for each in self._waiting:
            piece.append(each)
            chars += each.chars
            if chars >= self._pace.piece_chars:
                break
        return piece

    @property
    def _chars_max(self) -> float:
        rate = self._pace.chars_per_s
        if rate is None or not self._is_behind:
            return CHARS_MAX
        return min(CHARS_MAX, max(BEHIND_S * rate, 10 * PIECE_CHARS[0]))

    @property
    def _is_behind(self) -> bool:
        return trio.current_time() - self._busy_since_s > PATIENCE_S

    def _skim(self) -> None:
        # A terminal that takes nothing, because an editor has it, is not a slow one.
        goes_on = trio.current_time() - self._printed_s <= PATIENCE_S
        if goes_on and self._is_behind and self._chars > self._chars_max:
            self._waiting = deque(thinned(self._waiting, self._chars_max))
            self._chars = chars_of(self._waiting)
