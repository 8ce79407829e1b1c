"""Plain mode at a terminal, with real processes: one line after the other, and commands."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import CLI, PATIENCE_S, environment, server
from tests.test_cli import entries_in, free_port

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform == "win32", reason="a terminal of Unix"),
]


class Talk:
    """A client at a terminal, which only ever gets lines."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self.seen = b""

    def type(self, line: str) -> None:
        os.write(self._terminal, line.encode() + b"\n")

    def until(self, text: str) -> None:
        while text.encode() not in self.seen:
            self.seen += os.read(self._terminal, 4096)

    def end(self) -> int:
        os.write(self._terminal, b"\x04")  # Ctrl-D
        return self.process.wait(PATIENCE_S)


@contextmanager
def talk(home: Path, *arguments: str) -> Iterator[Talk]:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*CLI, "join", "--plain", "--nick", "ada", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment(home) | {"TERM": "dumb"},
    ) as process:
        os.close(theirs)
        try:
            yield Talk(process, ours)
        finally:
            process.kill()
            os.close(ours)


def test_at_a_terminal_it_knows_commands_and_moves_no_cursor(tmp_path: Path) -> None:
    data = tmp_path / "chat.db"
    with server(tmp_path, "--data", str(data)) as running:
        with talk(tmp_path, running.address) as ada:
            ada.until("connected to")
            ada.type("hello")
            ada.type("/unread")
            ada.until("nothing is unread")
            ada.type("/nosuch")
            ada.until("there is no /nosuch")
            assert ada.end() == 0
        assert b"\x1b" not in ada.seen
        assert ada.seen.count(b"hello") == 1  # as the terminal shows what is typed
    assert entries_in(data) == [(1, "hello")]


def test_what_was_not_sent_waits_and_is_75(tmp_path: Path) -> None:
    with talk(tmp_path, f"127.0.0.1:{free_port()}") as ada:
        ada.until("no link: connection refused")
        ada.type("hello")
        ada.until("1 line waits for the link")
        assert ada.end() == 75
        assert ada.process.stderr is not None
        assert b"1 line was not accepted yet" in ada.process.stderr.read()
