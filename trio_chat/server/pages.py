"""Pages of the logs as the wire has them: read and encoded once for all who are behind.

Those who were away together come back together, and want the same. What is in a log does
not change, so a page of it can be the same bytes for all of them. What holds:

1. A page begins behind another one, or where somebody began to read; no two pages of a log
   have an entry in common. Who wants to read from the middle of one gets the rest of it,
   and has the same pages as everybody from there on.
2. A page grows at its end until it is full, as far as the room's head goes, when somebody
   wants more than is there. So those who follow a room that talks do not make a page of
   each line.
3. Of each log one page is read at a time, by whoever wants it first; who wants more of that
   log meanwhile waits at its gate, and then looks again. If the reader leaves, or the log
   can't be read, the next one reads.
4. While a log is trimmed none of its pages is kept, and those that were kept before are
   gone: nothing is served that was given up.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from trio_chat.errors import StoreError
from trio_chat.server.limits import Limits
from trio_chat.server.room import Room
from trio_chat.server.turns import Gate, Turns
from trio_chat.store.interface import Entry, Store, log_words

_BOOKS_BYTES = 256
"""What a page costs besides its bytes."""


class HoleError(StoreError):
    """Entries that were not given up are missing in a log; the text may be shown."""


class Part(NamedTuple):
    """What follows a cursor: a page, the rest of one, or a gap."""

    data: bytes
    last: int
    """The cursor behind it."""
    entries: int
    missing: int = 0
    """Entries that are no longer kept."""


@dataclass(frozen=True, eq=False, slots=True)
class _Page:
    first: int
    last: int
    data: bytes

    def after(self, cursor: int) -> Part:
        """What follows a cursor within it: the page itself, or its end."""
        before = cursor + 1 - self.first
        data = self.data.split(b"\n", before)[-1] if before else self.data
        return Part(data, self.last, self.last - cursor)


@dataclass(eq=False, slots=True)
class Reading:
    """A page that somebody reads."""

    room: Room
    after: int
    gate: Gate = field(default_factory=Gate)
    """Here wait those who want more of the log meanwhile."""
    stale: bool = False
    """What it read may have been given up since."""
    gap: Part | None = None
    pages: Sequence[_Page] = ()

    def part(self, cursor: int) -> Part | None:
        """What it has read for this cursor; None if it is for others, or was in vain."""
        if self.stale:
            return None
        if self.gap is not None and cursor == self.after:
            return self.gap
        held = (page for page in self.pages if page.first <= cursor + 1 <= page.last)
        return next((page.after(cursor) for page in held), None)


class Pages:
    """The pages of all logs; the oldest use goes first when there are too many.

    Shape:  a page has `page_bytes`, or what is read at once more than that, and never more
            than a queue takes, but for one with a single entry in it.
    """

    def __init__(self, store: Store, turns: Turns, limits: Limits) -> None:
        self.turns = turns
        """In which they are handed out."""
        self._store = store
        self._entries = limits.page_entries
        self.full_bytes = min(limits.page_bytes, limits.queue_bytes_max)
        """A page that has so much is full."""
        self._page_bytes_max = limits.queue_bytes_max
        self._bytes_max = limits.pages_bytes_max
        self._logs: dict[str, list[_Page]] = {}  # in their order
        self._kept: dict[_Page, str] = {}  # by their last use
        self._kept_bytes = 0
        self._readings: dict[str, Reading] = {}
        self._trimming: set[str] = set()

    def after(self, room: Room, cursor: int) -> Part | None:
        """What follows the cursor, which is before the head; None: it has to be read."""
        page = self._holding(room.log, cursor + 1)
        if page is None:
            return None
        self._kept[page] = self._kept.pop(page)
        return page.after(cursor)

    def under_way(self, room: Room) -> Reading | None:
        """What somebody reads of the log; None: nobody does."""
        return self._readings.get(room.log)

    def begin(self, room: Room, cursor: int) -> Reading:
        """What follows the cursor will be read, by whoever asks for it here, at once."""
        assert room.log not in self._readings, "one page of a log is read at a time"
        reading = self._readings[room.log] = Reading(room, cursor)
        return reading

    async def read(self, reading: Reading) -> None:
        """Read it; those who wait for it go on, however this ends.

        Raises: StoreError: the log can't be read there.
        Cancel: atomic.
        """
        log = reading.room.log
        try:
            await self._read(reading)
            if not (reading.stale or log in self._trimming):
                self._keep(log, reading.pages)
        finally:
            del self._readings[log]
            self.turns.open(reading.gate)

    async def check_readable(self, room: Room) -> None:
        """Ask for something else of a log of which a page can't be read.

        Raises: StoreError: it is not this page: nothing can be read.
        Cancel: atomic.
        """
        await self._store.trimmed(room.log)

    @contextmanager
    def trimming(self, log: str) -> Iterator[None]:
        """In this block entries are given up.

        Shape:  after an error nobody knows whether they are: until the next block that ends
                well nothing of the log is kept here.
        """
        self._trimming.add(log)
        for page in self._logs.pop(log, ()):
            self._drop(page)
        self._doubt(log)
        yield
        self._doubt(log)
        self._trimming.discard(log)

    def _doubt(self, log: str) -> None:
        if log in self._readings:
            self._readings[log].stale = True

    # --- reading ---------------------------------------------------------------------

    async def _read(self, reading: Reading) -> None:
        room, after = reading.room, reading.after
        through = self._ends(room, after)
        entries = await self._more(room, after, through)
        first = entries[0].seq if entries else through + 1
        if first > after + 1:
            await self._check_trimmed(room, first - 1)
            gap = room.gap(after, first - 1)
            reading.gap = Part(gap, first - 1, 0, first - 1 - after)
        begun = self._ending(room.log, first - 1)
        pages = [begun] if begun is not None else []
        while entries:
            for frame, last in room.frames(entries):
                self._add(pages, frame, entries[0].seq, last)
                entries = entries[last - entries[0].seq + 1 :]
            page = pages[-1]
            if len(pages) > 1 or page.last == through or self._is_full(page):
                break
            entries = await self._yet_more(room, page.last, through)
        reading.pages = pages

    async def _more(self, room: Room, after: int, through: int) -> Sequence[Entry]:
        """The next entries, up to the first hole."""
        entries = await self._store.read(
            room.log, after=after, through=through, limit=self._entries
        )
        if entries and entries[-1].seq - entries[0].seq >= len(entries):
            numbers = enumerate(entries, start=entries[0].seq)
            return [entry for seq, entry in numbers if entry.seq == seq]
        return entries

    async def _yet_more(self, room: Room, after: int, through: int) -> Sequence[Entry]:
        """As _more(), and nothing if they do not follow: that is for who comes there."""
        try:
            entries = await self._more(room, after, through)
        except StoreError:
            return ()
        return entries if entries and entries[0].seq == after + 1 else ()

    def _add(self, pages: list[_Page], frame: bytes, first: int, last: int) -> None:
        if pages:
            page = pages[-1]
            fits = len(page.data) + len(frame) <= self._page_bytes_max
            if fits and not self._is_full(page):
                pages[-1] = _Page(page.first, last, page.data + frame)
                return
        pages.append(_Page(first, last, frame))

    async def _check_trimmed(self, room: Room, through: int) -> None:
        # Asked after the reading: what is not there was given up before it. A hole that is
        # not ours must never be told as if it were.
        if await self._store.trimmed(room.log) < through:
            where = log_words(room.log)
            raise HoleError(f"{through} of {where} is missing in the data file")

    # --- keeping ---------------------------------------------------------------------

    def _before(self, log: str, seq: int) -> tuple[Sequence[_Page], int]:
        """The pages of the log, and how many of them begin at `seq` or before it."""
        pages = self._logs.get(log, [])
        return pages, bisect_right(pages, seq, key=lambda page: page.first)

    def _holding(self, log: str, seq: int) -> _Page | None:
        pages, at = self._before(log, seq)
        return pages[at - 1] if at and pages[at - 1].last >= seq else None

    def _ending(self, log: str, seq: int) -> _Page | None:
        """The page that ends with this entry, if it may grow."""
        page = self._holding(log, seq)
        if page is None or page.last != seq or self._is_full(page):
            return None
        return page

    def _is_full(self, page: _Page) -> bool:
        return len(page.data) >= self.full_bytes

    def _ends(self, room: Room, after: int) -> int:
        """Where a page that begins behind `after` has to end: the next one, or the head."""
        pages, at = self._before(room.log, after + 1)
        return pages[at].first - 1 if at < len(pages) else room.head

    def _keep(self, log: str, pages: Sequence[_Page]) -> None:
        for page in pages:
            there = self._holding(log, page.first)
            if there is not None:  # it has grown
                self._forget(log, there)
            in_order, at = self._logs.setdefault(log, []), self._before(log, page.first)[1]
            in_order.insert(at, page)
            self._kept[page] = log
            self._kept_bytes += len(page.data) + _BOOKS_BYTES
        while self._kept_bytes > self._bytes_max:
            page = next(iter(self._kept))
            self._forget(self._kept[page], page)

    def _forget(self, log: str, page: _Page) -> None:
        self._logs[log].remove(page)
        if not self._logs[log]:
            del self._logs[log]
        self._drop(page)

    def _drop(self, page: _Page) -> None:
        del self._kept[page]
        self._kept_bytes -= len(page.data) + _BOOKS_BYTES
