"""Real server and client processes, for the tests that need them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 30.0
"""No test takes this long; it only bounds a hang."""

CLI = [sys.executable, "-m", "trio_chat"]


def environment(home: Path) -> dict[str, str]:
    """The environment, with nothing of this machine's settings and a home of its own."""
    kept = {key: value for key, value in os.environ.items() if "TRIO_CHAT" not in key}
    names = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    return {**kept, "PYTHONUNBUFFERED": "1", **dict.fromkeys(names, str(home))}


class Server:
    """A server process that listens."""

    def __init__(self, process: "subprocess.Popen[str]", address: str) -> None:
        self.process = process
        self.address = address

    def line(self) -> str:
        """The next line of its console."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def line_with(self, text: str) -> str:
        """The next line of its console that holds `text`."""
        while text not in (line := self.line()):
            assert line, f"the server ended before it said {text!r}"
        return line

    def stop(self, signal_: int = signal.SIGTERM) -> int:
        """Signal it and wait; its exit code."""
        self.process.send_signal(signal_)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait(PATIENCE_S)


@contextmanager
def server(home: Path, *flags: str, address: str = "127.0.0.1:0") -> Iterator[Server]:
    """A server that listens, and does not outlive the block."""
    host, _, port = address.rpartition(":")
    process = subprocess.Popen(
        [*CLI, "serve", "--host", host.strip("[]"), "--port", port, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=environment(home),
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("listening on "), first
        yield Server(process, first.split()[-1])
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        assert process.stdout is not None
        process.stdout.close()


def run(
    home: Path, *arguments: str, stdin: str | bytes = "", **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end."""
    done = subprocess.run(
        [*CLI, *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=PATIENCE_S,
        env={**environment(home), **variables},
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@contextmanager
def plain(home: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A plain client with pipes on all sides, that does not outlive the block."""
    process = subprocess.Popen(
        [*CLI, "join", "--plain", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(home),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def block_outbox(home: Path, nick: str, address: str) -> None:
    """Put something in the place of this nick's outbox that can't be one."""
    with plain(home, "--nick", nick, address) as client:
        assert client.stderr is not None
        client.stderr.readline()  # "connecting": the outbox is open before that
    (file,) = home.rglob("outbox-*.db")
    file.unlink()
    file.mkdir()
