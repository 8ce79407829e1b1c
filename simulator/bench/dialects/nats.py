"""NATS: a room is a subject, which all its members publish to and subscribe to.

An entry is two lines, its head and what was said. Nobody says who said it, so that the
text begins with the nick.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.bench.dialects.dialect import Answer, Aside, Joined, Refusal, Said
from simulator.bench.dialects.lines import TEXT, Runs, said_in, text, whole_lines

_CONNECT: Final = 'CONNECT {"verbose":false,"pedantic":false,"echo":true}'
_HEAD: Final = b"MSG "

_runs: Final = Runs(rb"(?:MSG |\w+ \d+ )")
_ENTRY: Final = re.compile(rb"MSG \S+ 1 \d+\r\n(\w+) " + TEXT + rb"\r\n")
_ASIDE: Final = re.compile(
    rb"^(?:(?P<ping>PING)|(?P<pong>PONG)|-ERR (?P<error>[^\r\n]*))", re.MULTILINE
)


class Nats:
    """No number, and no word that anything was taken; authors get what they say."""

    numbered = False
    echoes = True
    asks = b"PING"
    longest_text_bytes = 4096

    def enter(self, nick: str, room: str) -> bytes:
        """As Dialect.enter; an answer to the ping says that all before it is done."""
        del nick
        return f"{_CONNECT}\r\nSUB {room} 1\r\nPING\r\n".encode()

    def say(self, nick: str, room: str, numbers: Sequence[int], text_bytes: int) -> bytes:
        """As Dialect.say."""
        said = (f"{nick} {text(n, text_bytes)}" for n in numbers)
        return "".join(f"PUB {room} {len(each)}\r\n{each}\r\n" for each in said).encode()

    def cut(self, data: bytes) -> int:
        """As Dialect.cut: a head alone is not whole."""
        end = whole_lines(data)
        last = data.rfind(b"\n", 0, end - 1) + 1 if end else 0
        return last if data.startswith(_HEAD, last, end) else end

    def runs(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """As Dialect.runs."""
        return _runs(data)

    def entries(self, run: bytes) -> Iterator[Said]:
        """As Dialect.entries."""
        return said_in(run, _ENTRY)

    def asides(self, run: bytes, room: str) -> Iterator[Aside]:
        """As Dialect.asides."""
        del room
        for found in _ASIDE.finditer(run):
            if found["ping"]:
                yield Answer(b"PONG\r\n")
            elif found["pong"]:
                yield Joined()
            else:
                yield Refusal(found["error"].decode(errors="replace"))
