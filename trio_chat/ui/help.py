"""What can be typed, and the keys in force: what /help shows."""

from collections.abc import Iterable

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


def about(rows: Iterable[tuple[str, str]], word: str) -> list[tuple[str, str]]:
    """Those of the rows in which the word stands, however it is written."""
    word = word.casefold()
    return [row for row in rows if word in " ".join(row).casefold()]


def help_notes(habits: Habits, word: str = "") -> tuple[Note, ...]:
    """What there is about a word, to be printed; all, if there is none."""
    rows = about(help_rows(habits), word)
    if not rows:
        return (nothing_about(word),)
    return tuple(Note(f"{how:<{_HOW_CELLS_MAX}} {what}") for how, what in rows)


def nothing_about(word: str) -> Note:
    """That there is no help for a word."""
    return Note(f"there is nothing about \u201c{word}\u201d: /help lists all there is")
