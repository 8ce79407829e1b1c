"""A terminal that breaks its rows anew when it gets narrower: tmux, where there is one."""

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import CLI, PATIENCE_S, environment

TMUX = shutil.which("tmux")
NOBODY_THERE = "127.0.0.1:1"
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(TMUX is None, reason="there is no tmux here"),
]


class Tmux:
    """One window of a tmux of its own."""

    def __init__(self, home: Path) -> None:
        self._socket = home / "tmux"
        self._environment = {
            **environment(home),
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        }

    def __call__(self, *arguments: str) -> str:
        command = [str(TMUX), "-u", "-S", str(self._socket), "-f", "/dev/null", *arguments]
        done = subprocess.run(
            command,
            env=self._environment,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout

    def begin(self, columns: int, rows: int) -> None:
        """Open a window with a client in it."""
        client = shlex.join([*CLI, "join", NOBODY_THERE, "--nick", "ada"])
        self("new-session", "-d", "-x", str(columns), "-y", str(rows), client)
        self.until("^offline")

    @property
    def rows(self) -> list[str]:
        """What is on the screen, and what has scrolled out of it."""
        return self("capture-pane", "-p", "-S", "-500").rstrip().split("\n")

    def until(self, pattern: str) -> None:
        """Go on until the last row matches."""
        end_s = time.monotonic() + PATIENCE_S
        while not re.search(pattern, "\n".join(self.rows), re.MULTILINE):
            assert time.monotonic() < end_s, "\n".join([f"no {pattern} in", *self.rows])


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    """A tmux that does not outlive the test."""
    terminal = Tmux(tmp_path)
    try:
        yield terminal
    finally:
        terminal("kill-server")


def test_a_resize_leaves_nothing_behind(tmux: Tmux) -> None:
    tmux.begin(80, 24)
    tmux("send-keys", "/help", "Enter")
    tmux.until("Ctrl-Z .*\n>$")  # all rows are in use
    for number, text in enumerate(("one", "two", "three"), 1):
        tmux("send-keys", text, "Enter")
        tmux.until(f"{number} queued")
    typed = ""
    for columns in (40, 80, 50, 120, 60, 40, 100, 80):
        tmux("resize-window", "-x", str(columns), "-y", "10" if columns < 60 else "24")
        tmux("send-keys", "x")
        typed += "x"
        tmux.until(f"^> {typed}$\n^offline")
        for row in ("\u2026 one", "\u2026 two", "\u2026 three", f"> {typed}"):
            assert tmux.rows.count(row) == 1
    assert sum(row.startswith(">") for row in tmux.rows) == 1
    assert sum(row.startswith("offline") for row in tmux.rows) == 1


def test_a_line_that_was_wrapped_stays_behind_its_author(tmux: Tmux) -> None:
    tmux.begin(40, 10)
    tmux("send-keys", "/help", "Enter")
    tmux.until("Ctrl-C")
    for row in tmux.rows:
        assert re.match(r"\d\d:\d\d |      |>|offline|$", row), row
