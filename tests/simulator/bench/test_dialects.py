"""The load's parsers: what comes in pieces is what was sent, in every protocol."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bench import dialects
from simulator.bench.dialects import DIALECTS
from simulator.bench.dialects.dialect import Aside, Dialect, Refusal
from simulator.bench.room_log import Author, RoomLog
from simulator.bench.stream import Faults, NumberedStream, Stream
from simulator.bench.stream_by_author import StreamByAuthor
from tests.simulator.bench.wires import ROOM, WIRES

NAMES: Final = sorted(DIALECTS)
SAID_MAX: Final = 12


def open_stream(log: RoomLog, asides: list[Aside]) -> Stream:
    kind = NumberedStream if log.dialect.numbered else StreamByAuthor
    return kind(log, asides.append)


def feed(stream: Stream, data: bytes, cuts: Sequence[int]) -> None:
    """In pieces that end at these places."""
    begin = 0
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        stream.feed(memoryview(data)[begin:end])
        begin = end


def test_every_protocol_is_looked_at_here() -> None:
    assert WIRES.keys() == DIALECTS.keys()


@pytest.mark.parametrize("name", NAMES)
@given(
    items=st.lists(st.integers(-5, 1), max_size=SAID_MAX),
    cuts=st.lists(st.lists(st.integers(0, 5_000), max_size=6), min_size=3, max_size=3),
)
def test_pieces_may_be_cut_anywhere(
    name: str, items: list[int], cuts: list[list[int]]
) -> None:
    """Items from 0 on are lines of an author, the others what else a server says."""
    wire, nicks = WIRES[name], ("ada", "ben")
    words = list(wire.asides)
    sent, heard, counts = bytearray(), list[Aside](), [0, 0]
    for item in items:
        if item < 0:
            said = words[item % len(words)]
            expected = wire.asides[said]
            heard += [] if expected is None else [expected]
        else:
            counts[item] += 1
            said = wire.says(nicks[item], counts[item], sum(counts))
        sent += said

    authors = {nick: Author(nick, sent_s=[0.5] * SAID_MAX) for nick in nicks}
    log = RoomLog(ROOM, DIALECTS[name], authors)
    for pieces in cuts:
        asides: list[Aside] = []
        stream = open_stream(log, asides)
        feed(stream, bytes(sent), pieces)
        assert stream.entries == sum(counts)
        assert len(stream.passed()) == sum(counts)
        assert asides == heard
        for nick in nicks:
            authors[nick].accepted = authors[nick].heard  # in ours the server says so
        assert stream.faults() == Faults()
    assert len(log) == sum(counts)
    assert [authors[nick].heard for nick in nicks] == counts


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_as_long_as_asked_for(name: str) -> None:
    """Besides what a protocol says with it."""
    dialect: Dialect = DIALECTS[name]
    lone, both = (dialect.say("ada", ROOM, n, 64) for n in ([7], [7, 8]))
    assert both.startswith(lone)
    assert b"7 ".ljust(64, b"x") in lone
    assert len(both) == 2 * len(lone)


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        (
            dialects.OURS,
            b'{"t":"refused","code":"not_now","reason":"not now"}\n',
            "not now",
        ),
        (dialects.IRC, b":srv 433 * cid :Nickname in use\r\n", "* cid :Nickname in use"),
        (dialects.IRC, b"ERROR :Closing link\r\n", ":Closing link"),
        (dialects.NATS, b"-ERR 'Slow Consumer'\r\n", "'Slow Consumer'"),
        (dialects.MQTT, b"\x20\x02\x00\x05", "it may not connect (5)"),
        (dialects.MQTT, b"\x90\x03\x00\x01\x80", "it may not read lobby"),
    ],
)
def test_a_server_that_refuses_is_understood(name: str, words: bytes, reason: str) -> None:
    assert list(DIALECTS[name].asides(words, ROOM)) == [Refusal(reason)]


@pytest.mark.parametrize("name", NAMES)
def test_a_line_that_nobody_said_ends_it(name: str) -> None:
    """Be it by a stranger, with other words, or one too many."""
    wire = WIRES[name]
    strange = [
        wire.says("eve", 1, 1),
        wire.says("ada", 1, 1).replace(b"xx", b"xy"),
        wire.says("ada", 9, 1),
    ]
    for line in strange:
        authors = {"ada": Author("ada", sent_s=[0.5])}
        stream = open_stream(RoomLog(ROOM, DIALECTS[name], authors), [])
        with pytest.raises(ValueError, match="nobody said"):
            stream.feed(line)
