"""The life of a machine and of the programs on it."""

import contextvars
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import outcome
import pytest
import trio

from simulator import virtual
from simulator.virtual import Node, NodeError, SimulationError, World


def told(story: Callable[[World], Any], *, seed: int = 1, **options: Any) -> Any:
    """What the story returns."""
    return virtual.run(story, seed=seed, **options).value


async def forever() -> None:
    await trio.sleep_forever()


# --- start and end -------------------------------------------------------------------


def test_run_returns_what_the_program_returns() -> None:
    async def add(a: int, b: int) -> int:
        await trio.sleep(1)
        return a + b

    async def story(world: World) -> tuple[int, float]:
        return await world.node("a").run(add, 2, 3), world.now_s

    assert told(story, tick_s=0.0) == (5, 1.0)


def test_run_raises_what_the_program_raises() -> None:
    async def fail() -> None:
        await trio.sleep(0.5)
        raise KeyError("the original")

    async def story(world: World) -> None:
        await world.node("a").run(fail)

    with pytest.raises(KeyError, match="the original"):
        told(story)


def test_an_error_of_a_program_ends_the_world_and_is_its_cause() -> None:
    async def fail() -> None:
        raise ValueError("oh")

    async def story(world: World) -> None:
        world.node("server").start(fail)
        await trio.sleep(5)

    with pytest.raises(NodeError, match="the program of server failed") as caught:
        told(story)
    assert isinstance(caught.value.__cause__, ValueError)


def test_errors_of_several_tasks_come_as_one_group() -> None:
    async def fail() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            raise ValueError("oh")

    async def story(world: World) -> None:
        world.node("a").start(fail)
        await trio.sleep(5)

    with pytest.raises(NodeError) as caught:
        told(story)
    assert isinstance(caught.value.__cause__, ExceptionGroup)


def test_a_program_that_may_fail_leaves_its_error_with_the_node() -> None:
    async def fail() -> None:
        raise ValueError("oh")

    async def story(world: World) -> outcome.Outcome[Any] | None:
        node = world.node("a")
        node.start(fail, may_fail=True)
        await node.ended()
        return node.result

    result = told(story)
    assert isinstance(result, outcome.Error)
    assert isinstance(result.error, ValueError)


def test_a_node_runs_one_program_at_a_time() -> None:
    async def story(world: World) -> None:
        node = world.node("a")
        node.start(forever)
        node.start(forever)

    with pytest.raises(SimulationError, match="runs a program already"):
        told(story)


def test_when_a_program_is_over_the_next_one_can_begin() -> None:
    async def program(number: int) -> int:
        await trio.sleep(number)
        return number

    async def story(world: World) -> list[int]:
        node = world.node("a")
        return [await node.run(program, number) for number in range(3)]

    assert told(story) == [0, 1, 2]


def test_who_gives_up_waiting_for_a_program_does_not_stop_it() -> None:
    async def program() -> str:
        await trio.sleep(2)
        return "done"

    async def story(world: World) -> Any:
        node = world.node("a")
        with trio.move_on_after(1):
            await node.run(program)
        assert node.running
        await node.ended()
        assert node.result is not None
        return node.result.unwrap()

    assert told(story) == "done"


def test_ended_returns_at_once_when_nothing_runs() -> None:
    async def story(world: World) -> float:
        await world.node("a").ended()
        return world.now_s

    assert told(story) == 0.0


def test_two_nodes_cannot_have_one_name() -> None:
    async def story(world: World) -> None:
        world.node("a")
        world.node("a")

    with pytest.raises(SimulationError, match="a node named 'a' already"):
        told(story)


def test_a_program_sees_nothing_of_the_context_of_who_starts_it() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    async def look() -> str:
        return who.get()

    async def story(world: World) -> str:
        who.set("the story")
        seen: str = await world.node("a").run(look)
        return seen

    assert told(story) == "nobody"


def test_each_program_has_its_own_run_variables_and_limiter() -> None:
    async def limiter() -> int:
        found = trio.to_thread.current_default_thread_limiter()
        before = int(found.total_tokens)
        found.total_tokens = 1
        return before

    async def story(world: World) -> list[int]:
        return [await world.node(name).run(limiter) for name in "ab"]

    assert told(story) == [40, 40]


def test_tasks_are_counted_while_a_program_runs() -> None:
    async def program() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(forever)

    async def story(world: World) -> tuple[int, int, int]:
        node = world.node("a")
        before = node.tasks
        node.start(forever)
        await trio.sleep(1)
        one = node.tasks
        node.kill()
        node.start(program)
        await trio.sleep(1)
        return before, one, node.tasks - one

    before, one, more = told(story)
    assert (before, more) == (0, 10)
    assert one >= 1


def test_a_call_is_made_inside_the_run_of_the_program() -> None:
    async def program(mailbox: list[trio.Event]) -> float:
        mailbox.append(trio.Event())
        await mailbox[0].wait()
        return trio.current_time()

    async def story(world: World) -> bool:
        node = world.node("a")
        mailbox: list[trio.Event] = []
        node.start(program, mailbox)
        await trio.sleep(1)
        node.call(mailbox[0].set)
        await node.ended()
        assert node.result is not None
        return bool(node.result.unwrap() == node.clock.current_time())

    assert told(story)


def test_an_event_of_one_run_cannot_be_set_in_another_one() -> None:
    async def program(mailbox: list[trio.Event]) -> None:
        mailbox.append(trio.Event())
        await mailbox[0].wait()

    async def story(world: World) -> None:
        node = world.node("a")
        mailbox: list[trio.Event] = []
        node.start(program, mailbox)
        await trio.sleep(1)
        mailbox[0].set()

    with pytest.raises(AssertionError):
        told(story)


# --- kill ----------------------------------------------------------------------------


def test_a_killed_program_runs_no_finally() -> None:
    async def program(seen: list[str]) -> None:
        try:
            await trio.sleep_forever()
        finally:
            seen.append("finally")

    async def story(world: World) -> list[str]:
        seen: list[str] = []
        node = world.node("a")
        node.start(program, seen)
        await trio.sleep(1)
        node.kill()
        await node.ended()
        await trio.sleep(1000)
        return list(seen)

    assert told(story) == []


def test_a_killed_program_has_no_result() -> None:
    async def story(world: World) -> tuple[bool, object]:
        node = world.node("a")
        node.start(forever)
        await trio.sleep(1)
        node.kill()
        return node.running, node.result

    assert told(story) == (False, None)


def test_who_waits_for_a_killed_program_is_told() -> None:
    async def kill_soon(node: Node) -> None:
        await trio.sleep(1)
        node.kill()

    async def story(world: World) -> None:
        node = world.node("a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill_soon, node)
            await node.run(forever)

    with pytest.RaisesGroup(pytest.RaisesExc(NodeError, match="a was killed")):
        told(story)


def test_a_program_killed_before_its_first_step_never_begins() -> None:
    begun: list[str] = []

    async def program() -> None:
        begun.append("begun")

    async def story(world: World) -> None:
        node = world.node("a")
        node.start(program)
        node.kill()
        await trio.sleep(1)

    told(story)
    assert begun == []  # not even when it is unwound


def test_a_program_that_has_itself_killed_gets_no_further_than_its_next_wait() -> None:
    async def program(node: Node, seen: list[str]) -> None:
        node.kill()
        seen.append("still in the step")
        await trio.lowlevel.checkpoint()
        seen.append("another step")

    async def story(world: World) -> list[str]:
        seen: list[str] = []
        node = world.node("a")
        node.start(program, node, seen)
        await trio.sleep(1)
        return list(seen)

    assert told(story) == ["still in the step"]


def test_killing_twice_and_killing_nothing_do_no_harm() -> None:
    async def story(world: World) -> None:
        node = world.node("a")
        node.kill()
        node.start(forever)
        node.kill()
        node.kill()

    told(story)


async def _count_lives(lives: list[str], name: str) -> None:
    lives.append(name)
    try:
        while True:
            await trio.sleep(0.1)
            lives.append(name)
    finally:
        lives.append("finally")


def test_a_corpse_does_nothing_in_the_new_life() -> None:
    async def story(world: World) -> list[str]:
        lives: list[str] = []
        node = world.node("a")
        node.start(_count_lives, lives, "first")
        await trio.sleep(0.25)
        node.kill()
        node.start(_count_lives, lives, "second")
        await trio.sleep(0.25)
        return list(lives)

    assert told(story) == ["first"] * 3 + ["second"] * 3


def test_a_corpse_that_waited_for_the_network_is_not_woken_in_the_new_life() -> None:
    """Its half of a connection, its handshake and its listener are all gone with it."""

    async def serve() -> None:
        await trio.serve_tcp(_echo, 7000)

    async def _echo(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            async for data in stream:
                await stream.send_all(data)

    async def client(seen: list[str], life: str) -> None:
        while True:
            try:
                async with await trio.open_tcp_stream("server", 7000) as stream:
                    while True:
                        await stream.send_all(life.encode())
                        seen.append((await stream.receive_some()).decode())
            except OSError:
                await trio.sleep(0.01)

    async def story(world: World) -> list[list[str]]:
        world.node("server").start(serve)
        node = world.node("client")
        found = []
        for number in range(30):
            seen: list[str] = []
            node.start(client, seen, f"{number}.")
            # At any point of a handshake or of an exchange.
            await trio.sleep(0.0003 * number)
            node.kill()
            found.append(seen)
        await trio.sleep(1)
        return found

    for number, seen in enumerate(told(story)):
        assert set("".join(seen).split(".")) <= {str(number), ""}


# --- power ---------------------------------------------------------------------------


def test_without_power_nothing_starts() -> None:
    async def story(world: World) -> None:
        node = world.node("a")
        node.power_off()
        node.start(forever)

    with pytest.raises(SimulationError, match="a has no power"):
        told(story)


def test_a_power_loss_ends_the_program_without_a_finally() -> None:
    async def story(world: World) -> tuple[list[str], bool]:
        lives: list[str] = []
        node = world.node("a")
        node.start(_count_lives, lives, "first")
        await trio.sleep(0.15)
        node.power_off()
        node.power_off()
        await node.ended()
        node.power_on()
        node.power_on()
        alone = node.running
        node.start(_count_lives, lives, "second")
        await trio.sleep(0.15)
        return list(lives), alone

    assert told(story) == (["first"] * 2 + ["second"] * 2, False)


def test_the_clock_of_a_machine_goes_on_without_power() -> None:
    async def story(world: World) -> float:
        node = world.node("a")
        before = node.clock.current_time()
        node.power_off()
        await trio.sleep(10)
        node.power_on()
        return node.clock.current_time() - before

    assert told(story) == pytest.approx(10.0)


# --- pause ---------------------------------------------------------------------------


def test_a_paused_program_does_nothing_and_then_finds_that_time_has_passed() -> None:
    async def program(lives: list[float]) -> None:
        while True:
            await trio.sleep(1)
            lives.append(round(trio.current_time() - began, 6))

    began = 0.0

    async def story(world: World) -> tuple[list[float], list[float]]:
        nonlocal began
        lives: list[float] = []
        node = world.node("a")
        began = node.clock.current_time()
        node.start(program, lives)
        await trio.sleep(1.5)
        node.pause()
        await trio.sleep(10)
        meanwhile = list(lives)
        assert node.running
        node.go_on()
        await trio.sleep(1.2)
        return meanwhile, lives

    meanwhile, lives = told(story)
    assert meanwhile == [1.0]
    assert lives == [1.0, 11.5, 12.5]


def test_pausing_and_going_on_can_be_done_in_any_order() -> None:
    async def story(world: World) -> None:
        node = world.node("a")
        node.pause()
        node.go_on()
        node.start(forever)
        node.go_on()
        node.pause()
        node.pause()
        node.kill()
        node.go_on()
        assert not node.running

    told(story)


def test_a_paused_program_can_be_killed() -> None:
    async def story(world: World) -> None:
        node = world.node("a")
        node.start(forever)
        node.pause()
        node.kill()
        await node.ended()
        assert not node.running

    told(story)


def test_a_program_that_pauses_its_own_node_stops_at_its_next_wait() -> None:
    async def program(node: Node, seen: list[str]) -> None:
        node.pause()
        await trio.lowlevel.checkpoint()
        seen.append("went on")

    async def story(world: World) -> tuple[list[str], list[str]]:
        seen: list[str] = []
        node = world.node("a")
        node.start(program, node, seen)
        await trio.sleep(1)
        before = list(seen)
        node.go_on()
        await node.ended()
        return before, seen

    assert told(story) == ([], ["went on"])


# --- signals -------------------------------------------------------------------------


async def _until_told(numbers: list[int]) -> str:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for number in signals:
            numbers.append(number)
            await trio.sleep(1)
            return "went in peace"
    return ""


def test_a_signal_receiver_inside_a_node_receives() -> None:
    async def story(world: World) -> tuple[str, list[int]]:
        numbers: list[int] = []
        node = world.node("a")
        node.start(_until_told, numbers)
        await trio.sleep(1)
        node.signal(signal.SIGTERM)
        await node.ended()
        assert node.result is not None
        return node.result.unwrap(), numbers

    assert told(story) == ("went in peace", [signal.SIGTERM])


def test_without_a_handler_a_signal_kills() -> None:
    async def story(world: World) -> list[str]:
        lives: list[str] = []
        node = world.node("a")
        node.start(_count_lives, lives, "life")
        await trio.sleep(0.15)
        node.signal(signal.SIGTERM)
        await node.ended()
        assert node.result is None
        return list(lives)

    assert told(story) == ["life", "life"]


def test_a_signal_reaches_one_node_only() -> None:
    async def story(world: World) -> bool:
        a, b = world.node("a"), world.node("b")
        for node in (a, b):
            node.start(_until_told, [])
        await trio.sleep(1)
        a.signal()
        await a.ended()
        return b.running

    assert told(story)


def test_an_ignored_signal_is_ignored() -> None:
    async def program() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        await trio.sleep(2)

    async def story(world: World) -> float:
        node = world.node("a")
        node.start(program)
        await trio.sleep(1)
        node.signal()
        await node.ended()
        return world.now_s

    assert told(story, tick_s=0.0) == pytest.approx(2.0)


def test_a_handler_does_not_outlive_its_program() -> None:
    async def story(world: World) -> bool:
        node = world.node("a")
        node.start(_until_told, [])
        await trio.sleep(1)
        node.kill()
        node.start(forever)
        await trio.sleep(1)
        node.signal()
        return node.running

    assert not told(story)


def test_a_program_is_told_which_handlers_it_has() -> None:
    async def program() -> list[Any]:
        def handler(_number: int, _frame: object) -> None:
            pass

        first = signal.getsignal(signal.SIGTERM)
        second = signal.signal(signal.SIGTERM, handler)
        third = signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return [first, second, third is handler]

    async def story(world: World) -> list[Any]:
        found: list[Any] = await world.node("a").run(program)
        return found

    assert told(story) == [signal.SIG_DFL, signal.SIG_DFL, True]


def test_a_signal_left_over_at_the_end_of_a_receiver_is_the_programs_own() -> None:
    """trio raises it again: that must not reach the process that the world is in."""

    async def program(seen: list[str]) -> None:
        signal.signal(signal.SIGTERM, lambda *_: seen.append("handler"))
        with trio.open_signal_receiver(signal.SIGTERM):
            await trio.sleep(2)
        seen.append("left")

    async def story(world: World) -> list[str]:
        seen: list[str] = []
        node = world.node("a")
        node.start(program, seen)
        await trio.sleep(1)
        node.signal()
        await node.ended()
        return seen

    assert told(story) == ["handler", "left"]


def test_a_left_over_signal_without_a_handler_kills_the_program_and_nobody_else() -> None:
    async def program() -> None:
        with trio.open_signal_receiver(signal.SIGTERM):
            await trio.sleep(2)
        await trio.sleep(2)

    async def story(world: World) -> tuple[object, float]:
        node = world.node("a")
        node.start(program)
        await trio.sleep(1)
        node.signal()
        await node.ended()
        return node.result, round(world.now_s, 3)

    assert told(story, tick_s=0.0) == (None, 2.0)


def test_sigint_is_a_keyboard_interrupt_in_the_program() -> None:
    async def program(seen: list[str]) -> None:
        try:
            await trio.sleep_forever()
        except KeyboardInterrupt:
            seen.append("interrupted")
        finally:
            seen.append("finally")

    async def story(world: World) -> list[str]:
        seen: list[str] = []
        node = world.node("a")
        node.start(program, seen)
        await trio.sleep(1)
        node.signal(signal.SIGINT)
        await node.ended()
        return list(seen)

    assert told(story) == ["interrupted", "finally"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals that Windows lacks")
def test_signals_to_stop_and_to_kill_do_as_a_kernel_does() -> None:
    async def story(world: World) -> list[bool]:
        lives: list[str] = []
        node = world.node("a")
        node.start(_count_lives, lives, "x")
        await trio.sleep(0.05)
        node.signal(signal.SIGCHLD)
        node.signal(signal.SIGSTOP)
        await trio.sleep(1)
        stopped = len(lives) == 1
        node.signal(signal.SIGTERM)
        survived_so_far = node.running
        node.signal(signal.SIGCONT)
        after_going_on = node.running
        node.start(forever)
        node.signal(signal.SIGKILL)
        return [stopped, survived_so_far, after_going_on, node.running]

    assert told(story) == [True, True, False, False]


def test_a_signal_to_nobody_does_no_harm() -> None:
    async def story(world: World) -> None:
        world.node("a").signal()

    told(story)
