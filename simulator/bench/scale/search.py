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
    "a common word is found, ms": WORDS[0],
    "a rare word is found, ms": RARE,
    "the beginning of words is found, ms": WORDS[0][:2],
    "three common words are found, ms": " ".join(WORDS[:3]),
    "three seldom words are found, ms": " ".join(WORDS[-3:]),
    "a rare word and what is not there, ms": f"{RARE} {RARE} {WORDS[0]} {WORDS[0]} xy",
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
        note("index made, with nothing else to do, s", clock_s() - began_s)
        head = (await store.heads())[room]
        for name, typed in SEARCHES.items():
            took_s = [await _search_s(store, room, typed, head) for _ in range(_TIMES)]
            note(name, median(took_s) * 1e3)
    note("index, MB", index_path(data).stat().st_size / 1e6)


async def talked(
    server: ServerProcess, room: str, note: Callable[[str, float], None]
) -> None:
    """Say lines while a server makes its index, and when it has one."""
    index = index_path(server.data)
    index.unlink(missing_ok=True)
    address = await server.start()
    say = partial(say_s, address, "author", room, _LINES)
    during_s: list[float] = []
    began_s = clock_s()
    while clock_s() - began_s < _TALK_S:
        during_s += await trio.to_thread.run_sync(say)
    await server.stop()
    note("accepted meanwhile, median, ms", median(during_s) * 1e3)
    note("accepted meanwhile, p99, ms", quantiles(during_s, n=100)[-1] * 1e3)


async def _search_s(store: Store, room: str, typed: str, head: int) -> float:
    began_s = clock_s()
    await store.search(room, wanted(typed), before=head + 1, through=head, limit=_LIMIT)
    return clock_s() - began_s
