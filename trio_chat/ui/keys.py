"""The keys that do something of our own; all others are the toolkit's: emacs or vi."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import (
    Condition,
    Filter,
    has_focus,
    vi_mode,
)
from prompt_toolkit.key_binding import (
    KeyBindings,
    KeyBindingsBase,
    KeyPressEvent,
    merge_key_bindings,
)
from prompt_toolkit.key_binding.bindings.auto_suggest import load_auto_suggest_bindings
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys

from trio_chat.habits.actions import NUMBERED_MAX, Keymap
from trio_chat.habits.key_names import sequence
from trio_chat.ui.switcher import Switcher

_Do: TypeAlias = Callable[[], object]
_Handle: TypeAlias = Callable[[KeyPressEvent], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What can be wanted with a key."""

    quit: _Do
    entered: _Do
    """A line was entered, and what it asks for is done, or will be."""
    just_came_back: Callable[[], bool]
    put_aside: _Do
    """Put the line that just came back aside, for what is typed now."""
    number: Callable[[int], object]
    """Look at the room with a number."""
    step: Callable[[int], object]
    """Look at the room so many places further on."""
    calling: _Do
    """Look where one was called."""
    edit: _Do
    """Go on in an editor."""


def bind(
    line: Buffer, switcher: Switcher, wishes: Wishes, keymap: Keymap
) -> KeyBindingsBase:
    """What our keys do to the line being typed, and to what one looks at."""
    ours = _Actions(keymap)
    _bind_typing(ours, line, wishes)
    _bind_rooms(ours, line, switcher, wishes)
    _bind_coming_back(ours.keys, line, wishes)
    _bind_escape(ours.keys, line)
    _bind_switcher(ours.keys, switcher)
    ours.on("suspend", lambda event: event.app.suspend_to_background())
    return merge_key_bindings([load_auto_suggest_bindings(), ours.keys])


class _Actions:
    """Key bindings of actions, by the names that these have in the table."""

    def __init__(self, keymap: Keymap) -> None:
        self.keys = KeyBindings()
        self._keymap = keymap

    def on(self, name: str, do: _Handle, when: Filter | bool = True) -> None:
        """Whenever one of the action's keys is hit, do this."""
        for key in self._keymap[name]:
            self.keys.add(*sequence(key), filter=when)(_handler(do))


def _handler(do: _Handle) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        do(event)

    return handle


def _bind_typing(ours: _Actions, line: Buffer, wishes: Wishes) -> None:
    typing = has_focus(line)
    empty = Condition(lambda: not line.text)

    def send(event: KeyPressEvent) -> None:
        line.validate_and_handle()
        event.app.vi_state.input_mode = InputMode.INSERT  # as a shell has it
        wishes.entered()

    def new_line(_event: KeyPressEvent) -> None:
        line.newline(copy_margin=False)

    # Whatever they are for: of themselves both send, behind our back.
    ours.keys.add("enter", filter=typing)(new_line)
    ours.keys.add("escape", "enter", filter=typing)(new_line)
    ours.on("send", send, typing)
    ours.on("new_line", new_line, typing)
    ours.on("editor", lambda _: wishes.edit(), typing)
    ours.on("clear", lambda _: line.reset(), typing & ~empty)
    ours.on("clear", lambda _: wishes.quit(), typing & empty)
    ours.on("quit", lambda _: wishes.quit(), typing & empty)

    @ours.keys.add("<sigint>", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        if line.text:
            line.reset()
        else:
            wishes.quit()


def _bind_rooms(ours: _Actions, line: Buffer, switcher: Switcher, wishes: Wishes) -> None:
    typing = has_focus(line)

    def find(event: KeyPressEvent) -> None:
        switcher.begin()
        event.app.vi_state.input_mode = InputMode.INSERT
        event.app.layout.focus(switcher.line)

    for number in range(1, NUMBERED_MAX + 1):
        ours.on(f"room_{number}", _by(partial(wishes.number, number)), typing)
    ours.on("previous_room", _by(partial(wishes.step, -1)), typing)
    ours.on("next_room", _by(partial(wishes.step, 1)), typing)
    ours.on("calling_room", _by(wishes.calling), typing)
    ours.on("find_room", find, typing)


def _by(do: _Do) -> _Handle:
    return lambda _event: do()


def _bind_coming_back(keys: KeyBindings, line: Buffer, wishes: Wishes) -> None:
    typing = has_focus(line)
    unaware = typing & Condition(wishes.just_came_back)

    @keys.add(Keys.Any, filter=unaware)
    def _(event: KeyPressEvent) -> None:
        if event.data.isprintable():
            wishes.put_aside()
            line.insert_text(event.data)

    @keys.add(Keys.BracketedPaste, filter=unaware)
    def _(event: KeyPressEvent) -> None:
        wishes.put_aside()
        line.insert_text(event.data.replace("\r\n", "\n").replace("\r", "\n"))


def _bind_escape(keys: KeyBindings, line: Buffer) -> None:
    # The toolkit would wait for a second if this is Alt and something. But what a terminal
    # sends for that comes at once; and a vi that takes Esc and a for Alt-A is none.
    alone = Condition(lambda: not len(get_app().key_processor.input_queue))

    @keys.add("escape", filter=has_focus(line) & vi_mode & alone, eager=True)
    def _(event: KeyPressEvent) -> None:
        if event.app.vi_state.input_mode != InputMode.NAVIGATION:
            line.cursor_position += line.document.get_cursor_left_position()
        event.app.vi_state.input_mode = InputMode.NAVIGATION
        line.exit_selection()


def _bind_switcher(keys: KeyBindings, switcher: Switcher) -> None:
    looking = has_focus(switcher.line)

    def on(*names: str, do: _Do) -> None:
        for name in names:
            # At once: Esc is not the beginning of anything here.
            keys.add(name, filter=looking, eager=True)(_handler(_by(do)))

    on("enter", do=switcher.take)
    on("down", "c-n", "c-k", "tab", do=partial(switcher.move, 1))
    on("up", "c-p", "s-tab", do=partial(switcher.move, -1))
    on("escape", "c-c", "<sigint>", "c-g", "c-d", do=switcher.give_up)
