"""A whole server inside the test, on virtual time, which a story can kill and start."""

import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
import trio
from trio.testing import MockClock

from simulator.history import Log, Logged
from tests.server.harness import MemoryListener
from trio_chat.addresses import Address
from trio_chat.client.link import LinkLostError
from trio_chat.server import serve
from trio_chat.store import Draft, Entry, MemoryStore, Outcome

ADDRESS = Address("inside", 1)
_FSYNC_S = 0.01


def _run_on_virtual_time(function: Any, *, clock: object, instruments: Any) -> Any:
    clock = MockClock(autojump_threshold=0)
    return trio.run(function, clock=clock, instruments=instruments)


virtual_time = pytest.mark.trio(run=_run_on_virtual_time)
"""For tests in which waiting shall cost nothing."""


class Store(MemoryStore):
    """The reference store, with a look inside; a planted bug is a subclass of it."""

    def __init__(self) -> None:
        super().__init__("one-epoch")

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """As MemoryStore.append; who kills the server meanwhile finds lines that are
        durable, and whose authors don't know it."""
        outcomes = await super().append(drafts, ts)
        await trio.sleep(_FSYNC_S)
        return outcomes

    def rooms(self) -> dict[str, list[Entry]]:
        """Everything in it."""
        return self._logs

    def power_lost(self) -> None:
        """The server is dead; an honest store still has everything."""


class ForgetfulStore(Store):
    """Planted bug: accepts before it is durable, so a crash takes the last entries."""

    def power_lost(self) -> None:
        for entries in self._logs.values():
            del entries[-3:]


class DoublingStore(Store):
    """Planted bug: every tenth draft does not find itself when it comes again."""

    def __init__(self) -> None:
        super().__init__()
        self._others = itertools.count(1)

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        outcomes = await super().append(drafts, ts)
        for draft in drafts:
            if draft.n % 10 == 0:
                other = Draft(
                    log=draft.log,
                    device=f"nobody-{next(self._others)}",
                    n=1,
                    nick=draft.nick,
                    text=draft.text,
                )
                outcomes.append(self._append(other, ts))
        return outcomes


class InsideServer:
    """A world's Server, in this process: what it kills is a task, with all its streams."""

    def __init__(self, store: Store, nursery: trio.Nursery) -> None:
        self._store = store
        self._nursery = nursery
        self._listener: MemoryListener | None = None
        self._life = trio.CancelScope()
        self._ended = trio.Event()

    async def start(self) -> Address:
        self._listener = MemoryListener()
        self._life = trio.CancelScope()
        self._ended = trio.Event()
        await self._nursery.start(self._live)
        return ADDRESS

    async def kill(self) -> None:
        await self.stop()
        self._store.power_lost()

    async def stop(self) -> None:
        self._listener = None
        self._life.cancel()
        await self._ended.wait()

    async def log(self) -> Log:
        await trio.lowlevel.checkpoint()
        return {
            room: [Logged(room, entry.seq, entry.nick, entry.text) for entry in entries]
            for room, entries in self._store.rooms().items()
        }

    def words(self) -> list[str]:
        return ["there are no last words"]

    async def dial(self, address: Address) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        if self._listener is None:
            raise LinkLostError(f"connection refused by {address}")
        stream: trio.abc.Stream = self._listener.dial()
        return stream

    async def _live(self, *, task_status: trio.TaskStatus[object]) -> None:
        secrets = itertools.count(1)
        listeners = [self._listener] if self._listener is not None else []
        with self._life:
            await serve(
                listeners,
                self._store,
                log=_silent(),
                new_secret=lambda: f"secret-{next(secrets)}",
                rng=random.Random(1),
                task_status=task_status,
            )
        self._ended.set()


@asynccontextmanager
async def open_inside_server(
    store: Callable[[], Store] = Store,
) -> AsyncIterator[InsideServer]:
    """A server in memory, not started yet."""
    async with trio.open_nursery() as nursery:
        yield InsideServer(store(), nursery)
        nursery.cancel_scope.cancel()


def _silent() -> structlog.typing.FilteringBoundLogger:
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        None, processors=[_drop], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    return logger


def _drop(*_event: object) -> str:
    raise structlog.DropEvent
