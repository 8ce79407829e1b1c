"""Of a talk: how much comes through, at what price, and how late."""

from collections.abc import Iterator
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
from simulator.bench.plan import Talked
from simulator.bench.row import Row
from simulator.bench.workloads import Talk

_ENOUGH_SLOW: Final = 10
"""For so many the server's growth is told apart from what servers differ by anyhow."""


def _cpu_us_per_delivery(it: Talked) -> float | None:
    return over(times(it.server_cpu_s, MICRO), it.deliveries)


def _slow(row: Row) -> Iterator[str]:
    """What those cost who do not read."""
    assert isinstance(row.load, Talk)
    slow, words = row.load.slow, []
    kernel_kb = row.figures["kernel_kb"]
    server_kb = row.differences["server_grown_kb"]
    caught_up_s = row.figures["caught_up_s"]
    if slow and kernel_kb is not None:
        words.append(f"{kernel_kb / slow:,.0f} KB each in the kernel")
    if slow >= _ENOUGH_SLOW and server_kb is not None:
        words.append(f"{server_kb / slow:,.0f} KB each in the server")
    if caught_up_s is not None:
        words.append(f"all read in {caught_up_s:.2f} s in the end")
    if words:
        yield ", ".join(words)


TALK: Final = Kind(
    figures=(
        Figure("messages_per_s", lambda it: it.messages / it.seconds, best=max),
        Figure("deliveries_per_s", lambda it: it.deliveries / it.seconds),
        Figure("cpu_us_per_delivery", _cpu_us_per_delivery, best=min),
        Figure("p50_ms", lambda it: times(it.p50_s, MILLI), best=min),
        Figure("p99_ms", lambda it: times(it.p99_s, MILLI), best=min),
        Figure("server_waited_share", lambda it: over(it.server_waited_s, it.seconds)),
        Figure("load_busy_share", lambda it: it.load_cpu_s / it.seconds),
        Figure("caught_up_s", lambda it: it.caught_up_s),
        Figure("kernel_kb", lambda it: over(it.kernel_bytes, KILO)),
        Figure(
            "server_grown_kb", lambda it: over(it.server_grown_bytes, KILO), difference=True
        ),
    ),
    main="cpu_us_per_delivery",
    main_title="Server CPU for a delivery, in microseconds",
    columns=(
        Column("messages_per_s", "messages/s", 16),
        Column("deliveries_per_s", "deliveries/s", 13),
        Column("cpu_us_per_delivery", "CPU us each", 16, "{:.3f}".format),
        Column("cpu_us_per_delivery", "to best peer", 13, "{:.2f}".format, True),
        Column("p50_ms", "p50 ms", 16, short),
        Column("p99_ms", "p99 ms", 16, short),
        Column("server_waited_share", "waited", 7, "{:.0%}".format),
        Column("load_busy_share", "load", 6, "{:.0%}".format),
    ),
    legend=(
        "CPU us each: of the server, for a delivery. waited: so much of the time its core",
        "was somebody else's. load: how busy the load was; near 100% it was the limit.",
    ),
    notes=_slow,
)
