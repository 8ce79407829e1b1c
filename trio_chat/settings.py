"""What can be set, for serving and for joining; and where the settings are read from."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Final

import platformdirs

from trio_chat.addresses import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    DEFAULT_ROOM,
    Address,
    parse_address,
    parse_listen_address,
    parse_port,
)
from trio_chat.config import (
    Section,
    Setting,
    faults_of,
    integer,
    one_of,
    seconds,
    settle,
    switch,
)
from trio_chat.config_default import default_config
from trio_chat.config_file import ConfigFile
from trio_chat.errors import RefusedError, SettingError
from trio_chat.habits.actions import ACTIONS, clashing_keys
from trio_chat.habits.habits import (
    DEFAULT_HABITS,
    EDITING,
    HISTORY_LINES_MAX,
    THEME_NAMES,
    Habits,
)
from trio_chat.habits.key_names import key
from trio_chat.habits.notices import (
    DEFAULT_NOTICES,
    DESKTOPS,
    WHENS,
    NoticeHabits,
    quiet_hours,
)
from trio_chat.protocol import names
from trio_chat.server.limits import Limits

APP: Final = "trio_chat"
CONFIG_VARIABLE: Final = "TRIO_CHAT_CONFIG"

LIMITS: Final = Limits()

PERSON_CHARS_MIN: Final = 8
"""Whoever guesses it knows what its owner has read."""
PERSON_CHARS_MAX: Final = 64


def _name(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text.removeprefix("#"))
    except RefusedError as error:
        raise ValueError(error.reason) from None


def _person(text: str) -> str:
    # Not in the message: it is a secret also where it is wrong.
    if not PERSON_CHARS_MIN <= len(text) <= PERSON_CHARS_MAX:
        bounds = f"{PERSON_CHARS_MIN} to {PERSON_CHARS_MAX}"
        raise ValueError(f"a secret of {bounds} characters is needed here")
    return text


SERVE_SETTINGS: Final[tuple[Setting[Any], ...]] = (
    Setting(
        "host", str, DEFAULT_HOST, "address to listen on; 0.0.0.0 is all of them", "HOST"
    ),
    Setting(
        "port",
        partial(parse_port, lowest=0),
        DEFAULT_PORT,
        "port; 0 picks a free one",
        "PORT",
    ),
    Setting("data", str, "", "data file, or :memory: to forget all at the end", "PATH"),
    Setting(
        "log_format", one_of("console", "json"), "console", "console or json", "FORMAT"
    ),
    Setting(
        "metrics",
        parse_listen_address,
        None,
        "where to serve a page of figures for Prometheus, such as 127.0.0.1:9100 (no page)",
        "HOST:PORT",
    ),
    Setting(
        "history",
        integer(0, 100_000),
        LIMITS.history_entries,
        "entries of a room's past shown to who joins it",
        "N",
    ),
    Setting(
        "keep_entries",
        integer(1, 1_000_000_000),
        None,
        "entries of each room that are kept; older ones are given up (all)",
        "N",
    ),
    Setting(
        "keep_days",
        seconds(0.01, 36_500),
        None,
        "days for which an entry is kept (for ever)",
        "DAYS",
    ),
    Setting(
        "heartbeat_s",
        seconds(0.1, 3600),
        LIMITS.heartbeat_s,
        "seconds of silence before a peer is asked; after twice that it is gone",
        "S",
    ),
    Setting(
        "drain_s",
        seconds(0, 3600),
        LIMITS.drain_s,
        "seconds that a stopping server gives its peers",
        "S",
    ),
)

JOIN_SETTINGS: Final[tuple[Setting[Any], ...]] = (
    Setting(
        "server",
        parse_address,
        Address(DEFAULT_HOST, DEFAULT_PORT),
        "where the server is",
        "HOST[:PORT]",
        positional=True,
    ),
    Setting(
        "nick", partial(_name, names.nick), "", "your name there (your login name)", "NAME"
    ),
    Setting(
        "room",
        partial(_name, names.room),
        None,
        f"the room to look at first (where you were the last time, or {DEFAULT_ROOM})",
        "ROOM",
    ),
    Setting(
        "person",
        _person,
        None,
        "a secret that all your devices share, to have their read marks in common;"
        " better in the file than here (each device has its own)",
        "SECRET",
        secret=True,
    ),
    Setting(
        "history",
        integer(0, 100_000),
        None,
        "past entries to show at first (what the server has for that)",
        "N",
    ),
    Setting(
        "theme",
        one_of(*THEME_NAMES),
        DEFAULT_HABITS.theme,
        "colours: any, dark or light is the ground of your terminal, mono has none, auto"
        " asks the terminal and NO_COLOR",
        "NAME",
    ),
    Setting(
        "editing",
        one_of(*EDITING),
        DEFAULT_HABITS.editing,
        "keys of the input: emacs or vi",
        "MODE",
    ),
    Setting(
        "suggest",
        switch,
        DEFAULT_HABITS.suggest,
        "whether the rest of a line that you typed before is shown",
        "true|false",
        form="switch",
    ),
    Setting(
        "history_lines",
        integer(0, HISTORY_LINES_MAX),
        DEFAULT_HABITS.history_lines,
        "lines that you typed that are kept in a file for Up and Ctrl-R; 0 keeps none",
        "N",
    ),
)

KEY_SETTINGS: Final[tuple[Setting[Any], ...]] = tuple(
    Setting(action.name, key, action.keys, action.help, "KEY", form="several")
    for action in ACTIONS
)

NOTIFY_SETTINGS: Final[tuple[Setting[Any], ...]] = (
    Setting(
        "when",
        one_of(*WHENS),
        DEFAULT_NOTICES.when,
        "what calls you: mentions (lines with your nick, direct messages), all, or never",
        "WHEN",
    ),
    Setting(
        "bell", switch, DEFAULT_NOTICES.bell, "ring the bell", "true|false", form="switch"
    ),
    Setting(
        "title",
        switch,
        DEFAULT_NOTICES.title,
        "say in the terminal's title where you are and how often you were called",
        "true|false",
        form="switch",
    ),
    Setting(
        "desktop",
        one_of(*DESKTOPS),
        DEFAULT_NOTICES.desktop,
        "have the terminal show it on the desktop: auto where it is known to, osc9 or"
        " osc777 in any, off",
        "WAY",
    ),
    Setting(
        "command",
        str,
        DEFAULT_NOTICES.command,
        'a program to run, such as ["notify-send", "{title}", "{text}"]; {nick}, {room} and'
        " {count} are put in, too (none)",
        "WORD",
        form="several",
    ),
    Setting(
        "quiet",
        quiet_hours,
        None,
        "hours in which only the title tells, such as 22:00-07:00 (none)",
        "HOURS",
    ),
)

SECTIONS: Final = (
    Section("serve", SERVE_SETTINGS, "The server."),
    Section("join", JOIN_SETTINGS, "The client."),
    Section(
        "join.keys",
        KEY_SETTINGS,
        "The keys of the terminal client: one, or a list of several, or an empty text for"
        " none. A key is written as alt-down, ctrl-k, shift-tab, page-up, f5, or two in a"
        " row: ctrl-x ctrl-e. All others are those of emacs or vi.",
        clashing_keys,
    ),
    Section(
        "join.notify",
        NOTIFY_SETTINGS,
        "How the terminal client calls you while you look elsewhere.",
    ),
)
"""Each table of the file. One that stands within another comes behind it."""

_HEAD: Final = (
    "The configuration of trio_chat, with every default: take the # away before a setting"
    " to have it otherwise. What a flag or a variable says goes before what stands here; a"
    " variable is called as TRIO_CHAT_PORT, or for a table within a table as"
    " TRIO_CHAT_KEYS_FIND_ROOM. `trio-chat config --check` says what is wrong with a file."
)


def settings_of(
    section: str, flags: Mapping[str, str | None], named_file: str | None
) -> dict[str, Any]:
    """The value of every setting of the section, from flag, environment, file or default.

    Shape:  a section within this one is a dict under the last part of its name.
    Raises: SettingError: one is wrong; the text names it, its place and what is allowed.
    """
    return settle(
        SECTIONS,
        section,
        flags=flags,
        environment=os.environ,
        file=_config_file(named_file),
    )


def habits_of(settings: Mapping[str, Any]) -> Habits:
    """How a person wants their terminal client, of the settings of [join]."""
    found = {each.name: settings[each.name] for each in fields(Habits)}
    return Habits(**{**found, "notify": NoticeHabits(**found["notify"])})


def whole_config() -> str:
    """Every setting with its help and its default, as a file to begin with."""
    return default_config(_HEAD, SECTIONS)


def check_config(named_file: str | None) -> tuple[Path, list[str] | None]:
    """The file in force, and all that is wrong in it; None: there is none.

    Raises: SettingError: it can't be read, or is not where somebody says that it is.
    """
    file = _config_file(named_file, "")
    if file is None:
        return config_path(), None
    return Path(file.path), faults_of(file, SECTIONS)


def config_path() -> Path:
    """Where the configuration file is, if no flag says otherwise."""
    if CONFIG_VARIABLE in os.environ:
        return Path(os.environ[CONFIG_VARIABLE])
    return platformdirs.user_config_path(APP, False) / "config.toml"


def _config_file(named: str | None, by: str = "--config: ") -> ConfigFile | None:
    where, path = "", config_path()
    if named is not None:
        where, path = by, Path(named)
    elif CONFIG_VARIABLE in os.environ:
        where = f"{CONFIG_VARIABLE}: "
    try:
        return ConfigFile(str(path), path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if where or named is not None:
            raise SettingError(f"{where}there is no file {path}") from None
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{where}{path} can't be read: {error}") from None
