"""Senders wait before memory grows: while the disk is slow little is taken from them."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

from tests.server.harness import World, open_world
from trio_chat.server import Limits
from trio_chat.server.peer import Peer
from trio_chat.store import Draft, MemoryStore, Outcome
from trio_chat.wire import RECEIVE_BYTES_MAX

SENDERS = 100
LINES = 600
COMMIT_S = 5.0


def said(n: int) -> bytes:
    """A line; all are of one length."""
    return b'{"t":"say","room":"lobby","n":%d,"text":"%s"}\n' % (1_000 + n, b"x" * 400)


LINE_BYTES = len(said(0))
READ_LINES = RECEIVE_BYTES_MAX // LINE_BYTES + 1
"""So many lines end in what one read takes, if it begins within one."""


class SlowStore(MemoryStore):
    """Every transaction takes long; remembers how many drafts each had."""

    def __init__(self) -> None:
        super().__init__("e")
        self.transactions: list[int] = []

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        self.transactions.append(len(drafts))
        await trio.sleep(COMMIT_S)
        return await super().append(drafts, ts)


class Held:
    """How many drafts the server holds: read, and not answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = 0
        honest = Peer._append

        async def append(peer: Peer, drafts: Sequence[Any]) -> None:
            self.now += len(drafts)
            self.most = max(self.most, self.now)
            await honest(peer, drafts)
            self.now -= len(drafts)

        monkeypatch.setattr(Peer, "_append", append)


class Sender(trio.abc.Stream):
    """Somebody who sends as fast as it is taken, and never minds the credit.

    Shape:  as a stream it is the server's end, and counts what is taken from it.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = lockstep_stream_pair()
        self._taken_bytes = self._answered_bytes = 0
        self.most_bytes = 0
        """Taken and not answered."""

    async def enter(self, world: World, number: int) -> None:
        """Be in the lobby, and do not want to read it."""
        person = world.dial(lambda: (self._ours, self))
        hello = {"t": "hello", "v": 1, "nick": f"n{number}"}
        lobby = {"room": "lobby"}
        await person.send(hello, {"t": "join", **lobby}, {"t": "hold", **lobby})

    async def run(self) -> None:
        """Say all lines, and hear all answers."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ours.send_all, b"".join(map(said, range(LINES))))
            kept = b""
            while self._answered_bytes < LINES * LINE_BYTES:
                *lines, kept = (kept + await self._ours.receive_some()).split(b"\n")
                answers = sum(b'"t":"accepted"' in line for line in lines)
                self._answered_bytes += answers * LINE_BYTES

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._theirs.receive_some(max_bytes)
        if len(data) >= LINE_BYTES:  # none of the first words
            self._taken_bytes += len(data)
            waiting_bytes = self._taken_bytes - self._answered_bytes
            self.most_bytes = max(self.most_bytes, waiting_bytes)
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._theirs.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._theirs.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._theirs.aclose()


async def test_a_flood_waits_in_the_sockets_of_those_who_send_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """600 lines of each of 100 people, on a disk that takes 5 s for a transaction."""
    store, held, limits = SlowStore(), Held(monkeypatch), Limits()
    async with open_world(store, heartbeat_s=1e4, stall_s=1e4) as world:
        async with trio.open_nursery() as nursery:
            senders = [Sender() for _ in range(SENDERS)]
            for number, sender in enumerate(senders):
                await sender.enter(world, number)
                nursery.start_soon(sender.run)
        assert not world.events("bug")
        assert not world.events("disconnected")
    assert sum(store.transactions) == SENDERS * LINES
    # Of each peer what one read took, and the beginning of a line behind it.
    assert held.most <= SENDERS * READ_LINES
    assert max(store.transactions) < limits.commit_drafts_max + READ_LINES
    # And the answers of one read may be on their way while the next is taken.
    most_bytes = max(sender.most_bytes for sender in senders)
    assert most_bytes <= 2 * RECEIVE_BYTES_MAX + LINE_BYTES
