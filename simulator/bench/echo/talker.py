"""`python -m simulator.bench.echo.talker HOST PORT RATE`: says so many lines a second.

A process of its own: it must not have the reader of the terminal wait. It ends with its
standard input.
"""

import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import Final

from simulator.bench.echo.plan import text_of
from trio_chat.protocol.framing import encode
from trio_chat.protocol.messages import PROTOCOL_VERSION, Hello, Join, Say

AUTHORS: Final = 5
ROOM: Final = "lobby"
_TURN_S: Final = 0.005
_BUFFER_BYTES: Final = 1 << 20
_LATE_S: Final = 0.25
"""Who was kept from talking for so long does not catch up with all of it."""


class Talker:
    """One author, on a socket of its own."""

    def __init__(self, host: str, port: int, nick: str) -> None:
        self.socket = socket.create_connection((host, port))
        self._nick = nick
        self._said = 0
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hello = Hello(v=PROTOCOL_VERSION, nick=nick)
        self.socket.sendall(encode([hello, Join(room=ROOM, history=0)]))

    def say(self, count: int) -> None:
        """So many lines, at once."""
        numbers = range(self._said + 1, self._said + count + 1)
        self._said += count
        lines = [Say(room=ROOM, n=n, text=text_of(self._nick, n)) for n in numbers]
        self.socket.sendall(encode(lines))


def talk(talkers: Sequence[Talker], rate_per_s: int) -> None:
    """Talk by turns until standard input ends; what others say is thrown away."""
    sockets = [each.socket for each in talkers]
    due_s, turn, due = time.perf_counter(), 0, [0] * len(talkers)
    buffer = bytearray(_BUFFER_BYTES)
    while True:
        readable, _, _ = select.select([*sockets, sys.stdin], [], [], _TURN_S)
        if sys.stdin in readable:
            return
        for each in sockets:
            if each in readable and not each.recv_into(buffer):
                return
        now_s = time.perf_counter()
        due_s = max(due_s, now_s - _LATE_S)
        count = int((now_s - due_s) * rate_per_s)
        if count and now_s - due_s >= _TURN_S:
            due_s += count / rate_per_s
            for line in range(count):
                due[(turn + line) % len(talkers)] += 1
            turn += count
            for talker, lines in zip(talkers, due, strict=True):
                talker.say(lines)
            due = [0] * len(talkers)


def main() -> None:
    """What it can be asked."""
    host, port, rate_per_s = sys.argv[1:]
    talkers = [Talker(host, int(port), f"t{number}") for number in range(AUTHORS)]
    talk(talkers, int(rate_per_s))


if __name__ == "__main__":
    main()
