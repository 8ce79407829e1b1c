"""The real machine, kept out: its time, chance, threads and signals.

Programs of a world that ask for the time or for chance get the world's, by the names of
the standard library. What can't be replaced, because it is bound under a name of the
program's own or written in C, is found by `Watch`, which names the line.
"""

import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial, wraps
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, Protocol

from simulator.virtual.errors import LeakError, SimulationError
from simulator.virtual.timeline import NS


class Machine(Protocol):
    """What a program sees of the machine it is on."""

    @property
    def monotonic_s(self) -> float:
        """For time.monotonic() and its kin."""

    @property
    def wall_s(self) -> float:
        """For time.time() and its kin."""

    @property
    def entropy(self) -> random.Random:
        """For os.urandom() and all that is made of it."""

    @property
    def chance(self) -> random.Random:
        """For the functions of the module random."""

    @property
    def handlers(self) -> dict[int, Any]:
        """For signal.signal()."""

    @property
    def send_signal(self) -> Callable[[int], None]:
        """For signal.raise_signal()."""


@dataclass(frozen=True, slots=True)
class _Seal:
    """A world that is going on, and the thread in which it is."""

    machine: Callable[[], Machine | None]
    thread: int


_seals: Final[list[_Seal]] = []
"""The innermost last: a node of a world may have a world of its own."""
_kept: Final[dict[tuple[int, str], Any]] = {}
"""What was there before the outermost, by owner and name."""


@contextmanager
def sealed(
    machine: Callable[[], Machine | None], global_random: random.Random
) -> Iterator[None]:
    """Give programs the world's time, chance and signals instead of the real ones.

    Shape:  `machine` is the one whose turn it is; outside of all turns, and in all other
            threads, all is real. Who has bound random.random() and the like by name shares
            one more chance, which begins with `global_random`.
    Raises: SimulationError: a world is going on in another thread.
    """
    thread = threading.get_ident()
    if any(seal.thread != thread for seal in _seals):
        raise SimulationError("a world is going on in another thread: one at a time")
    state = random.getstate()
    random.seed(global_random.getrandbits(64))
    if not _seals:
        for owner, name, replacement in _REPLACED:
            _kept[id(owner), name] = getattr(owner, name)
            setattr(owner, name, replacement)
    _seals.append(_Seal(machine, thread))
    try:
        yield
    finally:
        _seals.pop()
        if not _seals:
            for owner, name, _ in _REPLACED:
                setattr(owner, name, _kept.pop((id(owner), name)))
        random.setstate(state)


def _here() -> Machine | None:
    if not _seals or _seals[-1].thread != threading.get_ident():
        return None
    return _seals[-1].machine()


def _either(owner: Any, name: str, replacement: Callable[..., Any]) -> Callable[..., Any]:
    """The replacement when it is somebody's turn, and else what was there before.

    One for all worlds: whoever imports it by name in one of them has it in the next too.
    """
    imported = getattr(owner, name)

    @wraps(imported)
    def call(*args: Any, **kwargs: Any) -> Any:
        machine = _here()
        if machine is None:
            return _kept.get((id(owner), name), imported)(*args, **kwargs)
        return replacement(machine, *args, **kwargs)

    return call


# --- what a program gets instead -----------------------------------------------------


def _wall_s(machine: Machine) -> float:
    return machine.wall_s


def _wall_ns(machine: Machine) -> int:
    return round(machine.wall_s * NS)


def _monotonic_s(machine: Machine) -> float:
    return machine.monotonic_s


def _monotonic_ns(machine: Machine) -> int:
    return round(machine.monotonic_s * NS)


def _broken_down(
    real: Callable[[float], Any], machine: Machine, seconds: float | None = None, /
) -> Any:
    """For time.gmtime() and the like, to which no time means now."""
    return real(machine.wall_s if seconds is None else seconds)


def _formatted(
    real: Callable[[str, Any], str], machine: Machine, form: str, when: Any = None, /
) -> str:
    return real(form, time.localtime(machine.wall_s) if when is None else when)


def _sleep(_machine: Machine, _seconds: float, /) -> NoReturn:
    raise LeakError("time.sleep() would stop the whole world: use trio.sleep()")


def _urandom(machine: Machine, size: int, /) -> bytes:
    return machine.entropy.randbytes(size)


def _seed(
    real: Callable[..., None],
    machine: Machine,
    chance: random.Random,
    a: Any = None,
    version: int = 2,
) -> None:
    """For random.Random() without a seed."""
    real(chance, machine.entropy.getrandbits(128) if a is None else a, version)


def _drawn(name: str, machine: Machine, /, *args: Any, **kwargs: Any) -> Any:
    return getattr(machine.chance, name)(*args, **kwargs)


def _default_handler(number: int) -> Any:
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL


def _set_handler(machine: Machine, number: int, handler: Any, /) -> Any:
    before = _handler_of(machine, number)
    machine.handlers[number] = handler
    return before


def _handler_of(machine: Machine, number: int, /) -> Any:
    return machine.handlers.get(number, _default_handler(number))


def _raise_signal(machine: Machine, number: int, /) -> None:
    machine.send_signal(number)


def _kill(machine: Machine, pid: int, number: int, /) -> None:
    # All programs of a world are one process, and modules that they share keep its number
    # to notice a fork: os.getpid() stays the real one.
    if pid != os.getpid():
        raise LeakError(f"os.kill({pid}) would reach a process of the real machine")
    machine.send_signal(number)


def _start_thread(_machine: Machine, thread: threading.Thread, /) -> NoReturn:
    raise LeakError(
        f"a thread of its own ({thread.name}) can't be simulated: use"
        " trio.to_thread.run_sync(), or let the caller say how to run blocking calls"
    )


def _start_process(_machine: Machine, *_args: Any, **_kwargs: Any) -> NoReturn:
    raise LeakError("a process of its own can't be simulated: start a node for it")


def _uuid1(_machine: Machine, *_args: Any, **_kwargs: Any) -> NoReturn:
    raise LeakError("uuid1() and getnode() tell the real machine's address: use uuid4()")


def _real_socket(_machine: Machine, *_args: Any) -> NoReturn:
    raise LeakError(
        "a socket of the standard library would be on the real network: use trio's"
    )


def _selector(_machine: Machine) -> NoReturn:
    raise LeakError("a selector, as asyncio has one, would wait for the real machine")


_RANDOM_FUNCTIONS: Final = [
    name
    for name in random.__all__
    if isinstance(getattr(getattr(random, name), "__self__", None), random.Random)
]


def _replaced() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    yield time, "time", _wall_s
    yield time, "time_ns", _wall_ns
    yield time, "monotonic", _monotonic_s
    yield time, "monotonic_ns", _monotonic_ns
    yield time, "perf_counter", _monotonic_s
    yield time, "perf_counter_ns", _monotonic_ns
    yield time, "gmtime", partial(_broken_down, time.gmtime)
    yield time, "localtime", partial(_broken_down, time.localtime)
    yield time, "ctime", partial(_broken_down, time.ctime)
    yield time, "strftime", partial(_formatted, time.strftime)
    yield time, "sleep", _sleep
    yield os, "urandom", _urandom
    # The secrets and uuid of the standard library live on it.
    yield random, "_urandom", _urandom
    yield random.Random, "seed", partial(_seed, random.Random.seed)
    for name in _RANDOM_FUNCTIONS:
        yield random, name, partial(_drawn, name)
    yield signal, "signal", _set_handler
    yield signal, "getsignal", _handler_of
    yield signal, "raise_signal", _raise_signal
    yield os, "kill", _kill
    yield threading.Thread, "start", _start_thread
    yield subprocess.Popen, "__init__", _start_process
    yield uuid, "uuid1", _uuid1
    yield uuid, "getnode", _uuid1
    yield socket.socket, "connect", _real_socket
    yield socket.socket, "bind", _real_socket
    yield selectors, "DefaultSelector", _selector


_REPLACED: Final = [
    (owner, name, _either(owner, name, replacement))
    for owner, name, replacement in _replaced()
]


# --- what gets past that -------------------------------------------------------------

_CLOCKS: Final = (
    "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time"
    " process_time_ns thread_time thread_time_ns clock_gettime clock_gettime_ns"
)
_REAL: Final = frozenset(
    getattr(module, name)
    for module, names in (
        (time, _CLOCKS),
        (os, "urandom getrandom"),
        (socket, "gethostname"),
    )
    for name in names.split()
    if hasattr(module, name)
)
_NOW: Final = frozenset({"now", "utcnow", "today"})
_OURS: Final = str(Path(__file__).parent)


class Watch:
    """Looks over the program's shoulder, at each call that it makes into C.

    Shape:  `found` are the leaks, as "file:line calls name", each once, in the order in
            which they were met. It costs about half of the speed.
    """

    def __init__(self) -> None:
        self.found: dict[str, None] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """For the time of a world."""
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _look(self, frame: FrameType, event: str, what: Any) -> None:
        if event == "c_call":
            name = _leaking(what, frame)
            if name is not None and _here() is not None:
                self._note(frame, name)

    def _note(self, frame: FrameType, name: str) -> None:
        path = frame.f_code.co_filename
        if path.startswith(_OURS):
            return
        place = "/".join(path.replace("\\", "/").split("/")[-3:])
        self.found[f"{place}:{frame.f_lineno} calls {name}"] = None


def _leaking(function: Any, frame: FrameType) -> str | None:
    """The name of a C function that gives away the real machine."""
    if function in _REAL and not _is_trios(frame):
        return f"{function.__module__}.{function.__name__}()"
    owner = getattr(function, "__self__", None)
    if (owner is datetime or owner is date) and function.__name__ in _NOW:
        return f"datetime.{function.__name__}()"
    return None


def _is_trios(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith(("trio.", "threading"))
