"""A world as a whole: how it ends, what it leaves, and that it is the same each time."""

import gc
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio

from simulator import virtual
from simulator.virtual import (
    DeadlockError,
    LimitError,
    Link,
    LivelockError,
    Node,
    SimulationError,
    World,
    _trio,
)
from simulator.virtual import world as world_module


async def echo(stream: trio.SocketStream) -> None:
    async for data in stream:
        await stream.send_all(data)


async def serve() -> None:
    await trio.serve_tcp(echo, 7000)


async def ask(name: str = "server") -> bytes:
    async with await trio.open_tcp_stream(name, 7000) as stream:
        await stream.send_all(b"hello")
        return bytes(await stream.receive_some())


async def small(world: World) -> str:
    """A story with a little of everything in its trace."""
    world.node("server").start(serve)
    await trio.sleep(1)
    for name in "abc":
        world.node(name).start(ask)
    await trio.sleep(1)
    return "over"


# --- what run() gives ----------------------------------------------------------------


def test_a_report_tells_what_became_of_a_world() -> None:
    report = virtual.run(small, seed=5, tick_s=0.001, digested=True)
    assert report.value == "over"
    assert report.now_s == 2.0
    assert report.tick_s == 0.001
    assert report.steps > 10
    assert report.happenings > 10
    assert len(report.digest) == 64


def test_the_same_seed_is_the_same_world() -> None:
    digests = {virtual.run(small, seed=5, digested=True).digest for _ in range(3)}
    assert len(digests) == 1


def test_another_seed_is_another_world() -> None:
    digests = {
        virtual.run(small, seed=seed, tick_s=0.0, digested=True).digest
        for seed in range(10)
    }
    assert len(digests) == 10


def test_the_tick_is_chosen_by_the_seed_unless_it_is_given() -> None:
    ticks = {virtual.run(small, seed=seed).tick_s for seed in range(40)}
    assert ticks == set(world_module.TICKS_S)


def test_a_trace_begins_with_the_seed_and_ends_with_the_end() -> None:
    written = io.BytesIO()
    report = virtual.run(small, seed=5, tick_s=0.0, trace_to=written)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    first = {"t": 0, "node": "", "event": "world", "seed": 5, "tick_ns": 0}
    assert lines[0] == first
    assert lines[-1]["event"] == "end"
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    assert report.digest == ""


def test_being_watched_changes_nothing_in_a_world() -> None:
    alone = virtual.run(small, seed=5, digested=True)
    assert alone == virtual.run(small, seed=5, digested=True, watched=True)


def test_being_traced_changes_nothing_in_a_world() -> None:
    plain, traced = (virtual.run(small, seed=5, trace_to=to) for to in (None, io.BytesIO()))
    assert (plain.steps, plain.happenings) == (traced.steps, traced.happenings)


# --- chance --------------------------------------------------------------------------


async def _draws() -> list[Any]:
    """All chance that a program meets, wanted or not."""
    order: list[int] = []

    async def note(number: int) -> None:
        await trio.lowlevel.checkpoint()
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(note, number)
    await trio.to_thread.run_sync(int)
    return [order, random.random(), random.SystemRandom().random(), trio.current_time()]


def test_one_more_node_changes_nothing_for_the_others() -> None:
    async def story(world: World, *, more: bool) -> list[Any]:
        if more:
            world.node("more").start(_draws)
        found = []
        for name in "ab":
            node = world.node(name)
            node.start(_draws)
            found.append(node)
        await trio.sleep(1)
        return [node.result.unwrap() for node in found if node.result is not None]

    without, with_more = (
        virtual.run(partial(story, more=more), seed=3).value for more in (False, True)
    )
    assert without == with_more
    assert without[0] != without[1]


def test_one_more_node_changes_nothing_in_whose_turn_comes_first() -> None:
    async def story(world: World, *, more: bool) -> str:
        order: list[str] = []

        async def tick(name: str) -> None:
            for _ in range(20):
                await trio.sleep(1)
                order.append(name)

        if more:
            world.node("more").start(tick, "")
        for name in "abc":
            world.node(name).start(tick, name)
        await trio.sleep(30)
        return "".join(order)

    without, with_more = (
        virtual.run(partial(story, more=more), seed=3, tick_s=0.0).value
        for more in (False, True)
    )
    assert without == with_more
    assert len({without[at : at + 3] for at in range(0, 60, 3)}) > 2


def test_chance_has_a_stream_for_each_purpose_and_name() -> None:
    async def story(world: World) -> list[float]:
        node = world.node("a")
        return [
            world.chance("x").random(),
            world.chance("y").random(),
            world.chance("x", "a").random(),
            node.chance("y").random(),
            world.chance("x").random(),
        ]

    x, y, x_a, y_a, x_again = virtual.run(story, seed=1).value
    assert x == x_again
    assert len({x, y, x_a, y_a}) == 4


# --- how a world that does not end is ended ------------------------------------------


def test_the_error_of_a_story_is_the_error_of_the_run() -> None:
    async def story(world: World) -> None:
        raise LookupError("from the story")

    with pytest.raises(LookupError, match="from the story"):
        virtual.run(story, seed=1)


def test_when_everyone_waits_for_ever_a_deadlock_is_told_with_all_tasks() -> None:
    async def worker(first: trio.Lock, second: trio.Lock) -> None:
        async with first:
            await trio.sleep(1)
            async with second:
                pass

    async def program() -> None:
        one, other = trio.Lock(), trio.Lock()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker, one, other)
            nursery.start_soon(worker, other, one)

    async def story(world: World) -> None:
        await world.node("bank").run(program)

    with pytest.raises(DeadlockError) as caught:
        virtual.run(story, seed=77, tick_s=0.0)
    text = str(caught.value)
    assert text.startswith("seed 77, at 1.000000 s: everyone waits")
    assert text.count("worker waits at virtual/test_world.py:") == 2
    assert "bank:" in text
    assert "story:" in text


def test_who_waits_for_the_network_is_told_by_the_programs_own_line() -> None:
    async def listen() -> None:
        (listener,) = await trio.open_tcp_listeners(7000)
        async with await listener.accept() as stream:
            await stream.receive_some()

    async def connect() -> None:
        async with await trio.open_tcp_stream("server", 7000) as stream:
            await stream.receive_some()

    async def story(world: World) -> None:
        world.node("server").start(listen)
        await world.node("client").run(connect)

    with pytest.raises(DeadlockError) as caught:
        virtual.run(story, seed=1)
    assert "sockets.py" not in str(caught.value)
    assert str(caught.value).count("test_world.py") >= 3


def test_a_paused_node_is_called_paused_in_what_is_told() -> None:
    async def story(world: World) -> None:
        node = world.node("a")
        node.start(trio.sleep, 5)
        node.pause()
        await node.ended()

    with pytest.raises(DeadlockError, match=r"a \(paused\):|a: not begun"):
        virtual.run(story, seed=1)


def test_a_story_that_takes_too_long_ends_at_its_limit() -> None:
    async def heartbeat() -> None:
        for _ in range(1_000_000):
            await trio.sleep(10)

    async def story(world: World) -> None:
        world.node("a").start(heartbeat)
        await trio.sleep_forever()

    with pytest.raises(LimitError, match="not over after 600 s") as caught:
        virtual.run(story, seed=1, limit_s=600)
    assert "heartbeat waits at virtual/test_world.py" in str(caught.value)


def test_tasks_that_never_wait_for_anything_are_a_livelock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(world_module, "_SAME_INSTANT_STEPS_MAX", 5_000)

    async def spin() -> None:
        while True:
            await trio.lowlevel.checkpoint()

    async def story(world: World) -> None:
        world.node("busy").start(spin)
        await trio.sleep(1)

    with pytest.raises(LivelockError, match="without waiting") as caught:
        virtual.run(story, seed=1)
    assert "spin waits at virtual/test_world.py" in str(caught.value)


def test_a_ping_pong_in_no_time_is_a_livelock_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_module, "_SAME_INSTANT_STEPS_MAX", 5_000)

    async def play() -> None:
        async with await trio.open_tcp_stream("server", 7000) as stream:
            while True:
                await stream.send_all(b"x")
                await stream.receive_some()

    async def story(world: World) -> None:
        world.network.set_default_link(Link(latency_s=0.0))
        world.node("server").start(serve)
        world.node("client").start(play)
        await trio.sleep(1)

    with pytest.raises(LivelockError):
        virtual.run(story, seed=1, tick_s=0.0)


def test_a_long_but_honest_instant_is_no_livelock() -> None:
    async def work() -> None:
        for _ in range(5_000):
            await trio.lowlevel.checkpoint()

    async def story(world: World) -> None:
        for number in range(5):
            await world.node(str(number)).run(work)
            await trio.sleep(1)

    virtual.run(story, seed=1)


# --- Ctrl-C --------------------------------------------------------------------------


def test_ctrl_c_ends_a_world_and_leaves_nothing() -> None:
    before = _things_that_are_replaced()

    async def story(world: World) -> None:
        world.node("a").start(trio.sleep_forever)
        signal.raise_signal(signal.SIGINT)
        await trio.sleep(1)
        pytest.fail("the world went on")

    with pytest.raises(KeyboardInterrupt):
        virtual.run(story, seed=1)
    assert _things_that_are_replaced() == before


def test_a_second_ctrl_c_ends_a_step_that_never_ends() -> None:
    async def story(world: World) -> None:
        signal.raise_signal(signal.SIGINT)
        while True:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(BaseException) as caught:  # noqa: PT011
        virtual.run(story, seed=1)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    assert error is not None


# --- what is left --------------------------------------------------------------------


def _things_that_are_replaced() -> list[Any]:
    return [
        time.time,
        time.monotonic,
        time.sleep,
        os.urandom,
        os.getpid,
        os.kill,
        random.random,
        random.Random.seed,
        random.getstate(),
        signal.signal,
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
        threading.Thread.start,
        subprocess.Popen.__init__,
        gc.isenabled(),
        gc.get_freeze_count() > 0,
        sys.getprofile(),
        sys.get_asyncgen_hooks(),
        _trio._run._r,
        _trio._run._ALLOW_DETERMINISTIC_SCHEDULING,
        _trio._run.start_thread_soon,
        _trio._threads.start_thread_soon,
        _trio._threads._send_message_to_trio,
        dict(_trio._run.GLOBAL_RUN_CONTEXT.__dict__),
        warnings.filters[:],
    ]


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_as_it_was_before(watched: bool, fails: bool) -> None:
    async def story(world: World) -> None:
        await small(world)
        random.random()
        if fails:
            raise LookupError

    before = _things_that_are_replaced()
    if fails:
        with pytest.raises(LookupError):
            virtual.run(story, seed=1, watched=watched)
    else:
        virtual.run(story, seed=1, watched=watched)
    assert _things_that_are_replaced() == before


def test_who_has_switched_the_collector_off_finds_it_off() -> None:
    gc.disable()
    try:
        virtual.run(small, seed=1)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_real_time_is_real_again() -> None:
    before = time.time()
    virtual.run(small, seed=1)
    assert before <= time.time() < before + 60


# --- worlds beside and within something else -----------------------------------------


def test_one_world_after_the_other_is_as_if_alone() -> None:
    first = virtual.run(small, seed=1, digested=True).digest
    virtual.run(small, seed=2)
    assert virtual.run(small, seed=1, digested=True).digest == first


def test_a_world_inside_a_trio_run_is_the_same_world() -> None:
    alone = virtual.run(small, seed=1, digested=True)

    async def main() -> virtual.Report:
        await trio.lowlevel.checkpoint()
        report = virtual.run(small, seed=1, digested=True)
        await trio.lowlevel.checkpoint()
        assert trio.lowlevel.current_task().coro.cr_running
        return report

    assert trio.run(main) == alone


async def test_a_world_inside_an_async_test_leaves_the_test_its_own_run() -> None:
    with trio.fail_after(5):
        assert virtual.run(small, seed=1).value == "over"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
    assert await trio.to_thread.run_sync(threading.get_ident) != threading.get_ident()


async def test_a_generator_of_the_outer_run_stays_its_own() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    seen = []
    async for number in numbers():
        virtual.run(small, seed=number)
        seen.append(number)
    assert seen == [0, 1, 2]


def test_a_world_inside_a_world_keeps_to_itself() -> None:
    alone = virtual.run(small, seed=1, digested=True).digest

    async def program() -> str:
        before = time.monotonic()
        digest = virtual.run(small, seed=1, digested=True).digest
        assert time.monotonic() == before
        return digest

    async def story(world: World) -> str:
        digest: str = await world.node("a").run(program)
        return digest

    assert virtual.run(story, seed=9).value == alone


def test_another_thread_has_the_real_time_meanwhile() -> None:
    seen: list[float] = []
    go, done = threading.Event(), threading.Event()

    def look() -> None:
        go.wait(5)
        seen.append(time.time())
        done.set()

    thread = threading.Thread(target=look)
    thread.start()

    async def story(world: World) -> float:
        go.set()
        done.wait(5)
        return time.time()

    virtual_s = virtual.run(story, seed=1).value
    thread.join()
    assert virtual_s == 1_767_225_600
    assert abs(seen[0] - time.time()) < 60


def test_two_threads_cannot_have_a_world_each() -> None:
    errors: list[BaseException] = []

    def second() -> None:
        inside.wait(5)
        try:
            virtual.run(small, seed=2)
        except SimulationError as error:
            errors.append(error)

    inside = threading.Event()
    thread = threading.Thread(target=second)
    thread.start()

    async def story(world: World) -> None:
        inside.set()
        thread.join(5)

    virtual.run(story, seed=1)
    assert "one at a time" in str(errors[0])


def test_a_world_can_be_in_a_thread_of_its_own() -> None:
    alone = virtual.run(small, seed=1, digested=True)
    found: list[virtual.Report] = []
    thread = threading.Thread(
        target=lambda: found.append(virtual.run(small, seed=1, digested=True))
    )
    thread.start()
    thread.join(30)
    assert found == [alone]


# --- bells ---------------------------------------------------------------------------


def test_a_bell_is_heard_in_every_run_that_waits_for_it() -> None:
    async def story(world: World) -> list[float]:
        bell = world.bell()
        heard: list[float] = []

        async def listen() -> None:
            await bell.rung()
            heard.append(world.now_s)

        for name in "abc":
            world.node(name).start(listen)
        await trio.sleep(2)
        bell.ring()
        await bell.rung()
        await trio.sleep(1)
        return heard

    assert virtual.run(story, seed=1).value == [2.0] * 3


def test_a_bell_that_has_rung_is_not_waited_for() -> None:
    async def story(world: World) -> float:
        bell = world.bell()
        bell.ring()
        bell.ring()
        await bell.rung()
        return world.now_s

    assert virtual.run(story, seed=1).value == 0.0


def test_a_program_can_ring_for_the_story() -> None:
    async def ring_later(bell: Any) -> None:
        await trio.sleep(3)
        bell.ring()

    async def story(world: World) -> float:
        bell = world.bell()
        world.node("a").start(ring_later, bell)
        await bell.rung()
        return world.now_s

    assert virtual.run(story, seed=1, tick_s=0.0).value == pytest.approx(3.0, abs=1e-8)


def test_who_is_paused_dead_or_has_given_up_is_not_woken_by_a_bell() -> None:
    async def listen(bell: Any, heard: list[str], name: str) -> None:
        with trio.move_on_after(1 if name == "impatient" else 1000):
            await bell.rung()
            heard.append(name)

    async def story(world: World) -> tuple[list[str], list[str]]:
        bell = world.bell()
        heard: list[str] = []
        nodes: dict[str, Node] = {}
        for name in ("impatient", "dead", "paused"):
            nodes[name] = world.node(name)
            nodes[name].start(listen, bell, heard, name)
        await trio.sleep(2)
        nodes["dead"].kill()
        nodes["paused"].pause()
        bell.ring()
        await trio.sleep(1)
        before = list(heard)
        nodes["paused"].go_on()
        await trio.sleep(1)
        return before, heard

    assert virtual.run(story, seed=1).value == ([], ["paused"])


def test_a_bell_is_of_no_use_outside_its_world() -> None:
    async def story(world: World) -> Any:
        return world.bell()

    bell = virtual.run(story, seed=1).value
    with pytest.raises(AssertionError, match="inside its world"):
        trio.run(bell.rung)


# --- the story's place ---------------------------------------------------------------


@pytest.mark.parametrize("host", ["server", "127.0.0.1"])
def test_a_story_has_no_network_of_its_own(host: str) -> None:
    async def story(world: World) -> None:
        await trio.open_tcp_stream(host, 7000)

    refused = pytest.RaisesExc(SimulationError, match="the story has no network")
    with pytest.RaisesGroup(refused, allow_unwrapped=True):
        virtual.run(story, seed=1)


def test_a_story_is_a_run_like_any_other() -> None:
    async def story(world: World) -> list[float]:
        instants: list[float] = []

        async def wait(seconds: float) -> None:
            await trio.sleep(seconds)
            instants.append(round(world.now_s, 6))

        with trio.move_on_after(2.5):
            async with trio.open_nursery() as nursery:
                for seconds in (3, 1, 2):
                    nursery.start_soon(wait, seconds)
        return [*instants, round(world.now_s, 6)]

    assert virtual.run(story, seed=1).value == [1.0, 2.0, 2.5]


# --- garbage -------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
def test_worlds_do_not_pile_up_in_memory(fails: bool) -> None:
    async def story(world: World) -> None:
        await small(world)
        if fails:
            raise LookupError

    def kept_after(worlds: int) -> int:
        for seed in range(worlds):
            with suppress(LookupError):
                virtual.run(story, seed=seed)
        return len(gc.get_objects())

    kept_after(3)
    few = kept_after(3)
    # The traceback of a failed one holds it for a little longer, not for ever.
    assert kept_after(30) < few + 1_000


def test_a_lost_async_generator_is_closed_when_the_collector_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(world_module, "_STEPS_TO_COLLECTION", 500)

    async def numbers(closed: list[float]) -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(trio.current_time())

    async def program(closed: list[float]) -> None:
        generator = numbers(closed)
        await anext(generator)
        cycle: list[Any] = [generator]
        cycle.append(cycle)
        del generator, cycle
        # This run has nothing to do any more: another one makes the steps.
        await trio.sleep_forever()

    async def story(world: World) -> int:
        closed: list[float] = []
        world.node("a").start(program, closed)
        for _ in range(1000):
            await trio.sleep(1)
            if closed:
                break
        return len(closed)

    with warnings.catch_warnings(action="ignore"):
        found = [virtual.run(story, seed=1, tick_s=0.0) for _ in range(2)]
    assert found[0].value == found[1].value == 1
    assert found[0].now_s == found[1].now_s < 1000
