"""How much is done for a line that everybody hears, counted: what makes fan-out fast.

Time would tell as well, on a quiet machine, now and then. Counts tell every time: the work
for a line does not grow with the members, and the work for a member grows with batches,
not with lines.
"""

import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import trio
import trio.testing

from tests.server.harness import open_world
from trio_chat import wire
from trio_chat.protocol.framing import Decoder, encode
from trio_chat.protocol.messages import Entry, Message, Say
from trio_chat.server import outgoing, peer, room
from trio_chat.store import Draft, MemoryStore

LINES = 64


def socket_pair() -> tuple[trio.SocketStream, wire.KernelStream]:
    """Both ends of a connection through the kernel, the server's as a server has it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return (
        trio.SocketStream(trio.socket.from_stdlib_socket(ours)),
        wire.KernelStream(theirs),
    )


class Work(trio.abc.Instrument):
    """What the server does; its people are all one task, which is not counted."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        self.counting = False
        self.frames: list[bytes] = []
        self._people = trio.lowlevel.current_task()
        patch.setattr(room, "encode", self._encode)
        patch.setattr(peer, "encode", self._encode)
        self._count(patch, Decoder, "feed", lambda *_: self._add("reads decoded"))
        self._count(patch, MemoryStore, "append", self._stored)
        patch.setattr(wire._KernelSending, "now", property(self._now))
        self._count(patch, wire._SocketSending, "some", lambda *_: self._add("waits"))
        self._count(
            patch, outgoing.Outgoing, "_begin_writing", lambda *_: self._add("waits")
        )

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is not self._people:
            self._add("steps")

    @staticmethod
    def _count(
        patch: pytest.MonkeyPatch, owner: Any, name: str, note: Callable[..., None]
    ) -> None:
        honest = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            note(*arguments)
            return honest(*arguments)

        patch.setattr(owner, name, counted)

    def _add(self, name: str, count: int = 1) -> None:
        if self.counting:
            self.counts[name] += count

    def _encode(self, messages: Iterable[Message]) -> bytes:
        listed = list(messages)
        self._add("encodings")
        self._add("entries encoded", sum(isinstance(each, Entry) for each in listed))
        return encode(listed)

    def _stored(self, _store: MemoryStore, drafts: list[Draft], _ts: float) -> None:
        self._add("transactions")
        self._add("drafts", len(drafts))

    def _now(self, sending: wire._KernelSending) -> Callable[[bytes], int]:
        honest = sending._kernel.send

        def now(data: bytes) -> int:
            self._add("sends")
            if self.counting and data.startswith(b'{"t":"entry"'):
                self.frames.append(data)
            return honest(data)

        return now


async def work_of(
    patch: pytest.MonkeyPatch, members: int, *, talkers: int = 1, lines: int = LINES
) -> Work:
    """What it takes when some of so many people say so many lines each, all at once."""
    with patch.context() as here:
        work = Work(here)
        trio.lowlevel.add_instrument(work)
        async with open_world() as world:
            people = [await world.person(f"n{n}", pair=socket_pair) for n in range(members)]
            for person in people:
                await person.send({"t": "ping", "id": 1})
                await person.hear("pong")  # what went before has been read
            work.counting = True
            for person in people[:talkers]:
                os.write(person.stream.socket.fileno(), b"".join(map(said, range(lines))))
            for person in people:
                await person.texts(lines * talkers)
            await trio.testing.wait_all_tasks_blocked()
            work.counting = False
            for person in people:
                await person.stream.aclose()
        trio.lowlevel.remove_instrument(work)
    return work


def said(n: int) -> bytes:
    """One line, as it is said."""
    return encode([Say(room="lobby", n=n + 1, text=f"line {n}")])


async def test_a_burst_is_one_read_one_transaction_and_one_encoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = await work_of(monkeypatch, members=20)
    assert work.counts["reads decoded"] == 1
    assert (work.counts["transactions"], work.counts["drafts"]) == (1, LINES)
    assert work.counts["encodings"] == 2, "the entries, and what the author is told"
    assert work.counts["entries encoded"] == LINES


async def test_all_members_are_sent_the_same_bytes_in_one_write_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = await work_of(monkeypatch, members=20)
    frame, *others, authors = work.frames
    assert len(others) == 18
    assert all(other is frame for other in others)
    assert authors.startswith(frame)
    assert authors.count(b'"accepted"') == LINES, "the author's answers go with them"
    assert work.counts["sends"] == 20


async def test_what_many_say_at_once_is_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    work = await work_of(monkeypatch, members=20, talkers=10)
    assert (work.counts["transactions"], work.counts["drafts"]) == (1, 10 * LINES)
    assert len(work.frames) == 20
    assert work.counts["sends"] == 20, "each author's answers go with the batch"


async def test_no_task_is_woken_for_a_member_whose_socket_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, many = [await work_of(monkeypatch, members) for members in (2, 40)]
    assert few.counts["steps"] == many.counts["steps"]
    assert many.counts["waits"] == 0


async def test_a_burst_takes_one_step_more_than_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, many = [await work_of(monkeypatch, 5, lines=lines) for lines in (1, LINES)]
    assert many.counts["steps"] == one.counts["steps"] + 1, "a look whether there is more"
    assert one.counts["sends"] == many.counts["sends"]


async def test_a_lone_line_takes_four_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its author's task reads it and answers, the journal's takes it and stores it."""
    work = await work_of(monkeypatch, members=5, lines=1)
    assert work.counts["steps"] == 4
