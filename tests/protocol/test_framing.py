"""Bytes in, messages out: however they are cut, and whatever they are."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.protocol import examples
from trio_chat.protocol.codes import ENDS_THE_LINK, Code
from trio_chat.protocol.framing import (
    CLIENT_LINE_BYTES_MAX,
    SERVER_LINE_BYTES_MAX,
    BadLine,
    Decoder,
    Lines,
    client_messages,
    encode,
    server_messages,
)
from trio_chat.protocol.messages import (
    COUNTER_MAX,
    TEXT_BYTES_MAX,
    TEXT_ENCODED_BYTES_MAX,
    ClientMessage,
    Entry,
    Message,
    Ping,
    Say,
    ServerMessage,
)

BOTH_WAYS = pytest.mark.parametrize(
    ("new_decoder", "messages"),
    [(client_messages, examples.CLIENT_SAYS), (server_messages, examples.SERVER_SAYS)],
    ids=["client to server", "server to client"],
)
NewDecoder = Callable[[], Decoder[Any]]


def fed(decoder: Decoder[Any], *pieces: bytes) -> list[Message | BadLine]:
    return [item for piece in pieces for item in decoder.feed(piece)]


def cut(data: bytes, piece_bytes: int) -> list[bytes]:
    starts = range(0, len(data), piece_bytes)
    return [data[start : start + piece_bytes] for start in starts]


def line_of(t: str, **fields: object) -> bytes:
    return json.dumps({"t": t, **fields}).encode()


# --- good input, cut anywhere --------------------------------------------------------


def test_the_examples_have_every_message_once() -> None:
    for says, union in (
        (examples.CLIENT_SAYS, ClientMessage),
        (examples.SERVER_SAYS, ServerMessage),
    ):
        kinds = [type(message) for message in says]
        assert len(kinds) == len(set(kinds))
        assert set(kinds) == set(get_args(union))


@BOTH_WAYS
@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 1000, 10**6])
def test_pieces_of_any_size_give_the_messages(
    new_decoder: NewDecoder, messages: Sequence[Message], piece_bytes: int
) -> None:
    assert fed(new_decoder(), *cut(encode(messages), piece_bytes)) == list(messages)


@BOTH_WAYS
def test_a_cut_at_any_byte_changes_nothing(
    new_decoder: NewDecoder, messages: Sequence[Message]
) -> None:
    data = encode(messages)
    for place in range(len(data) + 1):
        assert fed(new_decoder(), data[:place], data[place:]) == list(messages)


@BOTH_WAYS
def test_what_trails_is_kept_until_its_newline_comes(
    new_decoder: NewDecoder, messages: Sequence[Message]
) -> None:
    decoder = new_decoder()
    assert fed(decoder, encode(messages) + b"garb") == list(messages)
    bad, good = fed(decoder, b"age\n" + encode([Ping(id=9)]))
    assert isinstance(bad, BadLine)
    assert good == Ping(id=9)


@BOTH_WAYS
def test_a_message_is_one_line(
    new_decoder: NewDecoder, messages: Sequence[Message]
) -> None:
    for message in messages:
        assert encode([message]).count(b"\n") == 1


def test_defaults_are_not_sent() -> None:
    assert encode([Ping(), Say(room="a", n=1, text="b")]) == (
        b'{"t":"ping"}\n{"t":"say","room":"a","n":1,"text":"b"}\n'
    )


@given(st.data())
def test_any_messages_survive_any_cuts(data: st.DataObject) -> None:
    new_decoder, strategy = data.draw(
        st.sampled_from(
            [
                (client_messages, examples.client_messages),
                (server_messages, examples.server_messages),
            ]
        )
    )
    messages = data.draw(st.lists(strategy, max_size=5))
    wire = encode(messages)
    places = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    edges = [0, *places, len(wire)]
    pieces = [wire[a:b] for a, b in pairwise(edges)]
    assert fed(new_decoder(), *pieces) == messages


# --- what is tolerated ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"t":"ping"}\r', Ping()),
        (b'  {"t":"ping"}\t', Ping()),
        (b'{"id":3,"t":"ping"}', Ping(id=3)),
        (b'{"\\u0074":"ping"}', Ping()),
        (b'{"t":"ping","later":{"a":[1,2]}}', Ping()),
        (b'{"t":"ping","later":' + b"9" * 60_000 + b"}", Ping()),
        (b'{"t":"ping","id":1,"id":2}', Ping(id=2)),
        (b'{"t":"say","room":"a","n":1,"text":"\\ud83d\\ude00"}', Say("a", 1, "😀")),
        (b'{"t":"say","room":"a","n":1,"text":"\\u0000"}', Say("a", 1, "\0")),
    ],
)
def test_odd_but_good(line: bytes, message: Message) -> None:
    assert client_messages().feed(line + b"\n") == [message]


@pytest.mark.parametrize("line", [b"", b"\r", b"   ", b"\t \r"])
def test_empty_lines_are_skipped(line: bytes) -> None:
    ping = b'{"t":"ping"}\n'
    assert client_messages().feed(ping + line + b"\n" + ping) == [Ping(), Ping()]


# --- bad input -----------------------------------------------------------------------

BAD_LINES = {
    "words": (b"hello?", Code.NOT_JSON),
    "http": (b"GET / HTTP/1.1", Code.NOT_JSON),
    "half an object": (b'{"t":"ping"', Code.NOT_JSON),
    "two objects": (b'{"t":"ping"} {"t":"ping"}', Code.NOT_JSON),
    "an array": (b'[{"t":"ping"}]', Code.NOT_JSON),
    "a number": (b"5", Code.NOT_JSON),
    "null": (b"null", Code.NOT_JSON),
    "a byte order mark": (b'\xef\xbb\xbf{"t":"ping"}', Code.NOT_JSON),
    "a raw NUL": (b'{"t":"nick","nick":"a\0"}', Code.NOT_JSON),
    "NaN": (b'{"t":"ping","id":NaN}', Code.NOT_JSON),
    "a lone surrogate": (b'{"t":"nick","nick":"\\ud800"}', Code.NOT_JSON),
    "a lone low surrogate": (b'{"t":"nick","nick":"\\udc00x"}', Code.NOT_JSON),
    "surrogates the wrong way": (b'{"t":"nick","nick":"\\ude00\\ud83d"}', Code.NOT_JSON),
    "a surrogate in a key": (b'{"t":"ping","\\ud800":1}', Code.NOT_JSON),
    "nested deep": (b'{"t":"ping","x":' + b"[" * 60_000, Code.NOT_JSON),
    "nested deep and closed": (
        b'{"t":"ping","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        Code.NOT_JSON,
    ),
    "nothing but brackets": (b"[" * 60_000, Code.NOT_JSON),
    "bytes": (b"\xff\xfe\x00", Code.BAD_UTF8),
    "latin-1": (b'{"t":"nick","nick":"\xe9"}', Code.BAD_UTF8),
    "an encoded surrogate": (b'{"t":"nick","nick":"\xed\xa0\x80"}', Code.BAD_UTF8),
    "half a character": (b'{"t":"nick","nick":"\xe6\xbc"}', Code.BAD_UTF8),
    "no t": (b"{}", Code.BAD_MESSAGE),
    "t is a number": (b'{"t":5}', Code.BAD_MESSAGE),
    "t twice": (b'{"t":"ping","t":"pong"}', Code.BAD_MESSAGE),
    "a field is missing": (line_of("say", room="a", n=1), Code.BAD_MESSAGE),
    "a field is null": (line_of("nick", nick=None), Code.BAD_MESSAGE),
    "a number is text": (line_of("ping", id="1"), Code.BAD_MESSAGE),
    "a number is true": (line_of("ping", id=True), Code.BAD_MESSAGE),
    "a number is a fraction": (line_of("ping", id=1.5), Code.BAD_MESSAGE),
    "a number is negative": (line_of("ping", id=-1), Code.BAD_MESSAGE),
    "a number is 0": (line_of("say", room="a", n=0, text="b"), Code.BAD_MESSAGE),
    "a number is huge": (line_of("ping", id=COUNTER_MAX + 1), Code.BAD_MESSAGE),
    "60,000 digits": (b'{"t":"ping","id":' + b"9" * 60_000 + b"}", Code.BAD_MESSAGE),
    "a free number of 60,000 digits": (
        b'{"t":"hello","nick":"a","v":-' + b"9" * 60_000 + b"}",
        Code.BAD_MESSAGE,
    ),
    "an exponent": (b'{"t":"bye","back_in_s":1e999}', Code.BAD_MESSAGE),
    "negative seconds": (b'{"t":"bye","back_in_s":-1}', Code.BAD_MESSAGE),
    "unknown kind": (
        line_of("say", room="a", n=1, text="b", kind="html"),
        Code.BAD_MESSAGE,
    ),
    "an empty device": (line_of("hello", v=1, nick="a", device=""), Code.BAD_MESSAGE),
    "a long device": (line_of("hello", v=1, nick="a", device="d" * 65), Code.BAD_MESSAGE),
    "33 caps": (line_of("hello", v=1, nick="a", caps=["c"] * 33), Code.BAD_MESSAGE),
    "unknown t": (line_of("dance"), Code.UNKNOWN_TYPE),
    "t of the other end": (line_of("entry"), Code.UNKNOWN_TYPE),
    "t in capitals": (line_of("PING"), Code.UNKNOWN_TYPE),
    "a long t": (line_of("x" * 60_000), Code.UNKNOWN_TYPE),
}


@pytest.mark.parametrize(("line", "code"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_named_and_its_neighbours_are_intact(line: bytes, code: Code) -> None:
    data = encode([Ping(id=1)]) + line + b"\n" + encode([Ping(id=2)])
    for piece_bytes in (7, len(data)):
        before, bad, after = fed(client_messages(), *cut(data, piece_bytes))
        assert (before, after) == (Ping(id=1), Ping(id=2))
        assert isinstance(bad, BadLine)
        assert (bad.code, bad.fatal) == (code, False)


@pytest.mark.parametrize(("line", "code"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_reason_is_short_and_can_be_sent(line: bytes, code: Code) -> None:
    (bad,) = client_messages().feed(line + b"\n")
    assert isinstance(bad, BadLine)
    assert 0 < len(bad.reason) <= 256
    assert bad.reason.encode()


@pytest.mark.parametrize(
    "line",
    [
        b'{"t":"welcome","v":1,"nick":"a","epoch":"e","software":"s","heartbeat_s":%s,'
        b'"text_bytes_max":1}' % heartbeat_s
        for heartbeat_s in (b"0", b"-1", b"1e9")
    ],
)
def test_a_heartbeat_that_nobody_could_keep_is_a_bad_message(line: bytes) -> None:
    (bad,) = server_messages().feed(line + b"\n")
    assert isinstance(bad, BadLine)
    assert bad.code is Code.BAD_MESSAGE


def test_bad_lines_cost_little() -> None:
    """The longest lines that go wrong late: each takes a moment, not a stall."""
    started_s = time.perf_counter()
    for line, _ in BAD_LINES.values():
        client_messages().feed(line + b"\n")
    assert time.perf_counter() - started_s < 1


PIECES = [b"{", b"}", b'{"t":"ping"}', b'"t":"ping"', b"\n", b"\n", b" ", b",", b"[", b"]"]
PIECES += [b"\r", b'"', b'"x":', b'{"t":"ping","id":7}\n', b"}\n{"]
AS_MANY_OBJECTS_AS_LINES = [b'{"t":"ping"', b"\n", b'}{"t":"ping"}']


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(0))
@example(AS_MANY_OBJECTS_AS_LINES, 0)
def test_lines_together_say_what_each_says_alone(pieces: list[bytes], cut_at: int) -> None:
    data = b"".join([*pieces, b"\n"])
    cut_at %= len(data)
    alone = client_messages()._one_by_one(data.split(b"\n"))
    assert fed(client_messages(), data[:cut_at], data[cut_at:]) == alone


def test_exactly_the_codes_that_end_the_link_are_fatal() -> None:
    fatal = {code for code in Code if BadLine(code, "").fatal}
    assert fatal == ENDS_THE_LINK


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    for decoder in (client_messages(), server_messages()):
        for item in fed(decoder, *pieces, b"\n"):
            assert isinstance(item, BadLine)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
TAGS = [message.__struct_config__.tag for message in examples.CLIENT_SAYS]
KEYS = ["room", "n", "text", "kind", "nick", "to", "v", "device", "after", "id", "caps"]


@given(st.sampled_from(TAGS), st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4))
def test_no_json_raises(tag: str, fields: dict[str, object]) -> None:
    line = json.dumps({"t": tag, **fields}).encode() + b"\n"
    (item,) = client_messages().feed(line)
    if isinstance(item, BadLine):
        assert item.code in {Code.BAD_MESSAGE, Code.NOT_JSON}
    else:
        assert client_messages().feed(encode([item])) == [item]


# --- lines that are too long ---------------------------------------------------------


def padded(line_bytes: int) -> bytes:
    empty = b'{"t":"ping","x":""}'
    return empty[:-2] + b"x" * (line_bytes - len(empty)) + empty[-2:]


@pytest.mark.parametrize("piece_bytes", [1000, 10**6])
def test_a_line_of_exactly_the_limit_is_read(piece_bytes: int) -> None:
    data = padded(CLIENT_LINE_BYTES_MAX) + b"\n"
    assert fed(client_messages(), *cut(data, piece_bytes)) == [Ping()]


@pytest.mark.parametrize("piece_bytes", [1000, 10**6])
@pytest.mark.parametrize("end", [b"\n", b""], ids=["with newline", "without newline"])
def test_one_byte_more_ends_the_link(piece_bytes: int, end: bytes) -> None:
    """What came before is intact; what follows is not read, whatever it is."""
    data = encode([Ping(id=1)]) + padded(CLIENT_LINE_BYTES_MAX + 1) + end
    decoder = client_messages()
    first, bad, *more = fed(decoder, *cut(data, piece_bytes))
    assert first == Ping(id=1)
    assert isinstance(bad, BadLine)
    assert (bad.code, bad.fatal) == (Code.LINE_TOO_LONG, True)
    for item in [*more, *decoder.feed(b"\n" + encode([Ping(id=2)]))]:
        assert isinstance(item, BadLine)
        assert item.code is Code.LINE_TOO_LONG


def test_only_a_line_is_limited_not_their_sum() -> None:
    data = padded(CLIENT_LINE_BYTES_MAX // 2) + b"\n"
    assert fed(client_messages(), *cut(data * 5, 999)) == [Ping()] * 5


def test_a_line_that_never_ends_is_not_kept() -> None:
    lines = Lines(CLIENT_LINE_BYTES_MAX)
    kept_bytes = []
    for _ in range(10 * 1024 * 1024 // 65_536):
        assert lines.feed(b"x" * 65_536)[0] == []
        kept_bytes.append(sum(map(len, lines._kept)))
    assert max(kept_bytes) <= CLIENT_LINE_BYTES_MAX
    assert kept_bytes[-1] == 0


def test_the_longest_text_fits_into_a_line_both_ways() -> None:
    """Also where its JSON is as long as it may be, and the names beside it are too."""
    name, text = "漢" * 32, "\0" * (TEXT_ENCODED_BYTES_MAX // 6)
    said = Say(room=name, n=COUNTER_MAX, text=text, kind="me")
    assert client_messages().feed(encode([said])) == [said]
    longest = Say(room=name, n=COUNTER_MAX, text="é" * (TEXT_BYTES_MAX // 2))
    assert client_messages().feed(encode([longest])) == [longest]
    heard = Entry(
        room=name, seq=COUNTER_MAX, nick=name, text="\0" * TEXT_BYTES_MAX, ts=1e9 / 3
    )
    assert len(encode([heard])) <= SERVER_LINE_BYTES_MAX


def test_encoding_keeps_nothing_of_what_it_was_given() -> None:
    lines = (message for message in [Ping(id=1), Ping(id=2)])
    before = sys.getrefcount(lines)
    assert encode(lines) == b'{"t":"ping","id":1}\n{"t":"ping","id":2}\n'
    assert sys.getrefcount(lines) == before
