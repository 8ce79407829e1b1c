"""What a chat needs of the terminal that it was started in."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import is_dumb_terminal

from trio_chat.errors import SettingError
from trio_chat.habits.habits import DEFAULT_HABITS, Habits
from trio_chat.ui.history import open_history
from trio_chat.ui.themes import Look, look_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """What a chat needs from its surroundings."""

    input: Input
    output: Output
    history: History = field(default_factory=InMemoryHistory)
    look: Look = field(default_factory=Look)
    habits: Habits = DEFAULT_HABITS
    now: Callable[[], float] = time.time


def open_terminal(state_dir: Path | None, habits: Habits) -> Terminal:
    """The terminal that this program was started in.

    Raises: SettingError: it can't move its cursor.
    """
    if is_dumb_terminal():
        raise SettingError(
            "this terminal (TERM=dumb) can't move its cursor: use `join --plain` in it"
        )
    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False  # the answer could land in the middle of what is typed
    return Terminal(
        input=create_input(),
        output=output,
        history=open_history(state_dir, habits.history_lines),
        look=look_of(os.environ, habits.theme),
        habits=habits,
    )
