"""The canary: what trio does not promise and we need is there, and does what we need.

When a new trio makes one of these fail, the name of the test says what it was for, and
simulator/virtual/_trio.py is the one place to change.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import outcome
import pytest
import trio

from simulator import virtual
from simulator.virtual import _trio

# Each private name, and where it is looked for.
NAMES: dict[str, Callable[[], Any]] = {
    "_run._ALLOW_DETERMINISTIC_SCHEDULING": lambda: (
        _trio._run._ALLOW_DETERMINISTIC_SCHEDULING
    ),
    "_run._r": lambda: _trio._run._r,
    "_run.GLOBAL_RUN_CONTEXT": lambda: _trio._run.GLOBAL_RUN_CONTEXT,
    "Runner.entry_queue.size": lambda: trio.run(_runner).entry_queue.size,
    "Runner.waiting_for_idle": lambda: trio.run(_runner).waiting_for_idle,
    "_threads.start_thread_soon": lambda: _trio._threads.start_thread_soon,
    "_run.start_thread_soon": lambda: _trio._run.start_thread_soon,
    "_threads._send_message_to_trio": lambda: _trio._threads._send_message_to_trio,
}


async def _runner() -> Any:
    return _trio._run.GLOBAL_RUN_CONTEXT.runner


@pytest.mark.parametrize("name", NAMES)
def test_the_name_is_there(name: str) -> None:
    try:
        NAMES[name]()
    except AttributeError:
        pytest.fail(
            f"trio {trio.__version__} has no {name}: see simulator/virtual/_trio.py"
        )


def test_the_list_at_the_top_of_the_module_is_the_whole_list() -> None:
    assert _trio.__doc__ is not None
    told = [line for line in _trio.__doc__.splitlines() if line[:1].isdigit()]
    assert len(told) == len(NAMES)
    for line, name in zip(told, NAMES, strict=True):
        assert name in line


# --- each does what it is needed for -------------------------------------------------


async def _order() -> list[int]:
    order: list[int] = []

    async def note(number: int) -> None:
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(note, number)
    return order


class Chance(random.Random):
    """Does with a batch what it is told to."""

    def __init__(self, do: Callable[[list[Any]], None]) -> None:
        super().__init__(1)
        self.do = do

    def shuffle(self, x: Any) -> None:
        self.do(x)


def _nothing(_batch: list[Any]) -> None:
    pass


def _ordered(do: Callable[[list[Any]], None]) -> list[int]:
    with _trio.scheduled_by(lambda: Chance(do)):
        return trio.run(_order, clock=trio.testing.MockClock())


def test_trio_sorts_what_is_ready_and_asks_chance_for_nothing_but_a_shuffle() -> None:
    """_ALLOW_DETERMINISTIC_SCHEDULING and _r; the last of a batch goes first."""
    assert _ordered(_nothing) == list(range(7, -1, -1))
    assert _ordered(list.reverse) == list(range(8))


def test_the_shuffle_is_asked_before_each_step_and_only_then() -> None:
    asked: list[int] = []
    ran: list[None] = []

    def note(batch: list[Any]) -> None:
        asked.append(len(batch))

    with _trio.scheduled_by(lambda: Chance(note), lambda: ran.append(None)):
        trio.run(_order, clock=trio.testing.MockClock())
    assert max(asked) >= 8
    assert min(asked) > 1
    assert len(ran) > len(asked)


def test_two_runs_take_turns_in_one_thread_and_each_finds_itself() -> None:
    """GLOBAL_RUN_CONTEXT."""
    contexts = [_trio.RunContext() for _ in range(2)]
    ticks: list[Callable[[], object]] = [lambda: None] * 2
    results: list[outcome.Outcome[Any] | None] = [None] * 2

    async def program() -> list[str]:
        names = []
        for _ in range(3):
            names.append(trio.lowlevel.current_task().name)
            await trio.lowlevel.checkpoint()
        return names

    def start(number: int) -> None:
        def keep(tick: Callable[[], object]) -> None:
            ticks[number] = tick

        def done(result: outcome.Outcome[Any]) -> None:
            results[number] = result

        trio.lowlevel.start_guest_run(
            program,
            run_sync_soon_threadsafe=keep,
            run_sync_soon_not_threadsafe=keep,
            done_callback=done,
            host_uses_signal_set_wakeup_fd=True,
            clock=trio.testing.MockClock(),
        )

    with _trio.threads_started_by(lambda _call, _deliver: None):
        for number in range(2):
            with contexts[number]:
                start(number)
        for _ in range(100):
            for number in range(2):
                if results[number] is None:
                    with contexts[number]:
                        ticks[number]()
    assert all(isinstance(result, outcome.Value) for result in results)
    assert not trio.lowlevel.in_trio_run()


async def test_a_call_from_outside_is_counted_until_it_is_made() -> None:
    """Runner.entry_queue.size()."""
    assert not _trio.calls_wait_here()
    made: list[str] = []
    trio.lowlevel.current_trio_token().run_sync_soon(made.append, "made")
    assert _trio.calls_wait_here()
    while not made:
        await trio.lowlevel.checkpoint()
    assert not _trio.calls_wait_here()


async def test_who_waits_for_idleness_is_known_with_the_shortest_cushion() -> None:
    """Runner.waiting_for_idle."""
    assert _trio.idleness_wanted_s() is None
    async with trio.open_nursery() as nursery:
        for cushion_s in (30.0, 10.0, 20.0):
            nursery.start_soon(trio.testing.wait_all_tasks_blocked, cushion_s)
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        assert _trio.idleness_wanted_s() == 10.0
        assert _trio.somebody_waits_for_idle()
        nursery.cancel_scope.cancel()


def test_what_would_have_been_a_thread_is_handed_over() -> None:
    """_threads.start_thread_soon, for run_sync as for trio.Path, which has bound it."""
    started: list[Callable[[], Any]] = []

    def start(function: Callable[[], Any], deliver: _trio.Deliver) -> None:
        started.append(function)
        deliver(outcome.capture(function))

    async def main() -> tuple[int, bool]:
        length = await trio.to_thread.run_sync(len, "four")
        return length, await trio.Path(__file__).exists()

    with _trio.threads_started_by(start):
        assert trio.run(main) == (4, True)
    assert len(started) == 2


def test_a_guest_run_that_would_look_at_real_sockets_is_told_that_there_is_nothing() -> (
    None
):
    """_run.start_thread_soon: if it did anything else, this would take an hour."""

    async def program() -> str:
        await trio.testing.wait_all_tasks_blocked(3600)
        return "woken"

    async def story(world: virtual.World) -> str:
        woken: str = await world.node("a").run(program)
        return woken

    assert virtual.run(story, seed=1, limit_s=3601).value == "woken"


def test_both_ways_back_from_a_thread_go_through_one_function() -> None:
    """_threads._send_message_to_trio."""
    with _trio.threads_started_by(lambda _call, _deliver: None):
        with pytest.raises(virtual.SimulationError, match="from_thread"):
            trio.from_thread.run_sync(int)
        with pytest.raises(virtual.SimulationError, match="from_thread"):
            trio.from_thread.run(trio.lowlevel.checkpoint)


def test_all_is_put_back() -> None:
    def kept() -> list[Any]:
        return [
            _trio._run._ALLOW_DETERMINISTIC_SCHEDULING,
            _trio._run._r,
            _trio._run.start_thread_soon,
            _trio._threads.start_thread_soon,
            _trio._threads._send_message_to_trio,
        ]

    before = kept()
    with (
        suppress(KeyError),
        _trio.scheduled_by(random.Random),
        _trio.threads_started_by(lambda _call, _deliver: None),
    ):
        for now, then in zip(kept(), before, strict=True):
            assert now is not then or now is True  # it may be on for other reasons
        raise KeyError
    assert kept() == before


# --- the canary sings ----------------------------------------------------------------


@contextmanager
def without(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.delattr(owner, name)
        yield


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("Runner")])
def test_a_missing_name_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, attribute = name.partition(".")
    owner: ModuleType = getattr(_trio, module)
    with (
        without(monkeypatch, owner, attribute),
        pytest.raises(pytest.fail.Exception) as told,
    ):
        test_the_name_is_there(name)
    assert name in str(told.value)


@pytest.mark.parametrize("name", ["entry_queue", "waiting_for_idle"])
def test_a_missing_attribute_of_a_run_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (full,) = (each for each in NAMES if each.startswith(f"Runner.{name}"))

    async def bare() -> object:
        return object()

    monkeypatch.setitem(globals(), "_runner", bare)
    with pytest.raises(pytest.fail.Exception, match=full):
        test_the_name_is_there(full)


def test_a_trio_that_shuffles_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if trio looked at another name than the one that we set."""
    monkeypatch.setattr(_trio, "_run", ModuleType("another"))
    monkeypatch.setattr(_trio._run, "_r", None, raising=False)
    monkeypatch.setattr(_trio._run, "_ALLOW_DETERMINISTIC_SCHEDULING", False, raising=False)
    failed = 0
    for _ in range(5):
        try:
            test_trio_sorts_what_is_ready_and_asks_chance_for_nothing_but_a_shuffle()
        except AssertionError:
            failed += 1
    assert failed == 5
