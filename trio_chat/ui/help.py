"""What can be typed, and the keys in force: what /help shows."""

from trio_chat.habits.actions import key_help
from trio_chat.habits.habits import Habits
from trio_chat.ui.commands import HELP
from trio_chat.ui.state import Note

_VI: tuple[str, str] = ("Esc", "vi's commands: the prompt is N then, or V or R")
_HOW_CELLS_MAX = 18


def help_rows(habits: Habits) -> tuple[tuple[str, str], ...]:
    """How each thing is typed, and what it does."""
    vi = (_VI,) if habits.editing == "vi" else ()
    return (*HELP, *key_help(habits.keys), *vi)


def help_notes(habits: Habits) -> tuple[Note, ...]:
    """The same, to be printed."""
    return tuple(Note(f"{how:<{_HOW_CELLS_MAX}} {what}") for how, what in help_rows(habits))
