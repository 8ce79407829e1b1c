"""What plain mode prints of what is said about an entry."""

import json

import pytest

from trio_chat.client.events import Entry
from trio_chat.plain import _entry_line, _json_line
from trio_chat.protocol.messages import Kind


def line(kind: Kind, text: str, ref: int | None) -> str:
    entry = Entry("lobby", 9, "ada", text, 0.0, kind, None, ref)
    return _entry_line(entry).partition(" ")[2]


@pytest.mark.parametrize(
    ("kind", "text", "ref", "said"),
    [
        ("text", "yes", 4, "#lobby <ada> (to ^4) yes"),
        ("me", "nods", 4, "#lobby * ada (to ^4) nods"),
        ("edit", "a\nb", 4, "#lobby <ada> (edits ^4) a\n         | b"),
        ("delete", "", 4, "#lobby * ada took back ^4"),
        ("react", "\U0001f389", 4, "#lobby * ada reacted to ^4: \U0001f389"),
        ("unreact", "+1", 4, "#lobby * ada took back a reaction to ^4: +1"),
        ("react", "\x1b]0;x\x07", 4, "#lobby * ada reacted to ^4: \u241b]0;x\u2407"),
        ("text", "hi", None, "#lobby <ada> hi"),
    ],
)
def test_it_is_read_with_the_number_of_the_entry(
    kind: Kind, text: str, ref: int | None, said: str
) -> None:
    assert line(kind, text, ref) == f"{said}\n"


def test_json_has_the_kind_and_the_number() -> None:
    entry = Entry("lobby", 9, "ada", "", 0.0, "delete", None, 4)
    told = json.loads(_json_line(entry))
    assert (told["kind"], told["ref"], told["text"]) == ("delete", 4, "")
