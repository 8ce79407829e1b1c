"""A whole server in memory, and people who speak raw lines to it."""

import itertools
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import structlog
import trio
from trio.testing import memory_stream_pair

from trio_chat.errors import StoreError
from trio_chat.server import Limits, Running, serve
from trio_chat.store import Draft, MemoryStore, Outcome, Store

Json: TypeAlias = dict[str, Any]
StreamPair: TypeAlias = Callable[[], tuple[Any, Any]]


class Unsure(MemoryStore):
    """Stores, and says so many times that it did not: a COMMIT with an error."""

    def __init__(self, errors: int) -> None:
        super().__init__("e")
        self._errors = errors

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        outcomes = await super().append(drafts, ts)
        if self._errors:
            self._errors -= 1
            raise StoreError("disk I/O error")
        return outcomes


class MemoryListener(trio.abc.Listener[Any]):
    """A listener whose connections are made by `dial`."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Any](1_000)

    def dial(self, pair: StreamPair = memory_stream_pair) -> Any:
        """The client's end of a new connection."""
        client, server = pair()
        self._send.send_nowait(server)
        return client

    async def accept(self) -> Any:
        return await self._receive.receive()

    async def aclose(self) -> None:
        self._send.close()
        self._receive.close()
        await trio.lowlevel.checkpoint()


class Person:
    """Somebody who types the protocol by hand."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._kept = b""
        self._numbers = itertools.count(1)

    async def send(self, *messages: Json | bytes) -> None:
        """Send messages, or bytes as they are."""
        lines = [
            message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            for message in messages
        ]
        await self.stream.send_all(b"".join(lines))

    async def say(self, text: str, room: str = "lobby") -> int:
        """Say something; its number."""
        number = next(self._numbers)
        await self.send({"t": "say", "room": room, "n": number, "text": text})
        return number

    async def line(self) -> Json | None:
        """The next message, or None at the end."""
        while b"\n" not in self._kept:
            data = await self.stream.receive_some()
            if not data:
                return None
            self._kept += bytes(data)
        line, _, self._kept = self._kept.partition(b"\n")
        message: Json = json.loads(line)
        return message

    async def hear(self, tag: str) -> Json:
        """The next message of this kind; others are passed over."""
        while (message := await self.line()) is not None:
            if message["t"] == tag:
                return message
        raise AssertionError(f"the link ended before any {tag!r}")

    async def rest(self) -> list[Json]:
        """All that comes until nothing does for a second."""
        messages = []
        with trio.move_on_after(1):
            while (message := await self.line()) is not None:
                messages.append(message)
        return messages

    async def texts(self, count: int) -> list[tuple[int, str]]:
        """The next entries, by seq and text."""
        entries = [await self.hear("entry") for _ in range(count)]
        return [(entry["seq"], entry["text"]) for entry in entries]

    async def ended(self) -> bool:
        """Whether the server closes the link, whatever it says before."""
        with trio.move_on_after(100):
            while await self.line() is not None:
                pass
            return True
        return False


class World:
    """A running server."""

    def __init__(self, listener: MemoryListener, running: Running, log: list[Json]) -> None:
        self.running = running
        self.log = log
        self._listener = listener

    def dial(self, pair: StreamPair = memory_stream_pair) -> Person:
        """Somebody who has not said hello."""
        return Person(self._listener.dial(pair))

    async def person(
        self, nick: str, *rooms: str, pair: StreamPair = memory_stream_pair, **hello: Any
    ) -> Person:
        """Somebody who is in these rooms (the lobby, if none are given)."""
        person = self.dial(pair)
        await person.send({"t": "hello", "v": 1, "nick": nick, **hello})
        await person.hear("welcome")
        for room in rooms or ("lobby",):
            await person.send({"t": "join", "room": room})
            await person.hear("room")
            await person.hear("members")
        return person

    def events(self, name: str) -> list[Json]:
        """What the console was told under this name."""
        return [event for event in self.log if event["event"] == name]


@asynccontextmanager
async def open_world(store: Store | None = None, **limits: Any) -> AsyncIterator[World]:
    """A server in memory; it is cut off, not drained, at the end of the block."""
    log: list[Json] = []
    listener = MemoryListener()
    secrets = itertools.count(1)
    async with trio.open_nursery() as nursery:
        running: Running = await nursery.start(
            partial(
                serve,
                [listener],
                store or MemoryStore("epoch-1"),
                log=recording(log),
                new_secret=lambda: f"secret-{next(secrets)}",
                rng=random.Random(1),
                limits=Limits(**limits),
                wall_clock_s=lambda: 1_000.0 + trio.current_time(),
            )
        )
        yield World(listener, running, log)
        nursery.cancel_scope.cancel()


def recording(log: list[Json]) -> structlog.typing.FilteringBoundLogger:
    """A logger that keeps what it is told."""

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
        log.append(dict(event))
        raise structlog.DropEvent

    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    return logger
