"""What can be set, for serving and for joining; and where the settings are read from."""

import os
from collections.abc import Callable, Mapping
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
from trio_chat.config import ConfigFile, Setting, integer, one_of, seconds, settle
from trio_chat.errors import RefusedError, SettingError
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
    Setting("nick", partial(_name, names.nick), "", "your name there", "NAME"),
    Setting(
        "room",
        partial(_name, names.room),
        None,
        f"the room to look at first ({DEFAULT_ROOM}, or where you were)",
        "ROOM",
    ),
    Setting("history", integer(0, 100_000), None, "past entries to show at first", "N"),
    Setting(
        "person",
        _person,
        None,
        "a secret that all your devices share, to have their read marks in common;"
        " better in the file than here",
        "SECRET",
        secret=True,
    ),
)

SECTIONS: Final = ("serve", "join")


def settings_of(
    table: tuple[Setting[Any], ...],
    section: str,
    flags: Mapping[str, str | None],
    named_file: str | None,
) -> dict[str, Any]:
    """The value of every setting of the table, from flag, environment, file or default.

    Raises: SettingError: one is wrong; the text names it, its place and what is allowed.
    """
    return settle(
        table,
        flags=flags,
        environment=os.environ,
        file=_config_file(named_file),
        section=section,
        sections=SECTIONS,
    )


def config_path() -> Path:
    """Where the configuration file is, if nobody says otherwise."""
    return platformdirs.user_config_path(APP, False) / "config.toml"


def _config_file(named: str | None) -> ConfigFile | None:
    where, path = "", config_path()
    if named is not None:
        where, path = "--config: ", Path(named)
    elif CONFIG_VARIABLE in os.environ:
        where, path = f"{CONFIG_VARIABLE}: ", Path(os.environ[CONFIG_VARIABLE])
    try:
        return ConfigFile(str(path), path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if where:
            raise SettingError(f"{where}there is no file {path}") from None
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{where}{path} can't be read: {error}") from None
