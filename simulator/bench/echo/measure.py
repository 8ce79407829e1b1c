"""Measures one case: talks, types, and looks."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

from simulator.bench.accounting import account
from simulator.bench.echo.plan import LETTERS, LINE_LETTERS, Case, Screen
from simulator.bench.echo.stream import Seen
from simulator.bench.echo.terminal import Terminal, clock_s, open_terminal
from simulator.environment import child_environment
from simulator.errors import ServerError
from trio_chat.addresses import Address

_PATIENCE_S: Final = 30.0
_EVERY_S: Final = (0.05, 0.15)
"""Between two keys: at random, so that no rhythm of the client's is hit or missed."""
_LAST_S: Final = 5.0
"""What is on its way in the end has so long to be seen."""
_QUIET_S: Final = 1.0
_CLEAR: Final = "\x15"
_READY: Final = b"online"


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of typing beside so much talk."""

    case: Case
    seconds: float
    seen: Seen
    unseen: int
    """Keys that were typed and never seen."""
    cpu_share: float | None
    """Of a core, as the client had it."""
    waited_share: float | None
    """How long it could have run, and another process had the core."""
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """What a client costs that nobody types into and nobody talks to."""

    seconds: float
    cpu_s: float | None
    wakeups: int | None


def type_beside(
    case: Case, address: Address, seconds: float, chance: random.Random
) -> Typed:
    """Type for so long, while others talk.

    Raises: ServerError: the client does not come up, or ends.
    """
    with open_terminal(case.screen, address) as terminal:
        _until_ready(terminal)
        with _talking(address, case.lines_per_s):
            before, began_s = account(terminal.pid), clock_s()
            letters = _type(terminal, began_s + seconds, chance)
            after, took_s = account(terminal.pid), clock_s() - began_s
        _until_seen(terminal)
        terminal.watch_until_quiet(_QUIET_S, clock_s() + _PATIENCE_S)
        return Typed(
            case,
            took_s,
            terminal.seen,
            terminal.seen.waiting,
            _share(before.cpu_s, after.cpu_s, took_s),
            _share(before.waited_s, after.waited_s, took_s),
            (*terminal.seen.all_faults(), *_line_faults(terminal, letters)),
        )


def idle(screen: Screen, address: Address, seconds: float) -> Idle:
    """Do nothing for so long.

    Raises: ServerError: the client does not come up, or ends.
    """
    with open_terminal(screen, address) as terminal:
        _until_ready(terminal)
        terminal.watch(clock_s() + 1)
        before, woken = account(terminal.pid), _wakeups(terminal.pid)
        terminal.watch(clock_s() + seconds)
        after, woken_then = account(terminal.pid), _wakeups(terminal.pid)
        cpu = _difference(before.cpu_s, after.cpu_s)
        wakeups = _difference(woken, woken_then)
        return Idle(seconds, cpu, None if wakeups is None else int(wakeups))


def _until_ready(terminal: Terminal) -> None:
    until_s = clock_s() + _PATIENCE_S
    while _READY not in terminal.tail:
        if clock_s() > until_s:
            raise ServerError("the client does not come online")
        terminal.watch(clock_s() + 0.1)


def _type(terminal: Terminal, until_s: float, chance: random.Random) -> str:
    """Type until then; the line that stands there in the end."""
    line = ""
    for letter in cycle(LETTERS):
        terminal.watch(clock_s() + chance.uniform(*_EVERY_S))
        if clock_s() >= until_s:
            return line
        if len(line) == LINE_LETTERS:
            _until_seen(terminal)  # what is cleared before would never be
            terminal.keys(_CLEAR)
            line = ""
        line += letter
        terminal.seen.await_echo(letter, clock_s())
        terminal.keys(letter)
    raise AssertionError("letters never end")


def _until_seen(terminal: Terminal) -> None:
    until_s = clock_s() + _LAST_S
    while terminal.seen.waiting and clock_s() < until_s:
        terminal.watch(clock_s() + 0.05)


def _line_faults(terminal: Terminal, letters: str) -> Iterator[str]:
    """That what was typed stands in the line: no echo was anything else's."""
    if not letters:
        return
    terminal.tail = b""
    terminal.keys("\x0c")  # Ctrl-L: all is drawn anew
    until_s = clock_s() + _LAST_S
    while letters.encode() not in terminal.tail:
        if clock_s() > until_s:
            yield f"the line does not say {letters}"
            return
        terminal.watch(clock_s() + 0.05)


@contextmanager
def _talking(address: Address, lines_per_s: int) -> Iterator[None]:
    if not lines_per_s:
        yield
        return
    command = [sys.executable, "-m", f"{__package__}.talker"]
    process = subprocess.Popen(
        [*command, address.host, str(address.port), str(lines_per_s)],
        stdin=subprocess.PIPE,
        env=child_environment(),
    )
    try:
        yield
        if process.poll() is not None:
            raise ServerError("whoever was to talk has ended")
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    difference = _difference(before, after)
    return None if difference is None else difference / seconds


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _wakeups(pid: int) -> int | None:
    """How often its threads have waited for something, and went on."""
    count = 0
    try:
        for each in Path(f"/proc/{pid}/task").iterdir():
            for line in (each / "status").read_text(encoding="ascii").splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    count += int(line.split()[1])
    except OSError:
        return None
    return count
