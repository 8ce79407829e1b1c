"""Blocking calls: no thread, no real time, and the same order each time."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from simulator import virtual
from simulator.virtual import NodeError, SimulationError, World


def result_of(program: Any, *args: Any, seed: int = 1, **options: Any) -> Any:
    """What the program comes to, run on the one node of a world."""

    async def story(world: World) -> Any:
        return await world.node("a").run(program, *args)

    return virtual.run(story, seed=seed, **options).value


def test_a_blocking_call_is_made_in_place_and_takes_its_time() -> None:
    async def program() -> tuple[bool, float]:
        before = trio.current_time()
        thread = await trio.to_thread.run_sync(threading.get_ident)
        return thread == threading.get_ident(), trio.current_time() - before

    same_thread, took_s = result_of(program)
    assert same_thread
    assert 0 < took_s <= 0.005 + 1e-6


def test_an_error_of_a_blocking_call_is_raised_where_it_is_awaited() -> None:
    async def program() -> None:
        await trio.to_thread.run_sync(int, "not a number")

    with pytest.raises(ValueError, match="invalid literal"):
        result_of(program)


def test_files_and_paths_are_read_and_written(tmp_path: Path) -> None:
    async def program() -> str:
        path = trio.Path(tmp_path / "file")
        async with await trio.open_file(path, "w") as file:
            await file.write("hello")
        assert await path.exists()
        return await path.read_text()

    assert result_of(program) == "hello"


def test_others_go_on_while_a_call_blocks() -> None:
    async def program() -> list[str]:
        order: list[str] = []

        async def call() -> None:
            await trio.to_thread.run_sync(order.append, "made")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await trio.sleep(0.00001)
            order.append("meanwhile")
        return order

    assert result_of(program) == ["meanwhile", "made"]


def test_a_call_that_is_quick_is_never_timed_out() -> None:
    async def program() -> bool:
        with trio.fail_after(0.006):
            for _ in range(1):
                await trio.to_thread.run_sync(time.monotonic)
        return True

    assert all(result_of(program, seed=seed) for seed in range(50))


def test_the_order_in_which_calls_are_made_is_chance_and_can_be_repeated() -> None:
    async def program() -> str:
        order: list[str] = []
        async with trio.open_nursery() as nursery:
            for name in "abcdef":
                nursery.start_soon(trio.to_thread.run_sync, order.append, name)
        return "".join(order)

    orders = [result_of(program, seed=seed) for seed in range(20)]
    assert orders == [result_of(program, seed=seed) for seed in range(20)]
    assert len(set(orders)) > 10


def test_a_limiter_is_kept_to() -> None:
    async def program() -> int:
        limiter = trio.CapacityLimiter(2)
        most = 0

        async def call() -> None:
            nonlocal most
            await trio.to_thread.run_sync(int, limiter=limiter)

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, int(limiter.borrowed_tokens))
                await trio.sleep(0.0001)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            async with trio.open_nursery() as calls:
                for _ in range(10):
                    calls.start_soon(call)
            nursery.cancel_scope.cancel()
        return most

    assert result_of(program) == 2


def test_a_cancelled_caller_waits_for_its_call() -> None:
    async def program() -> list[str]:
        made: list[str] = []
        with trio.move_on_after(0.00001):
            await trio.to_thread.run_sync(made.append, "made")
        return made

    assert result_of(program) == ["made"]


def test_an_abandoned_call_is_made_later_and_frees_its_place() -> None:
    async def program() -> tuple[list[str], list[str], float]:
        made: list[str] = []
        limiter = trio.CapacityLimiter(1)
        with trio.move_on_after(0.00001):
            await trio.to_thread.run_sync(
                made.append, "made", abandon_on_cancel=True, limiter=limiter
            )
        before = list(made)
        await trio.sleep(1)
        return before, made, limiter.borrowed_tokens

    assert result_of(program) == ([], ["made"], 0)


def test_a_call_sees_the_context_of_its_caller_but_is_in_no_run() -> None:
    async def program() -> bool:
        return await trio.to_thread.run_sync(trio.lowlevel.in_trio_run)

    assert result_of(program) is False


def test_a_paused_program_makes_its_calls_when_it_goes_on() -> None:
    async def program(made: list[str]) -> None:
        await trio.to_thread.run_sync(made.append, "made")

    async def story(world: World) -> tuple[list[str], list[str]]:
        made: list[str] = []
        node = world.node("a")
        node.start(program, made)
        await trio.sleep(0.00001)
        node.pause()
        await trio.sleep(10)
        before = list(made)
        node.go_on()
        await node.ended()
        return before, made

    assert virtual.run(story, seed=1, tick_s=0.0).value == ([], ["made"])


def test_one_more_node_with_blocking_calls_changes_nothing_for_the_others() -> None:
    async def program() -> list[float]:
        instants = []
        for _ in range(5):
            await trio.to_thread.run_sync(int)
            instants.append(trio.current_time())
        return instants

    async def alone(world: World) -> Any:
        return await world.node("a").run(program)

    async def together(world: World) -> Any:
        world.node("b").start(program)
        return await world.node("a").run(program)

    assert virtual.run(alone, seed=1).value == virtual.run(together, seed=1).value


# --- what can't be done --------------------------------------------------------------


def test_calling_back_into_the_run_is_refused_instead_of_waiting_for_ever() -> None:
    def call_back() -> None:
        trio.from_thread.run_sync(int)

    async def program() -> None:
        await trio.to_thread.run_sync(call_back)

    with pytest.raises(SimulationError, match="from_thread"):
        result_of(program)


def test_calling_back_with_a_token_is_refused_too() -> None:
    async def program() -> None:
        token = trio.lowlevel.current_trio_token()

        def call_back() -> None:
            trio.from_thread.run(trio.sleep, 1, trio_token=token)

        await trio.to_thread.run_sync(call_back, abandon_on_cancel=True)

    with pytest.raises(SimulationError, match="from_thread"):
        result_of(program)


def test_a_call_may_ask_whether_it_was_cancelled() -> None:
    async def program() -> bool:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    trio.to_thread.run_sync, trio.from_thread.check_cancelled
                )
                await trio.sleep(0.00001)
                scope.cancel()
        return scope.cancelled_caught

    assert result_of(program)


def test_a_run_of_ones_own_inside_a_blocking_call_is_refused() -> None:
    async def program() -> None:
        await trio.to_thread.run_sync(trio.run, trio.sleep, 0)

    with pytest.raises(SimulationError, match=r"a trio\.run"):
        result_of(program)


def test_a_blocking_call_that_fails_in_a_program_ends_the_world() -> None:
    async def program() -> None:
        await trio.to_thread.run_sync(time.sleep, 1)

    async def story(world: World) -> None:
        world.node("a").start(program)
        await trio.sleep(1)

    with pytest.raises(NodeError) as caught:
        virtual.run(story, seed=1)
    assert isinstance(caught.value.__cause__, virtual.LeakError)
