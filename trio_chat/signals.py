"""The signals that ask a program to end, on whatever platform it runs."""

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import trio

ENDING: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK")  # the last one is Windows' Ctrl-Break
    if hasattr(signal, name)
)


@contextmanager
def open_signals(*signals: int) -> Iterator[AsyncIterator[int]]:
    """Receive these signals, instead of being ended by them, while the block runs."""
    with trio.open_signal_receiver(*signals) as received:
        yield received
