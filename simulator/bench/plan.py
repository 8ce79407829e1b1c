"""What the load is told, what it tells when it is done, and what it was that was done."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from simulator.bench.workloads import AnyLoad


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement."""

    host: str
    port: int
    server_pid: int
    dialect: str
    """What the server speaks: a name in DIALECTS."""
    load: AnyLoad
    seconds: float
    """For so long it is measured, after everybody has come and said a few lines."""
    warm_s: float
    core: int | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What it came to, whatever the kind of load. None: it could not be seen here.

    Shape:  what is counted was within the time measured.
    """

    seconds: float
    server_cpu_s: float | None
    server_waited_s: float | None
    """Somebody else had its core: where this is much, the machine was not quiet."""
    load_cpu_s: float
    """Of the load itself: where it is near `seconds`, the load was the limit."""
    load_waited_s: float | None
    faults: Sequence[str]
    """What was lost, repeated or out of order anywhere, for people."""


class Talked(Outcome, frozen=True, kw_only=True, tag=True):
    """Of a Talk. Members that are slow on purpose are in no figure of the others."""

    messages: int
    """Lines that became durable, where the server has a store; else those that came."""
    deliveries: int
    """Entries that reached the members who read."""
    p50_s: float | None
    """From the sending of a line to a reader's having it, in the middle."""
    p99_s: float | None
    timed: int
    """How many such times there are."""
    server_grown_bytes: int | None
    """Of resident memory, from when all had come to the end of the measuring."""
    kernel_bytes: int | None
    """What waits in the kernel for the slow members, all together."""
    caught_up_s: float | None
    """How long the slow ones took in the end, to read all that they had not read."""


class Resumed(Outcome, frozen=True, kw_only=True, tag=True):
    """Of a Resume. The time measured is that until the last one had what it had missed."""

    p50_s: float | None
    """From the sending of a line to a talker's having it, in the middle."""
    p99_s: float | None
    timed: int
    """How many such times there are."""
    entries: int
    """Those that came back have got so many by then, together."""
    server_grown_bytes: int | None
    """Of resident memory, from before the first came back."""


class Idled(Outcome, frozen=True, kw_only=True, tag=True):
    """Of an Idle. The time measured is that in which all came in."""

    joins: int
    server_grown_bytes: int | None
    """Of resident memory, from before the first came until all were idle."""
    idle_s: float
    """For so long after that nobody said anything."""
    idle_cpu_s: float | None
    """Of the server, in that time."""


AnyOutcome: TypeAlias = Talked | Resumed | Idled


class Contestant(msgspec.Struct, frozen=True):
    """A server that is measured, with one of its stores where it has some."""

    server: str
    store: str = ""
    is_peer: bool = False
    """Whether it is one that people would pick instead."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured once a run."""

    workload: str
    case: str
    server: str
    store: str
    """Empty for a server that has none."""
    variant: str


class Measured(msgspec.Struct, frozen=True):
    """One measurement, in the order in which they were made."""

    cell: Cell
    run: int
    outcome: AnyOutcome


class LoadError(Exception):
    """The measuring can't go on; the text is a sentence for people."""
