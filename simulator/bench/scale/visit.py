"""What a person does who is in no hurry: joins a room, reads some of it, says a line."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from trio_chat.addresses import Address
from trio_chat.protocol.framing import encode
from trio_chat.protocol.messages import PROTOCOL_VERSION, Hello, Join, Message, Say

_PATIENCE_S: Final = 120.0
_READ_BYTES: Final = 64 * 1024

clock_s: Final = time.perf_counter


@dataclass(eq=False, slots=True)
class Visitor:
    """One connection, which waits for whatever it has asked for."""

    _socket: socket.socket
    _kept: list[bytes] = field(default_factory=lambda: [b""])

    def send(self, *messages: Message) -> None:
        """Say all of them at once."""
        self._socket.sendall(encode(messages))

    def hear(self, tag: str) -> dict[str, Any]:
        """The next message of this kind; others are passed over.

        Raises: OSError: it does not come.
        """
        while True:
            message: dict[str, Any] = msgspec.json.decode(self._line())
            if message["t"] == tag:
                return message

    def _line(self) -> bytes:
        while len(self._kept) == 1:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError("the server has ended the connection")
            first, *more = data.split(b"\n")
            self._kept[0] += first
            self._kept += more
        return self._kept.pop(0)


@contextmanager
def visiting(address: Address, nick: str) -> Iterator[Visitor]:
    """A connection that has said hello; it is closed with the block."""
    where = (address.host, address.port)
    with socket.create_connection(where, timeout=_PATIENCE_S) as connected:
        visitor = Visitor(connected)
        visitor.send(Hello(v=PROTOCOL_VERSION, nick=nick))
        visitor.hear("welcome")
        yield visitor


def join_s(address: Address, nick: str, room: str, *, after: int | None = None) -> float:
    """How long it takes until somebody who joins has the first entry that it wants."""
    with visiting(address, nick) as visitor:
        began_s = clock_s()
        visitor.send(Join(room=room, after=after))
        visitor.hear("entry")
        return clock_s() - began_s


def read_s(address: Address, nick: str, room: str, *, after: int, count: int) -> float:
    """How long it takes to get so many entries from there on."""
    with visiting(address, nick) as visitor:
        began_s = clock_s()
        visitor.send(Join(room=room, after=after))
        while visitor.hear("entry")["seq"] < after + count:
            pass
        return clock_s() - began_s


def say_s(address: Address, nick: str, room: str, count: int) -> list[float]:
    """How long each of so many lines takes until it is accepted, one after the other."""
    took_s: list[float] = []
    with visiting(address, nick) as visitor:
        visitor.send(Join(room=room, history=0))
        visitor.hear("members")
        for n in range(1, count + 1):
            began_s = clock_s()
            visitor.send(Say(room=room, n=n, text=f"{n}"))
            visitor.hear("accepted")
            took_s.append(clock_s() - began_s)
    return took_s
