"""What is asked about the past: entries that one has not, and where words were said.

Nothing of it moves a cursor, or is an event: the answer goes to whoever asked. Who asks
while the link is lost, or loses it before the answer, is told so, and asks again if they
still want to know.
"""

from collections.abc import Callable
from itertools import count
from typing import Final, TypeVar

import msgspec
import trio

from trio_chat.client.events import GONE, Entry, Gap
from trio_chat.client.rooms import as_event
from trio_chat.errors import NoLinkError, RefusedError
from trio_chat.protocol import messages
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import (
    FETCHED_MAX,
    FOUND_MAX,
    WORDS_CHARS_MAX,
    Fetch,
    Message,
    Search,
)

ASKED_MAX: Final = 4
"""Requests of one client without an answer; who asks for more waits."""
_LOST: Final = "the link was lost before the answer came"


class Page(msgspec.Struct, frozen=True):
    """Past entries of a room, oldest first, and the gaps where they can't be had."""

    room: str
    """The room."""
    events: tuple[Entry | Gap, ...]
    """All that was asked for and has been said, without a hole."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Those that are there."""
        return tuple(each for each in self.events if isinstance(each, Entry))


class Found(msgspec.Struct, frozen=True):
    """Where words were said."""

    room: str
    """The room."""
    entries: tuple[Entry, ...]
    """Newest first; one that was edited has the text that it has now."""
    before: int | None
    """To find older ones; None: these are all."""


class _Asked:
    """A request on its way."""

    def __init__(self, message: Fetch | Search) -> None:
        self.message = message
        self.done = trio.Event()
        self.error: Exception | None = None


class _Fetched(_Asked):
    """Entries on their way, which may come in several lines."""

    def __init__(self, message: Fetch) -> None:
        super().__init__(message)
        self.events: list[Entry | Gap] = []
        self._cursor = message.after
        self._through = message.through

    def take(self, page: messages.Page) -> None:
        """Another line of the answer; what was not asked for is left out."""
        self._miss(min(page.trimmed_through, self._through), GONE)
        for entry in page.entries:
            if self._cursor < entry.seq <= self._through:
                self._miss(entry.seq - 1, "missing")
                self.events.append(as_event(entry))
                self._cursor = entry.seq

    def _miss(self, through: int, reason: str) -> None:
        if through > self._cursor:
            self.events.append(Gap(self.message.room, self._cursor, through, reason))
            self._cursor = through


class _Sought(_Asked):
    """Entries that words are looked for in."""

    found: messages.Found | None = None


A = TypeVar("A", bound=_Asked)


class Asking:
    """Requests about the past, over whatever link there is.

    Shape:  `request` sends a message if there is a link, which `has_link` says.
    """

    def __init__(
        self, request: Callable[[Message], None], has_link: Callable[[], bool]
    ) -> None:
        self._request = request
        self._has_link = has_link
        self._numbers = count(1)
        self._asked: dict[int, _Asked] = {}  # in their order
        self._turns = trio.CapacityLimiter(ASKED_MAX)

    async def fetch(self, room: str, after: int, through: int) -> Page:
        """As Client.fetch."""
        events: list[Entry | Gap] = []
        for begin in range(max(after, 0), through, FETCHED_MAX):
            end = min(begin + FETCHED_MAX, through)
            fetch = Fetch(room=room, id=next(self._numbers), after=begin, through=end)
            events += (await self._answered(_Fetched(fetch))).events
        return Page(room, tuple(_joined(events)))

    async def search(self, room: str, words: str, before: int | None, limit: int) -> Found:
        """As Client.search."""
        _check(words)
        number = next(self._numbers)
        search = Search(
            room=room,
            id=number,
            words=words,
            before=before,
            limit=max(1, min(limit, FOUND_MAX)),
        )
        found = (await self._answered(_Sought(search))).found
        assert found is not None
        entries = tuple(map(as_event, found.entries))
        return Found(room, entries, found.before if found.more else None)

    async def _answered(self, asked: A) -> A:
        async with self._turns:
            if not self._has_link():
                raise NoLinkError("there is no link to the server now")
            self._asked[asked.message.id] = asked
            try:
                self._request(asked.message)
                await asked.done.wait()
            finally:
                self._asked.pop(asked.message.id, None)
        if asked.error is not None:
            raise asked.error
        return asked

    # --- what is heard ---------------------------------------------------------------

    def answered(self, message: messages.Page | messages.Found) -> None:
        """An answer has come, or a part of one; none is for who does not wait any more."""
        asked = self._asked.get(message.id)
        if isinstance(asked, _Fetched) and isinstance(message, messages.Page):
            asked.take(message)
            if not message.more:
                asked.done.set()
        elif isinstance(asked, _Sought) and isinstance(message, messages.Found):
            asked.found = message
            asked.done.set()

    def refused(self, message: messages.Refused | messages.Error) -> bool:
        """Something is refused; whether it was one of ours."""
        if isinstance(message, messages.Refused):
            asked = self._asked.get(message.id) if message.id is not None else None
            if asked is not None:
                self._fail(asked, RefusedError(message.code, message.reason))
            return message.id is not None
        waiting = (each for each in self._asked.values() if not each.done.is_set())
        asked = next(waiting, None) if message.code == Code.UNKNOWN_TYPE else None
        if asked is not None:
            words = "this server is too old to be asked for it"
            self._fail(asked, RefusedError(message.code, words))
        return asked is not None

    def cut(self) -> None:
        """The link is lost: whoever waits is told."""
        for asked in self._asked.values():
            if not asked.done.is_set():
                self._fail(asked, NoLinkError(_LOST))

    def _fail(self, asked: _Asked, error: Exception) -> None:
        asked.error = error
        asked.done.set()


def _check(words: str) -> None:
    """Whether this can be asked at all: what can't is no good line, and has no answer."""
    if len(words) > WORDS_CHARS_MAX:
        most = f"what is looked for has at most {WORDS_CHARS_MAX} characters"
        raise RefusedError(Code.TEXT_TOO_LONG, f"{most}, not {len(words):,}")
    try:
        words.encode()
    except UnicodeEncodeError:
        raise RefusedError(Code.BAD_UTF8, "it can't be written as UTF-8") from None


def _joined(events: list[Entry | Gap]) -> list[Entry | Gap]:
    """The same, with one gap in the place of several that follow each other."""
    joined: list[Entry | Gap] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, Gap) and isinstance(last, Gap) and last.reason == event.reason:
            joined[-1] = Gap(event.room, last.after, event.through, event.reason)
        else:
            joined.append(event)
    return joined
