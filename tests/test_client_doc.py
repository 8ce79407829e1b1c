"""docs/client.md says what the client does.

Its tables of commands, keys and settings are made from the tables in the code;
`python -m tests.test_client_doc` writes them anew.
"""

import re
from itertools import groupby
from pathlib import Path

from tests.blocks import differences, made_anew
from trio_chat.client.outbox import OUTBOX_LINES_MAX, Ticket
from trio_chat.config_default import toml
from trio_chat.habits.actions import ACTIONS, DEFAULT_KEYS, key_help
from trio_chat.habits.habits import DEFAULT_HABITS
from trio_chat.plain import EXIT_KEPT, PROGRESS_S
from trio_chat.protocol.messages import TEXT_BYTES_MAX
from trio_chat.server import Limits
from trio_chat.settings import PERSON_CHARS_MAX, PERSON_CHARS_MIN, SECTIONS
from trio_chat.ui.app import LAST_ACCEPTED_S, SENDING_SHOWN_S
from trio_chat.ui.commands import COMMANDS, HELP
from trio_chat.ui.help import help_rows
from trio_chat.ui.keeping import KEPT_AFTER_S
from trio_chat.ui.state import Note, outbox
from trio_chat.ui.weight import WEIGHED_CHARS, WEIGHED_LINES

DOCUMENT = Path(__file__).parents[1] / "docs" / "client.md"
DOC = DOCUMENT.read_text(encoding="utf-8")


def typed_block() -> list[str]:
    return [
        "| typed | does |",
        "|---|---|",
        *(f"| `{how}` | {what} |" for how, what in HELP),
    ]


def keys_block() -> list[str]:
    """The keys that can be changed, with the names by which that is done."""
    rows = []
    for what, actions in groupby(ACTIONS, key=lambda action: action.help):
        names = [action.name for action in actions]
        keys = {each: DEFAULT_KEYS[each] if each in names else () for each in DEFAULT_KEYS}
        ((how, _),) = key_help(keys)
        name = f"{names[0]}` ... `{names[-1]}" if len(names) > 1 else names[0]
        rows.append(f"| `{how}` | {what} | `{name}` |")
    return ["| key | does | in `[join.keys]` |", "|---|---|---|", *rows]


def settings_block() -> list[str]:
    """What can be set in [join], and in the tables within it."""
    rows = []
    for section in SECTIONS:
        if section.path[0] == "join" and section.path[-1] != "keys":
            within = "".join(f"{each}." for each in section.path[1:])
            for setting in section.settings:
                default = toml(setting.default)
                rows.append(f"| `{within}{setting.name}` | `{default}` | {setting.help} |")
    return ["| in `[join]` | default | is |", "|---|---|---|", *rows]


BLOCKS = {"typed": typed_block, "keys": keys_block, "settings": settings_block}


def test_the_tables_are_those_of_the_code() -> None:
    found = differences(DOC, BLOCKS)
    assert not found, "\n".join([*found, "python -m tests.test_client_doc writes it anew"])
    assert made_anew(DOC, BLOCKS) == DOC


def test_the_tables_have_what_help_shows() -> None:
    shown = {f"| `{how}` | {what} |" for how, what in help_rows(DEFAULT_HABITS)}
    assert {row for row in shown if row not in DOC} == set()


def test_the_states_are_those_that_are_listed() -> None:
    line = [(Ticket("lobby", 1, "a", "text"), False)]
    held = [(line[0][0], True)]
    shown = [outbox(held, 0, online=True), outbox(line, 0, online=True)]
    shown.append(outbox(line, 0, online=False))
    table = DOC.partition("| state in `/outbox` |")[2].partition("\n\n")[0]
    states = re.findall(r"^\| `([a-z ]+)` \|", table, re.MULTILINE)
    assert len(states) == 3
    for state, (_, note) in zip(states, shown, strict=True):
        assert isinstance(note, Note)
        assert note.text.startswith(f"1  {state}  #lobby")


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"| {EXIT_KEPT} |" in DOC
    assert f"At most {OUTBOX_LINES_MAX:,} lines" in DOC
    assert f"up to {LAST_ACCEPTED_S:.0f} s for the last answers" in DOC
    assert f"for longer than {SENDING_SHOWN_S:g} s" in DOC
    assert f"once in {PROGRESS_S:g} s" in DOC
    assert f"one entry** ({TEXT_BYTES_MAX // 1024} KiB of UTF-8)" in DOC
    assert f"has {WEIGHED_LINES} lines or {WEIGHED_CHARS:,} characters" in DOC
    assert f"a credit ({Limits().credit} lines)" in DOC
    assert f"a secret of {PERSON_CHARS_MIN} to {PERSON_CHARS_MAX} characters" in DOC
    assert f"the marks of the last {Limits().mark_written_s:g} s" in DOC
    assert f"keeps {Limits().marks_per_person_max} marks for a person" in DOC
    assert f"written {KEPT_AFTER_S:g} s after a key" in DOC


def test_the_commands_that_it_names_are_there() -> None:
    names = {f"/{command.name}" for command in COMMANDS}
    assert set(re.findall(r"`(/[a-z]+)[ `]", DOC)) <= names


if __name__ == "__main__":
    DOCUMENT.write_text(made_anew(DOC, BLOCKS), encoding="utf-8")
