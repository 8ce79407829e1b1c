"""The keys that do something of our own; all others are the toolkit's, as in readline."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import (
    KeyBindings,
    KeyBindingsBase,
    KeyPressEvent,
    merge_key_bindings,
)
from prompt_toolkit.key_binding.bindings.auto_suggest import load_auto_suggest_bindings
from prompt_toolkit.keys import Keys

from trio_chat.ui.switcher import NUMBERED_MAX, Switcher

_Do: TypeAlias = Callable[[], object]


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


def bind(line: Buffer, switcher: Switcher, wishes: Wishes) -> KeyBindingsBase:
    """What our keys do to the line being typed, and to what one looks at."""
    ours = KeyBindings()
    _bind_typing(ours, line, wishes)
    _bind_rooms(ours, line, switcher, wishes)
    _bind_switcher(ours, switcher)

    @ours.add("c-z")
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return merge_key_bindings([load_auto_suggest_bindings(), ours])


def _bind_typing(keys: KeyBindings, line: Buffer, wishes: Wishes) -> None:
    typing = has_focus(line)
    empty = Condition(lambda: not line.text)

    @keys.add("enter", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        line.validate_and_handle()
        wishes.entered()

    @keys.add("escape", "enter", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        line.newline(copy_margin=False)

    @keys.add("c-x", "c-e", filter=typing)
    def _(_event: KeyPressEvent) -> None:
        wishes.edit()

    @keys.add("c-c", filter=typing & ~empty)
    @keys.add("<sigint>", filter=typing & ~empty)
    def _(_event: KeyPressEvent) -> None:
        line.reset()

    @keys.add("c-c", filter=typing & empty)
    @keys.add("<sigint>", filter=typing & empty)
    @keys.add("c-d", filter=typing & empty)
    def _(_event: KeyPressEvent) -> None:
        wishes.quit()

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


def _bind_rooms(
    keys: KeyBindings, line: Buffer, switcher: Switcher, wishes: Wishes
) -> None:
    typing = has_focus(line)

    def on(*key: str, do: _Do) -> None:
        keys.add(*key, filter=typing)(_handler(do))

    for number in range(1, NUMBERED_MAX + 1):
        on("escape", f"{number}", do=partial(wishes.number, number))
    on("escape", "up", do=partial(wishes.step, -1))
    on("escape", "down", do=partial(wishes.step, 1))
    on("escape", "a", do=wishes.calling)

    @keys.add("c-k", filter=typing)
    def _(event: KeyPressEvent) -> None:
        switcher.begin()
        event.app.layout.focus(switcher.line)


def _bind_switcher(keys: KeyBindings, switcher: Switcher) -> None:
    looking = has_focus(switcher.line)

    def on(*names: str, do: _Do) -> None:
        for name in names:
            # At once: Esc is not the beginning of anything here.
            keys.add(name, filter=looking, eager=True)(_handler(do))

    on("enter", do=switcher.take)
    on("down", "c-n", "c-k", "tab", do=partial(switcher.move, 1))
    on("up", "c-p", "s-tab", do=partial(switcher.move, -1))
    on("escape", "c-c", "<sigint>", "c-g", "c-d", do=switcher.give_up)


def _handler(do: _Do) -> Callable[[KeyPressEvent], None]:
    def handle(_event: KeyPressEvent) -> None:
        do()

    return handle
