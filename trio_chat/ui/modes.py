"""What we switch on in a terminal beside what the toolkit does, and give back with it."""

from typing import Final

from prompt_toolkit.output.vt100 import Vt100_Output

from trio_chat.sanitise import Clean, clean
from trio_chat.ui.focus import REPORTS_OFF, REPORTS_ON

_TITLE_KEPT: Final = "\x1b[22;0t"  # the terminal has a stack of them
_TITLE_BACK: Final = "\x1b[23;0t"
_NO_TITLES: Final = frozenset({"linux", "eterm-color"})
"""They would print it."""


class ModalOutput(Vt100_Output):
    """A terminal that reports its focus and has a title, while the prompt is there.

    Shape:  the toolkit brackets pastes exactly as long as it has the terminal: not while
            an editor has it, nor while the program is stopped, nor after a crash.
    """

    _on = False
    _titles_kept = False
    _title = clean("")

    def enable_bracketed_paste(self) -> None:
        """The terminal is ours."""
        super().enable_bracketed_paste()
        self.write_raw(REPORTS_ON)
        self._on = True
        self._write_title()

    def disable_bracketed_paste(self) -> None:
        """The terminal is somebody else's."""
        super().disable_bracketed_paste()
        self.write_raw(REPORTS_OFF)
        self._on = False
        if self._titles_kept:
            self.write_raw(_TITLE_BACK)
            self._titles_kept = False

    def show_title(self, title: Clean) -> None:
        """Have this as the title from now on, as long as the terminal is ours."""
        if title != self._title:
            self._title = title
            if self._on:
                self._write_title()
                self.flush()

    def _write_title(self) -> None:
        if not self._title or self.term in _NO_TITLES:
            return
        if not self._titles_kept:
            self.write_raw(_TITLE_KEPT)
            self._titles_kept = True
        self.write_raw(f"\x1b]2;{self._title}\x07")
