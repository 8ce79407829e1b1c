"""Whether somebody looks at the terminal: it says so, if it is asked."""

from collections.abc import Callable
from typing import Any, Final

from prompt_toolkit.input import Input
from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

REPORTS_ON: Final = "\x1b[?1004h"
REPORTS_OFF: Final = "\x1b[?1004l"
_REPORTS: Final = {"\x1b[I": True, "\x1b[O": False}


class Focus:
    """What is known of who looks at the terminal.

    Shape:  one that never says anything counts as looked at.
    """

    def __init__(self) -> None:
        self.focused = True
        """Whether the terminal has the focus now."""
        self.on_change: list[Callable[[bool], object]] = []
        """Called when it comes and when it goes, and not otherwise."""

    def report(self, focused: bool) -> None:
        """The terminal says that it has the focus, or not."""
        if focused != self.focused:
            self.focused = focused
            for tell in self.on_change:
                tell(focused)


def listen_to(source: Input, focus: Focus) -> None:
    """Take the terminal's reports out of what is typed there.

    Shape:  they are no keys: they end no half-typed shortcut, and are not kept waiting
            with the keys. Whoever types has the focus, should a report be lost.
    """
    parser: Any = getattr(source, "vt100_parser", None)
    if parser is None:
        return
    # Otherwise the parser takes them for Esc and two letters.
    ANSI_SEQUENCES.update(dict.fromkeys(_REPORTS, Keys.Ignore))
    pass_on: Callable[[KeyPress], None] = parser.feed_key_callback

    def heard(press: KeyPress) -> None:
        reported = _REPORTS.get(press.data)
        if reported is not None and press.key is Keys.Ignore:
            focus.report(reported)
            return
        focus.report(True)
        pass_on(_without_reports(press, focus))

    parser.feed_key_callback = heard


def _without_reports(press: KeyPress, focus: Focus) -> KeyPress:
    """A paste that takes long may have some in it."""
    if press.key is not Keys.BracketedPaste:
        return press
    pasted = press.data
    for report in _REPORTS:
        pasted = pasted.replace(report, "")
    if pasted == press.data:
        return press
    last = max(_REPORTS, key=press.data.rfind)
    focus.report(_REPORTS[last])
    return KeyPress(press.key, pasted)
