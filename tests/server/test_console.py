"""What the person who runs a server reads."""

import io
import json
import re
import threading
from unittest.mock import ANY

import pytest

from trio_chat.server.console import LINES_WAITING_MAX, SENTENCES, open_console


def lines_of(log_format: str, *, verbose: bool = False) -> list[str]:
    out = io.StringIO()
    with open_console(log_format, verbose=verbose, out=out) as log:  # type: ignore[arg-type]
        log.info("connected", nick="alice", address="127.0.0.1:51234")
        log.debug("left", nick="alice", room="lobby", members=2)
        log.info("disconnected", nick="alice", reason="peer went away")
        log.info("an event of tomorrow", colour="red")
    return out.getvalue().splitlines()


def test_the_console_speaks_in_sentences() -> None:
    assert lines_of("console") == [
        "[+] alice connected from 127.0.0.1:51234",
        "[-] alice disconnected (peer went away)",
        "[*] an event of tomorrow colour=red",
    ]


def test_a_verbose_console_says_more() -> None:
    assert "[#] alice left #lobby (2 here)" in lines_of("console", verbose=True)


def test_json_lines_carry_event_level_and_time() -> None:
    connected, *_ = map(json.loads, lines_of("json"))
    assert connected.pop("time").endswith("Z")
    assert connected == {
        "event": "connected",
        "level": "info",
        "nick": "alice",
        "address": "127.0.0.1:51234",
    }


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_bug_is_shown_with_its_trace(log_format: str) -> None:
    out = io.StringIO()
    with open_console(log_format, verbose=False, out=out) as log:  # type: ignore[arg-type]
        try:
            raise ZeroDivisionError("oops")
        except ZeroDivisionError:
            log.exception("bug", address="memory")
    assert "ZeroDivisionError: oops" in out.getvalue()


class Stuck(io.StringIO):
    """A terminal that somebody has stopped with Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.caught_up = threading.Event()

    def write(self, text: str) -> int:
        self.go.wait(30)
        if "a9000" in text:
            self.caught_up.set()
        return super().write(text)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_stopped_terminal_stops_nobody_and_is_told_how_much_it_missed(
    log_format: str,
) -> None:
    out = Stuck()
    with open_console(log_format, verbose=False, out=out) as log:  # type: ignore[arg-type]
        for number in range(LINES_WAITING_MAX + 500):
            log.info("renamed", nick=f"a{number}", to="b")
        out.go.set()
        assert out.caught_up.wait(30)
        log.info("stopped")
    *_, skipped, stopped = out.getvalue().splitlines()
    if log_format == "console":
        assert re.fullmatch(r"\[!\] \d+ log lines were skipped here", skipped)
        assert stopped == SENTENCES["stopped"]
    else:
        assert json.loads(skipped) == {"event": "skipped", "lines": ANY}
        assert json.loads(stopped)["event"] == "stopped"
