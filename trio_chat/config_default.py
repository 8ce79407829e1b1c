"""The whole configuration as a file to begin with: what can be set, and the defaults."""

import json
import textwrap
from itertools import groupby
from typing import Final

from trio_chat.config import Section

_COLUMNS: Final = 88


def default_config(head: str, sections: tuple[Section, ...]) -> str:
    """Every setting with its help and its default, as TOML.

    Shape:  `head` comes first, as a comment. What is said of things stands behind `# `,
            and settings behind a `#` alone: without that they are what holds anyway.
    """
    blocks = [_comment(head)]
    for section in sections:
        blocks.append(f"{_comment(section.help)}\n[{section.name}]")
        for about, settings in groupby(section.settings, key=lambda each: each.help):
            rows = (f"#{each.name} = {toml(each.default)}" for each in settings)
            blocks.append("\n".join([_comment(about), *rows]))
    return "\n\n".join(blocks) + "\n"


def _comment(text: str) -> str:
    return textwrap.fill(text, _COLUMNS, initial_indent="# ", subsequent_indent="# ")


def toml(value: object) -> str:
    """A value as it stands in the file; an empty text where nothing is set."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case None | ():
            return '""'
        case (one,):
            return toml(one)
        case tuple():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return json.dumps(str(value), ensure_ascii=False)
