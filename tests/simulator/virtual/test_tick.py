"""Why there is a tick: where hardly ever two things are ready at once, races hide.

python -m tests.simulator.virtual.test_tick      counts them, for docs/simulator.md
"""

import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest
import trio

from simulator import virtual
from simulator.virtual import Link, World

SEEDS = 60
CLIENTS, LINES = 5, 20


class Counter:
    """Numbers what it is sent; `number` has the classic bug, or has it not."""

    def __init__(self, number: "Callable[[Counter], Awaitable[int]]") -> None:
        self.last = 0
        self.given: list[int] = []
        self.lock = trio.Lock()
        self._number = number

    async def handle(self, stream: trio.SocketStream) -> None:
        """Give each byte a number."""
        async for _ in stream:
            self.given.append(await self._number(self))


async def careless(counter: Counter) -> int:
    """Reads, waits, writes."""
    number = counter.last + 1
    await trio.lowlevel.checkpoint()
    counter.last = number
    return number


async def careful(counter: Counter) -> int:
    """As careless, with nobody else in between."""
    async with counter.lock:
        return await careless(counter)


async def talk(chance_s: Callable[[], float]) -> None:
    async with await trio.open_tcp_stream("server", 7000) as stream:
        for _ in range(LINES):
            await trio.sleep(chance_s())
            await stream.send_all(b"x")
        await trio.sleep(1)


async def story(world: World, number: Callable[[Counter], Awaitable[int]]) -> bool:
    """Whether a number was given twice."""
    counter = Counter(number)
    world.network.set_default_link(Link(latency_s=0.02, jitter_s=0.03))
    world.node("server").start(partial(trio.serve_tcp, counter.handle, 7000))
    clients = [world.node(f"client-{index}") for index in range(CLIENTS)]
    for node in clients:
        chance = node.chance("pauses")
        node.start(talk, partial(chance.uniform, 0.0, 0.4))
    for node in clients:
        await node.ended()
    return len(set(counter.given)) < len(counter.given)


def caught(tick_s: float, number: Callable[[Counter], Awaitable[int]] = careless) -> int:
    """In how many of the worlds the race is seen."""
    return sum(
        bool(virtual.run(partial(story, number=number), seed=seed, tick_s=tick_s).value)
        for seed in range(SEEDS)
    )


@pytest.fixture
def few_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SEEDS", 15)


@pytest.mark.usefixtures("few_seeds")
def test_in_continuous_time_the_race_hides() -> None:
    assert caught(0.0) == 0


@pytest.mark.usefixtures("few_seeds")
def test_with_a_tick_the_race_is_seen() -> None:
    assert caught(0.02) > 5


@pytest.mark.usefixtures("few_seeds")
def test_without_the_race_no_tick_shows_one() -> None:
    assert caught(0.02, careful) == 0


def test_the_tick_is_part_of_what_a_seed_decides() -> None:
    """So a range of seeds looks at all of them."""
    ticks = {
        virtual.run(partial(story, number=careful), seed=seed).tick_s for seed in range(20)
    }
    assert len(ticks) >= 4


def main() -> None:
    """Print in how many worlds the race is seen, by tick."""
    for tick_s in virtual.world.TICKS_S:
        before = time.process_time()
        line = f"{tick_s * 1000:g} ms: {caught(tick_s)} of {SEEDS}"
        sys.stdout.write(f"{line}  ({time.process_time() - before:.1f} s of CPU)\n")


if __name__ == "__main__":
    main()


async def impatient(answers: list[bool]) -> None:
    """Waits for each answer about as long as it takes; notes deadlines that passed with the
    answer in hand."""
    async with await trio.open_tcp_stream("server", 7000) as stream:
        for _ in range(LINES):
            await stream.send_all(b"x")
            with trio.move_on_after(0.108) as patience:
                await stream.receive_some()
                answers.append(patience.cancel_called)
            if patience.cancelled_caught:
                await stream.receive_some()
            await trio.sleep(0.5)


async def echo(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in stream:
            await stream.send_all(data)


async def late_story(world: World) -> int:
    """How many answers came in the moment in which the patience was at its end."""
    answers: list[bool] = []
    world.network.set_default_link(Link(latency_s=0.05, jitter_s=0.01))
    world.node("server").start(partial(trio.serve_tcp, echo, 7000))
    for index in range(CLIENTS):
        node = world.node(f"client-{index}")
        node.start(impatient, answers)
        await node.ended()
    return sum(answers)


@pytest.mark.parametrize(("tick_s", "met"), [(0.0, False), (0.005, True)])
def test_a_deadline_can_pass_with_the_answer_in_hand(tick_s: float, met: bool) -> None:
    """The classic `cancel_called` with a result, which hides where time is continuous."""
    found = sum(
        virtual.run(late_story, seed=seed, tick_s=tick_s).value for seed in range(5)
    )
    assert (found > 0) is met
