"""What is ready in a memory channel, taken whole."""

from typing import TypeVar

import trio

T = TypeVar("T")


def ready(channel: trio.MemoryReceiveChannel[T]) -> list[T]:
    """All that can be received without waiting, in order; empty if nothing can."""
    items: list[T] = []
    try:
        while True:
            items.append(channel.receive_nowait())
    except (trio.WouldBlock, trio.EndOfChannel):
        return items
