"""Looking back: past entries that one peer asks for, and where words were said.

It goes on beside everything else that the peer does. One request of a peer is answered at a
time: who asks for more is not read any further until then. Nothing is put by for a peer
that does not read: a line of the answer is read from the log when the socket is ready, and
what does not fit into it is read again for the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import trio

from trio_chat.errors import RefusedError, StoreError
from trio_chat.protocol import messages
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import encode
from trio_chat.protocol.messages import FETCHED_MAX, Fetch, Search
from trio_chat.server.crew import Starter, Work
from trio_chat.server.figures import Figures
from trio_chat.server.limits import Limits
from trio_chat.server.outgoing import Outgoing
from trio_chat.server.room import Room, as_wire
from trio_chat.server.searching import Searching
from trio_chat.server.trouble import Trouble
from trio_chat.server.turns import Done, Turns
from trio_chat.store.interface import Entry, Store, log_words
from trio_chat.words import NOTHING, Wanted, wanted

FOUND_BYTES_MAX: Final = 128 * 1024
"""Of entries in one `found`; what is more has to be asked for again."""
Asked: TypeAlias = Fetch | Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is behind the requests of all peers."""

    store: Store
    searching: Searching
    turns: Turns
    limits: Limits
    trouble: Trouble
    figures: Figures


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read of a log for a `fetch`."""

    room: Room
    asked: Fetch
    entries: Sequence[Entry]
    gone: int
    """Up to here nothing is kept any more; 0: all is there."""
    through: int
    """So far it was asked for, and has been given."""


class Past:
    """Answers what one peer asks about the past; the work is done in `nursery`."""

    __slots__ = ("_answered", "_archive", "_nursery", "_outgoing")

    def __init__(self, outgoing: Outgoing, nursery: Starter, archive: Archive) -> None:
        self._outgoing = outgoing
        self._nursery = nursery
        self._archive = archive
        self._answered: trio.Event | None = None
        """Of the request that is being answered; None: none is."""

    async def ask(self, room: Room, asked: Asked) -> None:
        """Have it answered, as soon as the one before is.

        Raises: RefusedError: it can't be; nothing is begun.
        Cancel: atomic: nothing is begun.
        """
        sought = _checked(asked)
        await trio.lowlevel.checkpoint()
        while self._answered is not None:
            await self._answered.wait()
        self._answered = trio.Event()
        if isinstance(asked, Fetch):
            work = partial(self._fetch, room, asked)
        else:
            work = partial(self._search, room, asked, sought)
        self._nursery.start_soon(partial(self._answer, work, room, asked))

    async def _answer(self, work: Work, room: Room, asked: Asked) -> None:
        try:
            await work()
        except RefusedError as error:
            await self._refuse(room, asked, error.code, error.reason)
        except StoreError as error:
            self._archive.trouble.unreadable(room.log, error)
            reason = "it can't be read: the data file is damaged there"
            await self._refuse(room, asked, Code.UNREADABLE, reason)
        finally:
            assert self._answered is not None
            self._answered.set()
            self._answered = None

    async def _refuse(self, room: Room, asked: Asked, code: str, reason: str) -> None:
        self._archive.figures.requests_refused[code] += 1
        refused = messages.Refused(code=code, reason=reason, room=room.name, id=asked.id)
        await self._outgoing.send(encode([refused]))

    # --- past entries ----------------------------------------------------------------

    async def _fetch(self, room: Room, asked: Fetch) -> None:
        archive, cursor = self._archive, asked.after
        through = min(asked.through, room.head)
        limit = archive.limits.page_entries
        while True:
            await self._outgoing.cleared()
            entries = await archive.store.read(
                room.log, after=cursor, through=through, limit=limit
            )
            gone = await self._gone(room, entries, cursor, through)
            reading = _Reading(room, asked, entries, gone, through)
            step = partial(_page, reading, archive.limits.page_bytes)
            line, cursor, count = await archive.turns.take(step)
            # Of long texts no more than that is read in vain the next time.
            limit = min(archive.limits.page_entries, 2 * max(count, 1))
            archive.figures.fetched_entries += count
            del entries, reading, step  # nothing of it is kept while the socket is full
            await self._outgoing.send(line)
            if cursor >= through:
                return

    async def _gone(
        self, room: Room, entries: Sequence[Entry], cursor: int, through: int
    ) -> int:
        """Up to where what follows the cursor is no longer kept; 0: it is there.

        Raises: StoreError: it is not there, and was not given up.
        """
        first = entries[0].seq if entries else through + 1
        if first <= cursor + 1:
            return 0
        if await self._archive.store.trimmed(room.log) < first - 1:
            raise StoreError(f"{first - 1} of {log_words(room.log)} is missing")
        return first - 1

    # --- words -----------------------------------------------------------------------

    async def _search(self, room: Room, asked: Search, sought: Wanted) -> None:
        before = asked.before if asked.before is not None else room.head + 1
        await self._outgoing.cleared()
        hits = await self._archive.searching.search(
            room.log, sought, before=before, through=room.head, limit=asked.limit
        )
        entries = _fitting(room, hits.entries, FOUND_BYTES_MAX)
        cut_off = len(entries) < len(hits.entries)
        goes_on = entries[-1].seq if cut_off else hits.before
        found = messages.Found(
            room=room.name,
            id=asked.id,
            entries=entries,
            more=goes_on is not None,
            before=goes_on or 0,
        )
        await self._outgoing.send(encode([found]))


def _checked(asked: Asked) -> Wanted:
    """What is searched for, if it is a search.

    Raises: RefusedError: it can't be asked like this.
    """
    if isinstance(asked, Search):
        sought = wanted(asked.words)
        if not sought:
            raise RefusedError(Code.NO_WORDS, "there is no word in it to look for")
        return sought
    if not 0 < asked.through - asked.after <= FETCHED_MAX:
        raise RefusedError(
            Code.BAD_RANGE, f"one request is for 1 to {FETCHED_MAX} entries, in their order"
        )
    return NOTHING


def _page(reading: _Reading, bytes_max: int) -> Done[tuple[bytes, int, int]]:
    """A line of the answer, up to which seq it goes, and how many entries are in it."""
    room, asked = reading.room, reading.asked
    entries = _fitting(room, reading.entries, bytes_max)
    last = entries[-1].seq if entries else reading.through
    page = messages.Page(
        room=room.name,
        id=asked.id,
        entries=entries,
        more=last < reading.through,
        trimmed_through=reading.gone,
    )
    return Done((encode([page]), last, len(entries)))


def _fitting(
    room: Room, entries: Sequence[Entry], bytes_max: int
) -> tuple[messages.Entry, ...]:
    """The first entries, as many as go into so many bytes; one at least."""
    fitting: list[messages.Entry] = []
    left = bytes_max
    for entry in entries:
        message = as_wire(room.name, entry)
        left -= len(encode([message]))
        if fitting and left < 0:
            break
        fitting.append(message)
    return tuple(fitting)
