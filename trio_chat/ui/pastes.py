"""A paste whose end was lost on the way keeps the keyboard dead: it is ended here."""

from typing import Any, Final

import trio
from prompt_toolkit.input import Input

from trio_chat.ui.screen import Screen

CHECKED_S: Final = 1.0
"""A paste that does not grow for so long has come to its end."""
_ENDS: Final = "\x1b[201~"


class Pastes:
    """Looks after the pastes of a terminal, as long as one is under way.

    Shape:  whoever does nothing costs nothing: nobody looks whether there is one.
    """

    def __init__(self, source: Input, screen: Screen) -> None:
        self._parser: Any = getattr(source, "vt100_parser", None)
        self._screen = screen
        self._begun = trio.Event()
        if self._parser is not None:
            self._feed = self._parser.feed
            self._parser.feed = self._fed

    def _fed(self, data: str) -> None:
        self._feed(data)
        if self._parser._in_bracketed_paste:
            self._begun.set()

    async def run(self) -> None:
        """End each paste that is not ended.

        Cancel: atomic.
        """
        while True:
            await self._begun.wait()
            pasted_chars = -1
            while self._parser._in_bracketed_paste:
                if len(self._parser._paste_buffer) == pasted_chars:
                    self._feed(_ENDS)
                    self._screen.feed_keys()
                pasted_chars = len(self._parser._paste_buffer)
                await trio.sleep(CHECKED_S)
            self._begun = trio.Event()
