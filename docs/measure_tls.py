"""Measures what TLS would add to a delivery, for docs/performance.md.

python docs/measure_tls.py

The four ways in which a frame can reach 100 sockets of this machine, by turns, each as CPU
time of this thread for one member:

- the server's own: one write of the same bytes to each socket;
- the nearest thing with TLS: an SSLObject over memory BIOs encrypts for each member, and
  what comes out is written at once;
- a memory channel, a task for each member, and SocketStream.send_all;
- the same with SSLStream.send_all.
"""

import os
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Final, TypeAlias

import trio
import trio.testing
import trustme

MEMBERS: Final = 100
FRAMES: Final = 100
RUNS: Final = 5
FRAME_BYTES: Final = (180, 16_000)
"""A short line, and a batch of a hundred."""
MICRO: Final = 1e6

Pair: TypeAlias = tuple[socket.socket, socket.socket]
Deliver: TypeAlias = Callable[[bytes], Awaitable[None]]


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def pair() -> Pair:
    """The server's and the client's end of a connection through the kernel."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    for end in (server, client):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.setblocking(False)
    return server, client


def drain(pairs: Sequence[Pair]) -> None:
    """Have all members read what they were sent."""
    for _, client in pairs:
        try:
            while client.recv(1 << 20):
                pass
        except BlockingIOError:
            pass


async def measure(deliver: Deliver, pairs: Sequence[Pair], frame: bytes) -> float:
    """CPU microseconds for a member, in the middle of many frames."""
    took_s = []
    for _ in range(FRAMES):
        begun_s = time.thread_time()
        await deliver(frame)
        took_s.append(time.thread_time() - begun_s)
        drain(pairs)
    return median(took_s) / len(pairs) * MICRO


# --- at once -------------------------------------------------------------------------


def written(pairs: Sequence[Pair]) -> Deliver:
    """One write of the same bytes to each socket."""
    descriptors = [server.fileno() for server, _ in pairs]

    async def deliver(frame: bytes) -> None:
        for descriptor in descriptors:
            os.write(descriptor, frame)

    return deliver


def encrypted(pairs: Sequence[Pair], tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> Deliver:
    """What each member's SSLObject makes of them, in one write."""
    ends = [(server.fileno(), *shaken_hands(tls)) for server, _ in pairs]

    async def deliver(frame: bytes) -> None:
        for descriptor, session, outgoing in ends:
            session.write(frame)
            os.write(descriptor, outgoing.read())

    return deliver


def shaken_hands(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> tuple[ssl.SSLObject, ssl.MemoryBIO]:
    """The server's half of a session, and where its bytes come out."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = tls[0].wrap_bio(to_server, to_client, server_side=True)
    client = tls[1].wrap_bio(to_client, to_server, server_hostname="localhost")
    waiting = [client, server]
    while waiting:
        end = waiting.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(end)
    return server, to_client


# --- with a task for each ------------------------------------------------------------


@asynccontextmanager
async def by_tasks(streams: Sequence[trio.abc.SendStream]) -> AsyncIterator[Deliver]:
    """A memory channel and a task for each member, and send_all."""

    async def write(
        stream: trio.abc.SendStream, frames: trio.MemoryReceiveChannel[bytes]
    ) -> None:
        async for frame in frames:
            await stream.send_all(frame)

    async with trio.open_nursery() as nursery:
        channels = []
        for stream in streams:
            send, receive = trio.open_memory_channel[bytes](1)
            nursery.start_soon(write, stream, receive)
            channels.append(send)
        await trio.testing.wait_all_tasks_blocked()

        async def deliver(frame: bytes) -> None:
            for channel in channels:
                channel.send_nowait(frame)
            await trio.testing.wait_all_tasks_blocked()

        yield deliver
        nursery.cancel_scope.cancel()


def streams_of(sockets: Sequence[socket.socket]) -> list[trio.SocketStream]:
    """As trio has them."""
    return [trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in sockets]


async def secured(
    pairs: Sequence[Pair], tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> list[trio.SSLStream[trio.SocketStream]]:
    """The servers' ends."""
    made = []
    for ends in pairs:
        ours, theirs = streams_of(ends)
        server = trio.SSLStream(ours, tls[0], server_side=True)
        client = trio.SSLStream(theirs, tls[1], server_hostname="localhost")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.do_handshake)
            nursery.start_soon(client.do_handshake)
        made.append(server)
    return made


async def main() -> None:
    """Measure all four by turns, and print the medians."""
    tls = contexts()
    plain, secret = [[pair() for _ in range(MEMBERS)] for _ in range(2)]
    ways = {"one write": (written(plain), plain)}
    ways["SSLObject, one write"] = (encrypted(plain, tls), plain)
    ours = streams_of([server for server, _ in plain])
    async with (
        by_tasks(ours) as by_streams,
        by_tasks(await secured(secret, tls)) as by_ssl_streams,
    ):
        ways["task, SocketStream"] = (by_streams, plain)
        ways["task, SSLStream"] = (by_ssl_streams, secret)
        for frame_bytes in FRAME_BYTES:
            found: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(RUNS):
                for name, (deliver, pairs) in ways.items():
                    found[name].append(await measure(deliver, pairs, bytes(frame_bytes)))
            sys.stdout.write(f"{frame_bytes:,} bytes, CPU us for a member:\n")
            for name, took in found.items():
                sys.stdout.write(f"  {name:22}{median(took):6.2f}\n")


if __name__ == "__main__":
    trio.run(main)
