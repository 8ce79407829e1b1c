"""What a process has cost, by the kernel's own accounts, where it lets anybody see them.

Linux does. Elsewhere each of these says None, and the table a dash: a
package that knows every system's way would be one more thing to install for a bench.
"""

import os
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_NANOSECOND: Final = 1e-9
_ALL_THREADS: Final = 2


class Account(NamedTuple):
    """What a process has had so far."""

    cpu_s: float | None
    """Of all its threads, in itself and in the kernel for it."""
    waited_s: float | None
    """How long its main thread could have run, and another process had the core."""
    resident_bytes: int | None


def account(pid: int) -> Account:
    """Of a process that runs."""
    return Account(_cpu_s(pid), _waited_s(pid), _resident_bytes(pid))


def _cpu_s(pid: int) -> float | None:
    if sys.platform != "linux":
        return None
    # The clock of another process's CPU time, as clock_getcpuclockid(3) makes it: to the
    # nanosecond, where /proc counts hundredths of a second.
    try:
        return time.clock_gettime((~pid << 3) | _ALL_THREADS)
    except OSError:
        return None


def _waited_s(pid: int) -> float | None:
    text = _read(_PROC / str(pid) / "schedstat")
    return int(text.split()[1]) * _NANOSECOND if text else None


def _resident_bytes(pid: int) -> int | None:
    text = _read(_PROC / str(pid) / "statm")
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") if text else None


def sleeps(pid: int) -> bool:
    """Whether none of its threads has anything to do, as far as that can be seen."""
    try:
        threads = [_read(each / "stat") for each in (_PROC / str(pid) / "task").iterdir()]
    except OSError:
        return True
    return all(text.rpartition(") ")[2].startswith("S") for text in threads if text)


def kernel_bytes(server_port: int, ports: Collection[int]) -> int | None:
    """What the kernel holds on the way from a server here to these ports of the machine.

    Shape:  bytes of data, at both ends; the kernel's own memory for them is more.
    """
    text = _read(_PROC / "net" / "tcp")
    if text is None:
        return None
    held = 0
    for local, remote, unsent, unread in _connections(text):
        if local == server_port and remote in ports:
            held += unsent
        elif remote == server_port and local in ports:
            held += unread
    return held


def _connections(text: str) -> Iterator[tuple[int, int, int, int]]:
    """Of each line: both ports, and what waits to leave and to be read."""
    for line in text.splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        unsent, unread = queues.split(":")
        yield _port(local), _port(remote), int(unsent, 16), int(unread, 16)


def _port(end: str) -> int:
    return int(end.rpartition(":")[2], 16)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
