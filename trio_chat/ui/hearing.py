"""What a client is told, on its way to the view; and what only time tells."""

from collections.abc import Callable
from typing import Final

import trio
from msgspec.structs import replace

from trio_chat.client import Client
from trio_chat.client.events import Accepted, Cancelled, ClientEvent, Refused, Status
from trio_chat.ui.changes import is_new_loss, lost, reduce
from trio_chat.ui.front import Front
from trio_chat.ui.meeting import met
from trio_chat.ui.state import View

SENDING_SHOWN_S: Final = 0.5
"""Lines that wait longer for their answers are counted in the status line: whoever chats
at a common pace never sees it come and go."""
LOSS_TOLD_S: Final = 10.0
"""A link that is back before shows in the status line alone; then a row tells of it."""
REDRAWN_S: Final = 0.03
"""How often the prompt is drawn anew for what is heard; a key's echo waits for nothing."""
SLICE: Final = 100
"""So many events are seen to before a key may be: a few milliseconds."""
_TICK_S: Final = 1.0


class Hearing:
    """Keeps a desk's view at what its client says."""

    def __init__(self, desk: Front, client: Client) -> None:
        self._desk = desk
        self._client = client
        self.on_heard: list[Callable[[View, ClientEvent], object]] = []
        """Called with what is known then, for each event."""
        # What is in the outbox, and what was settled and is not seen here yet.
        self._unanswered = {ticket.n for ticket in client.outbox.lines}
        client.outbox.on_queued.append(lambda ticket: self._unanswered.add(ticket.n))
        self._heard = trio.Event()
        self._changed = trio.Event()
        self._drawn = 0
        self._retry_at_s: float | None = None

    @property
    def all_answered(self) -> bool:
        """Whether it is known of every line what has become of it."""
        return not self._unanswered

    async def until_all_answered(self) -> None:
        """Wait for that, while there is a link: without one there is nothing to wait for.

        Cancel: atomic.
        """
        await self._until(lambda: self.all_answered or self._client.state != "online")

    async def run(self) -> None:
        """Listen, until the client ends.

        Cancel: what was heard is seen.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._show_sending)
            nursery.start_soon(self._tell_losses)
            nursery.start_soon(self._count_down)
            nursery.start_soon(self._redraw)
            await self._hear()
            nursery.cancel_scope.cancel()

    async def _hear(self) -> None:
        desk = self._desk
        while True:
            # What can't be shown yet, nor skipped, is not read: it waits in the log.
            await desk.ready()
            try:
                events = await self._client.all_waiting()
            except trio.EndOfChannel:
                return  # the client has ended, and says itself why
            for at, event in enumerate(events, 1):
                if not at % SLICE:
                    await trio.lowlevel.cancel_shielded_checkpoint()
                desk.follow(met(desk.view, event))
                desk.follow(reduce(desk.view, event))
                for tell in self.on_heard:
                    tell(desk.view, event)
                if isinstance(event, Accepted | Cancelled | Refused):
                    self._unanswered.discard(event.n or 0)
                if isinstance(event, Status):
                    self._expect(event.retry_in_s)
            desk.heard()
            self._heard.set()
            self._heard = trio.Event()
            if desk.view.sending is not None:
                desk.view = replace(desk.view, sending=self._client.outbox.progress)
            self._drawn = desk.drawings
            self._changed.set()

    async def _redraw(self) -> None:
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            # What was printed meanwhile has drawn the prompt, too.
            if self._desk.drawings == self._drawn:
                self._desk.refresh()
            await trio.sleep(REDRAWN_S)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._heard.wait()

    async def _show_sending(self) -> None:
        outbox = self._client.outbox
        while True:
            await outbox.lasting(SENDING_SHOWN_S)
            self._desk.view = replace(self._desk.view, sending=outbox.progress)
            self._desk.refresh()
            await outbox.emptied()
            self._desk.view = replace(self._desk.view, sending=None)
            self._desk.refresh()

    async def _tell_losses(self) -> None:
        while True:
            await self._until(lambda: is_new_loss(self._desk.view))
            with trio.move_on_after(LOSS_TOLD_S):
                await self._until(lambda: not is_new_loss(self._desk.view))
            self._desk.follow(lost(self._desk.view))

    # --- how long until the next try -------------------------------------------------

    def _expect(self, retry_in_s: float | None) -> None:
        now_s = trio.current_time()
        self._retry_at_s = None if retry_in_s is None else now_s + retry_in_s

    async def _count_down(self) -> None:
        while True:
            await self._until(lambda: self._retry_at_s is not None)
            await self._tick()

    async def _tick(self) -> None:
        """Show one second less; whoever is online is not woken."""
        assert self._retry_at_s is not None
        left_s = self._retry_at_s - trio.current_time()
        self._desk.view = replace(self._desk.view, retry_in_s=max(0.0, left_s))
        self._desk.refresh()
        if left_s <= 0:
            self._retry_at_s = None
        else:
            await trio.sleep(left_s % _TICK_S or _TICK_S)
