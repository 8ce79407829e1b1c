"""Plain mode, with real processes: what went in is stored before it ends with 0."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.processes import (
    CLI,
    PATIENCE_S,
    block_outbox,
    environment,
    plain,
    run,
    server,
)
from tests.test_cli import entries_in, free_port
from trio_chat.client.outbox import OUTBOX_LINES_MAX

pytestmark = pytest.mark.processes

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")


def events(process: "subprocess.Popen[str]") -> Any:
    """The JSON objects that a plain client prints, as they come."""
    assert process.stdout is not None
    return map(json.loads, process.stdout)


def told(process: "subprocess.Popen[str]", text: str) -> str:
    """The next line on stderr that holds `text`."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"it ended before it said {text!r}")


def test_what_ended_with_0_survives_a_kill_of_the_server_right_then(
    tmp_path: Path,
) -> None:
    data = tmp_path / "chat.db"
    with server(tmp_path, "--data", str(data)) as running:
        done = run(
            tmp_path, "join", "--plain", "--nick", "x", running.address, stdin="a\nb\n"
        )
        running.kill()
        assert done.returncode == 0
    assert entries_in(data) == [(1, "a"), (2, "b")]


def test_entries_are_printed_with_time_room_and_nick(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:") as running:
        run(tmp_path, "join", "--plain", "--nick", "ada", running.address, stdin="old\n")
        done = run(
            tmp_path, "join", "--plain", "--nick", "x", running.address, stdin="né ☃\r\n\nb"
        )
    lines = done.stdout.splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in lines] == [
        "#lobby <ada> old",
        "#lobby <x> né ☃",
        "#lobby <x> b",
    ]
    assert all(re.match(r"\d\d:\d\d:\d\d #", line) for line in lines)


def test_ones_own_line_is_printed_even_behind_a_long_past(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:") as running:
        past = "".join(f"{n}\n" for n in range(3_000))
        run(tmp_path, "join", "--plain", "--nick", "old", running.address, stdin=past)
        arguments = ("--nick", "x", "--history", "3000", running.address)
        done = run(tmp_path, "join", "--plain", *arguments, stdin="mine\n")
    lines = done.stdout.splitlines()
    assert len(lines) == 3_001
    assert lines[-1].endswith("#lobby <x> mine")


def test_json_has_an_object_a_line(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:") as running:
        arguments = ("join", "--plain", "--json", "--nick", "x", running.address)
        done = run(tmp_path, *arguments, stdin="a ☃\n")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"status", "named", "opened", "members", "entry", "accepted"} <= {
        event["type"] for event in found
    }
    (entry,) = [event for event in found if event["type"] == "entry"]
    assert (entry["room"], entry["seq"], entry["nick"], entry["text"]) == (
        "lobby",
        1,
        "x",
        "a ☃",
    )
    assert entry["ts"] > 1e9


@unix_only
@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_a_listener_stays_until_it_is_told_to_end(tmp_path: Path, signal_: int) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        plain(tmp_path, "--json", "--listen", "--nick", "ear", running.address) as ear,
    ):
        assert ear.stdin is not None
        ear.stdin.close()
        running.line_with("ear joined")
        run(tmp_path, "join", "--plain", "--nick", "x", running.address, stdin="hi\n")
        heard = events(ear)
        assert next(e for e in heard if e["type"] == "joined")["nick"] == "x"
        assert next(e for e in heard if e["type"] == "entry")["text"] == "hi"
        assert next(e for e in heard if e["type"] == "left")["reason"] == "quit"
        ear.send_signal(signal_)
        assert ear.wait(PATIENCE_S) == 0
        ear.stdin = None


def test_a_client_waits_for_a_server_that_is_not_there_yet(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    data = tmp_path / "chat.db"
    with plain(tmp_path, "--nick", "early", address) as early:
        assert early.stdin is not None
        early.stdin.write("patience\n")
        early.stdin.close()
        line = told(early, "refused")
        assert re.fullmatch(
            rf"-- connection refused by {address}; trying again in [\d.]+ s\n", line
        )
        with server(tmp_path, "--data", str(data), address=address):
            assert early.wait(PATIENCE_S) == 0
        early.stdin = None
    assert entries_in(data) == [(1, "patience")]


def test_lines_said_across_a_kill_of_the_server_are_there_once_and_in_order(
    tmp_path: Path,
) -> None:
    address = f"127.0.0.1:{free_port()}"
    data = tmp_path / "chat.db"
    with plain(tmp_path, "--json", "--nick", "ada", address) as ada:
        assert ada.stdin is not None
        heard = events(ada)
        for life in range(3):
            with server(tmp_path, "--data", str(data), address=address) as running:
                for n in range(100):
                    ada.stdin.write(f"{life}.{n}\n")
                ada.stdin.flush()
                text = f"{life}.{n // 2}"
                next(e for e in heard if e["type"] == "entry" and e["text"] == text)
                running.kill()  # with half of them on their way
        ada.stdin.close()
        with server(tmp_path, "--data", str(data), address=address):
            seqs = [e["seq"] for e in heard if e["type"] == "entry"]
            assert ada.wait(PATIENCE_S) == 0
        ada.stdin = None
    said = [f"{life}.{n}" for life in range(3) for n in range(100)]
    assert entries_in(data) == list(enumerate(said, start=1))
    assert seqs == sorted(set(seqs))


def test_a_line_that_cannot_be_sent_means_an_exit_code_of_1(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:") as running:
        stdin = b"fine\n" + b"x" * 20_000 + b"\n" + b"not utf-8 \xff\nfine\n"
        done = run(tmp_path, "join", "--plain", "--nick", "x", running.address, stdin=stdin)
    assert done.returncode == 1
    assert "line 2 can't be sent: a text has at most 16,384 bytes" in done.stderr
    assert "line 3 can't be sent: the text can't be written as UTF-8" in done.stderr
    assert "2 lines were not accepted" in done.stderr
    assert done.stdout.count("<x> fine") == 2


@unix_only
def test_what_was_not_accepted_waits_for_the_next_life_and_is_75(tmp_path: Path) -> None:
    """75 tells a script from 1: not yet, and not to be said again."""
    address = f"127.0.0.1:{free_port()}"
    data = tmp_path / "chat.db"
    with plain(tmp_path, "--json", "--nick", "ada", address) as ada:
        say_and_end(ada, "one\ntwo\n")
        next(each for each in events(ada) if each.get("text") == "two")
        ada.send_signal(signal.SIGTERM)
        line = told(ada, "not accepted")
        assert (
            line
            == f"2 lines were not accepted yet; `join {address} --nick ada` sends them\n"
        )
        assert ada.wait(PATIENCE_S) == 75
    with plain(tmp_path, "--json", "--nick", "ada", address) as ada:
        say_and_end(ada, "three\n")
        told(ada, "2 lines from before to be sent")
        queued = [next(events(ada)) for _ in range(2)]
        assert [(each["type"], each["text"]) for each in queued] == [
            ("queued", "one"),
            ("queued", "two"),
        ]
        with server(tmp_path, "--data", str(data), address=address):
            assert ada.wait(PATIENCE_S) == 0
    assert entries_in(data) == [(1, "one"), (2, "two"), (3, "three")]


@unix_only
def test_what_was_read_survives_a_kill_of_the_client(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    data = tmp_path / "chat.db"
    with plain(tmp_path, "--json", "--nick", "ada", address) as ada:
        assert ada.stdin is not None
        ada.stdin.write("one\ntwo\n")
        ada.stdin.flush()
        next(each for each in events(ada) if each.get("text") == "two")
        ada.kill()
    with server(tmp_path, "--data", str(data), address=address):
        done = run(tmp_path, "join", "--plain", "--nick", "ada", address)
    assert done.returncode == 0
    assert "2 lines from before to be sent" in done.stderr
    assert [text for _, text in entries_in(data)] == ["one", "two"]


@unix_only
def test_what_waits_in_another_file_is_told(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        plain(tmp_path, "--json", "--nick", "ada", address) as one,
        plain(tmp_path, "--json", "--nick", "ada", address) as other,
    ):
        for each in (one, other):
            say_and_end(each, "left\n")
            next(event for event in events(each) if event["type"] == "queued")
        # Not before both have a file: who starts late would take that of the killed one.
        for each in (one, other):
            each.kill()
    with plain(tmp_path, "--json", "--nick", "ada", address) as ada:
        say_and_end(ada, "")
        assert told(ada, "another") == (
            "-- 1 line waits in another outbox of this nick: a later start sends what is"
            " there, when nothing waits in this one\n"
        )


@unix_only
def test_where_nothing_can_wait_that_is_told_and_is_1(tmp_path: Path) -> None:
    block_outbox(tmp_path, "ada", "127.0.0.1:1")
    with plain(tmp_path, "--nick", "ada", "127.0.0.1:1") as ada:
        say_and_end(ada, "one\n")
        assert "can't be used: " in told(ada, "lines that wait are lost with this program")
        told(ada, "refused")
        ada.send_signal(signal.SIGTERM)
        assert told(ada, "not accepted") == "1 line was not accepted\n"
        assert ada.wait(PATIENCE_S) == 1


def test_lines_of_a_taken_nick_come_back_and_do_not_wait(tmp_path: Path) -> None:
    """Whoever is told that it failed says it again, under another one maybe."""
    refusal = {"t": "refused", "code": "nick_taken", "reason": "x is taken"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with plain(tmp_path, "--json", "--nick", "x", address) as client:
            say_and_end(client, "one\n")
            next(each for each in events(client) if each["type"] == "queued")
            wire, _ = listener.accept()
            with wire:
                wire.sendall(json.dumps(refusal).encode() + b"\n")
                assert told(client, "one") == "-- not accepted: x is taken: one\n"
                assert client.wait(PATIENCE_S) == 1
    done = run(tmp_path, "join", "--plain", "--nick", "x", address)
    assert done.returncode == 0
    assert "from before" not in done.stderr


def say_and_end(process: "subprocess.Popen[str]", text: str) -> None:
    """All that it will ever read."""
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.close()
    process.stdin = None


def test_a_taken_nick_is_an_error_and_not_another_nick(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        plain(tmp_path, "--listen", "--nick", "ada", running.address),
    ):
        running.line_with("ada joined")
        done = run(
            tmp_path, "join", "--plain", "--nick", "ADA", running.address, stdin="hi\n"
        )
        assert done.returncode == 1
        assert "the nick ADA is taken" in done.stderr


@unix_only
def test_ctrl_c_is_quiet(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        plain(tmp_path, "--nick", "ada", running.address) as ada,
    ):
        running.line_with("ada joined")
        ada.send_signal(signal.SIGINT)
        assert ada.wait(PATIENCE_S) == 130
        assert ada.stderr is not None
        assert "Traceback" not in ada.stderr.read()


@unix_only
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_who_stopped_reading_us_does_not_keep_us_from_ending(
    tmp_path: Path, stream: str
) -> None:
    unread, full = os.pipe()
    flags = ("--history", "1000", "--nick", "ada")
    bad, good = b"\xff\n" * 5_000, b"x" * 1_000 + b"\n"
    with server(tmp_path, "--data", ":memory:") as running:
        run(tmp_path, "join", "--plain", running.address, stdin=good * 500)
        with subprocess.Popen(
            [*CLI, "join", "--plain", *flags, running.address],
            stdin=subprocess.PIPE,
            stdout=full if stream == "stdout" else subprocess.DEVNULL,
            stderr=full if stream == "stderr" else subprocess.DEVNULL,
            env=environment(tmp_path),
        ) as stuck:
            os.close(full)
            assert stuck.stdin is not None
            stuck.stdin.write(bad if stream == "stderr" else good)
            stuck.stdin.flush()
            running.line_with("ada joined")
            time.sleep(0.5)  # until the pipe is full; sooner would prove less, not fail
            stuck.send_signal(signal.SIGINT)
            assert stuck.wait(PATIENCE_S) != 0
    os.close(unread)


def test_an_output_that_ends_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        plain(tmp_path, "--listen", "--nick", "ear", running.address) as ear,
    ):
        running.line_with("ear joined")
        assert ear.stdout is not None
        assert ear.stderr is not None
        ear.stdout.close()
        run(tmp_path, "join", "--plain", "--nick", "x", running.address, stdin="hi\n")
        assert ear.wait(PATIENCE_S) == 1
        said = ear.stderr.read()
        assert said.endswith("standard output can't be written: Broken pipe\n")
        assert "Traceback" not in said
        ear.stdout = None


@unix_only
def test_a_listener_that_ends_amid_its_lines_does_not_say_that_all_were_taken(
    tmp_path: Path,
) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        plain(tmp_path, "--listen", "--json", "--nick", "ada", running.address) as ada,
    ):
        assert ada.stdin is not None
        assert ada.stdout is not None
        # More than fits into the outbox and less than one read, and nobody who takes it.
        running.process.send_signal(signal.SIGSTOP)
        ada.stdin.write("a line\n" * 3_000)
        ada.stdin.flush()
        while f'"n": {OUTBOX_LINES_MAX}' not in ada.stdout.readline():
            pass
        ada.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGCONT)
        _, said = ada.communicate(timeout=PATIENCE_S)
        assert ada.returncode == 1
        assert "not accepted" in said


def test_text_from_others_cannot_forge_a_line_or_act_on_the_terminal(
    tmp_path: Path,
) -> None:
    with (
        server(tmp_path, "--data", ":memory:") as running,
        plain(tmp_path, "--listen", "--nick", "ear", running.address) as ear,
    ):
        running.line_with("ear joined")
        _say_raw(running.address, "one\n12:00:00 #lobby <ear> forged \x1b]0;title\x07")
        assert ear.stdout is not None
        first, second = ear.stdout.readline(), ear.stdout.readline()
    assert first.endswith("#lobby <mallory> one\n")
    assert second.startswith("         | 12:00:00")
    assert "\x1b" not in second
    assert "\x07" not in second


def _say_raw(address: str, text: str) -> None:
    host, port = address.split(":")
    lines: list[dict[str, Any]] = [
        {"t": "hello", "v": 1, "nick": "mallory"},
        {"t": "join", "room": "lobby"},
        {"t": "say", "room": "lobby", "n": 1, "text": text},
        {"t": "bye"},
    ]
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall(json.dumps(lines[0]).encode() + b"\n")
        assert b"welcome" in wire.recv(9_999)
        wire.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in lines[1:]))
        while wire.recv(9_999):
            pass


def test_a_time_that_no_clock_can_show_ends_nobody(tmp_path: Path) -> None:
    said = [
        {"t": "welcome", "v": 1, "nick": "x", "epoch": "e", "software": "fake"}
        | {"heartbeat_s": 15, "text_bytes_max": 99},
        {"t": "room", "room": "lobby", "after": 0, "head": 2},
        {"t": "entry", "room": "lobby", "seq": 1, "nick": "b", "text": "a", "ts": 1e300},
        {"t": "entry", "room": "lobby", "seq": 2, "nick": "b", "text": "b", "ts": -1e18},
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with plain(tmp_path, "--listen", "--nick", "x", address) as ear:
            wire, _ = listener.accept()
            with wire:
                wire.sendall(b"".join(json.dumps(each).encode() + b"\n" for each in said))
                assert ear.stdout is not None
                assert ear.stdout.readline() == "??:??:?? #lobby <b> a\n"
                assert ear.stdout.readline() == "??:??:?? #lobby <b> b\n"


def test_a_servers_refusal_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    refusal = {"t": "error", "code": "version", "reason": "\x1b[31mno", "end": True}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with plain(tmp_path, "--nick", "x", address) as client:
            wire, _ = listener.accept()
            with wire:
                wire.sendall(json.dumps(refusal).encode() + b"\n")
                assert client.wait(PATIENCE_S) == 1
                assert client.stderr is not None
                said = client.stderr.read()
    assert "[31mno" in said
    assert "\x1b" not in said


@unix_only
def test_a_terminal_is_told_how_far_a_burst_is(tmp_path: Path) -> None:
    """And a file is not."""
    ours, theirs = os.openpty()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        arguments = ("join", "--plain", "--nick", "x", address)
        with subprocess.Popen(
            [*CLI, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment(tmp_path),
        ) as process:
            os.close(theirs)
            wire, _ = listener.accept()
            with wire, wire.makefile("rwb") as lines, os.fdopen(ours, "rb") as terminal:
                said = {"t": "welcome", "v": 1, "nick": "x", "epoch": "e", "software": "f"}
                for message in (
                    said | {"heartbeat_s": 15, "text_bytes_max": 99, "credit": 2},
                    {"t": "room", "room": "lobby", "after": 0, "head": 0},
                ):
                    lines.write(json.dumps(message).encode() + b"\n")
                lines.flush()
                assert process.stdin is not None
                process.stdin.write(b"a\nb\nc\n")
                process.stdin.close()
                process.stdin = None
                heard = (json.loads(line) for line in lines)
                drafts = (each["n"] for each in heard if each["t"] == "say")
                assert [next(drafts), next(drafts)] == [1, 2]
                for done in (0, 1):
                    told = next(line for line in terminal if b"sending" in line)
                    assert told == b"-- sending %d/3\r\n" % done
                    accepted = {"t": "accepted", "room": "lobby", "n": done + 1, "seq": 1}
                    lines.write(json.dumps(accepted).encode() + b"\n")
                    lines.flush()
                process.terminate()
                process.wait(PATIENCE_S)
