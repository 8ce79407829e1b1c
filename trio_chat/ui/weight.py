"""How much the text in the input is, said before it goes."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trio_chat.client.parts import parts_of
from trio_chat.protocol.messages import TEXT_BYTES_MAX
from trio_chat.sanitise import clean
from trio_chat.ui.cells import cells
from trio_chat.ui.commands import Mistake, Say, Tell, parse
from trio_chat.ui.status import Fragments

WEIGHED_LINES: Final = 5
WEIGHED_CHARS: Final = 1_000
"""What has fewer lines and is shorter is seen as it is."""
_KB: Final = 1024


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a text is that goes to somebody, without the command before it."""

    lines: int
    size: int
    """Bytes of UTF-8."""
    messages: int
    """As how many it goes; 0: that is not known, or it does not go at all."""


def weight(text: str, send: str, columns: int) -> Fragments:
    """A row that says how much it is, and what the key `send` makes of it; or nothing.

    Shape:  nothing for what is seen at a glance; else no wider than `columns`, from 40 on.
    """
    if len(text) < WEIGHED_CHARS and text.count("\n") + 1 < WEIGHED_LINES:
        return []
    weighed = _weighed(text)
    if weighed is None:
        return []
    style = "class:queued" if weighed.messages > 1 else "class:note"
    forms = _forms(weighed, send)
    fitting = (form for form in forms if cells(form) <= columns)
    return [(style, clean(next(fitting, forms[-1])))]


@lru_cache(maxsize=1)  # the text is drawn more often than it changes
def _weighed(text: str) -> Weight | None:
    intent = parse(text)
    if isinstance(intent, Say | Tell):
        text = intent.text
    elif not isinstance(intent, Mistake):
        return None
    try:
        size = len(text.encode())
        messages = len(parts_of(text)) if isinstance(intent, Say | Tell) else 0
    except UnicodeEncodeError:
        return None  # it can't be said at all, which is told when one tries
    return Weight(text.count("\n") + 1, size, messages)


def _forms(weighed: Weight, send: str) -> list[str]:
    """The row, from the longest form to the shortest."""
    lines = "1 line" if weighed.lines == 1 else f"{weighed.lines:,} lines"
    much = f"{lines}, {amount(weighed.size)}"
    if not weighed.messages:
        return [much]
    if weighed.messages == 1:
        return [f"{much}: {send} sends it as one message", f"{much}, one message"]
    most, over = amount(TEXT_BYTES_MAX), weighed.size - TEXT_BYTES_MAX
    # What has many signs that JSON writes as several is too much before that.
    by = f"{amount(over)} over the limit of {most}" if over > 0 else "too much for one"
    many = f"{weighed.messages:,} messages"
    return [
        f"{much}, {by}: it would go as {many}",
        f"{by}: it would go as {many}",
        f"{by}: {many}",
        f"{much}: {many}",
    ]


def amount(size: int) -> str:
    """So many bytes, as people say it."""
    if size < 1_000:
        return "1 byte" if size == 1 else f"{size} bytes"
    value, unit = (size / _KB, "KB") if size < 1_000 * _KB else (size / _KB**2, "MB")
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"
