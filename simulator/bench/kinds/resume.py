"""Of members that come back: how soon they have all, and what the others notice of it."""

from typing import Final

from simulator.bench.kinds.kind import (
    KILO,
    MICRO,
    MILLI,
    Column,
    Figure,
    Kind,
    over,
    short,
    times,
)
from simulator.bench.plan import Resumed


def _caught_up_s(it: Resumed) -> float | None:
    return it.seconds if it.entries else None


def _entries_per_s(it: Resumed) -> float | None:
    return it.entries / it.seconds if it.entries else None


def _cpu_us_per_entry(it: Resumed) -> float | None:
    return over(times(it.server_cpu_s, MICRO), it.entries)


RESUME: Final = Kind(
    figures=(
        Figure("caught_up_s", _caught_up_s),
        Figure("entries_per_s", _entries_per_s),
        Figure("cpu_us_per_entry", _cpu_us_per_entry),
        Figure("p50_ms", lambda it: times(it.p50_s, MILLI), best=min),
        Figure("p99_ms", lambda it: times(it.p99_s, MILLI), best=min),
        Figure("server_waited_share", lambda it: over(it.server_waited_s, it.seconds)),
        Figure("load_busy_share", lambda it: it.load_cpu_s / it.seconds),
        Figure("server_grown_kb", lambda it: over(it.server_grown_bytes, KILO)),
    ),
    main="cpu_us_per_entry",
    main_title="server CPU for an entry that a member had missed, in microseconds",
    columns=(
        Column("caught_up_s", "caught up in s", 16, "{:.2f}".format),
        Column("entries_per_s", "entries/s", 13),
        Column("cpu_us_per_entry", "CPU us each", 13, "{:.3f}".format),
        Column("p50_ms", "live p50 ms", 16, short),
        Column("p99_ms", "live p99 ms", 16, short),
        Column("server_grown_kb", "grown KB", 10),
        Column("server_waited_share", "waited", 8, "{:.0%}".format),
        Column("load_busy_share", "load", 6, "{:.0%}".format),
    ),
    legend=(
        "caught up: the last one has all that it had missed. CPU us each: of the server,",
        "for an entry at one of those. live: of those who talk. grown: the server.",
    ),
    notes=lambda _row: iter(()),
)
