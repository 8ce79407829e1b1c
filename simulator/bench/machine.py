"""Where it was measured: what figures mean nothing without."""

import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from trio_chat import __version__

_SYNCS: Final = 20
_BLOCK: Final = bytes(4096)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader has to know of it."""

    date: str
    system: str
    processor: str
    cores: int
    load_average: float | None
    """How many processes wanted a core in the minute before."""
    fsync_ms: float
    """To write 4 KB and be sure, where the data files are. Near 0 is no disk."""
    versions: dict[str, str]


def machine() -> Machine:
    """This one, now."""
    return Machine(
        date=datetime.now(UTC).isoformat(timespec="minutes"),
        system=platform.platform(),
        processor=_processor(),
        cores=_cores(),
        load_average=load_average(),
        fsync_ms=_fsync_ms(),
        versions={
            "trio_chat": __version__,
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "trio": version("trio"),
            "msgspec": version("msgspec"),
            "sqlite": sqlite3.sqlite_version,
        },
    )


def load_average() -> float | None:
    """How many processes wanted a core, over the last minute; None: nobody counts."""
    if sys.platform == "win32":
        return None
    return os.getloadavg()[0]


def sentences(machine: Machine) -> list[str]:
    """The same for people."""
    load = "" if machine.load_average is None else f", load {machine.load_average:.1f}"
    where = f"{machine.system}; {machine.processor}; {machine.cores} cores{load}"
    versions = ", ".join(f"{name} {each}" for name, each in machine.versions.items())
    return [
        f"{machine.date}; {where}",
        f"{versions}; fsync {machine.fsync_ms:.2f} ms",
    ]


def _cores() -> int:
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _fsync_ms() -> float:
    took_s = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(_BLOCK)
            began_s = time.perf_counter()
            os.fsync(file.fileno())
            took_s.append(time.perf_counter() - began_s)
    return statistics.median(took_s) * 1e3
