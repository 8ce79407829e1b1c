"""Asks for what somebody wants to see of the past, and prints it when it comes."""

from typing import Final, TypeAlias

import trio

from trio_chat.client import Client
from trio_chat.client.past import Page
from trio_chat.errors import NoLinkError, RefusedError
from trio_chat.protocol.messages import INBOX
from trio_chat.ui import past
from trio_chat.ui.asked import NO_ROOM
from trio_chat.ui.commands import Fill, History, Jump, LookBack, Search
from trio_chat.ui.front import Front
from trio_chat.ui.past import Range, Sought
from trio_chat.ui.state import Line, Note, Update, place

WAITING_MAX: Final = 3
FOUND_LINES: Final = 10
"""So many places are shown at once: with what stands around them, about a screen."""
_Asked: TypeAlias = tuple[str, LookBack]


class LookingBack:
    """What is asked of the past, one after the other; the prompt waits for none of it."""

    def __init__(self, desk: Front, client: Client) -> None:
        self._desk = desk
        self._client = client
        self._sought: Sought | None = None
        self._send, self._to_do = trio.open_memory_channel[_Asked](WAITING_MAX)

    def ask(self, wanted: LookBack) -> str:
        """Have it printed as soon as it is known; why it won't be, or nothing."""
        try:
            name = INBOX if wanted.inbox else self._desk.view.current
            if not name:
                return NO_ROOM
            self._send.send_nowait((name, wanted))
        except trio.WouldBlock:
            return "what you have asked for before is still looked for: ask again then"
        return ""

    async def run(self) -> None:
        """Ask, and print.

        Cancel: what was asked for is not printed.
        """
        async for room, wanted in self._to_do:
            try:
                answer = await self._answered(room, wanted)
            except (RefusedError, NoLinkError) as error:
                answer = Note(f"{place(room)}: {error}")
            if isinstance(answer, Update):
                self._desk.follow(answer)
            else:
                self._desk.print(answer)
            await self._desk.drained()

    async def _answered(self, name: str, wanted: LookBack) -> Update | Line:
        """What is to be printed.

        Raises: RefusedError, NoLinkError: it can't be had now.
        """
        room = self._desk.view.log(name)
        if room is None:
            return Note(f"you are not in {place(name)} any more")
        match wanted:
            case History(lines=lines):
                asked = past.earlier(room, lines)
                if not isinstance(asked, Range):
                    return asked
                page = await self._fetched(name, asked)
                return past.history(self._desk.view, name, asked, page)
            case Fill():
                asked = past.left_out(room)
                if not isinstance(asked, Range):
                    return asked
                page = await self._fetched(name, asked)
                return past.filled(self._desk.view, name, asked, page)
            case Jump(seq=seq):
                page = await self._fetched(name, past.around(seq))
                return past.jumped(self._desk.view, name, seq, page)
            case Search(words=words):
                return await self._searched(name, words)

    async def _fetched(self, name: str, asked: Range) -> Page:
        return await self._client.fetch(name, after=asked.after, through=asked.through)

    async def _searched(self, name: str, words: str) -> Update | Line:
        last = self._sought
        if words:
            sought = Sought(name, words)
        elif last is None:
            return Note("it is /search WORDS: what do you look for?")
        elif last.before is None:
            return Note(f"there is nothing older with \u201c{last.words}\u201d")
        else:
            sought = last
        answer = await self._client.search(
            sought.room, sought.words, before=sought.before, limit=FOUND_LINES
        )
        self._sought = Sought(sought.room, sought.words, answer.before)
        return past.found(self._desk.view, sought, answer)
