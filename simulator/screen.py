"""The one place where text leaves the simulator."""

import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TextIO

import trio

from simulator.report import COLOURS, PLAIN, Palette

_TICK_S: Final = 0.1
_OCCASIONALLY_S: Final = 5.0


class Screen:
    """A terminal with a line that changes, or whatever else takes lines."""

    def __init__(self, out: TextIO, environment: Mapping[str, str]) -> None:
        self._out = out
        self._terminal = out.isatty()
        self.palette: Palette = (
            COLOURS if self._terminal and _has_colours(environment) else PLAIN
        )
        """Colours, where they are welcome."""
        self._line_chars = 0
        self._told_s = time.monotonic()

    def show(self, lines: Iterable[str]) -> None:
        """Write lines that stay."""
        self._clear()
        self._out.write("".join(f"{line}\n" for line in lines))
        self._out.flush()

    def progress(self, line: str) -> None:
        """Say how far it is, if that was not said just now.

        Shape:  as open_progress(); the line is taken back by the next one that stays.
        """
        now_s = time.monotonic()
        if now_s - self._told_s < (_TICK_S if self._terminal else _OCCASIONALLY_S):
            return
        self._told_s = now_s
        self._tell(line)

    @asynccontextmanager
    async def open_progress(self, line: Callable[[], str]) -> AsyncIterator[None]:
        """While the block runs, say how far it is.

        Shape:  on a terminal one line, updated in place and gone at the end; elsewhere a
                line now and then.
        Cancel: atomic.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_telling, line)
            try:
                yield
            finally:
                nursery.cancel_scope.cancel()
                self._clear()

    async def _keep_telling(self, line: Callable[[], str]) -> None:
        while True:
            await trio.sleep(_TICK_S if self._terminal else _OCCASIONALLY_S)
            self._tell(line())

    def _tell(self, line: str) -> None:
        if self._terminal:
            self._update(line)
        else:
            self.show([f"… {line}"])

    def _update(self, line: str) -> None:
        # A line that wraps could not be taken back.
        line = line[: shutil.get_terminal_size().columns - 1]
        self._out.write("\r" + line.ljust(self._line_chars))
        self._out.flush()
        self._line_chars = len(line)

    def _clear(self) -> None:
        if self._line_chars:
            self._out.write("\r" + " " * self._line_chars + "\r")
            self._out.flush()
            self._line_chars = 0


def open_screen() -> Screen:
    """Standard output, whatever it is; a character that it can't show does not end us."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    return Screen(sys.stdout, os.environ)


def _has_colours(environment: Mapping[str, str]) -> bool:
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return os.name == "posix" or "WT_SESSION" in environment
