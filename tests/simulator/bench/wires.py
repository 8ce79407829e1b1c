"""What servers send, in each protocol that the bench's load speaks."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from simulator.bench import dialects
from simulator.bench.dialects.dialect import Accepted, Answer, Aside, Joined
from trio_chat.protocol import messages
from trio_chat.protocol.framing import encode

ROOM: Final = "lobby"

Says: TypeAlias = Callable[[str, int, int], bytes]
"""An entry: who, the author's own count, the number in the room."""


class Wire(NamedTuple):
    """A protocol from the server's side."""

    says: Says
    asides: Mapping[bytes, Aside | None]
    """Others of its words, and what the load makes of them."""


def _ours(nick: str, n: int, seq: int) -> bytes:
    return encode([messages.Entry(room=ROOM, seq=seq, nick=nick, text=f"{n} xx", ts=1.5)])


def _irc(nick: str, n: int, _seq: int) -> bytes:
    return f":{nick}!~{nick}@127.0.0.1 PRIVMSG #{ROOM} :{n} xx\r\n".encode()


def _nats(nick: str, n: int, _seq: int) -> bytes:
    text = f"{nick} {n} xx"
    return f"MSG {ROOM} 1 {len(text)}\r\n{text}\r\n".encode()


def _mqtt(nick: str, n: int, _seq: int) -> bytes:
    # Long enough for a length of two bytes.
    body = len(ROOM).to_bytes(2) + f"{ROOM}{nick} {n} ".encode() + b"x" * 130
    return bytes((0x30, len(body) % 128 + 128, len(body) // 128)) + body


WIRES: Final[Mapping[str, Wire]] = {
    dialects.OURS: Wire(
        _ours,
        {
            encode([messages.Accepted(room=ROOM, n=1, seq=1)]): Accepted(1),
            encode([messages.Members(room=ROOM, nicks=("ada",))]): Joined(),
            encode([messages.Joined(room=ROOM, nick="cid")]): None,
            encode([messages.Ping()]): Answer(b'{"t":"pong"}\n'),
        },
    ),
    dialects.PLAIN: Wire(
        lambda nick, n, _seq: f"{nick}: {n} xx\n".encode(),
        {b"* welcome, cid\n": Joined(), b"* dan has joined\n": None},
    ),
    dialects.IRC: Wire(
        _irc,
        {
            b":srv 001 cid :Welcome cid!~cid@127.0.0.1\r\n": Answer(b"JOIN #lobby\r\n"),
            b":srv 366 cid #lobby :End of NAMES list\r\n": Joined(),
            b":srv 422 cid :MOTD file is missing\r\n": None,
            b":dan!~dan@127.0.0.1 JOIN :#lobby\r\n": None,
            b"PING :7\r\n": Answer(b"PONG :7\r\n"),
        },
    ),
    dialects.NATS: Wire(
        _nats,
        {
            b'INFO {"version":"2"} \r\n': None,
            b"PING\r\n": Answer(b"PONG\r\n"),
            b"PONG\r\n": Joined(),
        },
    ),
    dialects.MQTT: Wire(
        _mqtt,
        {
            b"\x20\x02\x00\x00": None,
            b"\x90\x03\x00\x01\x00": Joined(),
        },
    ),
}
