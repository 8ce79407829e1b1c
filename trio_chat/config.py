"""Settings: flags over environment over a TOML file over defaults, all checked alike.

Pure: whoever calls has read the flags, the environment and the file. Every setting is one
row of a table, so a flag, a variable and a key in the file can't come apart. A table is a
section of the file; one with a dot in its name (`join.keys`) stands within another.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from trio_chat.config_file import ConfigFile, lines_of
from trio_chat.errors import SettingError

ENVIRONMENT_PREFIX: Final = "TRIO_CHAT_"

T = TypeVar("T")

Form: TypeAlias = Literal["one", "switch", "several"]
"""What a setting is in a file: a text or a number; true or false; a text or a list of them
(in a variable: with commas between)."""
Check: TypeAlias = Callable[[Mapping[str, Any], frozenset[str]], Iterable[tuple[str, str]]]
"""Looks at the values of a section that are right each for itself, and at the names of the
ones that were set: names of such, each with a sentence that says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One thing that can be set.

    Shape:  `parse` makes the value out of text, or raises ValueError with a sentence that
            says what is allowed; `default` is a value already. In the form "several" the
            value is a tuple, and `parse` makes each of its items.
    """

    name: str
    parse: Callable[[str], Any]
    default: T
    help: str
    metavar: str
    positional: bool = False
    form: Form = "one"
    secret: bool = False
    """Whether its value is shown to nobody."""

    @property
    def flag(self) -> str:
        """What stands on the command line, for messages."""
        if self.positional:
            return self.metavar
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Section:
    """A table of settings, as it stands in the file.

    Shape:  the settings of a section that stands within another have no flags; the value
            of such a section, a dict, is one of the values of the other.
    """

    name: str
    settings: tuple[Setting[Any], ...]
    help: str
    check: Check = lambda _values, _set: ()

    @property
    def path(self) -> tuple[str, ...]:
        """Where it stands."""
        return tuple(self.name.split("."))

    def variable(self, setting: Setting[Any]) -> str:
        """What stands in the environment: TRIO_CHAT_PORT, TRIO_CHAT_KEYS_NEXT_ROOM."""
        return ENVIRONMENT_PREFIX + "_".join((*self.path[1:], setting.name)).upper()


def settle(
    sections: tuple[Section, ...],
    wanted: str,
    *,
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    file: ConfigFile | None,
) -> dict[str, Any]:
    """The value of every setting of a section, from the first place that has it.

    Shape:  `flags` holds text or None under each setting's name. `sections` are all that a
            file may have; what it says in other ones than the wanted is not looked at.
    Raises: SettingError: the first that is wrong; names the flag, the variable, or the file
            and line.
    """
    document = _Document(file, sections)
    faults = [*document.strangers()]
    values: dict[str, Any] = {}
    for section in sections:
        if section.name == wanted:
            found, wrong = _settled(section, document, flags, environment)
            values |= found
        elif section.path[0] == wanted:
            found, wrong = _settled(section, document, {}, environment)
            values[section.path[-1]] = found
        else:
            continue
        faults += wrong
    for fault in sorted(faults, key=lambda fault: fault.line):
        raise SettingError(fault.text)
    return values


def faults_of(file: ConfigFile, sections: tuple[Section, ...]) -> list[str]:
    """All that is wrong in a file, a sentence each that names the line; in their order."""
    try:
        document = _Document(file, sections)
    except SettingError as error:
        return [str(error)]
    faults = [*document.strangers()]
    for section in sections:
        faults += _settled(section, document, {}, {})[1]
    return [fault.text for fault in sorted(faults, key=lambda fault: fault.line)]


# --- parsers -------------------------------------------------------------------------


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


def switch(text: str) -> bool:
    """A parser for true and false."""
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


_TABLE: Final = "a table is needed here"


# --- one section ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    texts: tuple[str, ...]
    """One, but in the form "several"."""
    where: str
    line: int = 0
    """0: not in the file."""


@dataclass(frozen=True, slots=True)
class _Fault:
    line: int
    text: str


def _settled(
    section: Section,
    document: "_Document",
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
) -> tuple[dict[str, Any], list[_Fault]]:
    """The values of a section, and what is wrong with them."""
    table, faults = document.table(section)
    values: dict[str, Any] = {}
    given: dict[str, _Found] = {}
    for setting in section.settings:
        name, values[setting.name] = setting.name, setting.default
        found = _first(section, setting, flags, environment) or table.get(name)
        if found is None:
            continue
        try:
            values[name] = _value(setting, found)
            given[name] = found
        except ValueError as error:
            del values[name]
            faults.append(_Fault(found.line, f"{found.where}: {error}"))
    for name, wrong in section.check(values, frozenset(given)):
        faults.append(_Fault(given[name].line, f"{given[name].where}: {wrong}"))
    return values, faults


def _first(
    section: Section,
    setting: Setting[Any],
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
) -> _Found | None:
    variable = section.variable(setting)
    flag = flags.get(setting.name)
    if flag is not None:
        return _Found(_texts(setting, flag), setting.flag)
    if variable in environment:
        return _Found(_texts(setting, environment[variable]), variable)
    return None


def _texts(setting: Setting[Any], text: str) -> tuple[str, ...]:
    if setting.form != "several":
        return (text,)
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _value(setting: Setting[Any], found: _Found) -> Any:
    if setting.form == "several":
        return tuple(map(setting.parse, found.texts))
    (text,) = found.texts
    if found.line and not text and setting.default in (None, ""):
        return setting.default  # a file that was printed says so where nothing is set
    return setting.parse(text)


# --- the file ------------------------------------------------------------------------


class _Document:
    """A file that was parsed, or an empty one for none.

    Raises: SettingError: it is no TOML.
    """

    def __init__(self, file: ConfigFile | None, sections: tuple[Section, ...]) -> None:
        self._file = file or ConfigFile("", "")
        self._sections = sections
        self._content = self._file.document
        self._lines = lines_of(self._file.text) if self._content else {}

    def strangers(self) -> Iterator[_Fault]:
        """What stands beside the sections."""
        tops = [each.name for each in self._sections if len(each.path) == 1]
        for name, value in self._content.items():
            if name not in tops or not isinstance(value, dict):
                line = self._lines[(name,)]
                allowed = " or ".join(f"[{each}]" for each in tops)
                yield _Fault(
                    line,
                    f"{self._file.path}, line {line}: there is no {name!r} here; everything"
                    f" stands under {allowed}",
                )

    def table(self, section: Section) -> tuple[dict[str, _Found], list[_Fault]]:
        """What the file says in a section, and what can't stand there."""
        within = [
            each.path[-1] for each in self._sections if each.path[:-1] == section.path
        ]
        forms = {setting.name: setting.form for setting in section.settings}
        found: dict[str, _Found] = {}
        faults: list[_Fault] = []
        for key, value in self._at(section.path).items():
            line = self._lines[*section.path, key]
            where = f"{self._file.path}, line {line}, {section.name}.{key}"
            if key in forms:
                texts, wrong = _FORMS[forms[key]](value)
            elif key in within:
                texts, wrong = (), "" if isinstance(value, dict) else _TABLE
            else:
                allowed = ", ".join(sorted([*forms, *within]))
                wrong = f"there is no such setting; there are {allowed}"
            if wrong:
                faults.append(_Fault(line, f"{where}: {wrong}"))
            elif key in forms:
                found[key] = _Found(texts, where, line)
        return found, faults

    def _at(self, path: tuple[str, ...]) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self._content
        for key in path:
            within = table.get(key)
            table = within if isinstance(within, dict) else {}
        return table


def _one(value: object) -> tuple[tuple[str, ...], str]:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return (), "a text or a number is needed here"
    return (str(value),), ""


def _switch(value: object) -> tuple[tuple[str, ...], str]:
    if not isinstance(value, bool):
        return (), "true or false is needed here"
    return (str(value).lower(),), ""


def _several(value: object) -> tuple[tuple[str, ...], str]:
    values = value if isinstance(value, list) else [value] if value != "" else []
    if not all(isinstance(each, str) for each in values):
        return (), "a text or a list of texts is needed here"
    return tuple(values), ""


_FORMS: Final[Mapping[Form, Callable[[object], tuple[tuple[str, ...], str]]]] = {
    "one": _one,
    "switch": _switch,
    "several": _several,
}
"""The texts of a value in the file, or what is needed there."""
