"""Real clients in real terminals, with a real server."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.processes import CLI, PATIENCE_S, block_outbox, environment, server
from tests.test_cli import entries_in, free_port

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

import pty
import termios

pytestmark = pytest.mark.processes
COLUMNS, ROWS = 80, 24
WITHIN_A_FRAME = {2026 << 5}


class Terminal:
    """A terminal with a program in it."""

    def __init__(self, home: Path, *command: str) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, self._theirs = pty.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, size)
        self.process = subprocess.Popen(
            command,
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            env={**environment(home), "TERM": "xterm-256color"},
            process_group=0,  # one that could be stopped by its shell
        )

    @property
    def settings(self) -> list[Any]:
        """What `stty -a` shows."""
        return termios.tcgetattr(self._theirs)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip()

    def keys(self, text: str) -> None:
        """Type."""
        os.write(self._ours, text.encode())

    def until_seen(self, *texts: str) -> None:
        """Go on until one of the texts is on the screen."""
        while not any(text in self.text for text in texts):
            assert self._read(PATIENCE_S), f"{texts} is not in:\n{self.text}"

    def until_ended(self) -> int:
        """Go on until the program has ended; its exit code."""
        code = self.process.wait(PATIENCE_S)
        while self._read(0):
            pass
        return code

    def close(self) -> None:
        """Switch it off."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        os.close(self._ours)
        os.close(self._theirs)

    def _read(self, patience_s: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], patience_s)
        if ready:
            self._stream.feed(os.read(self._ours, 65_536))
        return bool(ready)


@contextmanager
def joined(home: Path, address: str, nick: str) -> Iterator[Terminal]:
    """A client that has drawn its prompt."""
    terminal = Terminal(home, *CLI, "join", address, "--nick", nick)
    try:
        terminal.until_seen("#lobby")
        yield terminal
    finally:
        terminal.close()


NOBODY_THERE = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("ending", "exit_code"),
    [
        ("\x04", 0),
        ("/quit\r", 0),
        ("\x03", 0),
        ("half\x03\x03", 0),
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGHUP, 128 + signal.SIGHUP),
    ],
)
def test_the_terminal_is_given_back_as_it_was_found(
    tmp_path: Path, ending: str | int, exit_code: int
) -> None:
    with joined(tmp_path, NOBODY_THERE, "ada") as ada:
        if isinstance(ending, str):
            ada.keys(ending)
        else:
            ada.process.send_signal(ending)
        assert ada.until_ended() == exit_code
        assert ada.screen.mode == pyte.Screen(COLUMNS, ROWS).mode
        assert "#lobby" not in ada.text  # the prompt is gone
        assert ada.settings[:4] == untouched_settings()


def untouched_settings() -> list[Any]:
    """Those of a terminal in which nothing has run."""
    ours, theirs = pty.openpty()
    try:
        return termios.tcgetattr(theirs)[:4]
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_bug_gives_the_terminal_back_and_shows_where_it_is(tmp_path: Path) -> None:
    program = (
        "from trio_chat.addresses import Address\n"
        "from trio_chat.ui import app\n"
        "def planted(self): raise ZeroDivisionError('planted')\n"
        "app.Chat._quit = planted\n"
        "app.run(Address('127.0.0.1', 1), nick='ada', room='lobby')\n"
    )
    terminal = Terminal(tmp_path, sys.executable, "-c", program)
    try:
        terminal.until_seen("#lobby")
        terminal.keys("\x04")
        assert terminal.until_ended() == 1
        assert terminal.screen.mode == pyte.Screen(COLUMNS, ROWS).mode
        assert "ZeroDivisionError: planted" in terminal.text
        assert terminal.settings[:4] == untouched_settings()
    finally:
        terminal.close()


def test_who_is_stopped_gives_the_terminal_back_and_takes_it_again(tmp_path: Path) -> None:
    with joined(tmp_path, NOBODY_THERE, "ada") as ada:
        ada.keys("half")
        ada.until_seen("> half")
        ours = ada.screen.mode - WITHIN_A_FRAME
        ada.process.send_signal(signal.SIGTSTP)
        os.waitid(os.P_PID, ada.process.pid, os.WSTOPPED | os.WEXITED)
        while ada._read(0):
            pass
        assert ada.screen.mode == pyte.Screen(COLUMNS, ROWS).mode
        assert "half" not in ada.text
        assert ada.settings[3] == untouched_settings()[3]  # it echoes, and so on
        ada.process.send_signal(signal.SIGCONT)
        ada.until_seen("> half")
        ada.keys(" a line")
        ada.until_seen("> half a line")
        assert ada.screen.mode - WITHIN_A_FRAME == ours


def test_lines_that_never_found_a_server_are_named_at_the_end(tmp_path: Path) -> None:
    with joined(tmp_path, NOBODY_THERE, "ada") as ada:
        ada.keys("hello?\r")
        ada.until_seen("1 queued")
        ada.keys("/quit\r")
        assert ada.until_ended() == 0
        assert "1 line was not accepted by the server yet; " in ada.text
        assert ada.text.endswith("\n#lobby: hello?")


def test_what_was_typed_survives_a_kill_and_is_said_once_and_in_its_order(
    tmp_path: Path,
) -> None:
    address = f"127.0.0.1:{free_port()}"
    data = tmp_path / "chat.db"
    with joined(tmp_path, address, "ada") as ada:
        ada.keys("one\rtwo\r")
        ada.until_seen("2 queued")
        ada.process.kill()
    with joined(tmp_path, address, "ada") as ada:
        ada.until_seen("2 lines from before wait to be sent to #lobby")
        ada.keys("oops\rthree\r/cancel 3\r")
        ada.until_seen("taken back; Up brings it to the input: oops")
        ada.keys("/outbox\r")
        ada.until_seen("4  queued  #lobby")
        ada.process.kill()
    with joined(tmp_path, address, "ada") as ada:
        ada.keys("four\r")
        ada.until_seen("4 queued")
        with server(tmp_path, "--data", str(data), address=address):
            ada.until_seen("<ada> four")
            ada.keys("\x04")
            assert ada.until_ended() == 0
            assert "not accepted" not in ada.text
    assert [text for _, text in entries_in(data)] == ["one", "two", "three", "four"]


def test_two_clients_of_one_nick_have_an_outbox_each(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    data = tmp_path / "chat.db"
    with joined(tmp_path, address, "ada") as one, joined(tmp_path, address, "ada") as other:
        one.keys("one\r")
        other.keys("other\r")
        one.until_seen("1 queued")
        other.until_seen("1 queued")
        one.process.kill()
        other.process.kill()
    with joined(tmp_path, address, "ada") as one, joined(tmp_path, address, "ada") as other:
        one.until_seen("1 line from before waits to be sent to #lobby")
        other.until_seen("1 line from before waits to be sent to #lobby")
        with server(tmp_path, "--data", str(data), address=address):
            # One of them gets the name. When it goes the other does, at its next try.
            one.until_seen("online", "is taken")
            first, then = (one, other) if "online" in one.text else (other, one)
            first.until_seen("<ada> ")
            first.keys("/quit\r")
            assert first.until_ended() == 0
            then.until_seen("online")
            then.keys("/quit\r")
            assert then.until_ended() == 0
    assert sorted(text for _, text in entries_in(data)) == ["one", "other"]


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    block_outbox(tmp_path, "ada", NOBODY_THERE)
    with joined(tmp_path, NOBODY_THERE, "ada") as ada:
        ada.until_seen("What you type is sent all the same, but is lost")
        ada.keys("hello?\r")
        ada.until_seen("1 queued")
        ada.keys("/quit\r")
        assert ada.until_ended() == 0
        assert ada.text.endswith("1 line was not accepted by the server:\n#lobby: hello?")


def test_a_half_typed_line_survives_the_servers_death_and_return(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "chat.db"))
    with server(tmp_path, *data) as first, joined(tmp_path, first.address, "ada") as ada:
        ada.until_seen("online")
        with joined(tmp_path, first.address, "bob") as bob:
            bob.until_seen("online")
            ada.keys("half a li")
            bob.keys("hello ada\r")
            ada.until_seen("<bob> hello ada")
            ada.until_seen("> half a li")
            first.kill()
            bob.until_seen("offline")
            bob.keys("said meanwhile\r")
            bob.until_seen("1 queued")
            with server(tmp_path, *data, address=first.address):
                bob.until_seen("<bob> said meanwhile")
                ada.until_seen("<bob> said meanwhile")
                ada.until_seen("> half a li")
                ada.keys("ne\r")
                bob.until_seen("<ada> half a line")
                assert ada.text.count("hello ada") == 1
