"""What was printed, and what is about to be: lines in, rows above the prompt out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import trio

from trio_chat.sanitise import Drawn
from trio_chat.ui.feed import FOLDED_S, begin_feed, fed, settled
from trio_chat.ui.printer import Printer
from trio_chat.ui.render import text_of
from trio_chat.ui.screen import Screen
from trio_chat.ui.state import Line, Skipped
from trio_chat.ui.themes import Look


class Paper:
    """The lines above the prompt of one screen, as wide as it is when they are printed."""

    def __init__(self, screen: Screen, look: Look, now: Callable[[], float]) -> None:
        self._screen = screen
        self._look = look
        self._now = now
        self._printer = Printer(self._drawn, screen.print_above)
        self.on_skipped: list[Callable[[Skipped], object]] = []
        """Called when a row that counts lines is printed in their place."""
        self._feed = begin_feed(now())
        self._moved = trio.Event()

    def print(self, *lines: Line) -> None:
        """Print these, after all others."""
        self._feed, printed = fed(self._feed, lines, self._now())
        self._printer.put(printed)
        if self._feed.waits:
            self._moved.set()

    def answered(self) -> None:
        """The terminal has answered how it is."""
        self._printer.answered()

    async def answers(self) -> None:
        """Wait until no answer of the terminal's is on its way.

        Cancel: atomic.
        """
        await self._printer.answers()

    async def ready(self) -> None:
        """Wait until there is space for more to be printed.

        Cancel: atomic.
        """
        await self._printer.ready()

    async def drained(self) -> None:
        """Wait until all up to now is printed, but for who came and went.

        Cancel: atomic.
        """
        await self._printer.drained()

    async def run(self) -> None:
        """Print what comes.

        Cancel: what is not printed yet never is.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._printer.run)
            nursery.start_soon(self._tell_moves)

    async def _tell_moves(self) -> None:
        while True:
            await self._moved.wait()
            await trio.sleep(FOLDED_S)
            self._moved = trio.Event()
            self._feed, printed = settled(self._feed, self._now())
            self._printer.put(printed)

    def _drawn(self, lines: Sequence[Line]) -> list[Drawn]:
        columns = self._screen.output.get_size().columns
        look, now = replace(self._look, columns=columns), self._now()
        for line in lines:
            if isinstance(line, Skipped):
                for tell in self.on_skipped:
                    tell(line)
        return [text_of(line, look, now) for line in lines]
