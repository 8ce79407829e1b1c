"""The real machine is kept out, or found."""

# Names are to be looked up inside of the world, not when the table is made.
# ruff: noqa: PLW0108

import logging
import os
import random
import secrets
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from random import random as random_by_name
from time import time as time_by_name
from types import ModuleType
from typing import Any

import pytest
import trio

from simulator import virtual
from simulator.virtual import LeakError, NodeError, World


def on_a_node(call: Callable[[], Any], *, seed: int = 1, **options: Any) -> Any:
    """What the call gives to a program."""

    async def program() -> Any:
        await trio.sleep(1)
        return call()

    async def story(world: World) -> Any:
        return await world.node("a", wall_offset_s=0.25).run(program)

    return virtual.run(story, seed=seed, tick_s=0.0, **options).value


# --- time ----------------------------------------------------------------------------

NOW_S = 1_767_225_600 + 1 + 0.25


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: time.time(), pytest.approx(NOW_S)),
        (lambda: time.time_ns(), pytest.approx(NOW_S * 1e9)),
        (lambda: tuple(time.gmtime())[:6], (2026, 1, 1, 0, 0, 1)),
        (lambda: tuple(time.gmtime(86_400))[:3], (1970, 1, 2)),
        (lambda: time.localtime().tm_year in (2025, 2026), True),
        (lambda: time.ctime() == time.ctime(NOW_S), True),
        (lambda: time.strftime("%Y", time.gmtime(0)), "1970"),
        (lambda: time.strftime("%S"), "01"),
    ],
)
def test_the_time_of_day_is_that_of_the_machine(
    call: Callable[[], Any], value: Any
) -> None:
    assert on_a_node(call) == value


@pytest.mark.parametrize(
    "clock_s",
    [
        lambda: time.monotonic(),
        lambda: time.perf_counter(),
        lambda: time.monotonic_ns() / 1e9,
        lambda: time.perf_counter_ns() / 1e9,
    ],
)
def test_the_monotonic_clocks_are_those_of_trio(clock_s: Callable[[], float]) -> None:
    assert on_a_node(lambda: clock_s() - trio.current_time()) == pytest.approx(0, abs=1e-6)


def test_a_log_record_has_the_time_of_the_world() -> None:
    record = on_a_node(lambda: logging.makeLogRecord({}))
    assert record.created == pytest.approx(NOW_S)


# --- chance --------------------------------------------------------------------------

ENTROPY: dict[str, Callable[[], Any]] = {
    "os.urandom": lambda: os.urandom(16),
    "uuid4": lambda: uuid.uuid4(),
    "secrets": lambda: secrets.token_hex(16),
    "secrets.choice": lambda: [secrets.choice("abcdefgh") for _ in range(20)],
    "SystemRandom": lambda: random.SystemRandom().random(),
    "random": lambda: random.random(),
    "randrange": lambda: random.randrange(10**9),
    "shuffle": lambda: random.sample(range(100), 100),
    "random by name": lambda: random_by_name(),
    "Random()": lambda: random.Random().random(),
    "Random(None)": lambda: random.Random(None).random(),
    "a temporary name": lambda: next(tempfile._get_candidate_names()),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("source", ENTROPY)
def test_chance_is_the_same_for_the_same_seed_and_another_for_another(source: str) -> None:
    call = ENTROPY[source]
    if source == "a temporary name":
        tempfile._name_sequence = None  # type: ignore[attr-defined]
    first = on_a_node(call, seed=1)
    assert on_a_node(call, seed=1) == first or source == "a temporary name"
    assert on_a_node(call, seed=2) != first


def test_two_machines_have_chances_of_their_own() -> None:
    async def draw() -> tuple[float, bytes]:
        return random.random(), os.urandom(8)

    async def story(world: World) -> list[Any]:
        return [await world.node(name).run(draw) for name in "ab"]

    (random_a, entropy_a), (random_b, entropy_b) = virtual.run(story, seed=1).value
    assert random_a != random_b
    assert entropy_a != entropy_b


def test_a_program_may_seed_the_module_random_for_itself_alone() -> None:
    async def seeded() -> float:
        random.seed(7)
        return random.random()

    async def unseeded() -> float:
        return random.random()

    async def story(world: World) -> tuple[float, float]:
        return await world.node("a").run(seeded), await world.node("b").run(unseeded)

    expected = random.Random(7).random()
    a, b = virtual.run(story, seed=1).value
    assert a == expected
    assert b != expected


def test_a_seeded_random_is_as_ever() -> None:
    assert on_a_node(lambda: random.Random(5).random()) == random.Random(5).random()


# --- what the machine is -------------------------------------------------------------


def test_the_process_number_is_the_real_one() -> None:
    """Modules that all programs share keep it to notice a fork."""
    assert on_a_node(lambda: os.getpid()) == os.getpid()


def test_a_program_can_kill_itself_and_nobody_else() -> None:
    async def suicide() -> None:
        os.kill(os.getpid(), 9)
        await trio.sleep(1)

    async def murder() -> None:
        os.kill(1, 0)

    async def story(world: World) -> float:
        node = world.node("a")
        node.start(suicide)
        await node.ended()
        assert node.result is None
        with pytest.raises(LeakError, match="real machine"):
            await node.run(murder)
        return world.now_s

    assert virtual.run(story, seed=1).value == 0.0


def real_socket(verb: str) -> None:
    with socket.socket() as real:
        getattr(real, verb)(("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: time.sleep(1), "use trio.sleep"),
        (lambda: threading.Thread(target=int, name="worker").start(), r"own \(worker\)"),
        (lambda: subprocess.run([sys.executable, "-V"], check=True), "start a node"),
        (lambda: subprocess.Popen([sys.executable, "-V"]), "start a node"),
        (lambda: uuid.uuid1(), r"uuid4\(\)"),
        (lambda: uuid.getnode(), r"uuid4\(\)"),
        (lambda: real_socket("connect"), "real network"),
        (lambda: real_socket("bind"), "real network"),
        (lambda: selectors.DefaultSelector(), "asyncio"),
    ],
)
def test_what_cannot_be_simulated_is_refused(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(LeakError, match=words):
        on_a_node(call)


def test_a_refusal_ends_the_world_like_any_error_of_a_program() -> None:
    async def program() -> None:
        time.sleep(1)  # noqa: ASYNC251 (that is the point)

    async def story(world: World) -> None:
        world.node("a").start(program)
        await trio.sleep(1)

    with pytest.raises(NodeError) as caught:
        virtual.run(story, seed=1)
    assert isinstance(caught.value.__cause__, LeakError)


# --- names that were bound in a world ------------------------------------------------


def _module(source: str) -> ModuleType:
    module = ModuleType("lazy")
    exec(source, module.__dict__)  # noqa: S102
    return module


def test_what_is_imported_by_name_in_one_world_is_virtual_in_the_next_too() -> None:
    kept: list[ModuleType] = []

    def now() -> float:
        if not kept:
            kept.append(_module("from time import monotonic\nfrom random import random"))
        return kept[0].monotonic() - trio.current_time() + kept[0].random()  # type: ignore[no-any-return]

    assert on_a_node(now) == on_a_node(now)
    outside = kept[0].monotonic()
    assert outside <= time.monotonic() < outside + 60


# --- what gets past that is found ----------------------------------------------------


def line_of(text: str) -> int:
    """Where this text stands in this file."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def leaks_of(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(LeakError, match="can't be repeated") as caught:
        on_a_node(call, watched=True)
    return str(caught.value).splitlines()[1:]


def test_a_clock_bound_by_name_is_found_with_its_line() -> None:
    def look() -> float:
        return time_by_name()  # this is the leak

    line = line_of("# this is the leak")
    assert leaks_of(look) == [f"simulator/virtual/test_leaks.py:{line} calls time.time()"]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: datetime.now(UTC), "datetime.now()"),
        (lambda: datetime.today(), "datetime.today()"),  # noqa: DTZ002
        (lambda: date.today(), "datetime.today()"),  # noqa: DTZ011
        (lambda: time.process_time(), "time.process_time()"),
        (lambda: time.thread_time(), "time.thread_time()"),
        (lambda: __import__("socket").gethostname(), "_socket.gethostname()"),
    ],
)
def test_what_is_written_in_c_is_found(call: Callable[[], Any], name: str) -> None:
    (found,) = leaks_of(call)
    assert found.endswith(f"calls {name}")
    assert "test_leaks.py:" in found


def test_each_leak_is_told_once_in_the_order_in_which_they_were_met() -> None:
    def look() -> None:
        for _ in range(3):
            time.process_time()  # first
            time_by_name()  # second

    first, second = line_of("# first"), line_of("# second")
    assert [text.split(":")[1].split()[0] for text in leaks_of(look)] == [
        str(first),
        str(second),
    ]


def test_what_the_story_takes_itself_is_found_too() -> None:
    async def story(world: World) -> None:
        time_by_name()

    with pytest.raises(LeakError, match=r"test_leaks.py:\d+ calls time\.time"):
        virtual.run(story, seed=1, watched=True)


def test_an_honest_program_passes_under_watch() -> None:
    def honest() -> None:
        time.time()
        random.random()
        random.Random().random()
        uuid.uuid4()
        os.getpid()
        logging.makeLogRecord({})
        tempfile.mkdtemp()
        datetime.fromtimestamp(time.time(), UTC)

    on_a_node(honest, watched=True)


def test_an_error_of_the_program_comes_before_what_was_found() -> None:
    def look() -> None:
        time_by_name()
        raise KeyError

    with pytest.raises(KeyError):
        on_a_node(look, watched=True)
