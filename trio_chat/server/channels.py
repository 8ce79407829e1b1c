"""What is ready in a memory channel, taken whole."""

import sys
from typing import TypeVar

import trio

T = TypeVar("T")


def ready(channel: trio.MemoryReceiveChannel[T], items_max: int = sys.maxsize) -> list[T]:
    """What can be received without waiting, in order; empty if nothing can.

    Shape:  with whatever those have who wait for space: the channel's own bound is none
            for this.
    """
    items: list[T] = []
    try:
        while len(items) < items_max:
            items.append(channel.receive_nowait())
    except (trio.WouldBlock, trio.EndOfChannel):
        pass
    return items
