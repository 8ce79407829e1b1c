"""Why a request is refused or a link ended: one table, which docs/wire.md shows."""

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """The machine's half of every refusal and error; the sentence beside it may change."""

    NOT_JSON = "not_json"
    BAD_UTF8 = "bad_utf8"
    BAD_MESSAGE = "bad_message"
    UNKNOWN_TYPE = "unknown_type"
    OUT_OF_PLACE = "out_of_place"
    LINE_TOO_LONG = "line_too_long"
    HELLO_TIMEOUT = "hello_timeout"
    TIMED_OUT = "timed_out"
    VERSION = "version"
    SUPERSEDED = "superseded"
    SERVER_FULL = "server_full"
    STORE_FAILED = "store_failed"
    BAD_NICK = "bad_nick"
    NICK_TAKEN = "nick_taken"
    NO_SUCH_NICK = "no_such_nick"
    BAD_ROOM = "bad_room"
    NOT_JOINED = "not_joined"
    TOO_MANY_ROOMS = "too_many_rooms"
    EMPTY_TEXT = "empty_text"
    TEXT_TOO_LONG = "text_too_long"
    BAD_REF = "bad_ref"
    NOT_YOURS = "not_yours"
    SAME_ID_OTHER_TEXT = "same_id_other_text"
    OUT_OF_ORDER = "out_of_order"
    BAD_RANGE = "bad_range"
    NO_WORDS = "no_words"
    NO_SEARCH = "no_search"
    UNREADABLE = "unreadable"


ENDS_THE_LINK: Final = frozenset(
    {
        Code.LINE_TOO_LONG,
        Code.HELLO_TIMEOUT,
        Code.TIMED_OUT,
        Code.VERSION,
        Code.SUPERSEDED,
        Code.SERVER_FULL,
        Code.STORE_FAILED,
    }
)
"""Errors after which there is nothing left to say."""

MEANING: Final = {
    Code.NOT_JSON: "the line is not one JSON object",
    Code.BAD_UTF8: "the line is not UTF-8",
    Code.BAD_MESSAGE: "a field is missing, of the wrong type or out of its range",
    Code.UNKNOWN_TYPE: "no message has this `t`",
    Code.OUT_OF_PLACE: "not now: `hello` comes first, and once",
    Code.LINE_TOO_LONG: "the line is longer than 65,536 bytes, or has no end",
    Code.HELLO_TIMEOUT: "no complete `hello` came in time",
    Code.TIMED_OUT: "nothing was heard for two heartbeats",
    Code.VERSION: "the server does not speak this version",
    Code.SUPERSEDED: "the same device has connected again",
    Code.SERVER_FULL: "the server has as many peers as it takes",
    Code.STORE_FAILED: "the disk failed; send what was not accepted again, later",
    Code.BAD_NICK: "the name is empty, too long or has characters that names can't have",
    Code.NICK_TAKEN: "somebody else has this name now",
    Code.NO_SUCH_NICK: "nobody with this name is here",
    Code.BAD_ROOM: "as `bad_nick`, for a room",
    Code.NOT_JOINED: "the request needs a room that was joined",
    Code.TOO_MANY_ROOMS: "this connection is in as many rooms as one may be",
    Code.EMPTY_TEXT: "there is no text",
    Code.TEXT_TOO_LONG: "the text is longer than the welcome's `text_bytes_max`,"
    " or than its `kind` may have",
    Code.BAD_REF: "the entry of `ref` is not there, or no longer kept, or can't be that",
    Code.NOT_YOURS: "only what this device has said itself can be edited or deleted",
    Code.SAME_ID_OTHER_TEXT: "this (device, n) is in the room already, with another text",
    Code.OUT_OF_ORDER: "a later `n` of the device is in the room, and this one is not",
    Code.BAD_RANGE: "a `fetch` asks for nothing, or for more than 200 entries",
    Code.NO_WORDS: "there is no word in what is searched for",
    Code.NO_SEARCH: "nothing can be searched now; the sentence says why",
    Code.UNREADABLE: "the log can't be read there",
}
"""What each code says, for docs/wire.md and for whoever reads it there."""
