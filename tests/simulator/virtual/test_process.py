"""The end of what a world leaves behind: each run is unwound, and nothing stays open."""

import gc
import io
import json
import os
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import trio

from simulator import virtual
from simulator.virtual import World

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")


def unwound(program: Any, *args: Any) -> None:
    """Have the program killed in its sleep; its node has a second life."""

    async def bystander() -> None:
        await trio.sleep_forever()

    async def story(world: World) -> None:
        node = world.node("a")
        node.start(program, *args)
        await trio.sleep(1)
        node.kill()
        node.start(bystander)
        await trio.sleep(1)

    with warnings.catch_warnings(action="error"):
        virtual.run(story, seed=1, tick_s=0.0)
        gc.collect()


def test_what_is_left_at_the_end_is_unwound() -> None:
    seen: list[str] = []

    async def program() -> None:
        try:
            await trio.sleep_forever()
        finally:
            seen.append("finally")

    unwound(program)
    assert seen == ["finally"]


def test_a_finally_that_waits_is_unwound() -> None:
    seen: list[str] = []

    async def program() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with suppress(trio.Cancelled):
                await trio.sleep(1)
            seen.append("finally")

    unwound(program)
    assert seen == ["finally"]


def test_a_shielded_wait_has_its_time_but_not_in_the_world() -> None:
    seen: list[float] = []

    async def program() -> None:
        try:
            await trio.sleep_forever()
        finally:
            before = trio.current_time()
            with trio.CancelScope(shield=True):
                await trio.sleep(5000)
            seen.append(trio.current_time() - before)

    unwound(program)
    assert seen == [pytest.approx(5000)]


def test_a_shielded_wait_for_ever_is_closed_where_it_waits() -> None:
    seen: list[str] = []

    async def program() -> None:
        try:
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    unwound(program)
    assert seen == ["GeneratorExit"]


def test_nested_nurseries_that_wait_for_ever_are_closed() -> None:
    seen: list[str] = []

    async def deaf(name: str) -> None:
        try:
            with trio.CancelScope(shield=True):
                await trio.Event().wait()
        finally:
            seen.append(name)

    async def program() -> None:
        async with trio.open_nursery() as outer:
            outer.start_soon(deaf, "a")
            async with trio.open_nursery() as inner:
                inner.start_soon(deaf, "b")

    unwound(program)
    assert sorted(seen) == ["a", "b"]


def test_a_program_that_never_gives_in_does_not_hang_the_end() -> None:
    async def program() -> None:
        while True:
            with suppress(trio.Cancelled):
                await trio.sleep_forever()

    unwound(program)


def test_tasks_are_unwound_from_the_inside() -> None:
    seen: list[str] = []

    async def child(name: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
            seen.append(name)

    async def program() -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child, "child")
                async with trio.open_nursery() as inner:
                    inner.start_soon(child, "grandchild")
        finally:
            seen.append("parent")

    unwound(program)
    assert sorted(seen[:2]) == ["child", "grandchild"]
    assert seen[2:] == ["parent"]


def test_an_async_generator_is_closed_in_its_own_run() -> None:
    seen: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            seen.append(trio.lowlevel.current_task().name)

    async def program() -> None:
        generator = numbers()
        async for _ in generator:
            await trio.sleep_forever()

    unwound(program)
    assert len(seen) == 1


def test_a_blocking_call_of_the_dead_is_never_made() -> None:
    made: list[str] = []
    ended: list[str] = []

    async def program() -> None:
        try:
            await trio.to_thread.run_sync(made.append, "made")
        except virtual.SimulationError as error:
            ended.append(str(error))

    async def story(world: World) -> None:
        node = world.node("a")
        node.start(program)
        await trio.sleep(0.00001)
        node.kill()
        await trio.sleep(1)

    virtual.run(story, seed=1, tick_s=0.0)
    assert made == []
    assert ended == ["the process was over before this call was made"]


def test_a_blocking_call_in_a_finally_is_made_at_the_end() -> None:
    made: list[str] = []

    async def program() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(made.append, "closed")

    unwound(program)
    assert made == ["closed"]


def test_an_error_while_unwinding_is_nobodys() -> None:
    async def program() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("what of it")

    unwound(program)


def test_what_the_dead_do_at_the_end_reaches_neither_the_trace_nor_the_living() -> None:
    seen: list[str] = []

    async def last_words(world: World) -> None:
        try:
            await trio.sleep_forever()
        finally:
            world.note("too late")
            world.nodes["b"].kill()
            seen.append("said")

    async def stay() -> None:
        try:
            await trio.sleep_forever()
        finally:
            await trio.lowlevel.checkpoint()
            seen.append("never: the checkpoint raises")

    async def story(world: World) -> None:
        node = world.node("a")
        node.start(last_words, world)
        world.node("b").start(stay)
        await trio.sleep(1)
        node.kill()
        node.start(stay)
        await trio.sleep(1)

    written = io.BytesIO()
    virtual.run(story, seed=1, trace_to=written)
    assert seen == ["said"]
    assert json.loads(written.getvalue().splitlines()[-1])["event"] == "end"


async def _eventful(world: World) -> None:
    """All ways to end, and all things that a run can hold open."""

    async def echo(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            async for data in stream:
                await stream.send_all(data)

    async def serve() -> None:
        await trio.serve_tcp(echo, 7000)

    async def ask() -> bytes:
        stream = await trio.open_tcp_stream("server", 7000)
        await stream.send_all(b"x")
        data = await stream.receive_some()
        await trio.sleep(1000)
        return bytes(data)

    async def deaf() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()

    async def blocked() -> None:
        while True:
            await trio.to_thread.run_sync(len, "x")

    server = world.node("server")
    for number in range(3):
        server.start(serve)
        for name, program in (("ask", ask), ("deaf", deaf), ("blocked", blocked)):
            world.node(f"{name}-{number}").start(program)
        await trio.sleep(0.2)
        server.kill()
        world.nodes[f"ask-{number}"].power_off()
        world.nodes[f"deaf-{number}"].pause()


@linux_only
def test_fifty_worlds_leave_no_file_open() -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (counted, not looked at)

    virtual.run(_eventful, seed=0)
    before = open_files()
    with warnings.catch_warnings(action="error"):
        for seed in range(50):
            virtual.run(_eventful, seed=seed)
        assert open_files() == before
        gc.collect()


def test_a_world_that_failed_leaves_nothing_either() -> None:
    async def story(world: World) -> None:
        await _eventful(world)
        raise LookupError("the story itself")

    with warnings.catch_warnings(action="error"):
        for seed in range(5):
            with pytest.raises(LookupError):
                virtual.run(story, seed=seed)
        gc.collect()
