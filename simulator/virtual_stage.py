"""A stage in a virtual world: the server and each person on a machine of their own."""

import random
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import outcome
import structlog
import trio

from simulator.bots import Bot, Hostile, Script
from simulator.errors import ServerError, StoryError
from simulator.history import Log, Logged
from simulator.recorder import Recorder
from simulator.stage import Way
from simulator.virtual.disk import Disk
from simulator.virtual.link import Link
from simulator.virtual.node import Node
from simulator.virtual.world import World as VirtualWorld
from simulator.words import words
from trio_chat.addresses import Address
from trio_chat.client.outbox import Outbox
from trio_chat.client.outbox_file import open_outbox
from trio_chat.server import Limits, Running, serve
from trio_chat.server.listen import listen
from trio_chat.signals import TELLING, open_signals, until_ending
from trio_chat.store import Draft, MemoryStore, Outcome, Store, open_sqlite_store

T = TypeVar("T")
OpenStore = Callable[[Node], AbstractAsyncContextManager[Store]]

ADDRESS: Final = Address("server", 8765)
_RATES: Final = (0.99, 1.01)
_WRITE_S: Final = (0.0001, 0.004)
_WORDS_MAX: Final = 200
_READY_S: Final = 30.0
_STOP_S: Final = 30.0
_NOTICED_S: Final = 10.0
_GOES_S: Final = 600.0


class VirtualStage:
    """As Stage, in a world."""

    def __init__(
        self,
        world: VirtualWorld,
        recorder: Recorder,
        *,
        on_disk: bool,
        limits: Limits | None = None,
    ) -> None:
        self.world = world
        self.server = _machine(world, "server")
        self._recorder = recorder
        self._limits = limits or Limits()
        self._store: _Store = (
            _OnDisk(self.server) if on_disk else _InMemory(self.server.chance("store"))
        )
        self._on_disk = on_disk
        self._people: dict[str, _Person] = {}
        self._words: deque[str] = deque(maxlen=_WORDS_MAX)
        self._bugs: list[str] = []
        self.figures: list[structlog.typing.EventDict] = []
        """What its servers have told in figures, when they were asked and at their ends."""
        self._ready = world.bell()

    @property
    def rest_s(self) -> float:
        """As Stage.rest_s."""
        limits = self._limits
        return 2 * limits.heartbeat_s + limits.grace_s + _NOTICED_S

    @property
    def time_is_free(self) -> bool:
        """As Stage.time_is_free."""
        return True

    @property
    def loses_power(self) -> bool:
        """As Stage.loses_power."""
        return True

    # --- the server ------------------------------------------------------------------

    async def start_server(self) -> None:
        """As Stage.start_server."""
        self.server.power_on()
        self._ready = self.world.bell()
        self.server.start(self._serve, may_fail=True)
        with trio.move_on_after(_READY_S):
            await self._ready.rung()
        if not self._ready.has_rung or not self.server.running:
            raise ServerError(f"the server did not start: {self.server.result}")

    async def stop_server(self) -> None:
        """As Stage.stop_server."""
        if not self.server.running:
            return
        self.server.signal(signal.SIGTERM)
        with trio.move_on_after(_STOP_S) as patience:
            await self.server.ended()
        if patience.cancelled_caught:
            raise ServerError(f"the server did not end within {_STOP_S:g} s")
        self._check(self.server.result)

    def _check(self, result: outcome.Outcome[Any] | None) -> None:
        error = getattr(result, "error", None)
        if error is not None:
            raise ServerError(f"the server ended badly: {error!r}") from error
        if self._bugs:
            raise ServerError(f"the server met a bug: {self._bugs[0]}")

    async def kill_server(self) -> None:
        """As Stage.kill_server."""
        self.server.kill()
        await trio.lowlevel.checkpoint()

    async def power_off_server(self) -> None:
        """As Stage.power_off_server."""
        self.server.power_off()
        await trio.lowlevel.checkpoint()

    async def server_dies_at(self, number: int, *, sync: bool, power: bool) -> None:
        """As Stage.server_dies_at."""
        disk = self.server.disk
        if sync:
            self.server.die_at(sync=disk.syncs + number, power=power)
        else:
            self.server.die_at(write=disk.writes + number, power=power)
        try:
            await self.server.ended()
        except trio.Cancelled:
            disk.die_at()
            self.server.kill()
            raise

    def disk(self) -> Disk:
        """As Stage.disk."""
        return self.server.disk

    def pause_server(self) -> None:
        """As Stage.pause_server."""
        self.server.pause()

    def resume_server(self) -> None:
        """As Stage.resume_server."""
        self.server.go_on()

    async def _serve(self) -> None:
        """What `serve` does, with this world's clock, chance and disk."""
        with open_signals(signal.SIGTERM, *TELLING) as signals:
            async with self._store.opened() as store, trio.open_nursery() as nursery:
                listeners = await listen("0.0.0.0", ADDRESS.port)  # noqa: S104
                rng = self.server.chance("server")
                start = partial(
                    serve,
                    listeners,
                    store,
                    log=_logger(self._say),
                    new_secret=lambda: f"{rng.getrandbits(128):032x}",
                    rng=rng,
                    limits=self._limits,
                    wall_clock_s=self.server.clock.wall_s,
                )
                running: Running = await nursery.start(start)
                self._ready.ring()
                await until_ending(signals, running.tell_figures)
                running.drain()

    def _say(self, name: str, event: structlog.typing.EventDict) -> None:
        if not self.server.running:
            return
        if name == "figures":
            self.figures.append(event)
            return
        words = " ".join([name, *(f"{key}={value}" for key, value in event.items())])
        self._words.append(words)
        if name == "bug":
            self._bugs.append(words)

    # --- the people ------------------------------------------------------------------

    def enter(self, script: Script | Hostile) -> None:
        """As Stage.enter."""
        person = self._person(script.nick)
        if isinstance(script, Hostile):
            person.attack(script)
        else:
            person.enter(script, self._recorder)

    def send_home(self, nick: str) -> None:
        """As Stage.send_home."""
        self._people[nick].go_home()

    async def until_gone(self, nicks: Iterable[str]) -> None:
        """As Stage.until_gone."""
        for nick in nicks:
            node = self._people[nick].node
            with trio.move_on_after(_GOES_S):
                await node.ended()
            if node.running:
                raise StoryError(f"{nick} does not go")

    async def kill(self, nick: str) -> None:
        """As Stage.kill."""
        self._people[nick].node.kill()
        await trio.lowlevel.checkpoint()

    async def power_off(self, nick: str) -> None:
        """As Stage.power_off."""
        self._people[nick].node.power_off()
        await trio.lowlevel.checkpoint()

    def _person(self, nick: str) -> "_Person":
        if nick not in self._people:
            self._people[nick] = _Person(_machine(self.world, nick), self._on_disk)
        return self._people[nick]

    # --- the network -----------------------------------------------------------------

    def connect(self, nick: str, link: Link) -> None:
        """As Stage.connect."""
        self.world.network.set_link(self._person(nick).node, self.server, link)

    def cut(self, nicks: Iterable[str]) -> None:
        """As Stage.cut."""
        for nick in nicks:
            self.world.network.reset(nick, self.server)

    def stall(self, nicks: Iterable[str]) -> None:
        """As Stage.stall."""
        for nick in nicks:
            self.world.network.stall(nick)

    def unstall(self, nicks: Iterable[str]) -> None:
        """As Stage.unstall."""
        for nick in nicks:
            self.world.network.unstall(nick)

    def partition(self, nicks: Iterable[str], way: Way = "both") -> None:
        """As Stage.partition."""
        people, server = list(nicks), [self.server]
        here, there = (server, people) if way == "down" else (people, server)
        self.world.network.partition(here, there, one_way=way != "both")

    def heal(self) -> None:
        """As Stage.heal."""
        self.world.network.heal()

    # --- what is left ----------------------------------------------------------------

    def resources(self) -> tuple[int | None, int | None]:
        """As Stage.resources."""
        return self.server.tasks, self.world.network.open_sockets(self.server)

    async def log(self) -> Log | None:
        """As Stage.log."""
        return await self._store.log()

    def words(self) -> list[str]:
        """As Stage.words."""
        error = getattr(self.server.result, "error", None)
        ended = [] if error is None else [f"the server ended badly: {error!r}"]
        return [*self._words, *ended]


def _machine(world: VirtualWorld, name: str) -> Node:
    """A node whose clocks are as wrong as those of people's machines are."""
    chance = world.chance("clock", name)
    return world.node(
        name,
        rate=chance.uniform(*_RATES),
        wall_offset_s=chance.choice((0, chance.uniform(-3600, 3600), -1e8)),
    )


class _Person:
    """Somebody's machine, and the program on it.

    Shape:  `on_disk`: what is said waits in a file, the same one in all lives.
    """

    def __init__(self, node: Node, on_disk: bool) -> None:
        self.node = node
        self._outbox = node.directory / "outbox.db" if on_disk else None
        self._device = f"{node.chance('device').getrandbits(128):032x}"
        self._lives = 0
        self._bot: Bot | None = None

    def enter(self, script: Script, recorder: Recorder) -> None:
        self._lives += 1
        self._bot = bot = Bot(
            script,
            recorder,
            self.node.chance(f"client {self._lives}"),
            device=self._device,
            life=self._lives,
            last_n=recorder.last_n[script.nick],
            open_outbox=self._open_outbox if self._outbox is not None else None,
        )
        self.node.power_on()
        self.node.start(partial(bot.run, ADDRESS))

    @asynccontextmanager
    async def _open_outbox(self) -> AsyncIterator[Outbox]:
        assert self._outbox is not None
        async with open_outbox(self._outbox, open_worker=_open_worker) as outbox:
            yield outbox

    def attack(self, script: Hostile) -> None:
        self.node.start(partial(script.run, ADDRESS, self.node.chance("tricks")))

    def go_home(self) -> None:
        if self._bot is not None and self.node.running:
            self.node.call(self._bot.go_home)


class _Store:
    """Where the server keeps what it is told, over all its lives."""

    def opened(self) -> AbstractAsyncContextManager[Store]:
        """For one life."""
        raise NotImplementedError

    async def log(self) -> Log:
        """All that is in it."""
        raise NotImplementedError


class _InMemory(_Store):
    """The reference store; it outlives its server, as a file would."""

    def __init__(self, chance: random.Random) -> None:
        self._store = _SlowStore(chance)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        yield self._store

    async def log(self) -> Log:
        return await _log_of(self._store)


class _SlowStore(MemoryStore):
    """Takes its time: who kills the server meanwhile finds lines that are not stored, and
    lines that are, and whose authors don't know it."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__("one-epoch")
        self._chance = chance

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """As MemoryStore.append."""
        await trio.sleep(self._chance.uniform(*_WRITE_S))
        outcomes = await super().append(drafts, ts)
        await trio.sleep(self._chance.uniform(*_WRITE_S))
        return outcomes


class _OnDisk(_Store):
    """The real one, on the machine's disk."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._path = node.directory / "chat.db"  # if there is none, now is the time to say

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        async with open_sqlite_store(self._path, open_worker=_open_worker) as store:
            yield store

    async def log(self) -> Log:
        log: Log = await self._node.run(self._read)
        return log

    async def _read(self) -> Log:
        async with self.opened() as store:
            return await _log_of(store)


async def _log_of(store: Store) -> Log:
    log: dict[str, list[Logged]] = {}
    for room, head in (await store.heads()).items():
        entries = await store.read(room, after=0, through=head, limit=head)
        log[room] = [
            Logged(room, each.seq, each.nick, words(each.text, each.kind, each.ref))
            for each in entries
        ]
    return log


class _Worker:
    """As trio_chat.worker.Worker: one blocking call after the other."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(1)

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns. Cancel: may have happened: only the wait is abandoned."""
        return await trio.to_thread.run_sync(
            call, abandon_on_cancel=True, limiter=self._limiter
        )


@asynccontextmanager
async def _open_worker() -> AsyncIterator[_Worker]:
    yield _Worker()


def _logger(
    say: Callable[[str, structlog.typing.EventDict], None],
) -> structlog.typing.FilteringBoundLogger:
    def keep(_logger: object, _level: str, event: structlog.typing.EventDict) -> str:
        error = event.pop("exc_info", None)
        if isinstance(error, BaseException):
            event["error"] = repr(error)
        say(event.pop("event"), event)
        raise structlog.DropEvent

    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        None,
        processors=[structlog.processors.format_exc_info, keep],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    return logger
