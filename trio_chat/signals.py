"""The signals that ask a program to end, on whatever platform it runs."""

import signal
from collections.abc import AsyncIterator, Iterator
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
