"""A pseudo-terminal with a client in it, read as fast as that kind of terminal reads."""

import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from simulator.bench.echo.plan import Screen
from simulator.bench.echo.stream import ANSWER, Seen
from simulator.environment import child_environment
from simulator.errors import ServerError
from trio_chat.addresses import Address

if sys.platform != "win32":
    import fcntl
    import pty
    import termios

COLUMNS: Final = 100
ROWS: Final = 30
CLIENT: Final = (sys.executable, "-m", "trio_chat")
_TICK_S: Final = 0.002
"""A slow terminal takes what it takes in portions of this."""
_READ_BYTES: Final = 64 * 1024
_HOMES: Final = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")

clock_s: Final = time.perf_counter


class Terminal:
    """One terminal; get one from open_terminal()."""

    def __init__(self, screen: Screen, ours: int, process: "subprocess.Popen[bytes]"):
        self.seen = Seen()
        self.pid = process.pid
        self.tail = b""
        """The last that came out of it."""
        self._screen = screen
        self._ours = ours
        self._process = process
        self._taken_s = clock_s()

    def keys(self, text: str) -> None:
        """Type."""
        os.write(self._ours, text.encode())

    def watch_until_quiet(self, quiet_s: float, until_s: float) -> None:
        """Read until nothing came for so long, but no longer than until then.

        Raises: ServerError: the client has ended.
        """
        before = -1
        while before != self.seen.read_bytes and clock_s() < until_s:
            before = self.seen.read_bytes
            self.watch(clock_s() + quiet_s)

    def watch(self, until_s: float) -> None:
        """Read as this terminal does, until then.

        Raises: ServerError: the client has ended.
        """
        while (now_s := clock_s()) < until_s:
            rate = self._screen.bytes_per_s
            if rate is None:
                self._read(_READ_BYTES, until_s - now_s)
                continue
            # What was not taken while nothing was there is not taken later.
            self._taken_s = max(self._taken_s, now_s - _TICK_S)
            time.sleep(max(0.0, min(until_s, self._taken_s + _TICK_S) - now_s))
            budget = int((clock_s() - self._taken_s) * rate)
            if budget:
                self._taken_s += budget / rate
                self._read(budget, 0)

    def _read(self, bytes_max: int, patience_s: float) -> None:
        if not select.select([self._ours], [], [], patience_s)[0]:
            return
        try:
            data = os.read(self._ours, bytes_max)
        except OSError:
            words = self.tail.decode(errors="replace")
            raise ServerError(f"the client has ended by itself:\n{words}") from None
        self.tail = (self.tail + data)[-_READ_BYTES:]
        questions = self.seen.feed(data, clock_s())
        if questions and self._screen.answers:
            os.write(self._ours, questions * ANSWER)


@contextmanager
def open_terminal(screen: Screen, address: Address) -> Iterator[Terminal]:
    """A client that was just started; none runs after the block."""
    ours, theirs = pty.openpty()
    size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = {
            **child_environment(),
            **dict.fromkeys(_HOMES, home),
            "TERM": "xterm-256color",
        }
        process = subprocess.Popen(
            [*CLIENT, "join", str(address), "--nick", "ada"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=Path(home),
            env=environment,
        )
        os.close(theirs)
        try:
            yield Terminal(screen, ours, process)
        finally:
            process.kill()
            process.wait()
            os.close(ours)
