"""Results, exceptions and cancellation cross between trio and its host."""

import asyncio

import pytest
import trio
from trio.testing import MockClock

from trio_chat.ui import bridge


def test_a_result_crosses() -> None:
    async def coroutine() -> int:
        await asyncio.sleep(0)
        return 7

    async def main() -> int:
        await trio.lowlevel.checkpoint()
        return await bridge.aio(coroutine) + 1

    assert bridge.run(main) == 8


def test_an_exception_crosses_both_ways() -> None:
    async def coroutine() -> None:
        await asyncio.sleep(0)
        raise LookupError("inside")

    async def main() -> None:
        with pytest.raises(LookupError, match="inside"):
            await bridge.aio(coroutine)
        raise ValueError("outside")

    with pytest.raises(ValueError, match="outside"):
        bridge.run(main)


def test_a_cancellation_crosses_and_is_waited_for() -> None:
    steps: list[str] = []

    async def coroutine() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            steps.append("cleaned up")
            raise

    async def main() -> None:
        with trio.move_on_after(1) as scope:
            await bridge.aio(coroutine)
        assert scope.cancelled_caught
        steps.append("went on")

    bridge.run(main, clock=MockClock(autojump_threshold=0))
    assert steps == ["cleaned up", "went on"]


def test_a_result_that_comes_in_spite_of_a_cancellation_is_not_lost() -> None:
    async def coroutine() -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "kept"
        return "never"

    async def main() -> str:
        with trio.move_on_after(1):
            return await bridge.aio(coroutine)
        return "lost"

    assert bridge.run(main, clock=MockClock(autojump_threshold=0)) == "kept"


def test_a_coroutine_that_a_stranger_cancels_is_an_error() -> None:
    async def coroutine() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def main() -> None:
        await bridge.aio(coroutine)

    with pytest.raises(RuntimeError, match="stranger"):
        bridge.run(main)


def test_an_exception_that_only_the_loop_has_seen_crosses() -> None:
    def crash() -> None:
        raise ZeroDivisionError("in a callback")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(crash)
        await trio.sleep_forever()

    with pytest.raises(ZeroDivisionError, match="in a callback"):
        bridge.run(main)


def test_ctrl_c_without_a_toolkit_ends_trio_first() -> None:
    steps: list[str] = []

    async def main() -> None:
        host = next(task for task in asyncio.all_tasks() if not task.done())
        host.cancel()  # what asyncio does on Ctrl-C
        try:
            await trio.sleep_forever()
        finally:
            steps.append("trio ended")

    with pytest.raises(KeyboardInterrupt):
        bridge.run(main)
    assert steps == ["trio ended"]
