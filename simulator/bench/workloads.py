"""What is measured: who is there, who talks how much, who does not read."""

from collections.abc import Sequence
from typing import Final

import msgspec

IN_MEMORY: Final = "memory"
ON_DISK: Final = "disk"
STORES: Final = (IN_MEMORY, ON_DISK)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """So many people, and what they say.

    Shape:  members and senders are dealt out to the rooms in turn, one room each.
    """

    members: int
    senders: int
    rooms: int = 1
    window: int = 0
    """Closed loop: a sender says the next line when fewer than these are not accepted."""
    rate_per_s: float = 0.0
    """Open loop, where it is not 0: lines per second, of all senders together, in turn."""
    text_bytes: int = 128
    fill_bytes: int = 0
    """Said at full speed before the measuring begins, so that whoever reads nothing is as
    full as it gets. The same in all variants."""
    mark_every: int = 1
    """Of every so many entries, one is timed, at each of its readers."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """How some of the members read; the others read all at once."""

    name: str
    stalled: int = 0
    """So many take nothing at all until the measuring is over."""
    sipping: int = 0
    """So many take a kilobyte a second."""

    @property
    def slow(self) -> int:
        return self.stalled + self.sipping


ALL_READ: Final = Variant(name="all read")


class Case(msgspec.Struct, frozen=True):
    """One load of a workload; its name is empty where there is one only.

    Shape:  figures of a variant are compared with those of the first one, run by run.
    """

    name: str
    load: Load
    variants: Sequence[Variant] = (ALL_READ,)


class Workload(msgspec.Struct, frozen=True):
    """Cases that belong together."""

    name: str
    summary: str
    cases: Sequence[Case]


_ONE_STALLED: Final = Variant(name="1 reads nothing", stalled=1)
_ONE_SIPS: Final = Variant(name="1 reads 1 KB/s", sipping=1)
_MANY_STALLED: Final = Variant(name="50 read nothing", stalled=50)
"""What one costs drowns in what servers differ by anyhow."""

_FULL: Final = 4 * 1024 * 1024
"""More than a kernel's buffers and a server's queue hold for one member."""

WORKLOADS: Final = {
    each.name: each
    for each in (
        Workload(
            "W1",
            "one room of 50, 5 of whom talk",
            cases=(
                Case(
                    "full speed",
                    Load(members=50, senders=5, window=8, text_bytes=64, mark_every=31),
                ),
            ),
        ),
        Workload(
            "W2",
            "one room of 1,000, 10 of whom talk",
            cases=(
                Case(
                    "full speed",
                    Load(members=1_000, senders=10, window=8, text_bytes=64, mark_every=31),
                ),
            ),
        ),
        Workload(
            "W3",
            "100 rooms of 10",
            cases=(
                Case(
                    "1 of 10 talks",
                    Load(
                        members=1_000,
                        senders=100,
                        rooms=100,
                        window=8,
                        text_bytes=64,
                        mark_every=31,
                    ),
                ),
                Case(
                    "all talk",
                    Load(
                        members=1_000,
                        senders=1_000,
                        rooms=100,
                        window=1,
                        text_bytes=64,
                        mark_every=31,
                    ),
                ),
            ),
        ),
        Workload(
            "W5",
            "200 members, 50 lines a second",
            cases=(Case("50 lines/s", Load(members=200, senders=20, rate_per_s=50)),),
        ),
        Workload(
            "W6",
            "200 members in one room, 20 of whom talk",
            cases=(
                Case("full speed", Load(members=200, senders=20, window=64, mark_every=31)),
            ),
        ),
        Workload(
            "W8",
            "200 members in one room, some of whom do not read",
            cases=(
                Case(
                    "full speed",
                    Load(
                        members=200,
                        senders=20,
                        window=64,
                        fill_bytes=_FULL,
                        mark_every=31,
                    ),
                    (ALL_READ, _ONE_STALLED, _ONE_SIPS),
                ),
                Case(
                    "50 lines/s",
                    Load(members=200, senders=20, rate_per_s=50, fill_bytes=_FULL),
                    (ALL_READ, _ONE_STALLED, _ONE_SIPS, _MANY_STALLED),
                ),
            ),
        ),
    )
}
