"""Somebody who speaks to the server without our client, and means no good.

A trick is a few bytes, or what is done with the connection; a hostile bot plays one after
the other, each on a connection of its own, and takes whatever becomes of it.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import trio

from trio_chat.addresses import Address
from trio_chat.client.link import Dial, LinkLostError, dial_tcp
from trio_chat.protocol.framing import CLIENT_LINE_BYTES_MAX

_ENDURANCE_S: Final = 60.0
"""So long a trick may take; then its connection is given up."""
_PIECES: Final = 60

Chunks: TypeAlias = Iterator[bytes]
"""What is sent, piece by piece."""


@dataclass(frozen=True, slots=True)
class Trick:
    """One way to be a nuisance.

    Shape:  `reads`: whether it takes what the server answers. `stays_s`: how long it keeps
            the connection when it has sent all.
    """

    name: str
    chunks: Callable[[random.Random, str], Chunks]
    reads: bool = True
    stays_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hostile:
    """A bot as data: who it says it is, and the tricks that it plays."""

    nick: str
    tricks: tuple[str, ...]

    async def run(
        self, address: Address, rng: random.Random, dial: Dial = dial_tcp
    ) -> None:
        """Play them all.

        Cancel: closes the wire.
        """
        for name in self.tricks:
            with trio.move_on_after(_ENDURANCE_S):
                await _play(TRICKS[name], address, rng, self.nick, dial)


def hostile(rng: random.Random, nick: str, *, tricks: int) -> Hostile:
    """Plays so many tricks, by chance."""
    return Hostile(nick, tuple(rng.choice(sorted(TRICKS)) for _ in range(tricks)))


async def _play(
    trick: Trick, address: Address, rng: random.Random, nick: str, dial: Dial
) -> None:
    try:
        stream = await dial(address)
    except LinkLostError:
        await trio.sleep(1)
        return
    async with trio.open_nursery() as nursery:
        try:
            if trick.reads:
                nursery.start_soon(_take_all, stream)
            for chunk in trick.chunks(rng, nick):
                await stream.send_all(chunk)
            await trio.sleep(trick.stays_s)
        except trio.BrokenResourceError:
            pass  # it did not like us
        finally:
            nursery.cancel_scope.cancel()
            await trio.aclose_forcefully(stream)


async def _take_all(stream: trio.abc.Stream) -> None:
    try:
        while await stream.receive_some():
            pass
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


# --- the tricks ----------------------------------------------------------------------


def _line(kind: str, **fields: object) -> bytes:
    return json.dumps({"t": kind, **fields}).encode() + b"\n"


def _hello(nick: str) -> bytes:
    return _line("hello", v=1, nick=nick, device=f"device-of-{nick}")


def _noise(rng: random.Random, _nick: str) -> Chunks:
    for _ in range(_PIECES):
        yield rng.randbytes(rng.randint(1, 2000))


def _not_utf8(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    for _ in range(_PIECES):
        yield b'{"t":"say","room":"lobby","n":1,"text":"\xff\xfe"}\n'


def _endless_line(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    for _ in range(4):
        yield b"x" * CLIENT_LINE_BYTES_MAX


def _half_a_line(rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    line = _line("say", room="lobby", n=1, text="only half of this")
    yield line[: rng.randint(1, len(line) - 1)]


def _drop_by_drop(_rng: random.Random, nick: str) -> Chunks:
    for byte in _hello(nick) + _line("join", room="lobby") * 3:
        yield bytes([byte])


def _never_a_hello(_rng: random.Random, _nick: str) -> Chunks:
    yield _line("ping")


def _out_of_turn(rng: random.Random, nick: str) -> Chunks:
    lines = [
        _hello(nick),
        _line("say", room="nowhere", n=1, text="nobody let me in"),
        _line("join", room="lobby"),
        _line("join", room="lobby"),
        _line("leave", room="elsewhere"),
        _line("welcome", v=1, nick=nick, epoch="mine", software="x", heartbeat_s=0),
        _line("entry", room="lobby", seq=1, nick="talker-01", text="forged", ts=0),
        _line("hold", room="lobby"),
        _line("nick", nick="\x1b[2Jtalker-01"),
        _line("who", room="lobby"),
        _line("nonsense"),
    ]
    rng.shuffle(lines)
    yield from lines


def _bad_values(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    yield _line("join", room="lobby", after=-1)
    yield _line("join", room="lobby", after=10**30)
    yield _line("join", room="\x00\x1b[2J")
    yield _line("say", room="lobby", n=-5, text="minus five")
    yield _line("say", room="lobby", n=2**63, text="too many")
    yield _line("say", room="lobby", n=1, text="")
    yield b'{"t":"say"' + b'"room":[' * 500 + b"\n"


def _flood_of_nothing(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    for _ in range(_PIECES):
        yield b"\n" * 4096


def _flood_of_pings(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    for _ in range(_PIECES):
        yield _line("ping") * 200


def _asks_and_never_listens(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    for _ in range(_PIECES):
        yield _line("join", room="lobby", history=1000) + _line("leave", room="lobby")


def _joins_everything(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    for number in range(300):
        yield _line("join", room=f"room-{number}")


def _takes_a_place(_rng: random.Random, nick: str) -> Chunks:
    yield _hello(nick)
    yield _hello("talker-01")


TRICKS: Final = {
    trick.name: trick
    for trick in (
        Trick("noise", _noise),
        Trick("not utf-8", _not_utf8),
        Trick("endless line", _endless_line),
        Trick("half a line, then gone", _half_a_line),
        Trick("half a line, then silence", _half_a_line, stays_s=40.0),
        Trick("drop by drop", _drop_by_drop),
        Trick("never a hello", _never_a_hello, stays_s=15.0),
        Trick("out of turn", _out_of_turn, stays_s=1.0),
        Trick("bad values", _bad_values, stays_s=1.0),
        Trick("flood of nothing", _flood_of_nothing),
        Trick("flood of pings", _flood_of_pings, reads=False),
        Trick("asks and never listens", _asks_and_never_listens, reads=False),
        Trick("joins everything", _joins_everything),
        Trick("takes a place", _takes_a_place, stays_s=1.0),
    )
}
"""All of them, by name."""
