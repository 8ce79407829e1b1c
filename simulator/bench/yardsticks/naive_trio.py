"""A chat on trio as one writes it first: a yardstick for the bench.

A member is a task that reads, a memory channel, and a task that writes what comes through
it: for each line and each member one item and one send. It speaks what plain_threads.py
does: `python -m simulator.bench.yardsticks.naive_trio`.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final

import trio

WAITING_MAX: Final = 100
"""Lines for one member; whoever says more waits."""


class Room:
    """Who is there."""

    def __init__(self) -> None:
        self._members: set[trio.MemorySendChannel[bytes]] = set()

    async def enter(self, member: trio.MemorySendChannel[bytes], nick: str) -> None:
        """Greet the new one, and tell the others. Cancel: some have been told."""
        await member.send(f"* welcome, {nick}\n".encode())
        self._members.add(member)
        await self.tell(f"* {nick} has joined\n".encode(), but=member)

    async def tell(self, line: bytes, but: trio.MemorySendChannel[bytes]) -> None:
        """To all but who says it. Cancel: some have been told."""
        for member in [each for each in self._members if each is not but]:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # it left
                await member.send(line)

    async def leave(self, member: trio.MemorySendChannel[bytes], nick: str) -> None:
        """Tell the others. Cancel: some have been told."""
        self._members.discard(member)
        await self.tell(f"* {nick} has left\n".encode(), but=member)


class Chat:
    """All rooms."""

    def __init__(self) -> None:
        self._rooms: defaultdict[str, Room] = defaultdict(Room)

    async def serve(self, stream: trio.SocketStream) -> None:
        """One member, from its first line to its last. Cancel: it is gone."""
        send, receive = trio.open_memory_channel[bytes](WAITING_MAX)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, stream, receive)
            await self._read(stream, send)
            nursery.cancel_scope.cancel()

    async def _read(
        self, stream: trio.SocketStream, member: trio.MemorySendChannel[bytes]
    ) -> None:
        lines = _lines(stream)
        nick, _, place = (await anext(lines, b"")).decode().strip().partition(" ")
        room = self._rooms[place]
        await room.enter(member, nick)
        with suppress(trio.BrokenResourceError):
            async for line in lines:
                await room.tell(f"{nick}: ".encode() + line, but=member)
        await room.leave(member, nick)

    async def _write(
        self, stream: trio.SocketStream, waiting: trio.MemoryReceiveChannel[bytes]
    ) -> None:
        with suppress(trio.BrokenResourceError):  # it has gone: its reader sees that too
            async for line in waiting:
                await stream.send_all(line)


async def _lines(stream: trio.SocketStream) -> AsyncIterator[bytes]:
    rest = b""
    async for data in stream:
        *lines, rest = (rest + bytes(data)).split(b"\n")
        for line in lines:
            yield line + b"\n"


async def main(port: int) -> None:
    """Serve until ended. Cancel: at once."""
    async with trio.open_nursery() as nursery:
        chat = Chat()
        serve = partial(trio.serve_tcp, chat.serve, port, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        sys.stdout.write("listening on {}:{}\n".format(*listener.socket.getsockname()))
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A chat on trio as one writes it first.")
    parser.add_argument("--port", type=int, default=0)
    trio.run(main, parser.parse_args().port)
