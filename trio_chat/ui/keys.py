"""The keys that do something of our own; all others are the toolkit's, as in readline."""

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


def bind(line: Buffer, quit_: Callable[[], None]) -> KeyBindings:
    """What Enter, Alt-Enter, Ctrl-C, Ctrl-D and Ctrl-Z do to the line being typed."""
    keys = KeyBindings()
    typing = has_focus(line)
    empty = Condition(lambda: not line.text)

    @keys.add("enter", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        line.validate_and_handle()

    @keys.add("escape", "enter", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        line.newline(copy_margin=False)

    @keys.add("c-c", filter=typing & ~empty)
    @keys.add("<sigint>", filter=typing & ~empty)
    def _(_event: KeyPressEvent) -> None:
        line.reset()

    @keys.add("c-c", filter=typing & empty)
    @keys.add("<sigint>", filter=typing & empty)
    @keys.add("c-d", filter=typing & empty)
    def _(_event: KeyPressEvent) -> None:
        quit_()

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return keys
