"""Settings: which place wins, and how a wrong one is named."""

from typing import Any

import pytest

from trio_chat.addresses import parse_port
from trio_chat.config import ConfigFile, Setting, integer, one_of, seconds, settle
from trio_chat.errors import SettingError

SETTINGS: tuple[Setting[Any], ...] = (
    Setting("port", parse_port, 8765, "", "PORT"),
    Setting("log_format", one_of("console", "json"), "console", "", "FORMAT"),
    Setting("drain_s", seconds(0, 60), 10.0, "", "S"),
    Setting("history", integer(0, 100), 50, "", "N"),
)

PROT = (
    "chat.toml, line 2, serve.prot: there is no such setting;"
    " there are drain_s, history, log_format, port"
)
UNDER = "chat.toml: there is no '{}' here; everything stands under [serve] or [join]"


def settled(
    flags: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    file: str | None = None,
) -> dict[str, Any]:
    return settle(
        SETTINGS,
        flags=flags or {},
        environment=environment or {},
        file=ConfigFile("chat.toml", file) if file is not None else None,
        section="serve",
        sections=("serve", "join"),
    )


def test_without_anything_set_the_defaults_hold() -> None:
    assert settled() == {
        "port": 8765,
        "log_format": "console",
        "drain_s": 10.0,
        "history": 50,
    }


def test_flags_win_over_the_environment_and_that_over_the_file() -> None:
    file = "[serve]\nport = 1\nhistory = 1\ndrain_s = 1.5\n"
    environment = {"TRIO_CHAT_PORT": "2", "TRIO_CHAT_HISTORY": "2"}
    found = settled({"port": "3"}, environment, file)
    assert (found["port"], found["history"], found["drain_s"]) == (3, 2, 1.5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"flags": {"port": "x"}}, "--port: 'x' is not a port (1 to 65535)"),
        ({"flags": {"port": "70000"}}, "--port: '70000' is not a port (1 to 65535)"),
        (
            {"flags": {"log_format": "xml"}},
            "--log-format: 'xml' is none of console, json",
        ),
        (
            {"environment": {"TRIO_CHAT_HISTORY": "-1"}},
            "TRIO_CHAT_HISTORY: '-1' is not a whole number from 0 to 100",
        ),
        (
            {"file": "# hm\n[join]\ndrain_s = 1\n[serve]\n\ndrain_s = 'soon'\n"},
            "chat.toml, line 6, serve.drain_s: 'soon' is not a number from 0 to 60",
        ),
        (
            {"file": "serve.port = 0\n"},
            "chat.toml, line 1, serve.port: '0' is not a port (1 to 65535)",
        ),
        (
            {"file": "[serve]\nprot = 1\n"},
            PROT,
        ),
        (
            {"file": "[serve]\nport = true\n"},
            "chat.toml, line 2, serve.port: a text or a number is needed here",
        ),
        (
            {"file": "[server]\nport = 1\n"},
            UNDER.format("server"),
        ),
        (
            {"file": "port = 1\n"},
            UNDER.format("port"),
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_place_and_what_is_allowed(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingError) as error:
        settled(**given)
    assert str(error.value) == said


def test_a_file_that_is_no_toml_is_named_with_the_line() -> None:
    with pytest.raises(SettingError, match=r"chat\.toml: not TOML: .*line 2"):
        settled(file="[serve]\nport =\n")


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "61", "", "1 s"])
def test_a_duration_is_a_number_in_its_range(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number from 0 to 60"):
        seconds(0, 60)(text)
