"""Whatever is asked of an outbox on a disk, and however it dies: a model knows the rest."""

import random
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from simulator.virtual.disk import Disk, Operation, open_disks
from simulator.virtual.errors import UnavailableError
from trio_chat.client.outbox import Ticket
from trio_chat.client.outbox_file import FileOutbox, open_outbox
from trio_chat.errors import OutboxError
from trio_chat.protocol.messages import CREDIT
from trio_chat.worker import open_inline_worker

End: TypeAlias = Literal["quit", "kill", "power"]
Line: TypeAlias = tuple[int, str, str]
"""n, room, text."""
Rule: TypeAlias = Callable[["Life", int], Awaitable[None]]


@dataclass
class Model:
    """What an outbox must hold, may hold, and must never hold again."""

    device: str = ""
    last_n: int = 0
    """The last number that was given, in any life."""
    waiting: dict[int, Line] = field(default_factory=dict)
    """Each of these is there, in this order."""
    accepted: dict[int, Line] = field(default_factory=dict)
    """These may be found again: to send them once more does no harm."""
    doubtful: list[tuple[str, str]] = field(default_factory=list)
    """What was given back with an error, since the disk last worked: so are these."""
    refusing: dict[int, list[Ticket | None]] = field(default_factory=dict)
    """Who is refused, but not told as long as the disk can't forget them."""
    unsure: set[int] = field(default_factory=set)
    """What was to be taken back when the disk failed: it may be there."""
    sendable: set[int] = field(default_factory=set)
    """What could be sent at any time: nobody may be told that it was not."""
    puts: int = 0


@dataclass
class Life:
    """One program with the outbox open."""

    outbox: FileOutbox
    disk: Disk
    model: Model
    credit: int = CREDIT

    def look(self) -> None:
        """Compare what is seen now with what is known."""
        for n in [n for n, told in self.model.refusing.items() if told]:
            assert len(self.model.refusing.pop(n)) == 1
            del self.model.waiting[n]
        if not self.outbox._in_doubt:
            self.model.doubtful.clear()
            self.model.unsure.clear()
        assert [_line(each) for each in self.outbox.lines] == list(
            self.model.waiting.values()
        )
        sendable = {each.n for each in self.outbox.after(0)}
        assert len(sendable) <= self.credit
        self.model.sendable |= sendable
        for n in self.model.waiting:
            assert not (n in self.model.sendable and self.outbox.is_held(n))

    def nth(self, number: int) -> int | None:
        """One of the lines that wait."""
        numbers = list(self.model.waiting)
        return numbers[number % len(numbers)] if numbers else None


def _line(ticket: Ticket) -> Line:
    return ticket.n, ticket.room, ticket.text


# --- what can be done --------------------------------------------------------------------


async def put(life: Life, number: int) -> None:
    """Up to three lines, the first in first."""
    model = life.model
    asked: list[tuple[str, str]] = []
    async with trio.open_nursery() as nursery:
        for _ in range(1 + number % 3):
            model.puts += 1
            asked.append((f"room{model.puts % 2}", f"line {model.puts}"))
            nursery.start_soon(_put_one, life, *asked[-1])
            await trio.testing.wait_all_tasks_blocked()


async def _put_one(life: Life, room: str, text: str) -> None:
    model = life.model
    try:
        ticket = await life.outbox.put(room, text, "text")
    except OutboxError:
        model.doubtful.append((room, text))
        return
    assert ticket.n > model.last_n
    model.last_n = ticket.n
    model.waiting[ticket.n] = _line(ticket)
    model.doubtful.clear()


async def release(life: Life, number: int) -> None:
    """There is a link, and the server grants so much."""
    life.credit = 1 + number % 4
    life.outbox.release(life.credit)
    await wait_all_tasks_blocked()


async def hold(life: Life, _number: int) -> None:
    """There is none."""
    life.outbox.hold()
    await trio.lowlevel.checkpoint()


async def accept(life: Life, number: int) -> None:
    """The server has one of the lines that could be sent."""
    n = life.nth(number)
    if n in life.model.sendable and n not in life.model.refusing:
        life.outbox.accept(n, 1)
        life.model.accepted[n] = life.model.waiting.pop(n)
    await wait_all_tasks_blocked()


async def refuse(life: Life, number: int) -> None:
    """The server does not want one of the lines that could be sent."""
    n = life.nth(number)
    if n not in life.model.sendable or n in life.model.refusing:
        return
    told: list[Ticket | None] = life.model.refusing.setdefault(n, [])
    life.outbox.refuse(n, "not_joined", "no", told.append)
    assert not told
    await wait_all_tasks_blocked()
    assert told or life.outbox._in_doubt


async def cancel(life: Life, number: int) -> None:
    """Somebody wants to have one of them back."""
    n = life.nth(number)
    if n is None:
        return
    try:
        await life.outbox.cancel(n)
    except OutboxError:
        if life.outbox._in_doubt:
            life.model.unsure.add(n)
        else:
            # Maybe no link came to send it before its life ended; that nobody knows.
            assert not life.outbox.is_held(n)
        return
    assert n not in life.model.sendable
    del life.model.waiting[n]


async def forget(life: Life, _number: int) -> None:
    """Time goes by."""
    del life
    await trio.sleep(10)


async def fail(life: Life, number: int) -> None:
    """The disk fails for a while."""
    operation: Operation = "write" if number % 2 else "sync"
    life.disk.failing(operation, times=1 + number % 4)
    await trio.lowlevel.checkpoint()


async def heal(life: Life, _number: int) -> None:
    """It works again."""
    life.disk.failing()
    life.disk.bytes_max = None
    await trio.lowlevel.checkpoint()


async def fill(life: Life, number: int) -> None:
    """There is no more space on it."""
    life.disk.bytes_max = life.disk.bytes_used + 100 * number
    await trio.lowlevel.checkpoint()


async def die_soon(life: Life, number: int) -> None:
    """The machine dies at one of the next writes or syncs."""
    if number % 2:
        life.disk.die_at(write=life.disk.writes + 1 + number)
    else:
        life.disk.die_at(sync=life.disk.syncs + 1 + number // 4)
    await trio.lowlevel.checkpoint()


RULES: tuple[Rule, ...] = (
    *(put, put, put, release, release, hold, accept, accept),
    *(refuse, cancel, cancel, forget, fail, heal, fill, die_soon),
)


# --- lives -------------------------------------------------------------------------------


async def live(disk: Disk, model: Model, steps: list[tuple[Rule, int]], end: End) -> None:
    """Open it, find what was left, do these things, and end."""
    path = disk.directory / "outbox.db"
    async with open_outbox(path, open_worker=open_inline_worker) as outbox:
        find(outbox, model)
        life = Life(outbox, disk, model)
        for do, number in steps:
            if disk.life.ended:
                break
            await do(life, number)
            if not disk.life.ended:
                life.look()
        if end != "quit":
            disk.halt()
    if end == "quit" and not disk.life.ended:
        for n in [n for n, told in model.refusing.items() if told]:
            del model.waiting[n]


def find(outbox: FileOutbox, model: Model) -> None:
    """What is there is what must be, and nothing that must not; take it as it is."""
    assert outbox.path.name == "outbox.db"
    model.device = model.device or outbox.device or ""
    assert outbox.device == model.device
    found = {each.n: _line(each) for each in outbox.lines}
    assert list(found) == sorted(found)
    for n, line in model.waiting.items():
        unsure = n in model.unsure or n in model.refusing
        assert found.pop(n, None if unsure else ()) in (line, *([None] if unsure else []))
    for n, line in found.items():
        known = model.accepted.get(n) == line
        given_back = line[1:] in model.doubtful and n > model.last_n
        assert known or given_back, f"{line} is not to be there"
    for n in model.sendable & found.keys():
        assert not outbox.is_held(n)
    model.waiting = {each.n: _line(each) for each in outbox.lines}
    model.last_n = max(model.last_n, outbox._last_n)
    model.accepted.clear()
    model.doubtful.clear()
    model.refusing.clear()
    model.unsure.clear()


LIVES = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(RULES), st.integers(0, 15)), max_size=12),
        st.sampled_from(["quit", "kill", "power"]),
    ),
    max_size=5,
)


@settings(max_examples=150)
@given(lives=LIVES, seed=st.integers(0, 99), forgets_names=st.booleans())
def test_an_outbox_and_a_model_agree_over_all_deaths(
    lives: list[tuple[list[tuple[Rule, int]], End]], seed: int, forgets_names: bool
) -> None:
    async def all_lives(disk: Disk) -> None:
        model = Model()
        for steps, end in [*lives, ([], "quit")]:
            with suppress(OutboxError):  # it died before it was open
                await live(disk, model, steps, end)
            disk.die_at()
            disk.failing()
            disk.bytes_max = None
            if disk.life.ended:
                (disk.process_died if end == "kill" else disk.power_lost)()

    chance = random.Random(seed)
    try:
        with (
            tempfile.TemporaryDirectory() as directory,
            open_disks(Path(directory), chance=chance, wall_clock_s=lambda: 1e9) as disks,
        ):
            disk = disks.disk("ada", chance=chance)
            disk.forgets_names = forgets_names
            trio.run(all_lives, disk, clock=MockClock(autojump_threshold=0))
    except UnavailableError as error:
        pytest.skip(str(error))
