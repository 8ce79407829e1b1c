"""MQTT 3.1.1 at QoS 0: a room is a topic, which all its members publish to and read.

A stream is packets: a byte of kind and flags, the length of what follows in groups of
seven bits, and that. Nobody says who said something, so that the text begins with the nick.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from simulator.bench.dialects.dialect import Aside, Joined, Refusal, Said
from simulator.bench.dialects.lines import TEXT, text

_CONNECT: Final = 0x10
_CONNACK: Final = 0x20
_PUBLISH: Final = 0x30
_SUBSCRIBE: Final = 0x82
_SUBACK: Final = 0x90

_CLEAN_SESSION: Final = b"\x00\x04MQTT\x04\x02"
_NO_KEEPALIVE: Final = b"\x00\x00"
_PACKET_ID: Final = b"\x00\x01"
_QOS_0: Final = b"\x00"
_FAILED: Final = 0x80

_MORE: Final = 0x80
_LENGTH_BYTES_MAX: Final = 4
_NAME_LENGTH_BYTES: Final = 2
_PAYLOAD: Final = re.compile(rb"(\w+) " + TEXT)


class _Packet(NamedTuple):
    kind: int
    begin: int
    body: int
    """Where what follows its length begins."""
    end: int


class Mqtt:
    """No number, and no word that anything was taken; authors get what they say."""

    numbered = False
    echoes = True
    asks = b""
    longest_text_bytes = 4096

    def enter(self, nick: str, room: str) -> bytes:
        """As Dialect.enter; what follows the first packet need not wait for its answer."""
        connect = _CLEAN_SESSION + _NO_KEEPALIVE + _string(nick)
        subscribe = _PACKET_ID + _string(room) + _QOS_0
        return _packet(_CONNECT, connect) + _packet(_SUBSCRIBE, subscribe)

    def say(self, nick: str, room: str, numbers: Sequence[int], text_bytes: int) -> bytes:
        """As Dialect.say."""
        topic = _string(room)
        said = (f"{nick} {text(n, text_bytes)}".encode() for n in numbers)
        return b"".join(_packet(_PUBLISH, topic + each) for each in said)

    def cut(self, data: bytes) -> int:
        """As Dialect.cut."""
        end = 0
        for packet in _packets(data):
            end = packet.end
        return end

    def runs(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """As Dialect.runs."""
        for entries, group in groupby(_packets(data), lambda it: it.kind == _PUBLISH):
            first, *others = group
            yield entries, data[first.begin : (others or [first])[-1].end]

    def entries(self, run: bytes) -> Iterator[Said]:
        """As Dialect.entries."""
        for packet in _packets(run):
            topic = packet.body + _NAME_LENGTH_BYTES
            begin = topic + int.from_bytes(run[packet.body : topic])
            found = _PAYLOAD.fullmatch(run, begin, packet.end)
            if found is None:
                raise ValueError(f"nobody said {run[begin : packet.end][:200]!r}")
            yield Said(found[1].decode(), int(found[2]), packet.end)

    def asides(self, run: bytes, room: str) -> Iterator[Aside]:
        """As Dialect.asides."""
        for packet in _packets(run):
            code = run[packet.end - 1]
            if packet.kind == _CONNACK and code:
                yield Refusal(f"it may not connect ({code})")
            elif packet.kind == _SUBACK:
                yield Refusal(f"it may not read {room}") if code == _FAILED else Joined()


def _string(name: str) -> bytes:
    data = name.encode()
    return len(data).to_bytes(_NAME_LENGTH_BYTES) + data


def _packet(kind: int, body: bytes) -> bytes:
    rest, length = len(body), bytearray()
    while rest >= _MORE:
        length.append(rest % _MORE + _MORE)
        rest //= _MORE
    length.append(rest)
    return bytes((kind, *length)) + body


def _packets(data: bytes) -> Iterator[_Packet]:
    """Those that are whole."""
    begin = 0
    while True:
        body, length = begin + 1, 0
        for group in range(_LENGTH_BYTES_MAX):
            if body >= len(data):
                return
            length += data[body] % _MORE << 7 * group
            body += 1
            if data[body - 1] < _MORE:
                break
        if body + length > len(data):
            return
        yield _Packet(data[begin], begin, body, body + length)
        begin = body + length
