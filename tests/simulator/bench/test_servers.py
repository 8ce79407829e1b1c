"""Other servers under the same load: real processes, and nothing is lost at any of them."""

from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from simulator.bench import peers
from simulator.bench.cores import Cores
from simulator.bench.foreign import open_peer, version_of
from simulator.bench.peers import PEERS, Peer, version_in
from simulator.bench.plan import Measured, Talked
from simulator.bench.run import measure, measure_all, tasks
from simulator.bench.servers import OURS, YARDSTICKS, Server, peer_server
from simulator.bench.workloads import WORKLOADS, Case, Talk, Variant, Workload
from simulator.cli import main
from simulator.errors import ServerError

PATIENCE_S: Final = 60
TALK: Final = Talk(members=9, senders=4, rooms=3, window=4, text_bytes=40, mark_every=3)
TINY: Final = Workload("W0", "tiny", cases=[Case("", [Variant("", TALK)])])

on_processes = pytest.mark.processes


async def talked(server: Server) -> Talked:
    with trio.fail_after(PATIENCE_S):
        task = tasks([TINY], [server])[0][0]
        outcome = await measure(task, seconds=0.2, cores=Cores())
        assert isinstance(outcome, Talked)
        return outcome


def assert_right(outcome: Talked) -> None:
    """All lines came, at everybody, in the order of each author."""
    assert outcome.faults == []
    assert outcome.messages > 0
    assert outcome.deliveries > 0
    assert outcome.timed > 0


@on_processes
@pytest.mark.parametrize("server", [OURS, *YARDSTICKS], ids=lambda server: server.name)
async def test_a_server_of_this_package_loses_nothing(server: Server) -> None:
    assert_right(await talked(server))


@on_processes
@pytest.mark.parametrize("name", PEERS)
async def test_a_peer_loses_nothing(name: str) -> None:
    peer = PEERS[name]
    if peer.path is None:
        pytest.skip(f"{name} is not installed")
    assert_right(await talked(peer_server(name)))
    assert (await version_of(peer)).count(".") >= 1


@on_processes
async def test_a_server_that_does_not_start_says_why() -> None:
    """With the last words of the process itself."""
    python = Peer("python", "python3", "python3", "irc", ("-c", "exit('no way')"), "")
    with pytest.raises(ServerError, match="does not start: no way"):
        async with open_peer(python, "", None):
            pass


@on_processes
async def test_a_server_that_fails_does_not_keep_others_from_being_measured() -> None:
    """Unless it is ours: what the others reach is of no use without that."""
    python = Peer("python", "python3", "python3", "irc", ("-c", "exit('no way')"), "")
    broken = Server("broken", "irc", partial(open_peer, python), is_peer=True)
    failed: list[str] = []
    measured: list[Measured] = []

    async def measure_with(server: Server) -> None:
        with trio.fail_after(PATIENCE_S):
            await measure_all(
                tasks([TINY], [server, YARDSTICKS[0]]),
                runs=1,
                seconds=0.1,
                cores=Cores(),
                measured=measured.append,
                failed=failed.append,
            )

    await measure_with(broken)
    assert failed == ["W0: broken: python3 does not start: no way"]
    assert [each.cell.server for each in measured] == ["plain threads"]
    with pytest.raises(ServerError, match="no way"):
        await measure_with(broken._replace(is_ours=True))


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("ngIRCd 26.1-IDENT+IPv6-x86_64/pc/linux-gnu\nCopyright", "26.1"),
        ("InspIRCd-3.15.0-debian", "3.15.0"),
        ("mosquitto version 2.0.11\n\nmosquitto is an MQTT v5.0/v3.1.1 broker", "2.0.11"),
        ("nats-server: v2.9.10", "2.9.10"),
        ("hello", ""),
    ],
)
def test_a_version_is_found_in_what_a_server_says(words: str, version: str) -> None:
    assert version_in(words) == version


def test_each_peer_has_its_name_and_a_config_that_can_be_filled_in() -> None:
    for name, peer in PEERS.items():
        assert name == peer.name
        config = peer.config.format(port=6667, directory="/nowhere")
        assert "6667" in config
        assert "127.0.0.1" in config


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("ngircd,telnetd", "nobody knows 'telnetd': there are ngircd, inspircd, "),
        ("ngircd", "ngircd is not installed: there is no ngircd here (on Debian it is"),
    ],
)
def test_a_peer_that_is_not_there_is_said_before_anything_is_measured(
    names: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    if "," not in names:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(peers, "_BEYOND_PATH", ())
    else:
        monkeypatch.setattr(Peer, "path", "/somewhere")
    with pytest.raises(SystemExit) as end:
        main(["bench", f"--with={names}"])
    assert end.value.code == 2
    shown = capsys.readouterr()
    assert sentence in " ".join(shown.err.split())
    assert shown.out == ""


def test_what_only_our_server_can_do_is_asked_of_it_alone() -> None:
    for workload in WORKLOADS.values():
        there = {
            task.server.name
            for case in tasks([workload], [*YARDSTICKS, OURS])
            for task in case
        }
        assert there == (
            {OURS.name}
            if workload.ours_only
            else {OURS.name, "plain threads", "naive trio"}
        )
