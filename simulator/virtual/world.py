"""A world: nodes, the network between them, one clock, and one seed for all chance.

async def story(world):
    server = world.node("server")
    server.start(serve)                      # any trio program, unmodified
    print(await world.node("client").run(ask, "server"))

run(story, seed=7)
"""

import gc
import random
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, NoReturn, TypeAlias

import trio

from simulator.virtual import _trio, leaks
from simulator.virtual.bell import Bell
from simulator.virtual.clock import BEGINNING_S, NodeClock
from simulator.virtual.disk import Disk, Disks, open_disks
from simulator.virtual.errors import (
    DeadlockError,
    LeakError,
    LimitError,
    LivelockError,
    SimulationError,
)
from simulator.virtual.network import Network
from simulator.virtual.node import Node
from simulator.virtual.process import Process, State
from simulator.virtual.seeds import Luck, Seed
from simulator.virtual.tasks import tree
from simulator.virtual.threads import Threads
from simulator.virtual.timeline import NS, Timeline
from simulator.virtual.trace import Trace

Story: TypeAlias = Callable[["World"], Coroutine[Any, Any, Any]]

TICKS_S: Final = (0.0, 0.0001, 0.001, 0.005, 0.02)
"""What a run's tick is chosen from: hardly ever two things at once, up to a machine so
busy that it looks around fifty times a second."""
LIMIT_S: Final = 3600.0
"""No world lasts longer, in its own time, unless it is told to."""
_SAME_INSTANT_STEPS_MAX: Final = 100_000
_STEPS_TO_COLLECTION: Final = 50_000
_STORY: Final = "story"
_UPTIME_S: Final = (1_000, 100_000)
"""What the monotonic clock of a machine shows when the world begins: no two agree."""
_REALLY_RAISE: Final = signal.raise_signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a world.

    Shape:  `value` is what the story returned. `digest` is of its trace, if one was kept.
    Units:  `now_s`: virtual seconds that it lasted.
    """

    value: Any
    now_s: float
    steps: int
    happenings: int
    tick_s: float
    digest: str


class World:
    """Where the story's nodes are; run() makes one, and gives it to the story."""

    def __init__(
        self, seed: Seed, *, tick_s: float, trace_to: IO[bytes] | None, digested: bool
    ) -> None:
        self.seed = seed
        self.tick_s = tick_s
        self.timeline = Timeline(tick_s)
        self.trace = Trace(self.timeline, trace_to, digested=digested)
        self.network = Network(self.timeline, self.trace, seed)
        self.nodes: dict[str, Node] = {}
        self._resources = ExitStack()
        self._directory = Path(tempfile.mkdtemp(prefix="world-"))
        self._resources.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._disks: Disks | None = None
        self._current: Process | None = None
        self._ready: dict[Process, None] = {}
        self._waiting: dict[Process, None] = {}
        self._processes: list[Process] = []
        self._owners: dict[str, Node] = {}
        self._machines: dict[Process, _Machine] = {}
        self._failure: SimulationError | None = None
        self.threads = Threads(self)

    # --- what a story has ------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """Seconds since the world began, by a clock that is right."""
        return self.timeline.now_s

    def node(
        self,
        name: str,
        *,
        address: str | None = None,
        rate: float = 1.0,
        wall_offset_s: float = 0.0,
    ) -> Node:
        """A new machine, switched on, with nothing running on it.

        Units:  `rate`: seconds that its clocks count in a true second. `wall_offset_s`:
                by how much its wall clock is off.
        """
        if name in self.nodes or name == _STORY:
            raise SimulationError(f"there is a node named {name!r} already")
        number = len(self.nodes) + 1
        uptime_s = self.chance("uptime", name).randrange(*_UPTIME_S)
        clock = NodeClock(self.timeline, uptime_s, rate, wall_offset_s)
        own = address or f"10.0.{number // 250}.{number % 250 + 1}"
        node = Node(name, own, clock, self)
        self.nodes[name] = node
        self.network.attach(node)
        return node

    def chance(self, purpose: str, name: str = "") -> random.Random:
        """Random numbers for one purpose: nobody else draws from them."""
        return self.seed.stream(purpose, name)

    def bell(self) -> Bell:
        """An event that can be waited for in one run and rung in another."""
        return Bell(self.running)

    def waker(self) -> Callable[[trio.lowlevel.ParkingLot], None]:
        """What wakes tasks of the run that calls this, whoever calls it later."""
        process = self._current
        assert process is not None, "nobody's turn"
        return lambda lot: process.call(lot.unpark_all)

    def note(self, event: str, **fields: str | int | bool | None) -> None:
        """Write a line of the trace that is about no node in particular."""
        self.trace.add("", event, **fields)

    # --- what nodes and processes need -----------------------------------------------

    def running(self) -> Process | None:
        """Whose turn it is."""
        return self._current

    def process(self, node: Node, clock: NodeClock) -> Process:
        """A new process of that node."""
        process = Process(node.name, clock, self.timeline, self, node.luck)
        self._machines[process] = _Machine(clock, process, node.signal)
        self._owners[node.name] = node
        self._processes.append(process)
        return process

    def disk(self, node: Node) -> Disk:
        """That node's disk."""
        if self._disks is None:
            opened = open_disks(
                self._directory, chance=self.chance("sqlite"), wall_clock_s=self._wall_s
            )
            self._disks = self._resources.enter_context(opened)
        return self._disks.disk(
            node.name,
            chance=node.chance("disk"),
            note=node.note if self.trace.active else None,
        )

    def failed(self, error: SimulationError) -> None:
        """The world can't go on."""
        self._failure = self._failure or error

    def ready(self, process: Process) -> None:
        """As Owner.ready."""
        if process.state is State.RUNNING:
            self._ready[process] = None

    def ended(self, process: Process) -> None:
        """As Owner.ended."""
        if process.name in self._owners:
            self._owners[process.name].process_ended(process)

    def current(self, process: Process) -> "_Turn":
        """As Owner.current."""
        return _Turn(self, process)

    def schedule(self) -> random.Random:
        """For the order of the tasks of whoever's turn it is."""
        assert self._current is not None, "nobody's turn"
        return self._current.luck.schedule

    def ran(self) -> None:
        """Tasks of whoever's turn it is are about to take a step."""
        if self._current is not None:
            self._current.ran()

    def machine(self) -> "_Machine | None":
        """What the program whose turn it is takes for its machine."""
        return self._machines[self._current] if self._current is not None else None

    def _wall_s(self) -> float:
        machine = self.machine()
        return machine.wall_s if machine is not None else BEGINNING_S + self.now_s

    # --- running it ------------------------------------------------------------------

    def play(self, story: Story, limits: "_Limits") -> Report:
        """Let the story happen, to its end."""
        clock = NodeClock(self.timeline, 0, 1.0, 0.0)
        luck = Luck.of(self.seed, _STORY)
        director = Process(_STORY, clock, self.timeline, self, luck)
        director.punctual = True  # it is no machine: what it does comes at its instant
        # The story belongs to the test: what it does to this process, it means.
        self._machines[director] = _Machine(clock, director, _REALLY_RAISE)
        self._processes.append(director)
        try:
            director.start(partial(story, self), _use_no_network)
            steps, happenings = self._until_ended(director, limits)
            assert director.result is not None
            value = director.result.unwrap()
        except LimitError:
            raise  # it says all that already
        except Exception as error:
            error.add_note(self._stuck("the story ended with this"))
            raise
        finally:
            self.note("end")
            self.trace.close()
            self._bury_all()
        return Report(
            value=value,
            now_s=self.now_s,
            steps=steps,
            happenings=happenings,
            tick_s=self.tick_s,
            digest=self.trace.digest,
        )

    def _until_ended(self, director: Process, limits: "_Limits") -> tuple[int, int]:
        steps = happenings = 0
        begun = 0  # the number of steps when this instant began
        limit_ns = round(limits.limit_s * NS)
        collect_at = _STEPS_TO_COLLECTION
        while director.result is None:
            limits.check_interrupted()
            if self._ready:
                batch, self._ready = list(self._ready), {}
                # By a number that each draws from its own luck, alone or not: one more
                # node changes nothing in the order of the others.
                batch.sort(key=_turn)
                for process in batch:
                    if process.state is State.RUNNING:
                        steps += process.step()
                if self._failure is not None:
                    raise self._failure
                if steps - begun > _SAME_INSTANT_STEPS_MAX:
                    raise LivelockError(self._stuck("tasks run for ever without waiting"))
            else:
                next_ns = self.timeline.next_ns()
                if next_ns is None:
                    raise DeadlockError(
                        self._stuck("everyone waits, and nothing will ever happen again")
                    )
                if next_ns > limit_ns:
                    words = f"the story was not over after {limits.limit_s:g} s"
                    raise LimitError(self._stuck(words))
                if next_ns > self.timeline.now_ns:
                    begun = steps
                happenings += self.timeline.advance(next_ns)
            if steps > collect_at:
                # At steps that are the same in each run: finalizers are part of it.
                gc.collect()
                collect_at = steps + _STEPS_TO_COLLECTION
                self._wake_finalizers()
        return steps, happenings

    def _wake_finalizers(self) -> None:
        """A run is told of its lost async generators by a call that nobody else sees."""
        for process in self._processes:
            if process.has_calls:
                self.ready(process)

    def _stuck(self, words: str) -> str:
        lines = [f"seed {self.seed}, at {self.now_s:.6f} s: {words}"]
        for process in self._processes:
            if process.state in (State.RUNNING, State.PAUSED):
                paused = process.state is State.PAUSED
                lines += tree(process.name, process.root, paused=paused)
        return "\n".join(lines)

    def close(self) -> None:
        """Give back what it has of the real machine; again does no harm."""
        self._resources.close()

    def _bury_all(self) -> None:
        for node in self.nodes.values():
            self.network.process_died(node)
        for process in self._processes:
            process.kill()  # all of them, before the first is unwound
        with warnings.catch_warnings(action="ignore"):  # the dead may be untidy
            for process in self._processes:
                process.bury()
        self.close()


class _Turn:
    """While it is somebody's turn. (A class: this is entered at each step.)"""

    __slots__ = ("_before", "_process", "_world")

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._before: Process | None = None

    def __enter__(self) -> None:
        self._before = self._world._current
        self._world._current = self._process

    def __exit__(self, *_error: object) -> None:
        self._world._current = self._before


class _NoNetwork(trio.abc.SocketFactory, trio.abc.HostnameResolver):
    """The story is on no machine; without this it would be on the real one."""

    def socket(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise SimulationError("the story has no network: start a program on a node")

    async def getaddrinfo(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        self.socket()

    async def getnameinfo(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        self.socket()


def _use_no_network() -> None:
    trio.socket.set_custom_socket_factory(_NoNetwork())
    trio.socket.set_custom_hostname_resolver(_NoNetwork())


def _turn(process: Process) -> float:
    return process.luck.turns.random()


class _Machine:
    """As leaks.Machine."""

    def __init__(
        self,
        clock: NodeClock,
        process: Process,
        send_signal: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self.entropy = process.luck.entropy
        self.chance = process.luck.module
        self.handlers = process.handlers
        self.send_signal = send_signal

    @property
    def monotonic_s(self) -> float:
        return self._clock.current_time()

    @property
    def wall_s(self) -> float:
        return self._clock.wall_s()


class _Limits:
    """When a run is to end that does not end by itself."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._interrupted = False

    def check_interrupted(self) -> None:
        """Raise KeyboardInterrupt, if there was one."""
        if self._interrupted:
            raise KeyboardInterrupt

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C end the run between two steps, and a second one at any place: a step
        that never ends has no other end."""

        def interrupt(_number: int, _frame: object) -> None:
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = True

        ours = threading.current_thread() is threading.main_thread()
        if not ours or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            yield
            return
        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def run(  # noqa: PLR0913 (each is a thing that a run can be told, by name)
    story: Story,
    *,
    seed: int,
    tick_s: float | None = None,
    limit_s: float = LIMIT_S,
    trace_to: IO[bytes] | None = None,
    digested: bool = False,
    watched: bool = False,
) -> Report:
    """Make a world, let `await story(world)` happen in it, and end it.

    Shape:  all of it is decided by `seed` and by the programs. `tick_s` too, unless it is
            given (see Timeline). The trace goes to `trace_to`; `digested` gives a digest
            of it. With `watched` each call that takes something from the real machine is
            looked for, at half the speed.
    Raises: what the story raises, with a note that says seed, time and who waits where.
            NodeError: a program failed. LimitError, DeadlockError,
            LivelockError: it did not end; the text holds the tasks that were alive.
            LeakError: `watched`, and something was found. Nothing is left in any case.
    """
    numbered = Seed(seed)
    if tick_s is not None and tick_s < 0:
        raise ValueError(f"a tick is 0 s or more, not {tick_s}")
    if tick_s is None:
        tick_s = numbered.stream("tick").choice(TICKS_S)
    limits = _Limits(limit_s)
    watch = leaks.Watch() if watched else None
    with limits.interruptible(), _garbage_kept():
        world = World(numbered, tick_s=tick_s, trace_to=trace_to, digested=digested)
        report = _played(world, story, limits, watch)
        del world  # what is garbage now goes with it
    if watch is not None and watch.found:
        raise LeakError("\n".join(["a run of this can't be repeated:", *watch.found]))
    return report


def _played(
    world: World, story: Story, limits: _Limits, watch: leaks.Watch | None
) -> Report:
    world.note("world", seed=world.seed.number, tick_ns=round(world.tick_s * NS))
    with (
        closing(world),
        leaks.sealed(world.machine, world.seed.stream("random")),
        _trio.scheduled_by(world.schedule, world.ran),
        _trio.threads_started_by(world.threads.start),
        watch.watching() if watch is not None else nullcontext(),
    ):
        return world.play(story, limits)


@contextmanager
def _garbage_kept() -> Iterator[None]:
    """Let the collector run at our word only: when it runs, finalizers do.

    Shape:  it runs once more at the end, over what is new: a world is full of cycles, and
            would count as old in the next one, and be kept. One that failed lives on in
            its traceback: it is young still when the next one begins.
    """
    was_enabled = gc.isenabled()
    gc.collect(1)
    gc.disable()
    gc.freeze()
    try:
        yield
        gc.collect()
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
