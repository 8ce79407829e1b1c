"""Read marks: how far one has read each room, here and on one's other devices.

A mark only grows, so saying it again does no harm, and what was said on a link that broke
is simply said again on the next one. The server is told at most once a second for each
room; the last one is always told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio

from trio_chat.protocol.messages import Mark, Message

MARK_EVERY_S: Final = 1.0
"""Of each room the server is told no more often than this."""
MARKS_MAX: Final = 512
"""More than one can be in; beyond that those of rooms that one is not in are forgotten."""
_NEVER: Final = -1


@dataclass(slots=True)
class _Mark:
    read: int = _NEVER
    """The largest that is known."""
    told: int = _NEVER
    """The largest that the server has told, or was told on this link."""
    open: bool = False
    """Whether the server has let us into the room on this link."""
    next_s: float = float("-inf")
    """When the server may be told again."""

    @property
    def due(self) -> bool:
        return self.open and self.read > self.told


class Marks:
    """What is known of the marks; run() tells the server of one's own.

    Shape:  `request` sends a message if there is a link.
    """

    def __init__(self, request: Callable[[Message], None]) -> None:
        self._request = request
        self._marks: dict[str, _Mark] = {}
        self._work = trio.Event()

    def read(self, room: str) -> int | None:
        """How far one has read the room, on whatever device; None: nothing is known."""
        mark = self._marks.get(room)
        return None if mark is None or mark.read == _NEVER else mark.read

    # --- what one has read here ------------------------------------------------------

    def mark(self, room: str, seq: int) -> None:
        """One has read the room up to here; the server is told soon."""
        mark = self._marks.setdefault(room, _Mark())
        mark.read = max(mark.read, seq)
        if mark.due:
            self._work.set()

    async def run(self) -> None:
        """Tell the server, for ever.

        Cancel: atomic: what is not told yet is told by tell_all(), or not at all.
        """
        while True:
            await self._work.wait()
            self._work = trio.Event()
            now_s = trio.current_time()
            for room, mark in self._marks.items():
                if mark.due and mark.next_s <= now_s:
                    self._tell(room, mark)
            waiting = [mark.next_s for mark in self._marks.values() if mark.due]
            if waiting:
                with trio.move_on_at(min(waiting)):
                    await self._work.wait()
                self._work.set()

    def tell_all(self) -> None:
        """Tell the server now: there may be no time later."""
        for room, mark in self._marks.items():
            if mark.due:
                self._tell(room, mark)

    def _tell(self, room: str, mark: _Mark) -> None:
        mark.told = mark.read
        mark.next_s = trio.current_time() + MARK_EVERY_S
        self._request(Mark(room=room, seq=mark.read))

    # --- what the server says --------------------------------------------------------

    def know(self, room: str, seq: int) -> bool:
        """One has read up to here elsewhere; whether that is news."""
        mark = self._marks.setdefault(room, _Mark())
        mark.told = max(mark.told, seq)
        is_news = seq > mark.read
        mark.read = max(mark.read, seq)
        return is_news

    def opened(self, room: str, read: int | None) -> None:
        """The server has let us into the room, and knows this mark."""
        mark = self._marks.setdefault(room, _Mark())
        # It may have been killed, and have forgotten what it was told on the last link.
        mark.told, mark.open = _NEVER, True
        if read is not None:
            self.know(room, read)
        if mark.due:
            self._work.set()

    def cut_off(self) -> None:
        """There is no link any more."""
        for mark in self._marks.values():
            mark.open = False

    def left(self, room: str) -> None:
        """One is not in the room any more; the mark is kept for when one is again."""
        mark = self._marks.get(room)
        if mark is None:
            return
        if mark.due:
            self._tell(room, mark)
        mark.open = False
        closed = [name for name, each in self._marks.items() if not each.open]
        for name in closed[: max(0, len(self._marks) - MARKS_MAX)]:
            del self._marks[name]

    def forget(self) -> None:
        """The server has another past: nothing in it was read."""
        self._marks.clear()
