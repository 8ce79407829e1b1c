"""Keeps in the store who is here, so that a restart makes no noise.

What changes while one write is under way shares the next one. Who is about to enter a
room waits for its write: a member whom somebody has seen is one that a server which was
killed finds again. Everything else is written a moment after it was told; should the
server die in this moment, somebody who has left is kept in the lists until a grace is
over, or has the nick of a moment ago, which is what it is called again once it is back.
A disk that fails keeps nobody out for long: in the first seconds of its trouble who
enters waits for it, later on nobody does, and a server that is killed then is missed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import trio

from trio_chat.errors import StoreError
from trio_chat.server.limits import Limits
from trio_chat.server.session import KEPT_AS, Session, kept_of
from trio_chat.server.trouble import Trouble
from trio_chat.store.interface import Store

_RETRY_S: Final = 0.1


@dataclass(eq=False, slots=True)
class _Batch:
    sessions: dict[str, Session] = field(default_factory=dict)
    written: trio.Event = field(default_factory=trio.Event)


class Keeper:
    """Writes sessions down; run() does the writing.

    Shape:  `stored` is what the store has, by device. What waits to be written are the
            sessions that there are, and those that have ended and that the store may
            know: no more than there were. A write that failed may be stored all the same,
            so the same one is tried again until it succeeds: what others come to be
            meanwhile waits, and is in no doubt.
    """

    def __init__(
        self,
        store: Store,
        limits: Limits,
        trouble: Trouble,
        stored: Mapping[str, str] | None = None,
    ) -> None:
        self.stored = {
            name.removeprefix(KEPT_AS): value for name, value in (stored or {}).items()
        }
        """What the store has of each device, or is about to have: a device may have
        another session before the last one's end is written."""
        self._store = store
        self._patience_s = limits.store_patience_s
        self._trouble = trouble
        self._next = _Batch()
        self._work = trio.Event()
        self._hurried = self._closed = False
        self._failing_since_s: float | None = None

    def changed(self, session: Session) -> None:
        """Write this session down, soon."""
        if session.ended and session.device not in self.stored:
            self._next.sessions.pop(session.device, None)
            return
        self._next.sessions[session.device] = session
        self._work.set()

    async def enter(self, session: Session, room: str) -> None:
        """Returns once the store knows that the session is about to be in the room.

        Shape:  returns as well if the disk takes, or has failed, for too long.
        Cancel: may have happened.
        """
        session.entering += (room,)
        self.changed(session)
        since_s = self._failing_since_s
        begun_s = trio.current_time() if since_s is None else since_s
        try:
            with trio.move_on_at(begun_s + self._patience_s):
                await self._next.written.wait()
        finally:
            at = session.entering.index(room)
            session.entering = session.entering[:at] + session.entering[at + 1 :]
            if not session.ended:
                self.changed(session)  # it may not come to it; else nothing is written

    async def run(self) -> None:
        """Live until close() was called and everything is written down.

        Cancel: may have happened.
        """
        while not (self._closed and not self._next.sessions):
            await self._work.wait()
            self._work = trio.Event()
            if self._next.sessions:
                await self._write()

    def hurry(self) -> None:
        """The server stops: from now on nobody waits for a store that fails."""
        self._hurried = True

    def close(self) -> None:
        """Nothing will change any more; run() ends after what has, or with an error."""
        self._closed = True
        self._work.set()

    async def _write(self) -> None:
        batch, self._next = self._next, _Batch()
        values: dict[str, str | None] = {}
        for device, session in batch.sessions.items():
            value = kept_of(session)
            if value != self.stored.get(device):
                values[KEPT_AS + device] = value
                # What is to be forgotten may be there until that is durable.
                self.stored[device] = value or self.stored[device]
        if values:
            await self._remember(values, batch)
        batch.written.set()

    async def _remember(self, values: dict[str, str | None], batch: _Batch) -> None:
        while True:
            try:
                await self._store.remember(values)
            except StoreError as error:
                self._trouble.tell(error, "sessions")
            else:
                self._failing_since_s = None
                self._trouble.over("sessions")
                for name, value in values.items():
                    if value is None:
                        del self.stored[name.removeprefix(KEPT_AS)]
                return
            if self._failing_since_s is None:
                self._failing_since_s = trio.current_time()
            if self._hurried:
                batch.written.set()
                self._next.written.set()
            if self._closed:
                self._next.sessions.clear()
                return
            await trio.sleep(_RETRY_S)
