"""What a chat needs of the terminal that it was started in."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.utils import (
    get_bell_environment_variable,
    get_term_environment_variable,
    is_dumb_terminal,
)

from trio_chat.errors import SettingError
from trio_chat.habits.habits import DEFAULT_HABITS, Habits
from trio_chat.ui.history import open_history
from trio_chat.ui.modes import ModalOutput
from trio_chat.ui.muted import Muted
from trio_chat.ui.notices import Ways, ways_of
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
    ways: Ways = Ways()  # noqa: RUF009 (frozen)
    muted: Muted = field(default_factory=Muted)


def open_terminal(state_dir: Path | None, server: str, habits: Habits) -> Terminal:
    """The terminal that this program was started in, for a chat on this server.

    Raises: SettingError: it can't move its cursor.
    """
    if is_dumb_terminal():
        raise SettingError(
            "this terminal (TERM=dumb) can't move its cursor: use `join --plain` in it"
        )
    return Terminal(
        input=create_input(),
        output=_open_output(),
        history=open_history(state_dir, habits.history_lines),
        look=look_of(os.environ, habits.theme),
        habits=habits,
        ways=ways_of(os.environ, habits.notify.desktop),
        muted=Muted(state_dir and state_dir / "muted.json", server),
    )


def _open_output() -> Output:
    if sys.platform == "win32":
        return create_output()
    # As create_output() does it, with what we switch on.
    output = ModalOutput.from_pty(
        sys.stdout,
        term=get_term_environment_variable(),
        default_color_depth=ColorDepth.from_env(),
        enable_bell=get_bell_environment_variable(),
    )
    output.enable_cpr = False  # the answer could land in the middle of what is typed
    return output
