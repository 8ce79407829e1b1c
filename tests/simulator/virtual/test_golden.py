"""One world, one digest: in every process, with every hash seed, Python and trio.

The world has in it what makes runs differ that should not: a set of clients, connection
attempts in a race, blocking calls, lost async generators, timeouts, random names, and all
kinds of faults. When the simulator changes on purpose, so does the digest:

    python -m tests.simulator.virtual.test_golden                 prints the new one
    python -m tests.simulator.virtual.test_golden --trace FILE    and writes the trace

Two traces that should be one are compared with diff: their first difference is the bug.
"""

import argparse
import gc
import os
import random
import signal
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest
import trio

from simulator import virtual
from simulator.virtual import Link, Node, World

GOLDEN = "c1244da8648a8a2b8d6e810c6c4b423dfca81337d725399289ce79d46d17c3ce"
SEED = 2026
ROOT = Path(__file__).parents[3]


# --- a chat, as anybody could have written it ----------------------------------------


class Member:
    """Somebody in the room; hashed by where it happens to be in memory."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.send, self.receive = trio.open_memory_channel[bytes](8)

    async def write(self) -> None:
        """Send what was said, until nobody says anything any more."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for line in self.receive:
                await self.stream.send_all(line)


class Room:
    """All members, and all that they said."""

    def __init__(self) -> None:
        self.members: set[Member] = set()
        self.journal: list[bytes] = []

    async def serve(self, stream: trio.SocketStream) -> None:
        """One member, from coming to leaving."""
        member = Member(stream)
        self.members.add(member)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(member.write)
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    async for line in lines_of(stream):
                        await self.say(line)
                nursery.cancel_scope.cancel()
        finally:
            self.members.discard(member)

    async def say(self, line: bytes) -> None:
        """Write it down, and tell everyone; who is too slow is thrown out."""
        await trio.to_thread.run_sync(self.journal.append, line)
        for member in self.members:
            try:
                member.send.send_nowait(line)
            except trio.WouldBlock:
                member.receive.close()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass


async def lines_of(stream: trio.SocketStream) -> AsyncIterator[bytes]:
    """What comes in, line by line."""
    rest = b""
    async for data in stream:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line + b"\n"


async def server() -> None:
    room = Room()
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.serve_tcp, room.serve, 7000))
            async for _ in signals:
                nursery.cancel_scope.cancel()


async def client(node: Node) -> None:
    """Talk, listen, and come back, whatever happens."""
    while True:
        try:
            with trio.fail_after(5):
                stream = await trio.open_tcp_stream("chat", 7000)
            async with stream, trio.open_nursery() as nursery:
                node.note("connected", to=stream.socket.getpeername()[0])
                nursery.start_soon(talk, stream)
                await listen(node, stream)
                nursery.cancel_scope.cancel()
        except* (OSError, trio.BrokenResourceError, trio.TooSlowError) as group:
            for error in group.exceptions:
                node.note("lost", error=type(error).__name__)
        await trio.sleep(random.uniform(0.1, 0.5))


async def talk(stream: trio.SocketStream) -> None:
    while True:
        await trio.sleep(random.expovariate(5))
        line = f"{time.time():.3f} {uuid.uuid4()} {'x' * random.randrange(200)}\n"
        await stream.send_all(line.encode())


async def listen(node: Node, stream: trio.SocketStream) -> None:
    """Note what was heard; sometimes let go of the generator in the middle."""
    while True:
        heard = 0
        with trio.move_on_after(1.5) as patience:
            async for line in lines_of(stream):
                node.note("heard", line=line.decode()[:50], octets=len(line))
                heard += 1
                if heard == 7:
                    break
            else:
                return
        if patience.cancelled_caught:
            node.note("silence")


# --- its world -----------------------------------------------------------------------


async def story(world: World) -> None:
    """Everything that can happen to it, at fixed times and by chance."""
    servers = [world.node(f"server-{number}") for number in range(4)]
    clients = [
        world.node(f"client-{number}", rate=1 + number / 1000) for number in range(8)
    ]
    network, chance = world.network, world.chance("faults")
    network.alias("chat", servers)
    network.set_default_link(
        Link(latency_s=0.02, jitter_s=0.05, fragment=0.2, bandwidth_bytes_per_s=20_000)
    )
    for node in servers[2:]:
        node.start(server)
    servers[0].power_off()  # its address is tried first, in vain
    for node in clients:
        node.start(client, node)
    await trio.sleep(3)
    for _ in range(6):
        network.partition(chance.sample(clients, 3), servers, one_way=chance.random() < 0.5)
        await trio.sleep(chance.uniform(0, 2))
        network.reset(chance.choice(clients), servers[2])
        network.stall(victim := chance.choice(clients))
        await trio.sleep(chance.uniform(0, 2))
        gc.collect()
        network.unstall(victim)
        network.heal()
    servers[2].kill()
    clients[0].power_off()
    await trio.sleep(1)
    servers[2].start(server)
    clients[1].pause()
    servers[3].signal(signal.SIGTERM)
    await servers[3].ended()
    servers[3].start(server)
    await trio.sleep(3)
    clients[1].go_on()
    clients[0].power_on()
    clients[0].start(client, clients[0])
    await trio.sleep(3)


def digest_of(trace_to: IO[bytes] | None = None) -> str:
    """Of the trace of that world."""
    with warnings.catch_warnings(action="ignore"):  # it lets go of generators on purpose
        report = virtual.run(
            story, seed=SEED, tick_s=0.001, trace_to=trace_to, digested=True
        )
    return report.digest


def perturbed() -> list[Any]:
    """Holes in the memory, so that no address is what it would have been."""
    entropy = random.SystemRandom()
    kept = [bytearray(entropy.randrange(1, 600)) for _ in range(entropy.randrange(20_000))]
    return [each for each in kept if entropy.random() < 0.5]


# --- the tests -----------------------------------------------------------------------


def test_this_process_comes_to_the_golden_digest() -> None:
    assert digest_of() == GOLDEN


def test_so_does_it_once_more() -> None:
    holes = perturbed()
    assert digest_of() == GOLDEN
    assert holes is not None


@pytest.mark.parametrize("hash_seed", ["1", "2", "random"])
def test_so_does_a_process_with_another_hash_seed(hash_seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulator.virtual.test_golden"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == GOLDEN


def test_the_world_has_in_it_what_could_make_runs_differ(tmp_path: Path) -> None:
    with (tmp_path / "trace").open("wb") as file:
        digest_of(file)
    lines = (tmp_path / "trace").read_bytes().splitlines()
    assert len(lines) > 5_000
    text = b"\n".join(lines)
    for event in (b"heard", b"lost", b"silence", b"cut", b"stall", b"reset", b"power off"):
        assert b'"event":"' + event in text, event


def test_a_planted_hazard_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting within a loop over a set: who is served first hangs on the allocator."""

    async def say(room: Room, line: bytes) -> None:
        for member in list(room.members):
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await member.send.send(line)

    monkeypatch.setattr(Room, "say", say)
    digests = set()
    for _ in range(10):
        holes = perturbed()
        digests.add(digest_of())
        if len(digests) > 1:
            return
        del holes
    pytest.fail("all runs were the same")


def test_another_seed_comes_to_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SEED", SEED + 1)
    assert digest_of() != GOLDEN


def main() -> None:
    """Print the digest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trace", type=Path, help="write the trace to this file")
    options = parser.parse_args()
    holes = perturbed()
    if options.trace is None:
        digest = digest_of()
    else:
        with options.trace.open("wb") as file:
            digest = digest_of(file)
    sys.stdout.write(f"{digest}\n")
    del holes


if __name__ == "__main__":
    main()
