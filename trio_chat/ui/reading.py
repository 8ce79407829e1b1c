"""Read marks: what was really printed while somebody could see it is read."""

from collections.abc import Callable

import trio

from trio_chat.client import Client
from trio_chat.ui.desk import Desk
from trio_chat.ui.state import View
from trio_chat.ui.unread import seen


class Reading:
    """Moves the read marks of a desk's view on, and tells the server of them.

    Shape:  `focused` says whether the terminal has the focus. Lines that were printed
            without it are read as soon as it is back: look() has to be called then.
    """

    def __init__(self, desk: Desk, client: Client, focused: Callable[[], bool]) -> None:
        self._desk = desk
        self._client = client
        self._focused = focused
        self._changed = trio.Event()
        desk.on_change.append(self.look)

    def look(self) -> None:
        """Something was printed, or can be seen now."""
        self._changed.set()

    async def run(self) -> None:
        """Follow what is printed, for ever.

        Cancel: atomic: what was not read yet is unread.
        """
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            # What the view has as printed is on its way to the terminal until then.
            then = self._desk.view
            await self._desk.paper.drained()
            self._mark(then)

    def _mark(self, then: View) -> None:
        if self._focused():
            self._desk.view = seen(self._desk.view, then)
        view = self._desk.view
        for room in (*view.rooms, view.inbox):
            if room.mark is not None:  # what is known already is not told again
                self._client.mark_nowait(room.name, room.mark)
