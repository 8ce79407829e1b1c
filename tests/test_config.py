"""Settings: which place wins, and how a wrong one is named."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from trio_chat.addresses import parse_port
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
from trio_chat.config_file import ConfigFile, lines_of
from trio_chat.errors import SettingError
from trio_chat.settings import SECTIONS as OURS
from trio_chat.settings import whole_config


def a_colour(text: str) -> str:
    if not text.isalpha():
        raise ValueError(f"{text!r} is no colour")
    return text


def same_twice(
    values: Mapping[str, Any], given: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if "low" in given and set(values["low"]) & set(values.get("high", ())):
        yield "low", "high is the same"


SETTINGS: tuple[Setting[Any], ...] = (
    Setting("port", parse_port, 8765, "", "PORT"),
    Setting("log_format", one_of("console", "json"), "console", "", "FORMAT"),
    Setting("drain_s", seconds(0, 60), 10.0, "", "S"),
    Setting("history", integer(0, 100), 50, "", "N"),
)
SECTIONS = (
    Section("serve", SETTINGS, "The server."),
    Section("join", (Setting("nick", str, "", "your name", "NAME"),), "The client."),
    Section(
        "join.look",
        (
            Setting("low", a_colour, ("red",), "the low", "COLOUR", form="several"),
            Setting("high", a_colour, (), "the high", "COLOUR", form="several"),
            Setting("bell", switch, True, "whether it rings", "BOOL", form="switch"),
            Setting("rows", integer(1, 9), None, "as many rows (all)", "N"),
        ),
        "How it looks.",
        same_twice,
    ),
)

NO_SUCH = "there is no such setting"
ALL = "there are drain_s, history, log_format, port"
PROT = f"chat.toml, line 2, serve.prot: {NO_SUCH}; {ALL}"
UNDER = (
    "chat.toml, line 1: there is no '{}' here; everything stands under [serve] or [join]"
)


def settled(
    flags: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    file: str | None = None,
    section: str = "serve",
) -> dict[str, Any]:
    return settle(
        SECTIONS,
        section,
        flags=flags or {},
        environment=environment or {},
        file=ConfigFile("chat.toml", file) if file is not None else None,
    )


def looks(**given: Any) -> Any:
    return settled(section="join", **given)["look"]


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


# --- a table within a table ----------------------------------------------------------


def test_a_table_within_a_table_is_a_value_of_it() -> None:
    assert settled(section="join") == {
        "nick": "",
        "look": {"low": ("red",), "high": (), "bell": True, "rows": None},
    }


@pytest.mark.parametrize(
    "file",
    [
        "[join.look]\nhigh = 'blue'\nrows = 3\nbell = false\n",
        "[join]\nnick = 'ada'\nlook.high = ['blue']\nlook.rows = 3\nlook.bell = false\n",
        "[join]\nlook = { high = 'blue', rows = 3, bell = false }\n",
        "join.look = { high = 'blue', rows = 3, bell = false }\n",
    ],
)
def test_it_is_read_however_toml_lets_one_write_it(file: str) -> None:
    assert looks(file=file) == {
        "low": ("red",),
        "high": ("blue",),
        "bell": False,
        "rows": 3,
    }


def test_what_may_be_several_is_a_list_or_one_text_or_none() -> None:
    assert looks(file="join.look.low = ['blue', 'green']\n")["low"] == ("blue", "green")
    assert looks(file="join.look.low = 'blue'\n")["low"] == ("blue",)
    assert looks(file="join.look.low = ''\n")["low"] == ()
    assert looks(file="join.look.low = []\n")["low"] == ()


def test_its_variables_have_its_name() -> None:
    environment = {
        "TRIO_CHAT_LOOK_BELL": "false",
        "TRIO_CHAT_LOOK_LOW": "blue, green",
        "TRIO_CHAT_LOOK_HIGH": "",
    }
    found = looks(environment=environment, file="join.look.high = 'red'\n")
    assert (found["bell"], found["low"], found["high"]) == (False, ("blue", "green"), ())


def test_flags_are_not_for_a_table_within_a_table() -> None:
    assert looks(flags={"rows": "3"})["rows"] is None


@pytest.mark.parametrize("top", ["serve", "join"])
def test_each_setting_of_ours_has_a_variable_and_a_key_of_its_own(top: str) -> None:
    ours = [section for section in OURS if section.path[0] == top]
    variables = [
        section.variable(setting) for section in ours for setting in section.settings
    ]
    assert len(variables) == len(set(variables))
    assert ours[0].name == top  # the others come behind it
    keys = {setting.name for setting in ours[0].settings}
    assert not keys & {section.path[-1] for section in ours[1:]}


# --- all that is wrong ---------------------------------------------------------------

WRONG = """\
# mine
port = 1
[serve]
port = "x"  # a port
heartbeat = 3
[join]
nick = '''
ada
lovelace'''
look.low = [
  "red", # 1
  "2",
]
look.bell = 1
look.rows = true
look.hat = "x"
look.high = [1]
[elsewhere]
"""


def test_all_that_is_wrong_in_a_file_is_told_with_its_lines_in_their_order() -> None:
    assert faults_of(ConfigFile("c", WRONG), SECTIONS) == [
        UNDER.replace("chat.toml, line 1", "c, line 2").format("port"),
        "c, line 4, serve.port: 'x' is not a port (1 to 65535)",
        f"c, line 5, serve.heartbeat: {NO_SUCH}; {ALL}",
        "c, line 10, join.look.low: '2' is no colour",
        "c, line 14, join.look.bell: true or false is needed here",
        "c, line 15, join.look.rows: a text or a number is needed here",
        f"c, line 16, join.look.hat: {NO_SUCH}; there are bell, high, low, rows",
        "c, line 17, join.look.high: a text or a list of texts is needed here",
        UNDER.replace("chat.toml, line 1", "c, line 18").format("elsewhere"),
    ]
    assert faults_of(ConfigFile("c", "[serve]\nport = 1\n"), SECTIONS) == []
    (fault,) = faults_of(ConfigFile("c", "[serve\n"), SECTIONS)
    assert fault.startswith("c: not TOML: ")
    (fault,) = faults_of(ConfigFile("c", "[join]\nnick = 'x'\nlook = 3\n"), SECTIONS)
    assert fault == "c, line 3, join.look: a table is needed here"


def test_values_that_do_not_go_together_are_told_where_they_are_set() -> None:
    file = "[join.look]\nhigh = 'red'\n\nlow = 'red'\n"
    with pytest.raises(SettingError) as error:
        looks(file=file)
    assert str(error.value) == "chat.toml, line 4, join.look.low: high is the same"
    with pytest.raises(SettingError, match="TRIO_CHAT_LOOK_LOW: high is the same"):
        looks(file="join.look.high = 'x'\n", environment={"TRIO_CHAT_LOOK_LOW": "x"})


def test_they_are_told_beside_others_that_are_wrong_of_themselves() -> None:
    file = "[join.look]\nrows = 0\nlow = 'red'\nhigh = ['red']\nbell = 1\n"
    assert [
        each.partition(": ")[2] for each in faults_of(ConfigFile("c", file), SECTIONS)
    ] == [
        "'0' is not a whole number from 1 to 9",
        "high is the same",
        "true or false is needed here",
    ]
    file = "[join.look]\nlow = 'red'\nhigh = ['red', '2']\n"
    (fault,) = faults_of(ConfigFile("c", file), SECTIONS)
    assert fault == "c, line 3, join.look.high: '2' is no colour"


def test_a_wrong_client_does_not_stop_a_server() -> None:
    assert settled(file="[join]\nnick = true\nhat = 1\n[join.look]\nbell = 'x'\n")


def test_a_line_is_found_however_it_is_written() -> None:
    text = (
        "a = 1\n\n[b]  # [c]\n'd e' = '''\n[x]\n# y\n'''\nf = [\n  1,\n  # ]\n]\n"
        "g.h = { i = 1 }\n[[j]]\nk = 1"
    )
    assert lines_of(text) == {
        ("a",): 1,
        ("b",): 3,
        ("b", "d e"): 4,
        ("b", "f"): 8,
        ("b", "g"): 12,
        ("b", "g", "h"): 12,
        ("b", "g", "h", "i"): 12,
        ("j",): 13,
    }


# --- the default configuration -------------------------------------------------------


def test_the_default_configuration_shows_what_there_is() -> None:
    assert default_config("A head.", SECTIONS[1:]) == (
        '# A head.\n\n# The client.\n[join]\n\n# your name\n#nick = ""\n\n'
        '# How it looks.\n[join.look]\n\n# the low\n#low = "red"\n\n# the high\n#high = ""'
        '\n\n# whether it rings\n#bell = true\n\n# as many rows (all)\n#rows = ""\n'
    )


@pytest.mark.parametrize("sections", [SECTIONS, OURS])
def test_the_default_configuration_says_what_holds_without_it(
    sections: tuple[Section, ...],
) -> None:
    printed = default_config("A head.", sections)
    live = re.sub(r"^#(?! )", "", printed, flags=re.MULTILINE)
    for text in (printed, live):
        file = ConfigFile("printed", text)
        assert faults_of(file, sections) == []
        for section in ("serve", "join"):
            found = settle(sections, section, flags={}, environment={}, file=file)
            none = settle(sections, section, flags={}, environment={}, file=None)
            assert found == none
    names = [setting.name for section in sections for setting in section.settings]
    assert re.findall(r"^#(\w+) = ", printed, re.MULTILINE) == names


def test_our_default_configuration_fits_a_terminal() -> None:
    assert max(map(len, whole_config().splitlines())) <= 88
