"""The command line, as a person or a script meets it: real processes, real exit codes."""

import json
import os
import re
import signal
import socket
import sqlite3
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import PATIENCE_S, plain, run, server
from tests.store.version_1 import write_version_1
from trio_chat.store.schema import APPLICATION_ID

pytestmark = pytest.mark.processes

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def entries_in(data: Path) -> list[tuple[int, str]]:
    connection = sqlite3.connect(data)
    rows = connection.execute("SELECT seq, text FROM entry ORDER BY log, seq").fetchall()
    connection.close()
    return rows


# --- how it ends ---------------------------------------------------------------------


@unix_only
@pytest.mark.parametrize("signal_", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_server_says_first_where_it_listens_and_ends_quietly(
    tmp_path: Path, signal_: str
) -> None:
    with server(tmp_path, "--data", ":memory:") as running:
        assert int(running.address.split(":")[1]) > 0
        assert running.stop(getattr(signal, signal_)) == 0
        assert running.process.stdout is not None
        rest = running.process.stdout.read()
        assert "[*] stopped" in rest
        assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["serve", "--port", "x"], "--port: 'x' is not a port (0 to 65535)"),
        (["serve", "--log-format", "xml"], "--log-format: 'xml' is none of console, json"),
        (["serve", "--config", "/nowhere/x.toml"], "--config: there is no file"),
        (["join", "--nick", "a b", "--plain"], "--nick: a nick can't have a space in it"),
        (["join", "--room", "", "--plain"], "--room: a room name has at least one"),
        (["serve", "--metrics", "9100"], "--metrics: '9100' is not HOST:PORT, such as"),
        (
            ["join", "host:99999", "--plain"],
            "HOST[:PORT]: '99999' is not a port (1 to 65535)",
        ),
        (["join", "--json"], "go with --plain"),
        (["join"], "there is no terminal here"),
        (["fly"], "invalid choice"),
        (["serve", "--prot", "9"], "usage: trio-chat serve"),
        (["join", "127.0.0.1", "8765"], "unrecognized arguments: 8765"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_allowed(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["hunter2", "hunter2" * 10])
def test_a_secret_is_not_shown_where_it_is_wrong(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'[join]\nperson = "{text}"\n', encoding="utf-8")
    for arguments in (["--person", text], ["--config", str(file)]):
        done = run(tmp_path, "join", "--plain", *arguments)
        assert done.returncode == 2
        assert "person: a secret of 8 to 64 characters is needed here" in done.stderr
        assert "hunter2" not in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["join", "--help"]])
def test_help_shows_examples(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 0
    assert "examples:\n  python -m trio_chat" in done.stdout or "\n  uptime" in done.stdout


def test_settings_come_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[serve]\nhost = '127.0.0.1'\nport = 123456\n")
    done = run(tmp_path, "serve", TRIO_CHAT_CONFIG=str(wrong))
    assert done.returncode == 2
    assert f"{wrong}, line 3, serve.port: '123456' is not a port" in done.stderr
    wrong.write_text("[serve]\nmetrics = '127.0.0.1'\n")
    done = run(tmp_path, "serve", TRIO_CHAT_CONFIG=str(wrong))
    assert f"{wrong}, line 2, serve.metrics: '127.0.0.1' is not HOST:PORT" in done.stderr
    done = run(tmp_path, "serve", TRIO_CHAT_METRICS="here:x")
    assert "TRIO_CHAT_METRICS: 'x' is not a port (0 to 65535)" in done.stderr
    done = run(tmp_path, "serve", TRIO_CHAT_PORT="-1")
    assert "TRIO_CHAT_PORT: '-1' is not a port" in done.stderr


# --- the configuration ---------------------------------------------------------------


def test_the_configuration_that_is_printed_is_right(tmp_path: Path) -> None:
    printed = run(tmp_path, "config")
    assert printed.returncode == 0
    assert "[join.keys]" in printed.stdout
    (tmp_path / "own.toml").write_text(printed.stdout, encoding="utf-8")
    done = run(tmp_path, "config", "--check", str(tmp_path / "own.toml"))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'own.toml'} is right\n")


def test_all_that_is_wrong_in_a_configuration_is_told(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        "[serve]\nport = 'x'\n[join]\ntheme = 'pink'\n[join.keys]\nfind_room = 'ctrl-x'\n"
    )
    done = run(tmp_path, "config", "--check", TRIO_CHAT_CONFIG=str(own))
    told = "ctrl-x can't be told from ctrl-x ctrl-e, which is for editor"
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"{own}, line 2, serve.port: 'x' is not a port (0 to 65535)",
        f"{own}, line 4, join.theme: 'pink' is none of auto, any, dark, light, mono",
        f"{own}, line 6, join.keys.find_room: {told}",
    ]
    done = run(tmp_path, "config", "--check", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert done.stderr == f"there is no file {tmp_path / 'none.toml'}\n"
    done = run(tmp_path, "join", "--plain", TRIO_CHAT_CONFIG=str(own))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "line 4, join.theme: " in done.stderr


def test_it_is_told_where_the_configuration_is_looked_for(tmp_path: Path) -> None:
    own = str(tmp_path / "own.toml")
    done = run(tmp_path, "config", "--path", TRIO_CHAT_CONFIG=own)
    assert (done.returncode, done.stdout) == (0, f"{own}\n")
    done = run(tmp_path, "config", "--path")
    path = done.stdout.rstrip("\n")
    assert path.endswith("config.toml")
    done = run(tmp_path, "config", "--check")
    assert done.stdout == f"there is no {path}: all is at its default\n"
    assert done.returncode == 0


# --- what can't be listened at, or stored in -----------------------------------------


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:") as running:
        port = running.address.split(":")[1]
        done = run(tmp_path, "serve", "--data", ":memory:", "--port", port)
        assert done.returncode == 1
        assert done.stderr == (
            f"{running.address} is in use by another program: stop that one, or choose"
            " another port with --port (0 picks a free one)\n"
        )


def test_an_address_of_another_machine_is_one_clear_line(tmp_path: Path) -> None:
    done = run(
        tmp_path, "serve", "--data", ":memory:", "--host", "192.0.2.1", "--port", "0"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("192.0.2.1:0 is not an address of this machine: ")
    assert done.stderr.count("\n") == 1


def test_a_name_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", "--data", ":memory:", "--host", "no.such.host.invalid")
    assert done.returncode == 1
    assert done.stderr == "there is no host named 'no.such.host.invalid'\n"


def _not_a_database(path: Path) -> None:
    path.write_text("Dear diary,\n" * 1_000)


def _of_another_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.commit()
    connection.close()


def _of_a_newer_version(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE tomorrow (x)")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_not_a_database, "is not a trio_chat data file"),
        (_of_another_program, "is a database of another program"),
        (_of_a_newer_version, "was written by a newer trio_chat"),
        (Path.mkdir, "can't be used: "),
    ],
)
def test_a_data_file_that_is_not_ours_is_one_clear_line_and_stays_as_it_is(
    tmp_path: Path, spoil: object, said: str
) -> None:
    data = tmp_path / "chat.db"
    spoil(data)  # type: ignore[operator]
    before = data.read_bytes() if data.is_file() else None
    done = run(tmp_path, "serve", "--data", str(data), "--port", "0")
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert before == (data.read_bytes() if data.is_file() else None)


def test_a_data_file_in_a_directory_that_is_not_there_is_one_clear_line(
    tmp_path: Path,
) -> None:
    done = run(tmp_path, "serve", "--data", str(tmp_path / "a" / "b.db"), "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "its directory does not exist" in done.stderr


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_data_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    data = tmp_path / "chat.db"
    data.touch(0o400)
    done = run(tmp_path, "serve", "--data", str(data), "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_two_servers_do_not_share_a_data_file(tmp_path: Path) -> None:
    data = str(tmp_path / "chat.db")
    with server(tmp_path, "--data", data):
        done = run(tmp_path, "serve", "--data", data, "--port", "0")
        assert done.returncode == 1
        assert "is in use by another server" in done.stderr


def test_without_a_data_flag_the_file_is_where_the_platform_keeps_data(
    tmp_path: Path,
) -> None:
    with server(tmp_path) as running:
        path = Path(running.line().removeprefix("[*] storing in "))
        assert path.name == "chat.db"
        assert path.is_file()
        assert tmp_path in path.parents or sys.platform == "win32"


# --- verify and backup ---------------------------------------------------------------


def spoil(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data)) as connection, connection:
        connection.execute(statement)


def say(home: Path, address: str, *lines: str) -> None:
    said = "".join(f"{line}\n" for line in lines)
    done = run(home, "join", "--plain", "--nick", "x", address, stdin=said)
    assert done.returncode == 0


def test_a_live_servers_file_is_verified_and_copied(tmp_path: Path) -> None:
    data, copy = str(tmp_path / "chat.db"), str(tmp_path / "copy.db")
    with server(tmp_path, "--data", data) as running:
        say(tmp_path, running.address, "a", "b")
        done = run(tmp_path, "verify", data)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{data} is whole: 2 entries in 1 log\n"
        done = run(tmp_path, "backup", data, copy)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            f"{copy} is a copy of {data}",
            f"{copy} is whole: 2 entries in 1 log",
        ]
        say(tmp_path, running.address, "c")
    assert entries_in(Path(copy)) == [(1, "a"), (2, "b")]


def test_whoever_was_on_the_original_is_told_of_the_copys_other_past(
    tmp_path: Path,
) -> None:
    data, copy = str(tmp_path / "chat.db"), str(tmp_path / "copy.db")
    address = f"127.0.0.1:{free_port()}"
    with server(tmp_path, "--data", data, address=address) as running:
        say(tmp_path, address, "a")
        run(tmp_path, "backup", data, copy)
        say(tmp_path, address, "b")
        with plain(tmp_path, "--json", "--listen", "--nick", "ear", address) as ear:
            assert ear.stdout is not None
            events = map(json.loads, ear.stdout)
            seqs = (event["seq"] for event in events if event["type"] == "entry")
            assert [next(seqs), next(seqs)] == [1, 2]
            running.kill()
            with server(tmp_path, "--data", copy, address=address) as running_copy:
                told = running_copy.line_with("a new epoch begins")
                assert told.startswith("[*] the file is a backup: ")
                assert next(event for event in events if event["type"] == "reset")
                assert next(seqs) == 1


def test_a_damaged_file_is_told_room_by_room(tmp_path: Path) -> None:
    data = tmp_path / "chat.db"
    with server(tmp_path, "--data", str(data)) as running:
        say(tmp_path, running.address, "a", "b", "c")
        running.stop()
    spoil(data, "UPDATE entry SET text = 'B' WHERE seq = 2")
    done = run(tmp_path, "verify", str(data))
    assert done.returncode == 1
    assert done.stdout == (
        f"{data}: #lobby 2: it is not what was stored: its hash is another one\n"
    )
    assert done.stderr == f"{data} is not whole\n"
    done = run(tmp_path, "backup", str(data), str(tmp_path / "copy.db"))
    assert done.returncode == 1
    assert "copy.db is not whole" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "nowhere.db"], "nowhere.db is not there\n"),
        (["backup", "nowhere.db", "copy.db"], "nowhere.db is not there\n"),
    ],
)
def test_what_can_not_be_read_is_one_clear_line(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    assert run(tmp_path, arguments[0]).returncode == 2


def test_a_file_of_an_older_version_is_made_over_and_told(tmp_path: Path) -> None:
    data = tmp_path / "chat.db"
    write_version_1(data, [("lobby", n, "d", n, str(n)) for n in range(1, 1_201)])
    with server(tmp_path, "--data", str(data)) as running:
        told = running.line_with("older version")
        assert re.fullmatch(
            r"\[\*\] .*chat\.db was written by an older version: 1,200 entries were made"
            r" over in \d\.\d s",
            told,
        )


def test_an_older_copy_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    data = tmp_path / "chat.db"
    copies = []
    for _ in range(2):
        with server(tmp_path, "--data", str(data)) as running:
            say(tmp_path, running.address, "a")
            running.stop()
        copies.append(data.read_bytes())
    data.write_bytes(copies[0])
    with server(tmp_path, "--data", str(data)) as running:
        assert "older copy of it: a new epoch begins" in running.line_with("epoch")
    with server(tmp_path, "--data", str(data), "--new-epoch") as running:
        assert "was asked for: a new epoch begins" in running.line_with("epoch")


def test_a_data_file_that_has_gone_is_told(tmp_path: Path) -> None:
    """Clients are told of another past; whoever runs the server has to know why."""
    data = tmp_path / "chat.db"
    with server(tmp_path, "--data", str(data)) as running:
        say(tmp_path, running.address, "a")
        running.stop()
    data.unlink()
    with server(tmp_path, "--data", str(data)) as running:
        assert "what was stored here is gone: a new epoch" in running.line_with("epoch")


def test_what_is_not_kept_is_shown_as_a_gap(tmp_path: Path) -> None:
    data = tmp_path / "chat.db"
    with server(tmp_path, "--data", str(data)) as running:
        say(tmp_path, running.address, "a", "b", "c", "d")
        running.stop()
    with server(tmp_path, "--data", str(data), "--keep-entries", "2") as running:
        done = run(tmp_path, "join", "--plain", "--nick", "x", running.address, stdin="e\n")
        assert "-- entries 1 to 2 of #lobby are no longer kept\n" in done.stderr
        assert [line.split()[-1] for line in done.stdout.splitlines()] == ["c", "d", "e"]
        done = run(tmp_path, "verify", str(data))
        assert done.stdout == (
            f"{data} is whole: 3 entries in 1 log, 2 are no longer kept\n"
        )


# --- the console ---------------------------------------------------------------------


def test_the_console_reads_like_the_issue_wants_it(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:", "-v") as running:
        done = run(
            tmp_path, "join", "--plain", "--nick", "alice", running.address, stdin="hi\n"
        )
        assert done.returncode == 0
        line = running.line_with("alice connected")
        assert line.startswith("[+] alice connected from 127.0.0.1:")
        assert running.line_with("joined") == "[#] alice joined #lobby (1 here)"
        assert running.line_with("disconnected") == "[-] alice disconnected (quit)"


@unix_only
def test_a_signal_asks_for_the_figures_and_ends_nothing(tmp_path: Path) -> None:
    with server(tmp_path, "--data", str(tmp_path / "chat.db")) as running:
        say(tmp_path, running.address, "a", "b")
        running.process.send_signal(signal.SIGUSR1)
        assert running.line_with("figures of").endswith(" s, since the start:")
        assert running.line_with("entries").split()[:2] == ["entries", "2"]
        assert "half at most " in running.line_with(" ms, 99 % at most ")
        assert running.stop() == 0
        assert "2 entries, 1 connections, 0 reconnects" in running.line_with("[*] in ")


@unix_only
def test_figures_are_json_where_the_log_is_and_told_at_the_end(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:", "--log-format", "json") as running:
        say(tmp_path, running.address, "a", "b")
        running.process.send_signal(signal.SIGUSR1)
        asked = json.loads(running.line_with('"figures"'))
        running.stop()
        at_end = json.loads(running.line_with('"figures"'))
    assert (asked["at_end"], at_end["at_end"]) == (False, True)
    for event in asked, at_end:
        assert (event["entries"], event["links_ended"]["quit"]) == (2, 1)
        assert event["commit_s"]["count"] == event["commit_drafts"]["count"] >= 1


def test_a_page_of_figures_is_served_where_it_is_said(tmp_path: Path) -> None:
    flags = ("--data", ":memory:", "--metrics", "127.0.0.1:0")
    with server(tmp_path, *flags) as running:
        url = running.line_with("Prometheus").removeprefix("[*] figures for Prometheus at ")
        say(tmp_path, running.address, "a", "b")
        page = read_page(url)
        assert "trio_chat_entries_total 2.0\n" in page
        assert 'trio_chat_links_ended_total{how="quit"} 1.0\n' in page


def read_page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310
        assert answer.status == 200
        text: str = answer.read().decode()
        return text


def test_a_page_that_can_not_be_served_is_one_clear_line(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:", "--metrics", "127.0.0.1:0") as running:
        taken = running.line_with("Prometheus").split("/")[2]
        flags = ("serve", "--data", ":memory:", "--port", "0", "--metrics")
        done = run(tmp_path, *flags, taken)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"{taken} is in use by another program: stop that one, or choose another port"
            " with --metrics (0 picks a free one)\n"
        )
        done = run(tmp_path, *flags, "192.0.2.1:0")
        assert done.returncode == 1
        assert done.stderr.startswith(
            "192.0.2.1:0 is not an address of this machine: --metrics takes one of its own,"
        )


@unix_only
def test_json_lines_are_json_after_the_ready_line(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:", "--log-format", "json") as running:
        run(tmp_path, "join", "--plain", "--nick", "alice", running.address, stdin="hi\n")
        running.stop()
        assert running.process.stdout is not None
        events = [json.loads(line) for line in running.process.stdout]
        assert [event["event"] for event in events] == [
            "storing",
            "connected",
            "joined",
            "disconnected",
            "draining",
            "figures",
            "stopped",
        ]
        assert events[1]["nick"] == "alice"


@unix_only
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_console_that_takes_nothing_does_not_keep_a_server_from_ending(
    tmp_path: Path, log_format: str
) -> None:
    flags = ("--data", ":memory:", "-v", "--log-format", log_format)
    with server(tmp_path, *flags) as running:
        host, port = running.address.split(":")
        with socket.create_connection((host, int(port))) as wire:
            for _ in range(30):  # each bad line is told, and nobody reads
                wire.sendall(b"rubbish\n" * 100 + b'{"t":"ping","id":1}\n')
                while b"pong" not in wire.recv(65_536):
                    pass
        assert running.stop() == 0


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_works_from_end_to_end(tmp_path: Path) -> None:
    with server(tmp_path, "--data", ":memory:", address="[::1]:0") as running:
        assert running.address.startswith("[::1]:")
        done = run(
            tmp_path, "join", "--plain", "--nick", "six", running.address, stdin="hi\n"
        )
        assert done.returncode == 0
        assert running.line_with("six connected").startswith(
            "[+] six connected from [::1]:"
        )
