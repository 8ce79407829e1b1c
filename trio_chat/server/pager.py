"""Serves the members of one peer that are behind: an answer, then the log, page by page.

It runs only while there is somebody to serve. Everything that a member is told until it is
live goes through here, and is taken and offered in one step, in which the socket is found
to be ready: so nothing is kept for a peer that does not read, and a page that was read for
an old request can never come between the answer to a new one and what belongs to it.
"""

from typing import Final, Protocol

import trio

from trio_chat.errors import StoreError
from trio_chat.server.crew import Starter
from trio_chat.server.outgoing import Outgoing
from trio_chat.server.pages import Pages, Part, Reading
from trio_chat.server.room import Member, Standing
from trio_chat.server.turns import Done, Gate

_RETRY_S: Final = (0.05, 0.2, 0.5)


class Paged(Protocol):
    """What a pager tells its peer."""

    def paged(self, room: str, entries: int, gap_entries: int) -> None:
        """So many entries of the room were read for it, or a gap of so many was told."""

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
        self, outgoing: Outgoing, pages: Pages, nursery: Starter, reader: Paged
    ) -> None:
        self._outgoing = outgoing
        self._pages = pages
        self._turns = pages.turns
        self._nursery = nursery
        self._reader = reader
        self._behind: dict[Member, None] = {}
        self._running = False
        self._had: Reading | None = None

    def serve(self, member: Member) -> None:
        """Bring this member up to the head, beside the others that are behind."""
        self._behind[member] = None
        if not self._running:
            self._running = True
            self._nursery.start_soon(self._run)

    async def _run(self) -> None:
        try:
            while self._behind:
                due = await self._turns.take(self._turn)
                if due is None:
                    await self._outgoing.cleared()
                else:
                    await self._read(*due)
                    # What was read is for this one, and may be kept nowhere else.
                    self._behind = dict.fromkeys([due[0], *self._behind])
        except StoreError as error:
            self._reader.store_failed(error)
        else:
            self._running = False
            self._reader.caught_up()

    # --- a turn ----------------------------------------------------------------------

    def _turn(self) -> Gate | Done[tuple[Member, Reading] | None]:
        """Go on with the next member that can be handed something.

        Shape:  where to wait for more; Done with what this pager has to read first, and for
                whom; or Done with nothing: none is behind, or the socket is full.
        """
        gate: Gate | None = None
        for member in list(self._behind):
            lacks = self._hand_over(member)
            del self._behind[member]  # the others first
            if member.standing is Standing.BEHIND:
                self._behind[member] = None
            if not lacks:
                gate = self._turns.next
                break
            reading = self._pages.under_way(member.room)
            if reading is None:
                self._had = self._pages.begin(member.room, member.cursor)
                return Done((member, self._had))
            self._had = reading
            gate = gate or reading.gate
        goes_on = self._behind and self._outgoing.clear
        return gate if gate is not None and goes_on else Done(None)

    def _hand_over(self, member: Member) -> bool:
        """Hand a member about a page of what it is owed; whether it lacks one."""
        handed_bytes = 0
        while member.standing is Standing.BEHIND and self._outgoing.clear:
            part = self._next_part(member)
            if part is None:
                return not handed_bytes
            if part:
                self._outgoing.offer(part)
            handed_bytes += len(part)
            if handed_bytes >= self._pages.full_bytes:
                break
        return False

    def _next_part(self, member: Member) -> bytes | None:
        """An answer, a part of a member list, a page of the log, or the step to live.

        Shape:  None: the page has to be read.
        """
        room = member.room
        if not member.greeted:
            member.greeted = True
            return room.greeting(member)
        if member.cursor == room.head and room.go_live(member):
            return b""
        if room.owes_list(member):
            # A part at a time: a list that has changed since is nobody's but this one's.
            return room.next_of_list(member)
        return self._page(member)

    def _page(self, member: Member) -> bytes | None:
        part = self._at_hand(member)
        if part is None:
            return None
        member.cursor = part.last
        self._reader.paged(member.room.name, part.entries, part.missing)
        return part.data

    def _at_hand(self, member: Member) -> Part | None:
        had = self._had
        # What is not kept for all is here for whoever has read it, or waited for it.
        if had is not None and had.room is member.room:
            self._had = None
            part = had.part(member.cursor)
            if part is not None:
                return part
        return self._pages.after(member.room, member.cursor)

    # --- reading ---------------------------------------------------------------------

    async def _read(self, member: Member, reading: Reading) -> None:
        """Read it, tried again when that fails; the end of a member whose log can't be.

        Raises: StoreError: it is not this log: nothing can be read.
        """
        for delay_s in _RETRY_S:
            try:
                await self._pages.read(reading)
            except StoreError:
                await trio.sleep(delay_s)
            else:
                return
            again = self._again(member)
            if again is None:
                return
            reading = self._had = again
        try:
            await self._pages.read(reading)
        except StoreError as error:
            await self._pages.check_readable(member.room)
            if member.standing is Standing.BEHIND:
                await self._outgoing.send(self._reader.unreadable(member, error))

    def _again(self, member: Member) -> Reading | None:
        """The same, to be tried again; None: nobody wants it, or somebody else reads it."""
        room, cursor = member.room, member.cursor
        wanted = member.standing is Standing.BEHIND and cursor < room.head
        if not wanted or self._pages.under_way(room) or self._pages.after(room, cursor):
            return None
        return self._pages.begin(room, cursor)
