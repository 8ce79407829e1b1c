"""The one way by which text from others reaches a screen: what is left can only be read.

A whitelist: a character stays because of what it is, and everything else is made visible
or taken out. So a control that no terminal knows today is harmless tomorrow.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

MARKS_MAX: Final = 4
"""Combining marks on one character; more climb over the neighbouring lines."""
_TAB: Final = "    "
_BASELESS: Final = "\u25cc"  # the dotted circle that Unicode shows a lone mark on
_JOINERS: Final = "\u200c\u200d"
_PLAIN: Final = re.compile(r"[ -~]*\Z")
_STAYS: Final = frozenset(
    {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"}
    | {"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}
)
_BLANK: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    "\U00016fe4\U0001d159"
)
"""Letters, marks and signs by their category, but nothing that one could see."""


def clean(text: str) -> str:
    """The text as one line that can't do anything but be read.

    Shape:  controls, line ends too, are shown as pictures or as `<U+202E>`; lines that are
            to stay lines are split before. Marks stand on something, and are few.
    """
    if _PLAIN.match(text):
        return text
    cleaned: list[str] = []
    before = ""
    marks = 0
    for char in text:
        shown = _shown(char)
        if char in _JOINERS:
            # They shape Indic and Persian words and families of emoji, nothing else.
            shown = char if before > "\x7f" and before not in _JOINERS else _code(char)
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
    return "".join(cleaned)


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
