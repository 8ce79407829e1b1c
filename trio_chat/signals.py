"""The signals that ask a program for something, on whatever platform it runs."""

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

ENDING: Final = tuple(
    getattr(signal, name)
    for name in (
        "SIGINT",
        "SIGTERM",
        "SIGHUP",
        "SIGBREAK",
    )  # the last is Windows' Ctrl-Break
    if hasattr(signal, name)
)
"""They ask it to end."""
TELLING: Final = tuple(
    getattr(signal, name) for name in ("SIGUSR1",) if hasattr(signal, name)
)
"""They ask it how it is."""


@contextmanager
def open_signals(*signals: int) -> Iterator[AsyncIterator[int]]:
    """Receive these signals, instead of being ended by them, while the block runs.

    Shape:  a hang-up that is ignored (nohup) stays ignored.
    """
    hangup = getattr(signal, "SIGHUP", None)
    if hangup in signals and signal.getsignal(hangup) is signal.SIG_IGN:
        signals = tuple(each for each in signals if each != hangup)
    with trio.open_signal_receiver(*signals) as received:
        yield received


async def until_ending(received: AsyncIterator[int], tell: Callable[[], object]) -> None:
    """Wait for one of ENDING; `tell` is called for each other one that comes before.

    Cancel: atomic.
    """
    async for number in received:
        if number in ENDING:
            return
        tell()
