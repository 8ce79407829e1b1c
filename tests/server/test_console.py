"""What the person who runs a server reads."""

import io
import json
import re
import threading
from unittest.mock import ANY

import pytest

from trio_chat.server.console import LINES_WAITING_MAX, SENTENCES, open_console
from trio_chat.server.figures import Figures, fields


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


def test_what_a_peer_has_worded_can_only_be_read() -> None:
    reason, sent = "\x1b]0;owned\x07 \x9b2J\n[*] stopped \u202e", io.StringIO()
    with open_console("console", verbose=False, out=sent) as log:
        log.info("disconnected", nick="eve", reason=reason)
        log.info("something new", reason=reason)
    shown = "\u241b]0;owned\u2407 <U+009B>2J\u240a[*] stopped <U+202E>"
    assert sent.getvalue().splitlines() == [
        f"[-] eve disconnected ({shown})",
        f"[*] something new reason={shown}",
    ]
    in_json = io.StringIO()
    with open_console("json", verbose=False, out=in_json) as log:
        log.info("disconnected", nick="eve", reason=reason)
    (line,) = in_json.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["reason"] == reason


def test_json_lines_carry_event_level_and_time() -> None:
    connected, *_ = map(json.loads, lines_of("json"))
    assert connected.pop("time").endswith("Z")
    assert connected == {
        "event": "connected",
        "level": "info",
        "nick": "alice",
        "address": "127.0.0.1:51234",
    }


def told(log_format: str, *, at_end: bool) -> str:
    """What is told of a server with some figures."""
    figures = Figures(peers=3, entries=12_345, trouble_s=1.25)
    figures.reconnects.update(lossless=40, recovered=2)
    for count in (1, 1, 3):
        figures.commit_drafts.add(count)
        figures.commit_s.add(count / 1_000)
    out = io.StringIO()
    with open_console(log_format, verbose=False, out=out) as log:  # type: ignore[arg-type]
        log.info("figures", after_s=7_384.2, at_end=at_end, **fields(figures))
    return out.getvalue()


def test_figures_are_a_table_whose_columns_are_aligned() -> None:
    first, *rows = told("console", at_end=False).splitlines()
    assert first == "[*] figures of 2 h 3 min, since the start:"
    place = rows.index(
        "    reconnects               42  devices that came back, by what they had missed"
    )
    assert rows[place + 1 : place + 4] == [
        "      lossless               40",
        "      recovered               2",
        "    entries              12,345  entries made durable, copies of direct ones too",
    ]
    words = " " * 33
    assert rows[-7:] == [
        "    commit drafts             3  transactions, by the drafts in each",
        f"{words}half at most 1, 99 % at most 3, the largest 3",
        "    commit                    3  transactions, by the seconds to the end of fsync",
        f"{words}half at most 1 ms, 99 % at most 3 ms, the largest 3 ms",
        "    commits failed            0  transactions that ended with an error",
        "    trouble                 1.2  seconds in which the disk could not be used",
        "    trimmed entries           0  entries given up that need not be kept",
    ]


def test_a_server_that_stops_has_one_line_of_figures() -> None:
    assert told("console", at_end=True) == (
        "[*] in 2 h 3 min: 12,345 entries, 0 connections, 42 reconnects"
        " (40 lossless, 2 recovered)\n"
    )


@pytest.mark.parametrize("at_end", [True, False])
def test_figures_are_one_json_line_with_all_of_them(at_end: bool) -> None:
    (line,) = told("json", at_end=at_end).splitlines()
    event = json.loads(line)
    assert (event["event"], event["at_end"], event["after_s"]) == (
        "figures",
        at_end,
        7384.2,
    )
    assert event["entries"] == 12_345
    assert event["reconnects"] == {
        "lossless": 40,
        "recovered": 2,
        "gapped": 0,
        "anew": 0,
        "unfinished": 0,
    }
    drafts = event["commit_drafts"]
    assert (drafts["count"], drafts["sum"], drafts["largest"]) == (3, 5, 3)
    assert (drafts["at_most"]["1"], drafts["at_most"]["4"], drafts["at_most"]["+Inf"]) == (
        2,
        3,
        3,
    )


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
