"""The one way by which text from others reaches a screen: what is left can only be read.

A whitelist: a character stays because of what it is, and everything else is made visible
or taken out. So a control that no terminal knows today is harmless tomorrow.

What is safe is a type, so that whatever shows something can ask for it: a `str` is text
that anybody may have written, and the functions here make more of it. Cutting, joining and
formatting make a `str` again. tests/test_sinks.py holds who may go without them.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NewType

Clean = NewType("Clean", str)
"""A line, or a part of one, that can't do anything but be read."""
Drawn = NewType("Drawn", str)
"""Clean text, and what we put around it: line ends, colours, a frame of our own."""

MARKS_MAX: Final = 4
"""Combining marks on one character; more climb over the neighbouring lines."""
_TAB: Final = "    "
_BASELESS: Final = "\u25cc"  # the dotted circle that Unicode shows a lone mark on
_JOINERS: Final = "\u200c\u200d"
_EMOJI: Final = "\ufe0f"
"""Behind what could also be a sign of text: it is meant as a picture."""
_VARIED: Final = frozenset("0123456789#*\u2139\u3030")
"""What has a picture of its own, and does not belong to the signs."""
_JOINED_SCRIPTS: Final = (("\u0600", "\u10ff"), ("\u1780", "\u18af"))
_PLAIN: Final = re.compile(r"[ -~]*\Z")
_NOT_ASCII: Final = re.compile(r"[^\0-\x7f]+")
_STAYS: Final = frozenset(
    {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"}
    | {"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}
)
_BLANK: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    "\U00016fe4\U0001d159"
)
"""Letters, marks and signs by their category, but nothing that one could see."""


def clean(text: str) -> Clean:
    """The text as one line that can't do anything but be read.

    Shape:  controls, line ends too, are shown as pictures or as `<U+202E>`; lines that are
            to stay lines are split before. Marks stand on something, and are few.
    """
    if _PLAIN.match(text):
        return Clean(text)
    cleaned: list[str] = []
    before = ""
    marks = 0
    for char in text:
        shown = _shown(char)
        if char in _JOINERS:
            shown = char if _joins(before) else _code(char)
        elif "\ufe00" <= char <= _EMOJI:
            shown = char if _varies(before) else ""
        elif shown == char and unicodedata.category(char).startswith("M"):
            marks += 1
            if marks > MARKS_MAX:
                continue
            if not before or before.isspace():
                shown = _BASELESS + char
        elif shown:
            marks = 0
        cleaned.append(shown)
        before = shown[-1:] or before
    return Clean("".join(cleaned))


LINE_END: Final = Clean("\n")
"""Between pieces of clean text: what only we may put there."""


def as_lines(*texts: str) -> Drawn:
    """Each text as a line of its own, cleaned, with its end."""
    return Drawn("".join(f"{clean(text)}\n" for text in texts))


def as_rows(text: str) -> Drawn:
    """A text of several lines, each of them cleaned; without an end of its own."""
    return Drawn("\n".join(map(clean, text.split("\n"))))


def as_json(json: str) -> Drawn:
    """A JSON document that means the same, in ASCII: nothing in it can act on a terminal.

    Shape:  what is no ASCII in a document stands in its strings.
    """
    return Drawn(json if json.isascii() else _NOT_ASCII.sub(_escaped, json))


def _escaped(found: re.Match[str]) -> str:
    utf_16 = found.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{utf_16[at : at + 4]}" for at in range(0, len(utf_16), 4))


def _joins(before: str) -> bool:
    """Whether a joiner shapes something behind this: Indic and Arabic words, emoji."""
    if not before or before in _JOINERS:
        return False
    if before == _EMOJI or unicodedata.category(before) in {"So", "Sk"}:
        return before > "\x7f"
    return any(first <= before <= last for first, last in _JOINED_SCRIPTS)


def _varies(before: str) -> bool:
    """Whether this has several looks; behind a letter a selector only hides something."""
    if before in _VARIED or before >= "\u3400":
        return unicodedata.category(before) != "Mn"
    return before > "\x7f" and unicodedata.category(before) in {"So", "Sm", "Po"}


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    """What is shown for a character, whatever stands around it."""
    code = ord(char)
    if char == " " or char in _BLANK:
        return " "
    if 0xE0000 <= code <= 0xE01FF:
        return ""  # tags and stray selectors: only ever used to hide text in text
    category = unicodedata.category(char)
    if category in _STAYS:
        return char
    return _stand_in(code, category)


def _stand_in(code: int, category: str) -> str:
    if code <= 0x7F:
        return _TAB if code == 0x09 else "\u2421" if code == 0x7F else chr(0x2400 + code)
    if category == "Zs":
        return " "
    if category in {"Cc", "Cf", "Zl", "Zp"}:
        return _code(chr(code))
    return "\ufffd"  # unassigned, private or half a pair


def _code(char: str) -> str:
    return f"<U+{ord(char):04X}>"
