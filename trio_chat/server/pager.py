"""Serves the members of one peer that are behind: an answer, then the log, page by page.

It runs only while there is somebody to serve. Everything that a member is told until it is
live goes through here, so a page that was read for an old request can never come between
the answer to a new one and what belongs to it.
"""

from typing import Final, Protocol

import trio

from trio_chat.errors import StoreError
from trio_chat.server.limits import Limits
from trio_chat.server.outgoing import Outgoing
from trio_chat.server.room import Member, Room, Standing
from trio_chat.store.interface import Store, log_words

_RETRY_S: Final = (0.05, 0.2, 0.5)


class HoleError(StoreError):
    """Entries that were not given up are missing in a log; the text may be shown."""


class Paged(Protocol):
    """What a pager tells its peer."""

    def paged(self, room: str, entries: int, gap_entries: int) -> None:
        """So many entries of the room were read for it, after a gap of so many."""

    def caught_up(self) -> None:
        """None of its members is behind."""

    def unreadable(self, member: Member, error: StoreError) -> bytes:
        """This member's log can't be read, others can; what it is told at its end."""

    def store_failed(self, error: StoreError) -> None:
        """Nothing can be read."""


class Pager:
    """Brings members up to the head of their rooms; the work is done in `nursery`.

    Shape:  a log that can't be read, though the store can, ends its member alone. Once the
            store can't be read nobody is served any more.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        store: Store,
        nursery: trio.Nursery,
        limits: Limits,
        reader: Paged,
    ) -> None:
        self._outgoing = outgoing
        self._store = store
        self._nursery = nursery
        self._page_entries = limits.page_entries
        self._reader = reader
        self._behind: dict[Member, None] = {}

    @property
    def busy(self) -> bool:
        """Whether a member is behind."""
        return bool(self._behind)

    def serve(self, member: Member) -> None:
        """Bring this member up to the head, beside the others that are behind."""
        if not self._behind:
            self._nursery.start_soon(self._run)
        self._behind[member] = None

    async def _run(self) -> None:
        try:
            while self._behind:
                for member in list(self._behind):
                    if member.standing is Standing.BEHIND:
                        await self._served(member)
                    if member.standing is not Standing.BEHIND:
                        del self._behind[member]
        except StoreError as error:
            self._reader.store_failed(error)
        else:
            self._reader.caught_up()

    async def _served(self, member: Member) -> None:
        """As _next_part, tried again when the log can't be read.

        Raises: StoreError: it is not this log: nothing can be read.
        """
        for delay_s in _RETRY_S:
            try:
                await self._next_part(member)
            except StoreError:
                await trio.sleep(delay_s)
            else:
                return
            if member.standing is not Standing.BEHIND:
                return
        await self._store.trimmed(member.room.log)
        try:
            if member.standing is Standing.BEHIND:
                await self._next_part(member)
        except StoreError as error:
            if member.standing is Standing.BEHIND:
                await self._outgoing.send(self._reader.unreadable(member, error))

    async def _next_part(self, member: Member) -> None:
        """An answer, a part of a member list, a page of the log, or the step to live."""
        room = member.room
        if not member.greeted:
            member.greeted = True
            await self._outgoing.send(room.greeting(member))
        elif member.cursor == room.head and room.go_live(member):
            pass
        elif room.owes_list(member):
            # A part at a time: a list that has changed since is nobody's but this one's.
            await self._outgoing.send(room.next_of_list(member))
        else:
            await self._page(member)

    async def _page(self, member: Member) -> None:
        room, cursor, head = member.room, member.cursor, member.room.head
        entries = await self._store.read(
            room.log, after=cursor, through=head, limit=self._page_entries
        )
        first = entries[0].seq if entries else head + 1
        if first > cursor + 1:
            await self._check_trimmed(room, first - 1)
        # The peer may have asked for something else while the log was read.
        if (
            member.standing is Standing.BEHIND
            and member.cursor == cursor
            and member.greeted
        ):
            missing = first - 1 - cursor
            page = room.gap(cursor, first - 1) if missing else b""
            member.cursor = head
            if entries:
                frame, member.cursor = next(room.frames(entries))
                page += frame
            self._reader.paged(room.name, member.cursor - first + 1, missing)
            # What of them is not in the page must not wait for a slow reader too.
            del entries
            await self._outgoing.send(page)

    async def _check_trimmed(self, room: Room, through: int) -> None:
        # Asked after the reading: what the page does not have was given up before it. A
        # hole that is not ours must never be told as if it were.
        if await self._store.trimmed(room.log) < through:
            where = log_words(room.log)
            raise HoleError(f"{through} of {where} is missing in the data file")
