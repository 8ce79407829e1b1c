"""The prompt that never ends, and printing above it: all that the toolkit's inside is for.

Printing with the toolkit's own means hands the keyboard back to the terminal for a moment,
and keys that are hit in it land in the middle of a message. Here the prompt is erased, the
text written and the prompt drawn again in one go, and the keyboard is never let go. For
that a few private names are used; tests/ui/test_canary.py knows each of them.
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from itertools import zip_longest
from typing import Final

from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.layout import Layout
from prompt_toolkit.layout.screen import Screen as Cells
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import BaseStyle

from trio_chat.sanitise import Drawn
from trio_chat.ui.answers import QUESTION

ESCAPE_KEY_S: Final = 0.05
"""How long a lone Esc waits for more; the toolkit's half second is felt by Alt's users."""
STOPPED: Final = getattr(signal, "SIGTSTP", None)
"""What stops a program that may do something before; None: this system has no such."""
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # one frame, for terminals that know frames


class Screen(Application[None]):
    """The input and what stands around it, at the lower end of what was printed."""

    def __init__(
        self,
        layout: Layout,
        style: tuple[BaseStyle, ColorDepth],
        terminal: tuple[Input, Output],
        editing: str = "emacs",
    ) -> None:
        super().__init__(
            layout=layout,
            style=style[0],
            color_depth=style[1],
            input=terminal[0],
            output=terminal[1],
            editing_mode=EditingMode.VI if editing == "vi" else EditingMode.EMACS,
            erase_when_done=True,
            # Only Windows does not tell of another size.
            terminal_size_polling_interval=0.5 if sys.platform == "win32" else None,
        )
        self.ttimeoutlen = ESCAPE_KEY_S
        self._widest: list[int] = []  # each row, since all was erased
        self.after_render += lambda _: self._repaint_what_got_shorter()

    async def show(self) -> None:
        """Be there until exit() is called.

        Raises: EOFError: the terminal is gone.
        Cancel: erases the prompt, and gives the terminal back as it was found.
        """
        try:
            await self.run_async(set_exception_handler=False)
        finally:
            # Also where drawing itself has failed, half way.
            self.output.reset_attributes()
            self.output.enable_autowrap()
            self.output.show_cursor()
            self.output.flush()

    def print_above(self, text: Drawn, ask: bool = False) -> bool:
        """Print whole lines above the prompt; False: not now, it is not there.

        Shape:  `text` ends with a line end. With `ask` the terminal answers when it has
                taken all of it; see ui/answers.py.
        """
        if not self._is_there:
            return False
        self._in_one_go(lambda: self.output.write_raw(text), QUESTION if ask else "")
        return True

    def signal(self, text: Drawn) -> bool:
        """Send the terminal what changes nothing on it; False: somebody else has it."""
        if not self._is_there:
            return False
        self.output.write_raw(text)
        self.output.flush()
        return True

    def hold_keys(self) -> None:
        """Let what is typed wait, in its order, until let_keys_go()."""
        self.key_processor.input_queue = _Held(self.key_processor.input_queue)

    @property
    def keys_wait(self) -> bool:
        """Whether something was typed since hold_keys()."""
        return len(self.key_processor.input_queue) > 0

    def let_keys_go(self) -> None:
        """Do what was typed meanwhile."""
        self.key_processor.input_queue = deque(self.key_processor.input_queue)
        if self.is_running:
            self._in_its_context(self.key_processor.process_keys)

    def edit(self, line: Buffer) -> None:
        """Go on with the line in $EDITOR; it is not sent by that."""
        if self._is_there:
            line.open_in_editor()

    def leave(self) -> None:
        """End show(), if it has not ended."""
        if self.is_running and not self.is_done:
            self.exit()

    def feed_keys(self) -> None:
        """Do what was typed, as far as it is known."""
        self._in_its_context(self._feed_keys)

    def suspend_to_background(self, suspend_group: bool = True) -> None:
        """Ask for what stop() does, as whoever else would stop this program."""
        if STOPPED is not None:
            os.kill(0 if suspend_group else os.getpid(), STOPPED)

    def stop(self) -> None:
        """Give the terminal back, and stop until somebody lets this program go on."""
        if self._is_there:
            self._in_its_context(_stop_in_terminal)
        else:
            _stop_here()

    def come_back(self) -> None:
        """Take the terminal again: whoever stopped this program has changed it."""
        if self._is_there:
            self.input.raw_mode().__enter__()
            self.renderer._bracketed_paste_enabled = False
            self._on_resize()

    @property
    def _is_there(self) -> bool:
        return self.is_running and not self._running_in_terminal

    def _feed_keys(self) -> None:
        self.key_processor.feed_multiple(self.input.flush_keys())
        self.key_processor.process_keys()

    def _in_its_context(self, function: Callable[[], None]) -> None:
        if self.context is not None:
            self.context.copy().run(function)

    def _on_resize(self) -> None:
        if self._is_there:
            self._in_one_go(lambda: None)

    def _redraw(self, render_as_done: bool = False) -> None:
        # The terminal may have another size already, and we be told of it in a moment.
        last = self.renderer._last_size
        if self._is_there and last not in (None, self.output.get_size()):
            self._on_resize()
        super()._redraw(render_as_done)

    def _in_one_go(self, write: Callable[[], None], then: str = "") -> None:
        self.output.write_raw(_BEGIN)
        self._erase()
        write()
        self._redraw()  # flushes: up to here it is one write
        self.output.write_raw(_END + then)
        self.output.flush()

    def _repaint_what_got_shorter(self) -> None:
        # A terminal may take cells that were written and erased for a part of their row,
        # and break it there when it gets narrower. Only erasing all makes it forget them.
        drawn = self.renderer._last_screen
        if drawn is None or self.is_done:
            return
        widths = row_widths(drawn, self.renderer._cursor_pos.y)
        if any(was > now for was, now in zip(self._widest, widths, strict=False)):
            self._on_resize()
        else:
            all_widths = row_widths(drawn, drawn.height)
            pairs = zip_longest(self._widest, all_widths, fillvalue=0)
            self._widest = [max(pair) for pair in pairs]

    def _erase(self) -> None:
        """Go back to where the prompt began, and leave nothing below."""
        renderer, output = self.renderer, self.output
        columns = output.get_size().columns
        output.write_raw("\r")
        output.cursor_up(rows_above(renderer._last_screen, renderer._cursor_pos, columns))
        # The blank: tmux takes an erasing from the very first cell on for a `clear`, and
        # keeps what was there in its scrollback.
        output.write_raw(" ")
        output.erase_down()
        output.write_raw("\r")
        output.reset_attributes()
        output.enable_autowrap()
        renderer._cursor_pos = Point(x=0, y=0)
        renderer._last_screen = renderer._last_size = renderer._last_style = None
        self._widest = []


def _stop_in_terminal() -> None:
    run_in_terminal(_stop_here)


def _stop_here() -> None:
    # Not SIGSTOP: where nobody could let us go on, the system stops nobody.
    assert STOPPED is not None
    ours = signal.signal(STOPPED, signal.SIG_DFL)
    os.kill(os.getpid(), STOPPED)
    signal.signal(STOPPED, ours)


class _Held(deque[KeyPress]):
    """Keys that were typed, for a toolkit that is told that there are none."""

    def __bool__(self) -> bool:
        return False


def rows_above(drawn: Cells | None, cursor: Point, columns: int) -> int:
    """How many rows the cursor is below the first one of what was drawn.

    Shape:  a terminal that got narrower has broken the rows that do not fit any more.
    """
    if drawn is None:
        return cursor.y
    widths = row_widths(drawn, cursor.y)
    above = sum(1 + max(0, width - 1) // columns for width in widths)
    return above + cursor.x // columns


def row_widths(drawn: Cells, rows: int) -> list[int]:
    """How many cells of each of the first rows were drawn."""
    return [
        max(
            (x + 1 for x, cell in drawn.data_buffer[y].items() if cell.char.strip()),
            default=0,
        )
        for y in range(rows)
    ]
