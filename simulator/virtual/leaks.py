"""The real machine, kept out: its time, chance, threads and signals.

Programs of a world that ask for the time or for chance get the world's, by the names of
the standard library. What can't be replaced, because it is bound under a name of the
program's own or written in C, is found by `Watch`, which names the line.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol

from simulator.virtual.errors import LeakError
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
    def handlers(self) -> dict[int, Any]:
        """For signal.signal()."""


@contextmanager
def sealed(
    machine: Callable[[], Machine | None], global_random: random.Random
) -> Iterator[None]:
    """Give programs the world's time, chance and signals instead of the real ones.

    Shape:  `machine` is the one whose turn it is; outside of all turns all is real. The
            module random's own numbers come from `global_random`.
    """
    kept = [(owner, name, getattr(owner, name)) for owner, name in _REPLACED]
    state = random.getstate()
    random.seed(global_random.getrandbits(64))
    for (owner, name, real), replacement in zip(kept, _replacements(machine), strict=True):
        setattr(owner, name, _either(machine, replacement, real))
    try:
        yield
    finally:
        for owner, name, real in kept:
            setattr(owner, name, real)
        random.setstate(state)


_REPLACED: Final[tuple[tuple[Any, str], ...]] = (
    (time, "time"),
    (time, "time_ns"),
    (time, "monotonic"),
    (time, "monotonic_ns"),
    (time, "perf_counter"),
    (time, "perf_counter_ns"),
    (time, "sleep"),
    (os, "urandom"),
    (random, "_urandom"),  # the secrets and uuid of the standard library live on it
    (signal, "signal"),
    (signal, "getsignal"),
    (threading.Thread, "start"),
)


def _replacements(machine: Callable[[], Machine | None]) -> Iterator[Callable[..., Any]]:
    def here() -> Machine:
        found = machine()
        assert found is not None
        return found

    def urandom(size: int) -> bytes:
        return here().entropy.randbytes(size)

    def set_handler(number: int, handler: Any) -> Any:
        before = here().handlers.get(number, signal.SIG_DFL)
        here().handlers[number] = handler
        return before

    def handler_of(number: int) -> Any:
        # Not the default: for SIGINT that would make each run listen to the real one.
        return here().handlers.get(number)

    def sleep(_seconds: float) -> None:
        raise LeakError("time.sleep() would stop the whole world: use trio.sleep()")

    def start(thread: threading.Thread) -> None:
        raise LeakError(
            f"a thread of its own ({thread.name}) can't be simulated: use"
            " trio.to_thread.run_sync(), or let the caller say how to run blocking calls"
        )

    yield lambda: here().wall_s
    yield lambda: round(here().wall_s * NS)
    yield lambda: here().monotonic_s
    yield lambda: round(here().monotonic_s * NS)
    yield lambda: here().monotonic_s
    yield lambda: round(here().monotonic_s * NS)
    yield sleep
    yield urandom
    yield urandom
    yield set_handler
    yield handler_of
    yield start


def _either(
    machine: Callable[[], Machine | None],
    replacement: Callable[..., Any],
    real: Callable[..., Any],
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return (real if machine() is None else replacement)(*args, **kwargs)

    return call


# --- what gets past that -------------------------------------------------------------

_REAL: Final = frozenset(
    {
        time.time,
        time.time_ns,
        time.monotonic,
        time.monotonic_ns,
        time.perf_counter,
        time.perf_counter_ns,
        os.urandom,
    }
)
_NOW: Final = frozenset({"now", "utcnow", "today"})
_SEED: Final = random.Random.__init__.__code__
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
        """For the time of one turn."""
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _look(self, frame: FrameType, event: str, what: Any) -> None:
        if event == "c_call":
            name = _leaking(what, frame)
            if name is not None:
                self._note(frame, name)
        elif event == "call" and frame.f_code is _SEED and frame.f_locals.get("x") is None:
            self._note(frame.f_back, "random.Random() without a seed")

    def _note(self, frame: FrameType | None, name: str) -> None:
        if frame is None or frame.f_code.co_filename.startswith(_OURS):
            return
        path = frame.f_code.co_filename
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
