"""Those who come in and say nothing: all are counted, and asked, and answer."""

import socket
import sys
from collections.abc import Sequence
from typing import Final

import pytest
import trio

from simulator.bench import dialects
from simulator.bench.dialects import DIALECTS
from simulator.bench.dialects.dialect import Answer, Joined
from simulator.bench.kinds import kind_of
from simulator.bench.load_idle import Guest
from simulator.bench.plan import Idled, LoadError, Plan
from simulator.bench.run import put_load
from simulator.bench.servers import OURS
from simulator.bench.workloads import WORKLOADS, Idle
from simulator.processes import open_server_process
from tests.simulator.bench.wires import WIRES

PATIENCE_S: Final = 60
SMALL: Final = Idle(members=30, rooms=3, at_once=10, idle_s=0.5)


async def idled(load: Idle, *flags: str) -> Idled:
    """What our server made of it."""
    with trio.fail_after(PATIENCE_S):
        async with open_server_process(flags=flags) as server:
            address = await server.start()
            assert server.pid is not None
            plan = Plan(
                host=address.host,
                port=address.port,
                server_pid=server.pid,
                dialect=dialects.OURS,
                load=load,
                seconds=0.1,
                warm_s=0.1,
                core=None,
            )
            outcome = await put_load(plan)
            assert isinstance(outcome, Idled)
            return outcome


@pytest.mark.processes
async def test_all_come_in_and_what_they_cost_is_told() -> None:
    outcome = await idled(SMALL, "--data=:memory:")
    assert (outcome.joins, outcome.faults) == (30, [])
    assert outcome.idle_s >= SMALL.idle_s
    figures = {each.name: each.of(outcome) for each in kind_of(SMALL).figures}
    assert figures["joins_per_s"] == 30 / outcome.seconds
    if sys.platform == "linux":
        assert figures["kb_each"] is not None
        assert figures["cpu_ms_per_join"] is not None


@pytest.mark.processes
async def test_who_is_asked_answers_and_is_not_given_up() -> None:
    outcome = await idled(
        Idle(members=3, idle_s=1.0), "--data=:memory:", "--heartbeat-s=0.2"
    )
    assert outcome.faults == []


@pytest.mark.processes
async def test_who_is_turned_away_is_no_member() -> None:
    twice = Idle(members=2, rooms=1, idle_s=0.0)
    with trio.fail_after(PATIENCE_S):
        async with open_server_process(flags=["--data=:memory:"]) as server:
            address = await server.start()
            assert server.pid is not None
            holder = socket.create_connection((address.host, address.port))
            with holder:
                holder.sendall(b'{"t":"hello","v":1,"nick":"m1"}\n')
                assert b"welcome" in await trio.to_thread.run_sync(holder.recv, 4096)
                plan = Plan(
                    host=address.host,
                    port=address.port,
                    server_pid=server.pid,
                    dialect=dialects.OURS,
                    load=twice,
                    seconds=0.1,
                    warm_s=0.1,
                    core=None,
                )
                with pytest.raises(LoadError, match="m1 is taken"):
                    await put_load(plan)


def test_ours_is_measured_with_its_heartbeats_where_nobody_speaks() -> None:
    loads = [each.load for case in WORKLOADS["W4"].cases for each in case.variants]
    assert all(isinstance(load, Idle) and load.idle_s >= 15 for load in loads)
    assert OURS.open_asking is not OURS.open


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_in_every_protocol_it_is_seen_that_one_is_in_and_what_wants_an_answer(
    name: str, size: int
) -> None:
    """However it is cut; and what is said by others, before and after, does not matter."""
    wire, dialect = WIRES[name], DIALECTS[name]
    come_in = [each for each, aside in wire.asides.items() if isinstance(aside, Joined)]
    asked = [each for each, aside in wire.asides.items() if isinstance(aside, Answer)]
    asked = [each for each in asked if dialect.asks and dialect.asks in each]
    others = [each for each, aside in wire.asides.items() if aside is None]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        guest = Guest("lobby", ours)
        _hear(guest, others + come_in, name, size)
        assert guest.joined
        said = [wire.says("ada", 1, 1), *others, *asked, *others]
        _hear(guest, said, name, size)
        answers = [wire.asides[each] for each in asked]
        expected = b"".join(each.data for each in answers if isinstance(each, Answer))
        theirs.setblocking(False)
        assert not expected or theirs.recv(1_000) == expected
        assert guest.kept == b""


def _hear(guest: Guest, said: Sequence[bytes], name: str, size: int) -> None:
    data = b"".join(said)
    for start in range(0, len(data), size):
        guest.hear(data[start : start + size], DIALECTS[name])
