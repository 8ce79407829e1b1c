"""Events in which every string may be anything, for whoever is to stand them."""

import typing
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal

from hypothesis import strategies as st

from trio_chat.client.events import ClientEvent, Event

PIECES: Final = (
    # Ends of what came before, beginnings of what is to come.
    *("\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b\\", "\x9c"),
    *("\x9b", "\x9d", "\x90", "\x98", "\x9e", "\x9f", "\x84", "\x85", "\x88", "\x8d"),
    # Orders.
    *("\x1b[2J", "\x1b[H", "\x1b[3;7r", "\x1b[?1049h", "\x1b[?25l", "\x1b[4h", "\x1bc"),
    *(
        "\x1b7",
        "\x1b8",
        "\x1b(0",
        "\x0e",
        "\x0f",
        "\x1b[?6h",
        "\x1b[5m",
        "\x1b#8",
        "\x1b[20h",
    ),
    *(
        "\x1b]0;owned\x07",
        "\x1b]2;owned\x1b\\",
        "\x1b]52;c;b3duZWQ=\x07",
        "\x9d0;owned\x9c",
    ),
    *("\x1b]8;;https://x\x07", "\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\", "\x1b[6n", "\x1b[c"),
    *("\x9b2J", "\x9b10A", "\x1b[?2004l", "\x1b[?1004h", "\x1b[8;1;1t", "\x1b[22;0t"),
    *("\x07", "\x08", "\t", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x00", "\x7f", "\x05"),
    # What is not seen, or turns things around.
    *("\u202a", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u061c"),
    *("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u2028", "\u2029"),
    *("\U000e0041", "\U000e007f", "\ufe0e", "\ufe0f", "\U000e0100", "\u3164", "\u2800"),
    *("\ud800", "\udfff", "\ue000", "\uffff", "\u0301", "\u20dd", "\u0600", "\ufff9"),
    # What is long, wide, or right to left; and plain.
    *("\u6f22", "\U0001f468\u200d\U0001f469", "\U0001f1e9\U0001f1ea", "\u0928\u094d\u0926"),
    *("\u05d0\u05d1", "\u0627\u0644", "https://example.org/" + "x" * 100, "ada", "a" * 50),
    *(
        "> ",
        "<bob> ",
        "00:00 ",
        "! ",
        "\u2500\u2500 #dev \u2500\u2500",
        " ",
        "-",
        ";",
        "%s",
        "{text}",
    ),
)
texts: Final = st.lists(
    st.sampled_from(PIECES) | st.characters(exclude_categories=[]), max_size=8
).map("".join)
rooms: Final = st.sampled_from(["lobby", "dev", "@"]) | texts
_BY_TYPE: Final[Mapping[Any, st.SearchStrategy[Any]]] = {
    str: texts,
    int: st.integers(0, 2**53),
    # JSON has no others.
    float: st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(0, 2**31).map(float),
    bool: st.booleans(),
    NoneType: st.none(),
}


def _values(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (UnionType, typing.Union):
        return st.one_of(*map(_values, arguments))
    if origin is tuple:
        return st.lists(_values(arguments[0]), max_size=4).map(tuple)
    return _BY_TYPE[hint]


def _events(kind: type[Event]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    fields: dict[str, st.SearchStrategy[Any]] = {
        name: rooms if name == "room" else _values(hints[name])
        for name in kind.__struct_fields__
    }
    return st.builds(kind, **fields)


events: Final[st.SearchStrategy[ClientEvent]] = st.one_of(
    *(_events(kind) for kind in typing.get_args(ClientEvent))
)
"""Anything that a client can be told, by a server that means no good."""
