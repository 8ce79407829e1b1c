"""Where things are on the screen: what waits, the input, completions, the status line."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Dimension,
    FormattedTextControl,
    HSplit,
    Layout,
    VerticalAlign,
    Window,
)
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from trio_chat.sanitise import clean
from trio_chat.ui import render
from trio_chat.ui.commands import complete
from trio_chat.ui.state import View

INPUT_ROWS_MAX: Final = 10
MENU_ROWS_MAX: Final = 8
_PROMPT: Final = "> "

# No grounds: a terminal that gets narrower would break rows that are full of them.
STYLE: Final = Style.from_dict(
    {
        "status": "dim",
        "status online": "nodim fg:ansigreen",
        "status connecting": "nodim fg:ansiyellow",
        "status offline": "nodim fg:ansired",
        "status waiting": "nodim fg:ansired",
        "status room": "nodim bold",
        "status unread": "nodim fg:ansiyellow",
        "queued": "dim",
        "status queued": "nodim fg:ansiyellow",
        "prompt": "bold",
    }
)


def build_layout(line: Buffer, view: Callable[[], View]) -> Layout:
    """The screen for a view, with the line being typed."""
    search = SearchToolbar()
    typed = BufferControl(line, search_buffer_control=search.control)
    rows = HSplit(
        [
            _shown_if_any(lambda: FormattedText(render.queued(view()))),
            Window(
                typed,
                height=Dimension(min=1, max=INPUT_ROWS_MAX),
                dont_extend_height=True,
                wrap_lines=True,
                get_line_prefix=_prompt,
            ),
            search,
            CompletionsMenu(max_height=MENU_ROWS_MAX),
            Window(
                FormattedTextControl(lambda: FormattedText(render.status(view()))),
                height=1,
                style="class:status",
            ),
        ],
        align=VerticalAlign.TOP,
    )
    return Layout(ConditionalContainer(rows, filter=~is_done), focused_element=typed)


def _shown_if_any(fragments: Callable[[], FormattedText]) -> ConditionalContainer:
    return ConditionalContainer(
        Window(FormattedTextControl(fragments), dont_extend_height=True),
        filter=Condition(lambda: bool(fragments())),
    )


def _prompt(row: int, continued: int) -> FormattedText:
    first = row == 0 and continued == 0
    return FormattedText([("class:prompt", _PROMPT if first else " " * len(_PROMPT))])


class CommandCompleter(Completer):
    """Completes what ui.commands knows."""

    def __init__(self, view: Callable[[], View], is_held: Callable[[int], bool]) -> None:
        self._view = view
        self._is_held = is_held

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002 (the toolkit's signature)
    ) -> Iterable[Completion]:
        """What the word before the cursor may become."""
        candidates = complete(self._view(), document.text_before_cursor, self._is_held)
        for candidate in candidates:
            yield Completion(
                candidate.word,
                start_position=-candidate.typed_chars,
                display_meta=clean(candidate.help),
            )


def open_history(state_dir: Path | None) -> History:
    """What was typed before, for the Up key: in a file that nobody else can read."""
    if state_dir is None:
        return InMemoryHistory()
    path = state_dir / "history"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.read_bytes()
    except OSError:
        return InMemoryHistory()
    return _KeptHistory(path)


class _KeptHistory(FileHistory):
    def store_string(self, string: str) -> None:
        with suppress(OSError):  # a full disk is no reason to stop talking
            super().store_string(string)
