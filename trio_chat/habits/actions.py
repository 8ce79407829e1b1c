"""What can be wanted with a key, as a table, and which keys it is wanted with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeAlias

from trio_chat.habits.key_names import label, sequence

Keymap: TypeAlias = Mapping[str, tuple[str, ...]]
"""The keys of each action, by its name; none: it is switched off."""

NUMBERED_MAX: Final = 9
"""There are no more digits."""


@dataclass(frozen=True, slots=True)
class Action:
    """A row of the table."""

    name: str
    """As it stands in [join.keys]."""
    keys: tuple[str, ...]
    """Unless somebody wants other ones."""
    help: str
    """Rows in a row that are the same here share one in /help."""


ACTIONS: Final = (
    Action("send", ("enter",), "say it, or do what it says"),
    Action("new_line", ("alt-enter",), "begin a new line in the text"),
    Action("editor", ("ctrl-x ctrl-e",), "write it in $EDITOR"),
    *(
        Action(f"room_{n}", (f"alt-{n}",), "look at the first room, the second ...")
        for n in range(1, NUMBERED_MAX + 1)
    ),
    Action("previous_room", ("alt-up",), "look at the room before"),
    Action("next_room", ("alt-down",), "look at the next room"),
    Action("calling_room", ("alt-a",), "look where you were called, or at what is new"),
    Action("find_room", ("ctrl-k",), "look for a room by a few letters"),
    Action("clear", ("ctrl-c",), "clear the line; on an empty one, quit"),
    Action("quit", ("ctrl-d",), "on an empty line, quit"),
    Action("suspend", ("ctrl-z",), "back to the shell; its fg comes back here"),
)

DEFAULT_KEYS: Final[Keymap] = {action.name: action.keys for action in ACTIONS}


def key_help(keys: Keymap) -> Iterator[tuple[str, str]]:
    """For each action that has a key: how it is typed, and what it does."""
    for help_, actions in groupby(ACTIONS, key=lambda action: action.help):
        labels = [label(key) for action in actions for key in keys[action.name]]
        if labels:
            yield _together(labels), help_


def _together(labels: list[str]) -> str:
    first, last = labels[0], labels[-1]
    counted = [f"{first[:-1]}{number}" for number in range(1, len(labels) + 1)]
    if len(labels) > 2 and labels == counted:
        return f"{first} ... {last}"
    return ", ".join(labels)


def clashing_keys(
    keys: Mapping[str, Any], given: frozenset[str]
) -> Iterable[tuple[str, str]]:
    """What is wrong with keys that are right each for itself.

    Shape:  the names of actions among `given`, which have the keys that somebody wants,
            each with a sentence.
    """
    if "send" in given and not keys["send"]:
        yield "send", "without a key nothing could be sent"
    taken: dict[str, str] = {}
    # What somebody wants comes after what they left alone: it is that which is wrong.
    for name in sorted(keys, key=lambda name: name in given):
        for key in keys[name]:
            for other, owner in taken.items():
                same = (key, name) == (other, owner)
                if not same and (wrong := _clash(key, other, owner)):
                    yield name, wrong
            taken[key] = name


def _clash(key: str, other: str, owner: str) -> str:
    ours, theirs = sequence(key), sequence(other)
    if ours == theirs:
        return f"{key} is for {owner}: give that another key, or none"
    if theirs[: len(ours)] == ours or ours[: len(theirs)] == theirs:
        return f"{key} can't be told from {other}, which is for {owner}"
    return ""
