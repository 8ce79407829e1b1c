"""Which core does what: a server that shares its core with its load measures both."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Cores(NamedTuple):
    """One core each; None: wherever there is time."""

    server: int | None = None
    load: int | None = None


def cores() -> Cores:
    """The first and the last one that this process may use, if there are two."""
    if sys.platform != "linux":
        return Cores()
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[-1]) if len(usable) > 1 else Cores()


def pin(pid: int, core: int | None) -> None:
    """Keep a process on one core, with the threads that it has and those to come."""
    if sys.platform != "linux" or core is None:
        return
    for thread in [pid, *_threads(pid)]:
        with suppress(ProcessLookupError):  # it has ended since
            os.sched_setaffinity(thread, {core})


def _threads(pid: int) -> list[int]:
    try:
        return [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
