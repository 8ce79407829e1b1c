"""Another device of somebody, and a clerk: what the server has, as the library tells it."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from tests.day.person import PATIENCE_S
from tests.day.scrollback import Shown, bare
from trio_chat import Client, open_client
from trio_chat.addresses import Address
from trio_chat.client.events import Marked, Opened


class Phone:
    """It lies on the table, and hears how far was read; get one from open_phone()."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._changed = trio.lowlevel.ParkingLot()
        self._read: Counter[str] = Counter()

    async def until_read(self, heads: Mapping[str, int]) -> None:
        """Wait until the server knows that all was read up to these entries."""
        with trio.move_on_after(PATIENCE_S):
            while any(self._read[room] < head for room, head in heads.items()):
                await self._changed.park()
            return
        raise AssertionError(f"read is {dict(self._read)} of {heads}")

    async def _listen(self) -> None:
        async for event in self._client:
            match event:
                case Opened(room=room, read=int(read)) | Marked(room=room, seq=read):
                    self._read[room] = max(self._read[room], read)
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


async def heads_of(address: Address, rooms: Sequence[str]) -> dict[str, int]:
    """The number of the last entry of each of these rooms."""
    async with open_client(address, nick="clerk", rooms=rooms, history=0) as client:
        return await _heads(client, rooms)


async def log_of(address: Address, rooms: Sequence[str]) -> dict[str, list[Shown]]:
    """Who has said what, by room."""
    async with open_client(address, nick="clerk", rooms=rooms, history=0) as client:
        log = {}
        for room, head in (await _heads(client, rooms)).items():
            page = await client.fetch(room, after=0, through=head)
            assert [entry.seq for entry in page.entries] == [*range(1, head + 1)]
            said = [each for each in page.entries if each.is_line or each.kind == "edit"]
            log[room] = [(entry.nick, bare(entry.text)) for entry in said]
        return log


async def _heads(client: Client, rooms: Sequence[str]) -> dict[str, int]:
    heads: dict[str, int] = {}
    async for event in client:
        if isinstance(event, Opened) and event.room in rooms:
            heads[event.room] = event.head
        if len(heads) == len(rooms):
            break
    return heads
