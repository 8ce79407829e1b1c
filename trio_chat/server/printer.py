"""Prints lines from a thread of its own, so that whoever has something to say never waits.

The thread takes all that waits into one write, and then rests for a moment: a server to
which thousands come at once has thousands of lines, and a thread that is woken for each of
them takes turns with it all the time. A line that comes alone is printed at once.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

from trio_chat.sanitise import Drawn

_REST_S: Final = 0.02
_STOP_S: Final = 1.0


class Printer:
    """Takes lines, as a logger of structlog does; the writing is done by its thread.

    Shape:  of `lines_max` that wait, or are being written, none more is taken; the next one
            that is comes after what `skipped` says of so many.
    """

    def __init__(
        self, out: TextIO, lines_max: int, skipped: Callable[[int], Drawn]
    ) -> None:
        self._out = out
        self._lines_max = lines_max
        self._say_skipped = skipped
        self._lines: deque[Drawn] = deque()
        self._in_hand = 0
        self._skipped = 0
        self._work = threading.Event()
        self._stopping = threading.Event()
        # Nobody waits for it for ever: a terminal may be stopped.
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._thread.start()

    def msg(self, line: Drawn) -> None:
        """Have this line printed."""
        if len(self._lines) + self._in_hand >= self._lines_max:
            self._skipped += 1
            return
        if self._skipped:
            self._lines.append(self._say_skipped(self._skipped))
            self._skipped = 0
        self._lines.append(line)
        if not self._work.is_set():
            self._work.set()

    debug = info = warning = error = critical = exception = msg

    def stop(self) -> None:
        """Print what waits, as far as somebody takes it within a second."""
        self._stopping.set()
        self._work.set()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        while not (self._stopping.is_set() and not self._lines):
            self._work.wait()
            # Before they are taken: one that comes after this is seen in the next turn.
            self._work.clear()
            self._write()
            self._stopping.wait(_REST_S)

    def _write(self) -> None:
        self._in_hand = len(self._lines)
        text = "".join(f"{self._lines.popleft()}\n" for _ in range(self._in_hand))
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            pass  # whoever read the console has gone, and the server serves on
        self._in_hand = 0
