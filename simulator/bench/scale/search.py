"""Measures searching: how long the index takes, and what that costs those who talk."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import trio

from simulator.bench.scale.big_file import RARE, WORDS
from simulator.bench.scale.visit import say_s
from simulator.processes import ServerProcess
from trio_chat.store import Store, open_sqlite_store
from trio_chat.store.search_index import index_path
from trio_chat.words import wanted

SEARCHES: Final = {
    "search: a common word, ms": WORDS[0],
    "search: a rare word, ms": RARE,
    "search: the beginning of words, ms": WORDS[0][:2],
    "search: three common words, ms": " ".join(WORDS[:3]),
    "search: three seldom words, ms": " ".join(WORDS[-3:]),
}
_TIMES: Final = 5
_LIMIT: Final = 20
_TALK_S: Final = 3.0
_LINES: Final = 100

clock_s: Final = time.perf_counter


async def searched(data: Path, room: str, note: Callable[[str, float], None]) -> None:
    """Make the index of a file that has none, and search in it."""
    async with open_sqlite_store(data) as store:
        began_s = clock_s()
        while await store.index():
            pass
        note("its search index is made, s", clock_s() - began_s)
        head = (await store.heads())[room]
        for name, typed in SEARCHES.items():
            took_s = [await _search_s(store, room, typed, head) for _ in range(_TIMES)]
            note(name, median(took_s) * 1e3)
    note("search index, MB", index_path(data).stat().st_size / 1e6)


async def talked(
    server: ServerProcess, room: str, note: Callable[[str, float], None]
) -> None:
    """Say lines while a server makes its index, and when it has one."""
    index = index_path(server.data)
    index.unlink(missing_ok=True)
    address = await server.start()
    say = partial(say_s, address, "author", room, _LINES)
    during_s = await _talked(say)
    await server.stop()
    async with open_sqlite_store(server.data) as store:
        while await store.index():
            pass
    await server.start()
    after_s = await _talked(say)
    await server.stop()
    for name, took_s in (("makes its index", during_s), ("has its index", after_s)):
        note(f"p99 of a line while it {name}, ms", quantiles(took_s, n=100)[-1] * 1e3)


async def _talked(say: Callable[[], list[float]]) -> list[float]:
    took_s: list[float] = []
    began_s = clock_s()
    while clock_s() - began_s < _TALK_S:
        took_s += await trio.to_thread.run_sync(say)
    return took_s


async def _search_s(store: Store, room: str, typed: str, head: int) -> float:
    began_s = clock_s()
    await store.search(room, wanted(typed), before=head + 1, through=head, limit=_LIMIT)
    return clock_s() - began_s
