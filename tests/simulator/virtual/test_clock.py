"""The clocks of one machine."""

import math

import pytest
import trio

from simulator import virtual
from simulator.virtual.clock import BEGINNING_S, NodeClock
from simulator.virtual.timeline import NS, Timeline


def clock_at(now_ns: int, *, rate: float = 1.0, base_s: int = 0) -> NodeClock:
    timeline = Timeline()
    timeline.advance(now_ns)
    return NodeClock(timeline, base_s, rate, 0.0)


@pytest.mark.parametrize("base_s", [0, 1000, 77_777])
@pytest.mark.parametrize("rate", [1.0, 1.01, 0.99, 3.0])
@pytest.mark.parametrize("delay_s", [0.1, 0.3, 1e-9, 1.0, 59.999_999_999, 3600.0])
def test_the_instant_of_a_deadline_is_the_first_that_shows_it(
    base_s: int, rate: float, delay_s: float
) -> None:
    clock = clock_at(0, rate=rate, base_s=base_s)
    deadline = clock.current_time() + delay_s
    instant_ns = clock.instant_of(deadline)
    assert instant_ns is not None
    assert clock_at(instant_ns, rate=rate, base_s=base_s).current_time() >= deadline
    assert clock_at(instant_ns - 1, rate=rate, base_s=base_s).current_time() < deadline


@pytest.mark.parametrize("deadline", [math.inf, 1e300])
def test_never_has_no_instant(deadline: float) -> None:
    assert clock_at(0).instant_of(deadline) is None


@pytest.mark.parametrize("deadline", [0.0, -1e300, -math.inf, -5.0])
def test_a_deadline_before_the_world_began_is_over_at_its_beginning(
    deadline: float,
) -> None:
    assert clock_at(0, base_s=1000).instant_of(deadline) == 0


@pytest.mark.parametrize("deadline", [1e9, 1e12, 1e15])
def test_a_deadline_beyond_what_a_float_tells_apart_has_an_instant_too(
    deadline: float,
) -> None:
    clock = clock_at(0, base_s=1000)
    instant_ns = clock.instant_of(deadline)
    assert instant_ns is not None
    assert 1000 + instant_ns / NS >= deadline


async def _sleep_and_tell(seconds: float) -> tuple[float, float]:
    before = trio.current_time()
    await trio.sleep(seconds)
    return trio.current_time() - before, seconds


def test_sleep_lasts_as_long_as_it_should_to_the_nanosecond() -> None:
    async def story(world: virtual.World) -> list[int]:
        instants = []
        node = world.node("a")
        for _ in range(10):
            await node.run(_sleep_and_tell, 0.1)
            instants.append(world.timeline.now_ns)
        return instants

    for seed in range(20):
        before_ns = 0
        for now_ns in virtual.run(story, seed=seed, tick_s=0.0).value:
            # A float of so many seconds is a part of a nanosecond off: never too early.
            assert now_ns - before_ns - 100_000_000 in (0, 1)
            before_ns = now_ns


@pytest.mark.parametrize("deadline", [-math.inf, 0.0])
def test_a_deadline_of_long_ago_is_over_at_once(deadline: float) -> None:
    async def program() -> bool:
        with trio.CancelScope(deadline=deadline) as scope:
            await trio.sleep_forever()
        return scope.cancelled_caught

    async def story(world: virtual.World) -> tuple[bool, float]:
        return await world.node("a").run(program), world.now_s

    assert virtual.run(story, seed=1).value == (True, 0.0)


@pytest.mark.parametrize(("rate", "true_ns"), [(1.01, 990_099_010), (0.5, 2 * NS)])
def test_a_second_by_a_wrong_clock_is_not_a_second(rate: float, true_ns: int) -> None:
    async def story(world: virtual.World) -> tuple[int, float]:
        passed_s, _ = await world.node("fast", rate=rate).run(_sleep_and_tell, 1.0)
        return world.timeline.now_ns, passed_s

    now_ns, passed_s = virtual.run(story, seed=1, tick_s=0.0).value
    assert now_ns == true_ns
    assert passed_s == pytest.approx(1.0, abs=1e-8)


def test_a_timeout_on_a_fast_machine_comes_before_one_on_a_slow_machine() -> None:
    async def story(world: virtual.World) -> list[str]:
        order: list[str] = []

        async def wait(name: str) -> None:
            with trio.move_on_after(10):
                await trio.sleep_forever()
            order.append(name)

        for name, rate in (("slow", 0.999), ("right", 1.0), ("fast", 1.001)):
            world.node(name, rate=rate).start(wait, name)
        await trio.sleep(11)
        return order

    assert virtual.run(story, seed=1).value == ["fast", "right", "slow"]


def test_the_wall_clock_begins_with_2026_and_may_be_wrong_and_be_set() -> None:
    async def story(world: virtual.World) -> tuple[float, float, float]:
        right = world.node("right")
        wrong = world.node("wrong", wall_offset_s=-90.0)
        await trio.sleep(2)
        before = wrong.clock.wall_s()
        wrong.clock.wall_offset_s = 0.0
        return right.clock.wall_s(), before, wrong.clock.wall_s()

    right_s, wrong_s, set_s = virtual.run(story, seed=1).value
    assert right_s == set_s == BEGINNING_S + 2
    assert wrong_s == BEGINNING_S - 88


def test_no_two_machines_agree_on_the_monotonic_time() -> None:
    async def story(world: virtual.World) -> set[float]:
        nodes = [world.node(str(number)) for number in range(5)]
        return {node.clock.current_time() for node in nodes}

    assert len(virtual.run(story, seed=1).value) == 5


# --- waiting until all others wait ---------------------------------------------------


def test_all_tasks_blocked_is_noticed_at_once_though_there_are_timers() -> None:
    async def program() -> list[str]:
        order: list[str] = []

        async def busy() -> None:
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            order.append("was busy")
            await trio.sleep(3600)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            await trio.testing.wait_all_tasks_blocked()
            order.append("all wait")
            nursery.cancel_scope.cancel()
        return order

    async def story(world: virtual.World) -> tuple[list[str], float]:
        return await world.node("a").run(program), world.now_s

    assert virtual.run(story, seed=1).value == (["was busy", "all wait"], 0.0)


@pytest.mark.parametrize("cushion_s", [0.01, 0.5, 1.0, 30.0])
def test_a_cushion_is_as_long_as_nothing_ran_in_the_time_of_the_world(
    cushion_s: float,
) -> None:
    async def program() -> float:
        async def fidget() -> None:
            for _ in range(3):
                await trio.sleep(cushion_s / 2)
            await trio.sleep_forever()

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fidget)
            await trio.testing.wait_all_tasks_blocked(cushion_s)
            nursery.cancel_scope.cancel()
        return trio.current_time() - began

    async def story(world: virtual.World) -> float:
        waited: float = await world.node("a").run(program)
        return waited

    waited_s = virtual.run(story, seed=1, tick_s=0.0).value
    assert waited_s == pytest.approx(2.5 * cushion_s)


def test_of_two_cushions_the_shorter_one_is_over_first() -> None:
    async def program() -> list[tuple[str, float]]:
        began = trio.current_time()
        woken: list[tuple[str, float]] = []

        async def settle(name: str, cushion_s: float) -> None:
            await trio.testing.wait_all_tasks_blocked(cushion_s)
            woken.append((name, round(trio.current_time() - began, 6)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(settle, "long", 2.0)
            nursery.start_soon(settle, "short", 0.5)
        return woken

    async def story(world: virtual.World) -> list[tuple[str, float]]:
        woken: list[tuple[str, float]] = await world.node("a").run(program)
        return woken

    # That the first one is woken begins the wait of the second one anew, as in trio.
    assert virtual.run(story, seed=1).value == [("short", 0.5), ("long", 2.5)]


def test_a_cushion_can_be_cancelled() -> None:
    async def program() -> bool:
        with trio.move_on_after(1) as patience:
            await trio.testing.wait_all_tasks_blocked(5)
        return patience.cancelled_caught

    async def story(world: virtual.World) -> bool:
        cancelled: bool = await world.node("a").run(program)
        return cancelled

    assert virtual.run(story, seed=1).value
