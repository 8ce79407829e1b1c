"""How people name a line: `^N` in the room, `@^N` among their direct messages."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from trio_chat.protocol.messages import Kind
from trio_chat.ui.emoji import EMOJI

_POINTED: Final = re.compile(r"\s*(@?)\^([0-9]{1,16})(?:\s+|$)")
_COMMANDS: Final = {
    "edit": "edit",
    "delete": "delete",
    "react": "react",
    "unreact": "react",
}


@dataclass(frozen=True, slots=True)
class Point:
    """A line as people name it: `^N`, or `@^N` of one's own direct messages."""

    seq: int
    inbox: bool = False

    def __str__(self) -> str:
        return f"{'@' if self.inbox else ''}^{self.seq}"


@dataclass(frozen=True, slots=True)
class About:
    """Say something about a line: the one that is named, or the last that can be meant."""

    kind: Literal["text", "edit", "delete", "react"]
    point: Point | None
    text: str = ""
    """Of an `edit` that has none the text is what the line says now, to be changed."""


def pointed(text: str) -> tuple[Point | None, str]:
    """The line that a text begins by naming, and the rest of the text."""
    found = _POINTED.match(text)
    if found is None:
        return None, text
    return Point(int(found[2]), inbox=bool(found[1])), text[found.end() :]


def typed_about(room: str, kind: Kind, ref: int, text: str) -> str:
    """What is said about a line, as it has to be typed."""
    point = Point(ref, inbox=room.startswith("@"))
    return f"/{_COMMANDS.get(kind, 'reply')} {point} {text}".rstrip()


def reaction(text: str) -> str:
    """The reaction that was typed: `:tada:` is an emoji by its name, all else is itself.

    Raises: KeyError: no emoji has that name.
    """
    text = text.strip()
    named = text.startswith(":") and text.endswith(":") and len(text) > 2
    return EMOJI[text[1:-1].lower()] if named else text
