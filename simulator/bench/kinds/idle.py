"""Of members that say nothing: what each takes, how fast they come in, what they cost."""

from typing import Final

from simulator.bench.kinds.kind import (
    MILLI,
    Column,
    Figure,
    Kind,
    over,
    short,
    times,
)
from simulator.bench.plan import Idled

_KIB: Final = 1 / 1024


def _kb_each(it: Idled) -> float | None:
    return over(times(it.server_grown_bytes, _KIB), it.joins)


IDLE: Final = Kind(
    figures=(
        Figure("kb_each", _kb_each, best=min),
        Figure("joins_per_s", lambda it: it.joins / it.seconds, best=max),
        Figure(
            "cpu_ms_per_join",
            lambda it: over(times(it.server_cpu_s, MILLI), it.joins),
            best=min,
        ),
        Figure("idle_share", lambda it: over(it.idle_cpu_s, it.idle_s)),
        Figure("server_waited_share", lambda it: over(it.server_waited_s, it.seconds)),
        Figure("load_busy_share", lambda it: it.load_cpu_s / it.seconds),
    ),
    main="kb_each",
    main_title="Server memory for a connection that says nothing, in KB",
    columns=(
        Column("kb_each", "KB each", 16, short),
        Column("kb_each", "to best peer", 13, "{:.2f}".format, True),
        Column("joins_per_s", "joins/s", 16),
        Column("cpu_ms_per_join", "CPU ms a join", 16, "{:.3f}".format),
        Column("idle_share", "idle CPU", 10, "{:.2%}".format),
        Column("server_waited_share", "waited", 7, "{:.0%}".format),
        Column("load_busy_share", "load", 6, "{:.0%}".format),
    ),
    legend=(
        "KB each: by what the server grew for a connection that is in a room, and idle.",
        "joins/s, CPU ms a join: from connecting until it knows that it is in. idle CPU:",
        "of a core, with all there; ours asks each in 15 s of silence, peers ask nobody.",
    ),
    notes=lambda _row: iter(()),
)
