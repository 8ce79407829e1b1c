"""A server that a test plays by hand, message by message, over streams in memory."""

import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio
from trio.testing import memory_stream_pair

from trio_chat import Client, open_client
from trio_chat.addresses import Address
from trio_chat.client.events import ClientEvent
from trio_chat.client.link import LinkLostError
from trio_chat.protocol import messages
from trio_chat.protocol.framing import BadLine, client_messages, encode
from trio_chat.protocol.messages import (
    CREDIT,
    Entry,
    Hello,
    Join,
    Message,
    Room,
    Welcome,
)

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=ClientEvent)

PATIENCE_S = 1_000


class FakePeer:
    """The server's end of one connection."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._decoder = client_messages()
        self._heard: deque[Message | BadLine] = deque()

    async def say(self, *said: Message) -> None:
        await self.stream.send_all(encode(said))

    async def message(self) -> Message | None:
        """What the client says next, or None at the end."""
        with trio.fail_after(PATIENCE_S):
            while not self._heard:
                data = await self.stream.receive_some()
                if not data:
                    return None
                self._heard.extend(self._decoder.feed(bytes(data)))
        item = self._heard.popleft()
        assert not isinstance(item, BadLine), item
        return item

    async def hear(self, kind: type[M]) -> M:
        """The next message of this kind; heartbeats are passed over, others are wrong."""
        while (message := await self.message()) is not None:
            if isinstance(message, kind):
                return message
            assert isinstance(message, messages.Ping | messages.Pong), message
        raise AssertionError(f"the link ended before any {kind.__name__}")

    async def welcome(
        self,
        *more: Message,
        epoch: str = "one",
        heartbeat_s: float = 15,
        credit: int = CREDIT,
    ) -> Hello:
        """Take the hello, and answer it, with more in the same piece."""
        hello = await self.hear(Hello)
        await self.say(
            Welcome(
                v=1,
                nick=hello.nick,
                epoch=epoch,
                software="fake",
                heartbeat_s=heartbeat_s,
                text_bytes_max=16_384,
                credit=credit,
            ),
            *more,
        )
        return hello

    async def joins(self, count: int = 2) -> dict[str, Join]:
        """The joins that come next, by room: the inbox and the lobby, as a rule."""
        heard = [await self.hear(Join) for _ in range(count)]
        return {join.room: join for join in heard}

    async def take_in(
        self, *, head: int = 0, epoch: str = "one", credit: int = CREDIT
    ) -> dict[str, Join]:
        """Welcome the client, and answer its joins from where it wants to read."""
        await self.welcome(epoch=epoch, credit=credit)
        joins = await self.joins()
        for room, join in joins.items():
            room_head = 0 if room == "@" else head
            await self.say(Room(room=room, after=join.after or 0, head=room_head))
        return joins

    async def hang_up(self) -> None:
        await self.stream.aclose()


class Exchange:
    """Where a client's dials end up."""

    def __init__(self) -> None:
        self.dialled_at_s: list[float] = []
        self.refuses = False
        self._send, self._receive = trio.open_memory_channel[FakePeer](100)

    async def dial(self, address: Address) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        self.dialled_at_s.append(trio.current_time())
        if self.refuses:
            raise LinkLostError(f"connection refused by {address}")
        ours, theirs = memory_stream_pair()
        self._send.send_nowait(FakePeer(theirs))
        return ours

    async def peer(self) -> FakePeer:
        """The next connection."""
        with trio.fail_after(PATIENCE_S):
            return await self._receive.receive()


@asynccontextmanager
async def open_fake(
    exchange: Exchange | None = None, **options: Any
) -> AsyncIterator[tuple[Client, Exchange]]:
    """A client named ada, in the lobby, that dials into an exchange."""
    exchange = exchange or Exchange()
    options = {"nick": "ada", "rng": random.Random(7), "dial": exchange.dial, **options}
    async with open_client("fake:1", **options) as client:
        yield client, exchange


async def event(client: Client, kind: type[E]) -> E:
    """The next event of this kind; others are passed over."""
    with trio.fail_after(PATIENCE_S):
        async for each in client:
            if isinstance(each, kind):
                return each
    raise AssertionError(f"the client ended before any {kind.__name__}")


def entry(seq: int, text: str | None = None, room: str = "lobby") -> Entry:
    words = f"entry {seq}" if text is None else text
    return Entry(room=room, seq=seq, nick="bob", text=words, ts=0.0)
