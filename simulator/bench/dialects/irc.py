"""IRC, as RFC 2812 has it: a room is a channel."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.bench.dialects.dialect import Answer, Aside, Joined, Refusal, Said
from simulator.bench.dialects.lines import TEXT, Runs, said_in, text, whole_lines

_WELCOME: Final = b"001"
_END_OF_NAMES: Final = b"366"
_NO_MOTD: Final = b"422"

_runs: Final = Runs(rb":[^ \n]+ PRIVMSG ")
_ENTRY: Final = re.compile(rb":(\w+)![^ \n]+ PRIVMSG #[^ \n]+ :" + TEXT + rb"\r\n")
_ASIDE: Final = re.compile(
    rb"^(?:PING (?P<ping>[^\r\n]*)"
    rb"|:[^ \n]+ (?P<code>001|366|[45]\d\d) (?P<words>[^\r\n]*)"
    rb"|ERROR (?P<error>[^\r\n]*))",
    re.MULTILINE,
)


class Irc:
    """No number, no echo, no word that anything was taken."""

    numbered = False
    echoes = False
    asks = b"PING "
    longest_text_bytes = 400

    def enter(self, nick: str, room: str) -> bytes:
        """As Dialect.enter; the channel is asked for once the server has said welcome."""
        del room
        return f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode()

    def say(self, nick: str, room: str, numbers: Sequence[int], text_bytes: int) -> bytes:
        """As Dialect.say; who says it is known by the connection."""
        del nick
        said = (f"PRIVMSG #{room} :{text(n, text_bytes)}\r\n" for n in numbers)
        return "".join(said).encode()

    def cut(self, data: bytes) -> int:
        """As Dialect.cut."""
        return whole_lines(data)

    def runs(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """As Dialect.runs."""
        return _runs(data)

    def entries(self, run: bytes) -> Iterator[Said]:
        """As Dialect.entries."""
        return said_in(run, _ENTRY)

    def asides(self, run: bytes, room: str) -> Iterator[Aside]:
        """As Dialect.asides; others' coming and going does not matter."""
        for found in _ASIDE.finditer(run):
            if found["ping"] is not None:
                yield Answer(b"PONG " + found["ping"] + b"\r\n")
            elif found["code"] == _WELCOME:
                yield Answer(f"JOIN #{room}\r\n".encode())
            elif found["code"] == _END_OF_NAMES:
                yield Joined()
            elif found["code"] != _NO_MOTD:
                yield Refusal((found["words"] or found["error"]).decode(errors="replace"))
