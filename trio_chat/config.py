"""Settings: flags over environment over a TOML file over defaults, all checked alike.

Pure: whoever calls has read the flags, the environment and the file. Every setting is one
row of a table, so a flag, a variable and a key in the file can't come apart.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from trio_chat.errors import SettingError

ENVIRONMENT_PREFIX: Final = "TRIO_CHAT_"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One thing that can be set.

    Shape:  `parse` makes the value out of text, or raises ValueError with a sentence that
            says what is allowed; `default` is a value already.
    """

    name: str
    parse: Callable[[str], T]
    default: T
    help: str
    metavar: str
    positional: bool = False
    secret: bool = False
    """Whether its value is shown to nobody."""

    @property
    def flag(self) -> str:
        """What stands on the command line, for messages."""
        if self.positional:
            return self.metavar
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """What stands in the environment."""
        return ENVIRONMENT_PREFIX + self.name.upper()


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A TOML file that was read: its path for messages, its text."""

    path: str
    text: str


def settle(
    settings: tuple[Setting[Any], ...],
    *,
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    file: ConfigFile | None,
    section: str,
    sections: tuple[str, ...],
) -> dict[str, Any]:
    """The value of every setting, from the first place that has it.

    Shape:  `flags` holds text or None under each setting's name; the file's table
            `section` may hold keys under these names, and no others. `sections` are all
            that a file may have.
    Raises: SettingError: names the flag, the variable, or the file and line.
    """
    table = {}
    if file is not None:
        names = {setting.name for setting in settings}
        table = _table(file, _document(file, sections).get(section, {}), section, names)
    return {
        setting.name: _first(setting, flags, environment, table) for setting in settings
    }


def integer(lowest: int, highest: int) -> Callable[[str], int]:
    """A parser for whole numbers in a range."""

    def parse(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
        if not (digits and lowest <= int(text) <= highest):
            raise ValueError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def seconds(lowest: float, highest: float) -> Callable[[str], float]:
    """A parser for durations in seconds, in a range."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not lowest <= value <= highest:
            raise ValueError(f"{text!r} is not a number from {lowest:g} to {highest:g}")
        return value

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser for a word out of a list."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text

    return parse


@dataclass(frozen=True, slots=True)
class _Found:
    text: str
    where: str


def _first(
    setting: Setting[T],
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    table: Mapping[str, _Found],
) -> T:
    flag = flags.get(setting.name)
    if flag is not None:
        found = _Found(flag, setting.flag)
    elif setting.variable in environment:
        found = _Found(environment[setting.variable], setting.variable)
    elif setting.name in table:
        found = table[setting.name]
    else:
        return setting.default
    try:
        return setting.parse(found.text)
    except ValueError as error:
        raise SettingError(f"{found.where}: {error}") from None


def _document(file: ConfigFile, sections: tuple[str, ...]) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{file.path}: not TOML: {error}") from None
    for name, value in document.items():
        if name not in sections or not isinstance(value, dict):
            allowed = " or ".join(f"[{each}]" for each in sections)
            raise SettingError(
                f"{file.path}: there is no {name!r} here; everything stands under {allowed}"
            )
    return document


def _table(
    file: ConfigFile, table: dict[str, Any], section: str, known: set[str]
) -> dict[str, _Found]:
    found = {}
    for key, value in table.items():
        where = f"{file.path}, line {_line(file.text, section, key)}, {section}.{key}"
        if key not in known:
            allowed = ", ".join(sorted(known))
            raise SettingError(f"{where}: there is no such setting; there are {allowed}")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise SettingError(f"{where}: a text or a number is needed here")
        found[key] = _Found(str(value), where)
    return found


def _line(text: str, section: str, key: str) -> int:
    """Where the key stands: tomllib does not say."""
    here = ""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#")[0].strip()
        if bare.startswith("["):
            here = bare.strip("[] \t")
        name = bare.split("=")[0].strip().strip("\"'")
        if (here == section and name == key) or name == f"{section}.{key}":
            return number
    return 1
