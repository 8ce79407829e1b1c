"""What is measured: who is there, who talks how much, who does not read."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace


class Talk(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """So many people, and what they say.

    Shape:  members and senders are dealt out to the rooms in turn, one room each. The last
            members are the slow ones.
    """

    members: int
    senders: int
    rooms: int = 1
    window: int = 0
    """Closed loop: a sender says the next line when fewer than these are not taken."""
    rate_per_s: float = 0.0
    """Open loop, where it is not 0: lines per second, of all senders together, in turn."""
    text_bytes: int = 128
    fill_bytes: int = 0
    """Said at full speed before the measuring begins, so that whoever reads nothing is as
    full as it gets. The same in all variants."""
    mark_every: int = 1
    """Of every so many entries, one is timed, at each of its readers."""
    stalled: int = 0
    """So many take nothing at all until the measuring is over; the others read all."""
    sipping: int = 0
    """So many take a kilobyte a second."""

    @property
    def slow(self) -> int:
        return self.stalled + self.sipping


class Resume(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A room that talks, and members that were away and come back to it at once.

    Shape:  they connect and ask for what they have missed as fast as the load can say it.
    """

    members: int
    """So many were away."""
    behind: int
    """Entries that were said meanwhile."""
    talkers: int
    """So many were there all the time, and talk; what they say is timed at each of them."""
    rate_per_s: float
    """Lines per second, of all talkers together, in turn."""
    text_bytes: int = 128
    come_back: bool = True
    """Else they stay away, and it is measured what the room is like without them."""


class Idle(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """So many people who come in, and say nothing.

    Shape:  members are dealt out to the rooms in turn, one room each.
    """

    members: int
    rooms: int = 1
    at_once: int = 500
    """So many are on their way in at the same time. Of more the kernel may keep some out
    for a second, and it would be its rule that is measured."""
    idle_s: float = 15.0
    """At least so long it is measured what they cost: each is asked once in that time
    whether it is still there, by a server that does so."""


AnyLoad: TypeAlias = Talk | Resume | Idle
"""What a server can be put under: one kind each, with a module of its own that does it
(`load.py`) and figures of its own (`kinds/`)."""


class Variant(msgspec.Struct, frozen=True):
    """One way to put the load of a case; its name is empty where there is one only."""

    name: str
    load: AnyLoad


class Case(msgspec.Struct, frozen=True):
    """What is compared: different servers under the same load, or variants on one server.

    Shape:  where there are several variants, all are of one kind, and figures are compared
            with those of the first one, run by run. The name is empty where there is one
            case only.
    """

    name: str
    variants: Sequence[Variant]


class Workload(msgspec.Struct, frozen=True):
    """Cases that belong together."""

    name: str
    summary: str
    cases: Sequence[Case]
    ours_only: bool = False
    """Whether it asks for what the other servers have not: nobody measures them with it."""


def _alone(name: str, load: AnyLoad) -> Case:
    return Case(name, (Variant("", load),))


def _slow(name: str, load: Talk, *, many: bool = False) -> Case:
    """The same talk, with members that do not read, or slowly.

    Shape:  `many`: also so many that what each costs does not drown in what servers differ
            by anyhow.
    """
    variants = [
        Variant("all read", load),
        Variant("1 reads nothing", replace(load, stalled=1)),
        Variant("1 reads 1 KB/s", replace(load, sipping=1)),
    ]
    if many:
        variants.append(Variant("50 read nothing", replace(load, stalled=50)))
    return Case(name, variants)


def _resume(load: Resume) -> Case:
    """The same room without those who come back, and with them."""
    return Case(
        f"{load.rate_per_s:g} lines/s",
        [
            Variant("nobody comes back", replace(load, come_back=False)),
            Variant(f"{load.members:,} come back", load),
        ],
    )


_FULL: Final = 4 * 1024 * 1024
"""More than a kernel's buffers and a server's queue hold for one member."""

WORKLOADS: Final = {
    each.name: each
    for each in (
        Workload(
            "W1",
            "one room of 50, 5 of whom talk",
            cases=(
                _alone(
                    "full speed",
                    Talk(members=50, senders=5, window=8, text_bytes=64, mark_every=31),
                ),
            ),
        ),
        Workload(
            "W2",
            "one room of 1,000, 10 of whom talk",
            cases=(
                _alone(
                    "full speed",
                    Talk(members=1_000, senders=10, window=8, text_bytes=64, mark_every=31),
                ),
            ),
        ),
        Workload(
            "W3",
            "100 rooms of 10",
            cases=(
                _alone(
                    "1 of 10 talks",
                    Talk(
                        members=1_000,
                        senders=100,
                        rooms=100,
                        window=8,
                        text_bytes=64,
                        mark_every=7,
                    ),
                ),
                _alone(
                    "all talk",
                    Talk(
                        members=1_000,
                        senders=1_000,
                        rooms=100,
                        window=1,
                        text_bytes=64,
                        mark_every=7,
                    ),
                ),
            ),
        ),
        Workload(
            "W4",
            "5,000 who come in and say nothing",
            cases=(
                _alone("100 rooms of 50", Idle(members=5_000, rooms=100)),
                _alone("one room", Idle(members=5_000)),
            ),
        ),
        Workload(
            "W5",
            "200 members, 50 lines a second",
            cases=(_alone("50 lines/s", Talk(members=200, senders=20, rate_per_s=50)),),
        ),
        Workload(
            "W6",
            "200 members in one room, 20 of whom talk",
            cases=(
                _alone(
                    "full speed", Talk(members=200, senders=20, window=64, mark_every=31)
                ),
            ),
        ),
        Workload(
            "W7",
            "500 members come back at once, 10,000 entries behind, while others talk",
            cases=(_resume(Resume(members=500, behind=10_000, talkers=20, rate_per_s=50)),),
            ours_only=True,
        ),
        Workload(
            "W8",
            "200 members in one room, some of whom do not read",
            cases=(
                _slow(
                    "full speed",
                    Talk(
                        members=200,
                        senders=20,
                        window=64,
                        fill_bytes=_FULL,
                        mark_every=31,
                    ),
                ),
                _slow(
                    "50 lines/s",
                    Talk(members=200, senders=20, rate_per_s=50, fill_bytes=_FULL),
                    many=True,
                ),
            ),
            ours_only=True,
        ),
    )
}
