"""Our wire as the load speaks it: all that another server's protocol would replace."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from trio_chat.protocol.framing import encode
from trio_chat.protocol.messages import (
    PROTOCOL_VERSION,
    TEXT_BYTES_MAX,
    Entry,
    Hello,
    Join,
    Say,
    ServerMessage,
)

ENTRY_BEGINS: Final = b'{"t":"entry"'
"""Every entry's line begins so, and no other line does: the server writes `t` first."""
LONGEST_TEXT_BYTES: Final = TEXT_BYTES_MAX

_PADDING: Final = "x"

_decoder: Final[msgspec.json.Decoder[ServerMessage]] = msgspec.json.Decoder(ServerMessage)


class Heard(NamedTuple):
    """What an entry says of itself."""

    seq: int
    nick: str
    n: int
    """The author's own count."""


def enter(nick: str, room: str) -> bytes:
    """A member's first bytes: hello, and into its room, from its first entry on."""
    hello = Hello(v=PROTOCOL_VERSION, nick=nick, device=nick, software="bench")
    return encode([hello, Join(room=room, after=0)])


def say(room: str, numbers: Sequence[int], text_bytes: int) -> bytes:
    """Lines of one author, with these numbers."""
    return encode([Say(room=room, n=n, text=_text(n, text_bytes)) for n in numbers])


def heard(line: bytes) -> Heard:
    """The entry of a line.

    Raises: ValueError: it is none, or none that was said here.
    """
    entry = _decoder.decode(line)
    if not isinstance(entry, Entry):
        raise ValueError(f"no entry: {line[:200]!r}")  # noqa: TRY004 (what it says is wrong)
    number, space, padding = entry.text.partition(" ")
    if not (space and number.isdecimal()) or padding.strip(_PADDING):
        raise ValueError(f"nobody said {entry.text[:200]!r}")
    return Heard(entry.seq, entry.nick, int(number))


def messages(lines: bytes) -> list[ServerMessage]:
    """What whole lines say.

    Raises: ValueError: one of them is no message.
    """
    return _decoder.decode_lines(lines)


def _text(n: int, text_bytes: int) -> str:
    return f"{n} ".ljust(text_bytes, _PADDING)
