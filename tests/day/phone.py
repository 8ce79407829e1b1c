"""Another device of somebody: it hears what is said, and how far they have read."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from tests.day.person import PATIENCE_S
from tests.day.scrollback import Shown, bare
from trio_chat import Client, open_client
from trio_chat.addresses import Address
from trio_chat.client.events import Entry, Marked, Opened


class Phone:
    """It lies on the table; get one from open_phone()."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._changed = trio.lowlevel.ParkingLot()
        self._heads: Counter[str] = Counter()
        self._read: Counter[str] = Counter()

    async def until_all_read(self, *rooms: str) -> None:
        """Wait until the server knows that all that was said there was read."""
        with trio.move_on_after(PATIENCE_S):
            while any(self._read[room] < self._heads[room] for room in rooms):
                await self._changed.park()
            return
        raise AssertionError(f"read is {self._read}, and said {self._heads}")

    async def log(self, *rooms: str) -> dict[str, list[Shown]]:
        """Who has said what, by room, as the library tells it."""
        log: dict[str, list[Shown]] = defaultdict(list)
        for room in rooms:
            page = await self._client.fetch(room, after=0, through=self._heads[room])
            assert len(page.entries) == self._heads[room]
            log[room] = [
                (entry.nick, bare(entry.text))
                for entry in page.entries
                if entry.is_line or entry.kind == "edit"
            ]
        return log

    async def _listen(self) -> None:
        async for event in self._client:
            match event:
                case Opened(room=room, head=head, read=read):
                    self._heads[room] = max(self._heads[room], head)
                    self._read[room] = max(self._read[room], read or 0)
                case Entry(room=room, seq=seq):
                    self._heads[room] = max(self._heads[room], seq)
                case Marked(room=room, seq=seq):
                    self._read[room] = max(self._read[room], seq)
                case _:
                    continue
            self._changed.unpark_all()


@asynccontextmanager
async def open_phone(
    address: Address, nick: str, person: str, rooms: Sequence[str]
) -> AsyncIterator[Phone]:
    """A device of this person, in these rooms."""
    async with (
        open_client(address, nick=nick, rooms=rooms, person=person, insist=True) as client,
        trio.open_nursery() as nursery,
    ):
        phone = Phone(client)
        nursery.start_soon(phone._listen)
        yield phone
        nursery.cancel_scope.cancel()
