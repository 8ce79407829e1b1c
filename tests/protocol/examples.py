"""One of every message, and Hypothesis strategies that make any of them."""

from typing import Any, Final, get_args

import msgspec
from hypothesis import strategies as st

from trio_chat.protocol.messages import (
    COUNTER_MAX,
    FOUND_MAX,
    Accepted,
    Bye,
    ClientMessage,
    Direct,
    Entry,
    Error,
    Fetch,
    Found,
    Gap,
    Hello,
    Hold,
    Join,
    Joined,
    Kind,
    Leave,
    Left,
    Mark,
    Members,
    Message,
    Nick,
    Page,
    Ping,
    Pong,
    Refused,
    Renamed,
    Room,
    Say,
    Search,
    ServerMessage,
    Welcome,
    Who,
)

AWKWARD: Final = 'quote " backslash \\ newline \n nul \0 é 漢 😀 \u2028 \u202e'

_ENTRY: Final = Entry(room="@", seq=2, nick="ada", text=AWKWARD, ts=1.125, to="bob", ref=1)
BOTH_SAY: Final[tuple[Message, ...]] = (
    Ping(id=7),
    Pong(id=7),
    Bye(reason="gone fishing", back_in_s=1.5),
    Mark(room="lobby", seq=41),
)
CLIENT_SAYS: Final[tuple[Message, ...]] = (
    Hello(v=1, nick="ada", device="d" * 64, person="p" * 64, caps=("edits", "files")),
    Join(room="lobby", after=3),
    Leave(room="lobby"),
    Hold(room="lobby"),
    Say(room="lobby", n=1, text=AWKWARD),
    Direct(to="bob", n=COUNTER_MAX, text="waves", kind="me", ref=COUNTER_MAX),
    Nick(nick="ada2"),
    Who(room="lobby"),
    Fetch(room="lobby", id=1, after=0, through=200),
    Search(room="@", id=2, words="naïve café", before=9, limit=50),
    *BOTH_SAY,
)
SERVER_SAYS: Final[tuple[Message, ...]] = (
    Welcome(
        v=1, nick="ada", epoch="e", software="x", heartbeat_s=15, text_bytes_max=16_384
    ),
    Room(room="lobby", after=0, head=2, read=1),
    Members(room="lobby", nicks=("ada", "bob"), more=True),
    _ENTRY,
    Page(room="lobby", id=1, entries=(_ENTRY,), more=True, trimmed_through=4),
    Found(room="@", id=COUNTER_MAX, entries=(_ENTRY, _ENTRY), more=True, before=3),
    Gap(room="lobby", after=0, through=1, reason="no longer kept"),
    Accepted(room="lobby", n=1, seq=2),
    Refused(code="not_joined", reason="no", room="lobby", n=1),
    Joined(room="lobby", nick="ada"),
    Left(room="lobby", nick="ada", reason="quit"),
    Renamed(room="lobby", nick="ada", to="ada2"),
    Nick(nick="ada2"),
    Error(code="not_json", reason="no", end=True),
    *BOTH_SAY,
)

_TEXTS = st.text(max_size=40)
_FIELDS: Final[dict[object, st.SearchStrategy[Any]]] = {
    "seconds": st.floats(0, 86_400),
    "device": st.none() | st.text(min_size=1, max_size=64),
    "person": st.none() | st.text(min_size=1, max_size=64),
    "caps": st.lists(_TEXTS, max_size=4).map(tuple),
    "nicks": st.lists(_TEXTS, max_size=4).map(tuple),
    "kind": st.sampled_from(get_args(Kind)),
    "ts": st.floats(allow_nan=False, allow_infinity=False),
    "heartbeat_s": st.floats(0.001, 86_400),
    "back_in_s": st.none() | st.floats(0, 86_400),
}


def _values(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[Any]:
    if field.name == "entries":
        return st.lists(_any_of(Entry), max_size=3).map(tuple)
    if field.name == "limit":
        return st.integers(1, FOUND_MAX)
    if field.name in _FIELDS:
        return _FIELDS[field.name]
    if "int" in str(field.type):
        numbers = st.integers(1, COUNTER_MAX)
        return numbers if field.required else numbers | st.just(field.default)
    if field.type is bool:
        return st.booleans()
    return _TEXTS if field.default is not None else st.none() | _TEXTS


def _any_of(kind: type[Message]) -> st.SearchStrategy[Message]:
    fields = {field.name: _values(field) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


client_messages: Final = st.one_of(*map(_any_of, get_args(ClientMessage)))
server_messages: Final = st.one_of(*map(_any_of, get_args(ServerMessage)))
