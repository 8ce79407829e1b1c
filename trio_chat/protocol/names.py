"""What a nick or a room may be called, and when two names are the same name."""

import unicodedata
from typing import Final

from trio_chat.errors import RefusedError
from trio_chat.protocol.codes import Code

NAME_CHARS_MAX: Final = 32
_PUNCTUATION: Final = frozenset("_-.[]{}\\|^`'+~!?*=")
# Letters and marks that one can't see: with them one name could pass for another.
_INVISIBLE: Final = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)


def nick(wished: str) -> str:
    """The nick as everyone will see it.

    Shape:  Unicode NFC, 1 to 32 characters, each a letter, a digit, a mark that follows
            one, or one of _-.[]{}\\|^`'+~!?*=
    Raises: RefusedError with `bad_nick`: the sentence says what is wrong with it.
    Source: docs/wire.md §4.
    """
    return _checked(wished, Code.BAD_NICK, "nick")


def room(wished: str) -> str:
    """The room's name as everyone will see it: `Lobby` and `lobby` are one room.

    Shape:  as for nicks, and in lower case (Unicode NFKC, case-folded).
    Raises: RefusedError with `bad_room`: the sentence says what is wrong with it.
    Source: docs/wire.md §4.
    """
    return _checked(same(wished), Code.BAD_ROOM, "room name")


def same(name: str) -> str:
    """The form in which names are compared: `Ada`, `ada` and a full-width `ADA`."""
    # Normalising is not linear in what it is given, and what is longer is no name.
    if len(name) > NAME_CHARS_MAX:
        return name
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def _checked(wished: str, code: Code, what: str) -> str:
    # The length first, as in same().
    if len(wished) > NAME_CHARS_MAX:
        raise RefusedError(
            code, f"a {what} has at most {NAME_CHARS_MAX} characters, not {len(wished)}"
        )
    name = unicodedata.normalize("NFC", wished)
    if not name:
        raise RefusedError(code, f"a {what} has at least one character")
    for position, char in enumerate(name):
        if not _allowed(char, first=position == 0):
            raise RefusedError(code, f"a {what} can't have {_described(char)} in it")
    if len(name) > NAME_CHARS_MAX or len(same(name)) > NAME_CHARS_MAX:
        raise RefusedError(code, f"a {what} has at most {NAME_CHARS_MAX} characters")
    return name


def _allowed(char: str, *, first: bool) -> bool:
    if char in _INVISIBLE:
        return False
    category = unicodedata.category(char)
    if category.startswith("M"):
        return not first and category != "Me"
    return category in {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl"} or (char in _PUNCTUATION)


def _described(char: str) -> str:
    if char == " ":
        return "a space"
    if char.isascii() and char.isprintable():
        return f"{char!r}"
    return f"the character U+{ord(char):04X}"
