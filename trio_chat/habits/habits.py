"""What one person wants of their terminal client, whatever they say in it."""

from dataclasses import dataclass, field
from typing import Final

from trio_chat.habits.actions import DEFAULT_KEYS, Keymap
from trio_chat.habits.notices import DEFAULT_NOTICES, NoticeHabits

THEME_NAMES: Final = ("auto", "any", "dark", "light", "mono")
EDITING: Final = ("emacs", "vi")
HISTORY_LINES_MAX: Final = 100_000
"""More would take long to read at the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What is set in [join] for the terminal client."""

    theme: str = "auto"
    """One of THEME_NAMES."""
    editing: str = "emacs"
    """One of EDITING."""
    suggest: bool = True
    """Whether the rest of a line that was typed before is shown."""
    history_lines: int = 1_000
    """How many lines of what was typed are kept in a file; 0: none."""
    keys: Keymap = field(default_factory=lambda: DEFAULT_KEYS)
    notify: NoticeHabits = DEFAULT_NOTICES


DEFAULT_HABITS: Final = Habits()
