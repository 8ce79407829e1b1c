"""docs/client.md says what the client does."""

import re
from pathlib import Path

from trio_chat.client.outbox import OUTBOX_LINES_MAX, Ticket
from trio_chat.plain import EXIT_KEPT, PROGRESS_S
from trio_chat.protocol.messages import TEXT_BYTES_MAX
from trio_chat.server import Limits
from trio_chat.settings import PERSON_CHARS_MAX, PERSON_CHARS_MIN
from trio_chat.ui.app import LAST_ACCEPTED_S, SENDING_SHOWN_S
from trio_chat.ui.commands import COMMANDS
from trio_chat.ui.keeping import KEPT_AFTER_S
from trio_chat.ui.state import Note, outbox

DOC = (Path(__file__).parents[1] / "docs" / "client.md").read_text(encoding="utf-8")


def test_the_states_are_those_that_are_listed() -> None:
    line = [(Ticket("lobby", 1, "a", "text"), False)]
    held = [(line[0][0], True)]
    shown = [outbox(held, 0, online=True), outbox(line, 0, online=True)]
    shown.append(outbox(line, 0, online=False))
    states = re.findall(r"^\| `([a-z ]+)` \|", DOC, re.MULTILINE)
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
    assert f"a credit ({Limits().credit} lines)" in DOC
    assert f"a secret of {PERSON_CHARS_MIN} to {PERSON_CHARS_MAX} characters" in DOC
    assert f"the marks of the last {Limits().mark_written_s:g} s" in DOC
    assert f"keeps {Limits().marks_per_person_max} marks for a person" in DOC
    assert f"written {KEPT_AFTER_S:g} s after a key" in DOC


def test_the_commands_that_it_names_are_there() -> None:
    names = {f"/{command.name}" for command in COMMANDS}
    assert set(re.findall(r"`(/[a-z]+)[ `]", DOC)) <= names
