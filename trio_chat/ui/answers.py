"""A terminal that is asked how it is answers, when it has taken all that came before."""

from collections.abc import Callable
from typing import Any, Final

from prompt_toolkit.input import Input
from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

QUESTION: Final = "\x1b[5n"
"""DSR, "device status report": since the VT100 every terminal knows it."""
ANSWER: Final = "\x1b[0n"


def listen_for_answers(source: Input, answered: Callable[[], None]) -> None:
    """Take the terminal's answers out of what is typed there.

    Shape:  they are no keys: they end no half-typed shortcut, and are not kept waiting
            with the keys. A paste that takes long may have some in it.
    """
    parser: Any = getattr(source, "vt100_parser", None)
    if parser is None:
        return
    # Otherwise the parser takes it for Esc and some letters.
    ANSI_SEQUENCES[ANSWER] = Keys.Ignore
    pass_on: Callable[[KeyPress], None] = parser.feed_key_callback

    def heard(press: KeyPress) -> None:
        if press.data == ANSWER and press.key is Keys.Ignore:
            answered()
        elif press.key is Keys.BracketedPaste and ANSWER in press.data:
            answered()
            pass_on(KeyPress(press.key, press.data.replace(ANSWER, "")))
        else:
            pass_on(press)

    parser.feed_key_callback = heard
