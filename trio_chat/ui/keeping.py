"""Keeps a desk's rooms and drafts on the disk while somebody types; no key waits for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from trio_chat.ui.desk import Desk
from trio_chat.ui.desk_file import Kept, desk_path, to_keep, write_desk
from trio_chat.ui.state import Trouble
from trio_chat.worker import Worker

KEPT_AFTER_S: Final = 0.5
"""What was typed is on its way to the disk so soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawer:
    """Where a desk is kept, and what was found there."""

    found: Kept
    outbox: Callable[[], Path]
    """The file of the outbox, which may become another one."""
    worker: Worker
    """For calls that block."""


class Keeping:
    """Writes down what changes on a desk; run() does the writing.

    Shape:  whatever changes is drawn, so that is when somebody looks.
    """

    def __init__(self, desk: Desk, drawer: Drawer) -> None:
        self._desk = desk
        self._drawer = drawer
        found = drawer.found
        self._written = found.rooms, found.current, dict(found.drafts)
        self._changed, self._hurry = trio.Event(), trio.Event()
        self._closed = False
        self._failed = False
        desk.screen.after_render += lambda _: self._look()

    def _look(self) -> None:
        self._changed.set()
        desk = self._desk
        if not desk.line.text and desk.view.current in self._written[2]:
            self._hurry.set()  # it was said: nobody should find it again and say it twice

    async def run(self) -> None:
        """Live until close() was called, and the last is written.

        Cancel: not before that: what was typed is kept.
        """
        with trio.CancelScope(shield=True):
            closed = False
            while not closed:
                await self._changed.wait()
                with trio.move_on_after(KEPT_AFTER_S):
                    await self._hurry.wait()
                self._changed, self._hurry = trio.Event(), trio.Event()
                closed = self._closed
                await self._write()

    def close(self) -> None:
        """There will be no more."""
        self._closed = True
        self._changed.set()
        self._hurry.set()

    async def _write(self) -> None:
        view = self._desk.view
        rooms = tuple(room.name for room in view.rooms)
        now = rooms, view.current, self._desk.drafts
        if now == self._written:
            return
        path = desk_path(self._drawer.outbox())
        try:
            await self._drawer.worker.run(lambda: write_desk(path, to_keep(*now)))
        except OSError as error:
            self._tell(error)
        else:
            self._written, self._failed = now, False

    def _tell(self, error: OSError) -> None:
        before, self._failed = self._failed, True
        if not before:
            why = error.strerror or error
            self._desk.print(
                Trouble(f"what you type is not kept for the next start: {why}")
            )
