"""What has to wait for the outbox: lines on their way into it, lines taken back."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import trio
from msgspec.structs import replace

from trio_chat.client import Client
from trio_chat.client.outbox import OUTBOX_LINES_MAX, Ticket
from trio_chat.client.parts import parts_of
from trio_chat.errors import ClosedError, OutboxError, RefusedError, lone_exception
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import LINES, Kind
from trio_chat.ui.commands import Cancel
from trio_chat.ui.desk import Desk
from trio_chat.ui.state import Note, Trouble, said_in, typed

ERRANDS_MAX: Final = 100
SAVING_SHOWN_S: Final = 0.2
"""A disk that takes longer than this is seen."""


@dataclass(frozen=True, slots=True)
class Post:
    """A line on its way into the outbox; what is too long for one is several."""

    room: str
    texts: tuple[str, ...]
    kind: Kind
    ref: int | None = None
    """The line that it is about."""


Errand: TypeAlias = Post | Cancel


class Errands:
    """What is wanted of the outbox, in its order, for the one task that waits for it.

    Shape:  one after the other: lines keep their order, and a /cancel finds the line that
            was typed before it.
    """

    def __init__(self, desk: Desk, client: Client, send: str = "Enter") -> None:
        self._desk = desk
        self._client = client
        self._send_key = send
        self._offered: Post | None = None
        # When it is full, what was typed stays in the input.
        self._send, self._to_do = trio.open_memory_channel[Errand](ERRANDS_MAX)
        self._done = trio.Event()

    def post(self, room: str, text: str, kind: Kind, ref: int | None = None) -> str:
        """Say it; why it can't be said like this, or nothing.

        Raises: RefusedError: it can't be said at all.
                trio.WouldBlock: as many lines as can wait are waiting.
        """
        post = Post(room, (text,), kind, ref)
        try:
            self._client.check(room, text, kind=kind, ref=ref)
        except RefusedError as error:
            if error.code != Code.TEXT_TOO_LONG or kind not in LINES:
                raise
            post = Post(room, tuple(parts_of(text)), kind, ref)
            if post != self._offered:
                self._offered = post
                too_much = f"{len(text.encode()):,} bytes are too much for one entry"
                return f"{too_much}: {self._send_key} again sends it as {len(post.texts)}"
        self._offered = None
        if len(self._client.outbox) + len(post.texts) > OUTBOX_LINES_MAX:
            raise trio.WouldBlock
        self._send.send_nowait(post)
        self._desk.saving = True
        self._desk.screen.hold_keys()
        return ""

    def cancel(self, errand: Cancel) -> None:
        """Take a line back.

        Raises: trio.WouldBlock: as much as can wait is waiting.
        """
        self._send.send_nowait(errand)

    async def run(self) -> None:
        """Do it, until finish() was called and all is done.

        Cancel: not before: what was typed is saved before we go.
        """
        with trio.CancelScope(shield=True):
            async for errand in self._to_do:
                if isinstance(errand, Post):
                    await self._save(errand)
                else:
                    await self._cancel(errand.n)
            self._done.set()

    def close(self) -> None:
        """There will be no more."""
        self._send.close()

    async def finish(self) -> None:
        """Wait until all is done; there will be no more.

        Cancel: atomic.
        """
        self.close()
        await self._done.wait()

    async def _save(self, post: Post) -> None:
        desk, left = self._desk, [*post.texts]
        try:
            with lone_exception():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._show_saving)
                    while left:
                        await self._client.post(
                            post.room, left[0], kind=post.kind, ref=post.ref
                        )
                        del left[0]
                    nursery.cancel_scope.cancel()
        except (OutboxError, ClosedError) as error:
            desk.print(Trouble(f"not queued: {error}"))
            self._keep(post, "\n".join(left), whole=len(left) == len(post.texts))
        else:
            desk.line.reset()
        finally:
            desk.saving = False
            desk.view = replace(desk.view, saving=False)
            desk.change_drafts()
            desk.screen.let_keys_go()
            desk.screen.invalidate()

    def _keep(self, post: Post, text: str, *, whole: bool) -> None:
        """Leave in the input what is not in the outbox; `whole`: it is there already."""
        desk = self._desk
        if not whole:
            desk.line.text = typed(Ticket(post.room, 0, text, post.kind, ref=post.ref))
            desk.remember(desk.line.text)
        if desk.screen.keys_wait:  # what was typed next is another line
            desk.print(Note(f"Up brings it back: {text}"))
            desk.line.reset()

    async def _show_saving(self) -> None:
        await trio.sleep(SAVING_SHOWN_S)
        self._desk.view = replace(self._desk.view, saving=True)
        self._desk.screen.invalidate()

    async def _cancel(self, n: int | None) -> None:
        desk, lines = self._desk, self._client.outbox.lines
        if n is None and not lines:
            desk.print(Trouble("nothing waits to be sent"))
            return
        try:
            ticket = await self._client.cancel(lines[-1].n if n is None else n)
        except OutboxError as error:
            desk.print(Trouble(str(error)))
        else:
            desk.remember(typed(ticket))
            desk.print(Note(f"taken back; Up brings it to the input: {said_in(ticket)}"))
