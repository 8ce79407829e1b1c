"""Whether a text can be said at all; one that is too long for one entry, as several."""

import msgspec

from trio_chat.errors import RefusedError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import (
    LINES,
    REACTION_BYTES_MAX,
    TEXT_BYTES_MAX,
    TEXT_ENCODED_BYTES_MAX,
    Kind,
)


def fits(text: str) -> bool:
    """Whether it can be sent as one entry.

    Raises: UnicodeEncodeError: it can't be sent at all.
    """
    if len(text.encode()) > TEXT_BYTES_MAX:
        return False
    return len(msgspec.json.encode(text)) <= TEXT_ENCODED_BYTES_MAX


def check_line(text: str, kind: Kind, ref: int | None) -> None:
    """Whether this may be said, as far as that can be known without the server.

    Raises: RefusedError: it can't; the reason says why.
    """
    if ref is None and kind not in LINES:
        raise RefusedError(Code.BAD_REF, f"a {kind!r} needs the entry it is about")
    if not text and kind != "delete":
        raise RefusedError(Code.EMPTY_TEXT, "there is nothing to say")
    if text and kind == "delete":
        raise RefusedError(Code.TEXT_TOO_LONG, "a deletion has no text")
    try:
        text_bytes, whole = len(text.encode()), fits(text)
    except UnicodeEncodeError:
        raise RefusedError(Code.BAD_UTF8, "the text can't be written as UTF-8") from None
    if kind in ("react", "unreact") and text_bytes > REACTION_BYTES_MAX:
        raise RefusedError(
            Code.TEXT_TOO_LONG,
            f"a reaction is an emoji or a short word, not {text_bytes} bytes",
        )
    if not whole:
        raise RefusedError(
            Code.TEXT_TOO_LONG,
            f"a text has at most {TEXT_BYTES_MAX:,} bytes, not {text_bytes:,}",
        )


def parts_of(text: str) -> list[str]:
    """The text in pieces that fit, each as long as it can be.

    Shape:  cut at line ends, of which each cut takes one away; where a line is too long
            itself, behind a space; and where there is none, anywhere.
    Raises: UnicodeEncodeError: it can't be sent at all.
    """
    parts: list[str] = []
    while not fits(text):
        end, rest = _cut(text, _fitting_chars(text))
        parts.append(text[:end])
        text = text[rest:]
    return [*parts, text] if text else parts


def _cut(text: str, chars_max: int) -> tuple[int, int]:
    """Where the first piece ends, and where the next one begins."""
    line_end = text.rfind("\n", 1, chars_max + 1)
    if line_end > 0:
        return line_end, line_end + 1
    space = text.rfind(" ", 0, chars_max)
    return (space + 1,) * 2 if space >= 0 else (chars_max,) * 2


def _fitting_chars(text: str) -> int:
    """How many of the first characters fit; at least one does."""
    low, high = 1, min(len(text), TEXT_BYTES_MAX)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[:middle]):
            low = middle
        else:
            high = middle - 1
    return low
