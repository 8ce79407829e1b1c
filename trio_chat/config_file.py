"""A configuration file: what is in it, and on which line."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from trio_chat.errors import SettingError

Path: TypeAlias = tuple[str, ...]
"""Where something stands: `join`, `keys`, `next_room`."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A TOML file that was read: its path for messages, its text."""

    path: str
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """What is in it.

        Raises: SettingError: it is no TOML; the text says from which line on.
        """
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise SettingError(f"{self.path}: not TOML: {error}") from None


def lines_of(text: str) -> dict[Path, int]:
    """The line of each table and key of a TOML text that is right.

    Shape:  numbered from 1; a key in a table that is written on one line is on that line.
    """
    # tomllib does not say. But whatever is cut at a line end is TOML, or ends in a value;
    # and a key is there as soon as its value has ended.
    found: dict[Path, int] = {}
    lines = text.split("\n")
    begins = 0
    for end, line in enumerate(lines, start=1):
        if not (begins or _says_something(line)):
            continue
        begins = begins or end
        try:
            document = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        for path in _paths(document):
            found.setdefault(path, begins)
        begins = 0
    return found


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _paths(table: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))
