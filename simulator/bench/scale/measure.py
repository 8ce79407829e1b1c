"""Measures one data file after the other, each a size larger than the last."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

import trio

from simulator.bench.accounting import account
from simulator.bench.scale.big_file import make_big_file
from simulator.bench.scale.search import searched, talked
from simulator.bench.scale.visit import join_s, read_s, say_s
from simulator.processes import ServerProcess, open_server_process
from trio_chat.addresses import Address
from trio_chat.server import Limits
from trio_chat.store import Keep, Store, open_sqlite_store
from trio_chat.store.backup import backup
from trio_chat.store.verify import verify

T = TypeVar("T")

_TIMES: Final = 5
_READ: Final = 1_000
_LINES: Final = 50
_STEPS: Final = 50
_ROOM: Final = "room-0"

clock_s: Final = time.perf_counter


@dataclass(eq=False, slots=True)
class Figures:
    """What was measured of one file, by names that people read."""

    entries: int
    logs: int
    values: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str, *, per: float = 1.0) -> Iterator[None]:
        """Note how long the block takes, divided by `per`."""
        began_s = clock_s()
        yield
        self.values[name] = (clock_s() - began_s) / per


async def measured(entries: int, logs: int, told: Callable[[str], None]) -> Figures:
    """All there is to be measured of a file with so many entries, in so many logs.

    Raises: ServerError: no server can be started. OSError: there is no space for it.
    Cancel: no process is left, and no file.
    """
    figures = Figures(entries, logs)
    async with open_server_process() as server:
        told(f"making a file with {entries:,} entries in {logs:,} rooms")
        with figures.timed("made, s"):
            await make_big_file(server.data, entries=entries, logs=logs)
        figures.values["file, MB"] = server.data.stat().st_size / 1e6
        told("its index")
        await searched(server.data, _ROOM, figures.values.__setitem__)
        told("a server on it")
        await _served(server, figures)
        told("a server that makes the index")
        await talked(server, _ROOM, figures.values.__setitem__)
        told("trimming, verify, backup")
        await _kept(server.data, figures)
    return figures


async def _served(server: ServerProcess, figures: Figures) -> None:
    with figures.timed("server listens, s"):
        address = await server.start()
    assert server.pid is not None
    await _visited(address, figures)
    resident = account(server.pid).resident_bytes
    figures.values["server's memory, MB"] = (resident or 0) / 1e6
    await server.stop()


async def _visited(address: Address, figures: Figures) -> None:
    head = figures.entries // figures.logs
    deep = {"join at the end, ms": None, "join in the middle, ms": head // 2}
    for name, after in {**deep, "join at the beginning, ms": 0}.items():
        join = partial(join_s, room=_ROOM, after=after)
        took_s = [await _in_thread(partial(join, address, f"j{n}")) for n in range(_TIMES)]
        figures.values[name] = median(took_s) * 1e3
    if head > 2 * _READ:
        read = partial(read_s, address, "reader", _ROOM, after=head // 3, count=_READ)
        figures.values[f"{_READ:,} entries from there on, ms"] = (
            await _in_thread(read) * 1e3
        )
    lines_s = await _in_thread(partial(say_s, address, "author", _ROOM, _LINES))
    figures.values["a line is accepted, ms"] = median(lines_s) * 1e3


async def _kept(data: Path, figures: Figures) -> None:
    async with open_sqlite_store(data) as store:
        with figures.timed("all heads, ms", per=1e-3):
            heads = await store.heads()
        keep = Keep(entries=max(heads[_ROOM] // 2, 1))
        with figures.timed("what is overdue, ms", per=1e-3):
            await store.overdue(keep)
        limit = Limits().trim_entries
        if heads[_ROOM] > 2 * _STEPS * limit:
            took_s = [await _step_s(store, keep, limit) for _ in range(_STEPS)]
            figures.values[f"{limit} entries are trimmed, ms"] = median(took_s) * 1e3
    with figures.timed("verify, s"):
        verdict = await _in_thread(partial(verify, data))
    assert verdict.whole, verdict.faults
    copy = data.with_name("copy.db")
    with figures.timed("backup, with its own verify, s"):
        await _in_thread(partial(backup, data, copy))


async def _step_s(store: Store, keep: Keep, limit: int) -> float:
    began_s = clock_s()
    await store.trim(_ROOM, keep, limit=limit)
    return clock_s() - began_s


async def _in_thread(call: Callable[[], T]) -> T:
    return await trio.to_thread.run_sync(call)


def lines(all_figures: Mapping[str, Figures]) -> Iterator[str]:
    """A table: a column for each file."""
    chars = 16
    yield " " * 34 + "".join(title.rjust(chars) for title in all_figures)
    names = dict.fromkeys(name for each in all_figures.values() for name in each.values)
    for name in names:
        cells = (each.values.get(name) for each in all_figures.values())
        yield name.ljust(34) + "".join(
            ("-" if cell is None else f"{cell:,.2f}").rjust(chars) for cell in cells
        )
