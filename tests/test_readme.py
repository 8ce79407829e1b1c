"""The README's commands and its bot, run as they stand there."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.processes import PATIENCE_S, environment, plain, run, server

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEFAULT = "127.0.0.1:8765"

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="shell lines for Unix")
pytestmark = [pytest.mark.processes, unix_only]

SERVE = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/python -m trio_chat serve"  # noqa: E501
TESTS = "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox"
JOIN = ".venv/bin/python -m trio_chat join"
CROWD = f".venv/bin/python -m simulator crowd {DEFAULT} --bots 5"
PIPE = "uptime | .venv/bin/python -m trio_chat join --plain --history 0 --nick status"
LOGGER = (
    ".venv/bin/python -m trio_chat join --plain --json --listen --nick logger </dev/null"
)
BACKUP = ".venv/bin/python -m trio_chat backup team.db team-monday.db"
VERIFY = ".venv/bin/python -m trio_chat verify team-monday.db"
SMOKE = ".venv/bin/python -m simulator run smoke"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def here(command: str, address: str) -> str:
    """The command for this Python, this server and no installation."""
    command = command.replace("uptime", "echo up 3 days")
    command = command.replace(".venv/bin/python", sys.executable).replace(DEFAULT, address)
    return command.replace("--plain", f"--plain {address}")


@contextmanager
def shell(command: str, home: Path, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """The command in a process group of its own, which does not outlive the block."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment(home), **variables},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)


def test_every_command_is_run_by_a_test_or_by_ci() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if line]
    assert sorted(commands) == sorted(
        [SERVE, TESTS, JOIN, CROWD, PIPE, LOGGER, BACKUP, VERIFY, SMOKE]
    )


def test_each_picture_is_there_and_is_shown() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {
        (page.parent / name).resolve()
        for page in pages
        for name in re.findall(r"!\[[^]]+\]\((\S+)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == {*(ROOT / "docs").resolve().glob("*.svg")}


def test_ci_runs_both_lines_out_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for name, line in (("serve line", SERVE), ("test line", TESTS)):
        assert f"line_after '{name}'" in script.replace('"', "'")
        assert f"<!-- {name} -->\n```sh\n{line}\n```" in README


def test_the_smoke_suite_is_part_of_plain_nox() -> None:
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    (sessions,) = re.findall(r"^nox\.options\.sessions = (.*)$", noxfile, re.MULTILINE)
    (suites,) = re.findall(r"^SUITES = \{(.*?)^\}", noxfile, re.MULTILINE | re.DOTALL)
    assert '"sim"' in sessions
    assert '"smoke"' in suites
    assert SMOKE.endswith("simulator run smoke")


def test_the_server_line_gives_a_server_that_one_can_join(tmp_path: Path) -> None:
    command = here(SERVE.rpartition("&& ")[2], "")
    with shell(command, tmp_path, TRIO_CHAT_PORT="0") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("listening on 127.0.0.1:")
        done = run(tmp_path, "join", "--plain", first.split()[-1], stdin="hi\n")
        assert done.returncode == 0


def test_a_pipe_into_plain_mode_says_its_lines(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        shell(here(PIPE, running.address), tmp_path) as process,
    ):
        assert process.wait(PATIENCE_S) == 0
        assert process.stdout is not None
        assert "#lobby <status> up 3 days" in process.stdout.read()


def test_a_copy_is_made_and_verified(tmp_path: Path) -> None:
    data = tmp_path / "team.db"
    with server(tmp_path, "--data", str(data)) as running:
        run(tmp_path, "join", "--plain", running.address, stdin="hi\n")
        for line in (BACKUP, VERIFY):
            command = here(line, "").replace("team", str(tmp_path / "team"))
            with shell(command, tmp_path) as process:
                assert process.wait(PATIENCE_S) == 0


def test_a_listening_plain_client_stays(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        shell(here(LOGGER, running.address), tmp_path) as process,
    ):
        running.line_with("logger joined")
        run(tmp_path, "join", "--plain", "--nick", "x", running.address, stdin="hi\n")
        assert process.stdout is not None
        assert any('"text": "hi"' in line for line in process.stdout)
        assert process.poll() is None


def test_the_crowd_chats(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        plain(tmp_path, "--listen", "--nick", "ear", running.address) as ear,
        shell("exec " + here(CROWD, running.address), tmp_path) as crowd,
    ):
        assert ear.stdout is not None
        assert "#lobby <" in ear.stdout.readline()
        crowd.send_signal(signal.SIGINT)
        assert crowd.wait(PATIENCE_S) == 130


def test_the_bot_answers(tmp_path: Path) -> None:
    bot, _ = blocks("python")
    script = tmp_path / "bot.py"
    with server(tmp_path, "--data", ":memory:") as running:
        script.write_text(bot.replace(DEFAULT, running.address), encoding="utf-8")
        with (
            shell(f"exec {sys.executable} {script}", tmp_path, PYTHONPATH=str(ROOT)),
            plain(tmp_path, "--nick", "ada", running.address) as ada,
        ):
            running.line_with("echo joined")
            assert ada.stdin is not None
            ada.stdin.write("echo hello there\n")
            ada.stdin.flush()
            assert ada.stdout is not None
            assert ada.stdout.readline().endswith("#lobby <ada> echo hello there\n")
            assert ada.stdout.readline().endswith("#lobby <echo> hello there\n")


def test_the_simulators_example_ends_as_it_is_told() -> None:
    """At the same seed on every machine: that is what it is an example of."""
    _, example = blocks("python")
    assert "trio_chat" not in example
    assert sum(bool(line) for line in example.splitlines()) <= 20
    assert "It ends at seed 2," in README
    module: dict[str, Any] = {}
    with pytest.raises(AssertionError) as failed:
        exec(compile(example, "README.md", "exec"), module)  # noqa: S102
    assert module["seed"] == 2
    assert "seed 2," in "".join(failed.value.__notes__)


def test_joining_in_a_terminal_works_and_gives_it_back(tmp_path: Path) -> None:
    import pty  # noqa: PLC0415 (there is none on Windows)
    import termios  # noqa: PLC0415

    with server(tmp_path, "--data", ":memory:") as running:
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        process = subprocess.Popen(
            [*here(JOIN, "").split(), running.address, "--nick", "ada"],
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment(tmp_path), "TERM": "xterm-256color"},
        )
        try:
            running.line_with("ada joined")
            os.write(master, b"hello from a terminal\r")
            _read_until(master, b"<ada> hello from a terminal")
            os.write(master, b"\x04")  # Ctrl-D
            assert process.wait(PATIENCE_S) == 0
            assert termios.tcgetattr(slave) == before
        finally:
            process.kill()
            process.wait(PATIENCE_S)
            os.close(master)
            os.close(slave)


def _read_until(terminal: int, text: bytes) -> None:
    seen = b""
    end = time.monotonic() + PATIENCE_S
    while text not in re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", seen):
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, f"never saw {text!r} in {seen!r}"
        seen += os.read(terminal, 65_536)
