"""Our wire as the load speaks it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from simulator.bench.dialects.dialect import Accepted, Answer, Aside, Joined, Refusal, Said
from simulator.bench.dialects.lines import PADDING, Runs, text, whole_lines
from trio_chat.protocol import messages
from trio_chat.protocol.framing import encode

_ENTRY_BEGINS: Final = b'{"t":"entry"'
"""Every entry's line begins so, and no other line does: the server writes `t` first."""
_PONG: Final = encode([messages.Pong()])

_runs: Final = Runs(re.escape(_ENTRY_BEGINS))
_decoder: Final[msgspec.json.Decoder[messages.ServerMessage]] = msgspec.json.Decoder(
    messages.ServerMessage
)


class Ours:
    """Entries have a seq, go to their authors too, and are accepted."""

    numbered = True
    echoes = True
    asks = b'{"t":"ping"'
    longest_text_bytes = messages.TEXT_BYTES_MAX

    def enter(self, nick: str, room: str) -> bytes:
        """As Dialect.enter: hello, and into the room, from its first entry on."""
        version = messages.PROTOCOL_VERSION
        hello = messages.Hello(v=version, nick=nick, device=nick, software="bench")
        return encode([hello, messages.Join(room=room, after=0)])

    def say(self, nick: str, room: str, numbers: Sequence[int], text_bytes: int) -> bytes:
        """As Dialect.say; who says it is known by the connection."""
        del nick
        said = [messages.Say(room=room, n=n, text=text(n, text_bytes)) for n in numbers]
        return encode(said)

    def cut(self, data: bytes) -> int:
        """As Dialect.cut."""
        return whole_lines(data)

    def runs(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """As Dialect.runs."""
        return _runs(data)

    def entries(self, run: bytes) -> Iterator[Said]:
        """As Dialect.entries."""
        end = 0
        for line in run.splitlines(keepends=True):
            end += len(line)
            entry = _decoder.decode(line)
            if not isinstance(entry, messages.Entry):
                raise ValueError(f"no entry: {line[:200]!r}")  # noqa: TRY004 (as it is said)
            number, space, padding = entry.text.partition(" ")
            if not (space and number.isdecimal()) or padding.strip(PADDING):
                raise ValueError(f"nobody said {entry.text[:200]!r}")
            yield Said(entry.nick, int(number), end, entry.seq)

    def asides(self, run: bytes, room: str) -> Iterator[Aside]:
        """As Dialect.asides; a member is in one room."""
        del room
        for message in _decoder.decode_lines(run):
            match message:
                case messages.Accepted(n=n):
                    yield Accepted(n)
                case messages.Members():
                    yield Joined()
                case messages.Ping():
                    yield Answer(_PONG)
                case messages.Refused() | messages.Error():
                    yield Refusal(message.reason)
