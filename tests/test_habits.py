"""Keys: what they are called, and what is wanted with them."""

from itertools import product

import pytest
from prompt_toolkit.key_binding import KeyBindings

from trio_chat.habits.actions import (
    ACTIONS,
    DEFAULT_KEYS,
    clashing_keys,
    key_help,
)
from trio_chat.habits.key_names import key, label, sequence


@pytest.mark.parametrize(
    ("text", "name", "shown", "toolkit"),
    [
        ("alt-down", "alt-down", "Alt-Down", ("escape", "down")),
        ("Alt-A", "alt-a", "Alt-A", ("escape", "a")),
        ("alt-shift-a", "alt-shift-a", "Alt-Shift-A", ("escape", "A")),
        ("shift-ctrl-up", "ctrl-shift-up", "Ctrl-Shift-Up", ("c-s-up",)),
        ("ctrl-x  ctrl-e", "ctrl-x ctrl-e", "Ctrl-X Ctrl-E", ("c-x", "c-e")),
        ("ctrl-x E", "ctrl-x E", "Ctrl-X E", ("c-x", "E")),
        ("alt--", "alt--", "Alt--", ("escape", "-")),
        ("alt-/", "alt-/", "Alt-/", ("escape", "/")),
        ("alt-ö", "alt-ö", "Alt-Ö", ("escape", "ö")),
        ("alt-enter", "alt-enter", "Alt-Enter", ("escape", "enter")),
        ("ctrl-i", "tab", "Tab", ("tab",)),
        ("ctrl-alt-m", "alt-enter", "Alt-Enter", ("escape", "enter")),
        ("ctrl-space", "ctrl-space", "Ctrl-Space", ("c-@",)),
        ("alt-space", "alt-space", "Alt-Space", ("escape", " ")),
        ("page-up", "page-up", "Page-Up", ("pageup",)),
        ("F5", "f5", "F5", ("f5",)),
        ("shift-tab", "shift-tab", "Shift-Tab", ("s-tab",)),
    ],
)
def test_a_key_has_one_name(
    text: str, name: str, shown: str, toolkit: tuple[str, ...]
) -> None:
    assert key(text) == name == key(name)
    assert label(name) == shown
    assert sequence(name) == toolkit


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no key"),
        ("ctrl-x ctrl-e ctrl-f", "no two in a row"),
        ("x", "could not be typed any more"),
        ("space", "could not be typed any more"),
        ("x ctrl-e", "could not be typed any more"),
        ("escape", "how keys with alt begin"),
        ("ctrl-[", "how keys with alt begin"),
        ("shift-x", "there is no key 'shift-x'"),
        ("shift-enter", "there is no key"),
        ("ctrl-1", "there is no key"),
        ("ctrl-shift-x", "there is no key"),
        ("alt-", "there is no key"),
        ("hyper-x", "there is no key"),
        ("f25", "there is no key"),
        ("down-alt", "there is no key"),
        ("ctrl-x down-alt", "there is no key"),
    ],
)
def test_what_is_no_key_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        key(text)


def test_the_toolkit_knows_every_key_that_there_is() -> None:
    bases = [*"aäz0-\\]^_/", "up", "home", "insert", "page-down", "enter", "tab", "space"]
    bases += ["backspace", "delete", "f1", "f12", "f24"]
    known = 0
    modifiers = ["", "ctrl-", "alt-", "shift-", "ctrl-alt-", "ctrl-shift-", "alt-shift-"]
    for modifier, base in product([*modifiers, "ctrl-alt-shift-"], bases):
        try:
            name = key(f"{modifier}{base}")
        except ValueError:
            continue
        known += 1
        KeyBindings().add(*sequence(name))(lambda _event: None)
    assert known > 60


def test_the_defaults_are_keys_and_do_not_clash() -> None:
    assert [key(each) for keys in DEFAULT_KEYS.values() for each in keys] == [
        each for keys in DEFAULT_KEYS.values() for each in keys
    ]
    assert not [*clashing_keys(DEFAULT_KEYS, frozenset(DEFAULT_KEYS))]
    assert len({action.name for action in ACTIONS}) == len(ACTIONS)


def clashes(**keys: tuple[str, ...]) -> list[tuple[str, str]]:
    return [*clashing_keys({**DEFAULT_KEYS, **keys}, frozenset(keys))]


def test_two_actions_on_one_key_are_told_at_the_one_that_was_set() -> None:
    taken = "give that another key, or none"
    assert clashes(quit=("ctrl-k",)) == [("quit", f"ctrl-k is for find_room: {taken}")]
    assert clashes(quit=("f1",), clear=("f1",)) == [("quit", f"f1 is for clear: {taken}")]
    assert clashes(quit=("ctrl-k",), find_room=()) == []
    assert clashes(quit=("ctrl-k",), find_room=("ctrl-d",)) == []
    assert clashes(quit=("ctrl-d", "ctrl-d", "f10")) == []


def test_a_key_that_begins_as_another_is_told() -> None:
    untold = "can't be told from"
    assert clashes(editor=("ctrl-k e",)) == [
        ("editor", f"ctrl-k e {untold} ctrl-k, which is for find_room")
    ]
    assert clashes(quit=("ctrl-x",)) == [
        ("quit", f"ctrl-x {untold} ctrl-x ctrl-e, which is for editor")
    ]


def test_something_has_to_send() -> None:
    assert clashes(send=()) == [("send", "without a key nothing could be sent")]
    assert clashes(send=("alt-enter",), new_line=("enter",)) == []


def test_the_keys_in_force_are_shown() -> None:
    rows = dict(key_help(DEFAULT_KEYS))
    assert rows["Alt-1 ... Alt-9"] == "look at the first room, the second ..."
    rows = {
        what: how
        for how, what in key_help(
            {**DEFAULT_KEYS, "find_room": (), "quit": ("ctrl-d", "f10"), "room_2": ("f2",)}
        )
    }
    assert "look for a room by a few letters" not in rows
    assert rows["on an empty line, quit"] == "Ctrl-D, F10"
    assert rows["look at the first room, the second ..."].startswith("Alt-1, F2, Alt-3")
