"""Where things are on the screen: what waits, the input, completions, the status line."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, ConditionalAutoSuggest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, has_focus, is_done
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import History
from prompt_toolkit.key_binding.vi_state import InputMode
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
from prompt_toolkit.layout.processors import AppendAutoSuggestion, BeforeInput
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from trio_chat.habits.actions import DEFAULT_KEYS, Keymap
from trio_chat.habits.key_names import label
from trio_chat.sanitise import clean
from trio_chat.ui.complete import complete
from trio_chat.ui.state import View
from trio_chat.ui.status import Fragments, queued, status
from trio_chat.ui.switcher import Switcher
from trio_chat.ui.themes import Depth, Look, prompt_styles
from trio_chat.ui.weight import weight

INPUT_ROWS_MAX: Final = 10
MENU_ROWS_MAX: Final = 8
SUGGESTED_AFTER_CHARS: Final = 2
_PROMPT: Final = "> "
_VI_SELECTS: Final = "V "
_VI_PROMPTS: Final[Mapping[InputMode, str]] = {
    InputMode.NAVIGATION: "N ",
    InputMode.REPLACE: "R ",
    InputMode.REPLACE_SINGLE: "R ",
}
_DEPTHS: Final[Mapping[Depth, ColorDepth]] = {
    "none": ColorDepth.DEPTH_1_BIT,
    "16": ColorDepth.DEPTH_4_BIT,
    "256": ColorDepth.DEPTH_8_BIT,
    "true": ColorDepth.DEPTH_24_BIT,
}


def styles(look: Look) -> Style:
    """What the prompt and what stands around it look like."""
    return Style.from_dict(prompt_styles(look))


def depth(look: Look) -> ColorDepth:
    """As many colours in the prompt as above it."""
    return _DEPTHS[look.depth]


def build_line(
    history: History,
    accept: Callable[[str], bool],
    view: Callable[[], View],
    is_held: Callable[[int], bool],
) -> Buffer:
    """The line being typed: `accept` does what it says, and tells whether it stays."""
    line = Buffer(
        completer=CommandCompleter(view, is_held),
        history=history,
        accept_handler=lambda line: accept(line.text),
        auto_suggest=ConditionalAutoSuggest(
            AutoSuggestFromHistory(),
            Condition(lambda: len(line.text) >= SUGGESTED_AFTER_CHARS),
        ),
        tempfile_suffix=".txt",
    )
    return line


def build_layout(
    line: Buffer, switcher: Switcher, view: Callable[[], View], keys: Keymap = DEFAULT_KEYS
) -> Layout:
    """The screen for a view, with the line being typed."""
    send = label(keys["send"][0])
    search = SearchToolbar()
    typed = BufferControl(
        line,
        search_buffer_control=search.control,
        preview_search=True,
        input_processors=[AppendAutoSuggestion("class:suggestion")],
    )
    rows = HSplit(
        [
            _shown_if_any(lambda: queued(view(), _columns())),
            _shown_if_any(lambda: weight(line.text, send, _columns())),
            Window(
                typed,
                height=Dimension(min=1, max=INPUT_ROWS_MAX),
                dont_extend_height=True,
                wrap_lines=True,
                get_line_prefix=_prompt,
            ),
            search,
            CompletionsMenu(max_height=MENU_ROWS_MAX),
            _looking(switcher),
            Window(
                _text(lambda: status(view(), _columns())),
                height=1,
                style="class:status",
            ),
        ],
        align=VerticalAlign.TOP,
    )
    return Layout(ConditionalContainer(rows, filter=~is_done), focused_element=typed)


def _columns() -> int:
    """The last one stays empty: a terminal that gets narrower breaks no full row."""
    return get_app().output.get_size().columns - 1


def _looking(switcher: Switcher) -> ConditionalContainer:
    name = BufferControl(switcher.line, [BeforeInput("room: ", "class:prompt")])
    rooms = _text(lambda: switcher.fragments)
    return ConditionalContainer(
        HSplit([Window(rooms, dont_extend_height=True), Window(name, height=1)]),
        filter=has_focus(switcher.line),
    )


def _text(fragments: Callable[[], Fragments]) -> FormattedTextControl:
    """What is shown is clean: the toolkit itself takes any text."""
    return FormattedTextControl(lambda: FormattedText(fragments()))


def _shown_if_any(fragments: Callable[[], Fragments]) -> ConditionalContainer:
    return ConditionalContainer(
        Window(_text(fragments), dont_extend_height=True),
        filter=Condition(lambda: bool(fragments())),
    )


def _prompt(row: int, continued: int) -> FormattedText:
    first = row == 0 and continued == 0
    return FormattedText([("class:prompt", _sign() if first else " " * len(_PROMPT))])


def _sign() -> str:
    """The prompt; while keys are vi's commands it is a letter."""
    app = get_app()
    if app.editing_mode != EditingMode.VI:
        return _PROMPT
    if app.current_buffer.selection_state is not None:
        return _VI_SELECTS
    return _VI_PROMPTS.get(app.vi_state.input_mode, _PROMPT)


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
                display=clean(candidate.word),
                display_meta=clean(candidate.help),
            )
