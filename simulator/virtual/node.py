"""A machine of the world: a name, an address, clocks, a disk, and one program at a time."""

import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import outcome
import trio

from simulator.virtual.bell import Bell
from simulator.virtual.clock import NodeClock
from simulator.virtual.disk import Disk
from simulator.virtual.errors import NodeError, SimulationError
from simulator.virtual.network import Network
from simulator.virtual.process import Main, Process, State
from simulator.virtual.seeds import Luck, Seed
from simulator.virtual.timeline import Timeline
from simulator.virtual.trace import Trace

# Not every platform has them.
_SIGKILL: Final[int] = getattr(signal, "SIGKILL", 9)
_SIGCONT: Final[int] = getattr(signal, "SIGCONT", 18)
_SIGSTOP: Final[int] = getattr(signal, "SIGSTOP", 19)


class Surroundings(Protocol):
    """What a node needs of its world."""

    seed: Seed
    timeline: Timeline
    trace: Trace
    network: Network

    def process(self, node: "Node", clock: NodeClock) -> Process:
        """A new process of that node."""

    def running(self) -> Process | None:
        """Whose turn it is."""

    def disk(self, node: "Node") -> Disk:
        """That node's disk."""

    def failed(self, error: SimulationError) -> None:
        """The world can't go on."""


class Node:
    """One machine; get one from World.node()."""

    def __init__(
        self, name: str, address: str, clock: NodeClock, world: Surroundings
    ) -> None:
        self._name = name
        self._address = address
        self.clock = clock
        """Its `wall_offset_s` may be changed at any time: somebody sets the clock."""
        self.luck = Luck.of(world.seed, name)
        self._world = world
        self._process: Process | None = None
        self._disk: Disk | None = None
        self._on = True
        self._may_fail = False
        self._over = Bell(world.running)
        self._over.ring()

    def __repr__(self) -> str:
        return f"<Node {self._name}>"

    # --- what it is ------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the others look it up by."""
        return self._name

    @property
    def address(self) -> str:
        """Its IPv4 address."""
        return self._address

    @property
    def disk(self) -> Disk:
        """Its disk, with the faults that a disk can have.

        Raises: UnavailableError: this Python's sqlite3 can't be given one.
        """
        if self._disk is None:
            self._disk = self._world.disk(self)
        return self._disk

    @property
    def directory(self) -> Path:
        """Where its programs keep their files; the same path in each of their lives."""
        return self.disk.directory

    def chance(self, purpose: str) -> random.Random:
        """Random numbers of this node's own, for one purpose."""
        return self._world.seed.stream(purpose, self._name)

    def note(self, event: str, /, **fields: str | int | bool | None) -> None:
        """Write a line of the trace."""
        self._world.trace.add(self._name, event, **fields)

    # --- the life of its program -----------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether its program is there; a paused one is."""
        return self._process is not None and self._process.state in (
            State.RUNNING,
            State.PAUSED,
        )

    @property
    def result(self) -> outcome.Outcome[Any] | None:
        """What its last program came to; None if it runs, or was killed."""
        return self._process.result if self._process is not None else None

    def start(self, main: Main, *args: Any, may_fail: bool = False) -> None:
        """Run `await main(*args)` as its program, in a trio run of its own.

        Shape:  an exception that leaves `main` ends the world with a NodeError, unless
                the program may fail: then it is in `result`.
        """
        if not self._on:
            raise SimulationError(f"{self._name} has no power: power_on() comes first")
        if self.running:
            raise SimulationError(f"{self._name} runs a program already")
        self._may_fail = may_fail
        self._over = Bell(self._world.running)
        self._process = self._world.process(self, self.clock)
        self.note("start", program=getattr(main, "__name__", "program"))
        self._process.start(partial(main, *args), self._use_network)

    async def run(self, main: Main, *args: Any) -> Any:
        """As start; returns what `main` returns, once it does.

        Raises: what `main` raises. NodeError: it was killed.
        Cancel: atomic: the program goes on.
        """
        self.start(main, *args, may_fail=True)
        process = self._process
        await self.ended()
        assert process is not None
        if process.result is None:
            raise NodeError(f"{self._name} was killed")
        return process.result.unwrap()

    async def ended(self) -> None:
        """Wait until its program is over, in whichever way.

        Cancel: atomic.
        """
        await self._over.rung()

    def kill(self) -> None:
        """kill -9: no `finally` runs; its kernel closes its sockets."""
        if self.running:
            self.note("killed")
            self._stop_for_good()
            self._world.network.process_died(self)
            if self._disk is not None:
                self._disk.process_died()

    def power_off(self) -> None:
        """Pull the plug: nobody hears of it, and of its files what was synced is left."""
        if self._on:
            self.note("power off")
            self._on = False
            self._stop_for_good()
            self._world.network.power_off(self)
            if self._disk is not None:
                self._disk.power_lost()

    def power_on(self) -> None:
        """Boot; nothing runs until start()."""
        if not self._on:
            self.note("power on")
            self._on = True
            self._world.network.power_on(self)

    def die_at(
        self, *, write: int | None = None, sync: int | None = None, power: bool = False
    ) -> None:
        """kill() or, with `power`, power_off() at exactly that write or sync of its disk.

        Shape:  see Disk.die_at().
        """
        disk, network = self.disk, self._world.network

        def struck() -> None:
            # We are inside SQLite: the disk has to wait until that has returned. What the
            # program still does at this instant gets nowhere.
            assert self._process is not None
            self.note("dies at its disk", power=power)
            self._process.kill()
            if power:
                self._on = False
                network.power_off(self)
            else:
                network.process_died(self)
            self._world.timeline.after(0, bury)

        def bury() -> None:
            if power:
                disk.power_lost()
            else:
                disk.process_died()
            self._over.ring()

        disk.die_at(write=write, sync=sync, call=struck)

    def pause(self) -> None:
        """SIGSTOP: it does nothing, and its kernel goes on taking in what fits."""
        if self._process is not None and self._process.state is State.RUNNING:
            self.note("paused")
            self._process.pause()

    def go_on(self) -> None:
        """SIGCONT."""
        if self._process is not None and self._process.state is State.PAUSED:
            self.note("goes on")
            self._process.go_on()

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send its program a signal; without a handler it dies of it.

        Shape:  as a kernel does: to a paused program it comes when that goes on, SIGINT is
                a KeyboardInterrupt in its main task, SIGKILL, SIGSTOP and SIGCONT can't be
                handled, and SIGCHLD and the like do no harm.
        """
        if self._process is None or not self.running:
            return
        self.note("signal", number=int(number))
        if number == _SIGKILL:
            self.kill()
        elif number == _SIGSTOP:
            self.pause()
        elif number == _SIGCONT:
            self.go_on()
        else:
            self._process.when_it_runs(partial(self._signalled, self._process, number))

    def _signalled(self, process: Process, number: int) -> None:
        if not process.signal(number):
            self.kill()

    def call(self, function: Callable[[], object]) -> None:
        """Have this called in its program's run; never, if there is none.

        Shape:  at once, and without waiting: to set an event, to cancel a scope.
        """
        if self._process is not None:
            self._process.call(function)

    @property
    def tasks(self) -> int:
        """How many tasks its program has, trio's own ones included."""
        return self._process.tasks() if self._process is not None else 0

    # --- what the world does with it -------------------------------------------------

    def wake(self, lot: trio.lowlevel.ParkingLot) -> None:
        """As Host.wake."""
        process = self._world.running()
        if process is None or process.name != self._name:
            process = self._process
        if process is not None:
            process.call(lot.unpark_all)

    def process_ended(self, process: Process) -> None:
        """Its program is over, by itself."""
        assert process.result is not None
        error = getattr(process.result, "error", None)
        self.note("ended", error=type(error).__name__ if error is not None else None)
        self._world.network.process_died(self)
        if error is not None and not self._may_fail:
            failure = NodeError(f"the program of {self._name} failed: {error!r}")
            failure.__cause__ = error
            self._world.failed(failure)
        self._over.ring()

    def _stop_for_good(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._over.ring()

    def _use_network(self) -> None:
        network = self._world.network
        trio.socket.set_custom_socket_factory(network.factory(self))
        trio.socket.set_custom_hostname_resolver(network.resolver(self))
