"""docs/wire.md says what the code does: no more, no less, and nothing else.

What the code knows (messages, fields, codes, limits, who may say what) stands in the
document between marks, word for word as it is made here; `python -m tests.test_wire_doc`
writes it anew. What people write around it is held by its examples, which are decoded, and
by its session, which is held with a real server.
"""

import ast
import inspect
import json
import re
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
import pytest
from trio.testing import MockClock

from tests.blocks import block_pattern, differences, made_anew
from tests.server.harness import open_world
from trio_chat.protocol import codes, messages
from trio_chat.protocol.codes import ENDS_THE_LINK, MEANING, Code
from trio_chat.protocol.connection import MAY_SAY, Connection, Role, State
from trio_chat.protocol.framing import (
    CLIENT_LINE_BYTES_MAX,
    SERVER_LINE_BYTES_MAX,
    BadLine,
    client_messages,
    server_messages,
)
from trio_chat.protocol.messages import (
    COUNTER_MAX,
    FETCHED_MAX,
    FOUND_MAX,
    INBOX,
    PROTOCOL_VERSION,
    REACTION_BYTES_MAX,
    TEXT_BYTES_MAX,
    TEXT_ENCODED_BYTES_MAX,
    WORDS_CHARS_MAX,
    ClientMessage,
    Message,
    ServerMessage,
)
from trio_chat.protocol.names import NAME_CHARS_MAX
from trio_chat.server.limits import Limits

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "wire.md"

CLIENT_KINDS: Final[tuple[type[Message], ...]] = get_args(ClientMessage)
SERVER_KINDS: Final[tuple[type[Message], ...]] = get_args(ServerMessage)


# --- what the code says --------------------------------------------------------------


def in_json(said: str) -> str:
    """A docstring in the words of somebody who has never seen Python."""
    said = " ".join(said.split())
    for ours, theirs in (("None", "`null`"), ("True", "`true`"), ("docs/wire.md ", "")):
        said = said.replace(ours, theirs)
    return said.replace("|", "\\|")


def field_docs(kind: type[Message]) -> dict[str, str]:
    """The string under each field of a message."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    docs = {}
    for field, said in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(said, ast.Expr):
            docs[ast.unparse(field.target)] = in_json(ast.literal_eval(said.value))
    return docs


PLAIN: Final = {str: "text", int: "integer", float: "number", bool: "boolean"}


def type_words(type_: Any) -> str:
    """A field's type for people."""
    origin, args = get_origin(type_), get_args(type_)
    if type_ in PLAIN:
        return PLAIN[type_]
    if origin is Annotated:
        return type_words(args[0]) + "".join(map(bounds_words, args[1:]))
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in args)
    if inspect.isclass(type_) and issubclass(type_, Message):
        return f"`{type_.__struct_config__.tag}`"
    if origin is tuple:
        return f"list of {type_words(args[0])}"
    if origin in (types.UnionType, Union):
        return " or ".join("`null`" if a is type(None) else type_words(a) for a in args)
    raise AssertionError(f"no words for {type_}")


def bounds_words(meta: msgspec.Meta) -> str:
    low, high = meta.ge, meta.le
    if meta.max_length is not None:
        least = "" if meta.min_length is None else f"{meta.min_length} to "
        return f" ({least or 'at most '}{meta.max_length})"
    assert high is not None
    most = "2^53 - 1" if high == COUNTER_MAX else f"{high:,}"
    return f" ({low} to {most})" if low is not None else f" (above {meta.gt} to {most})"


def default_words(field: msgspec.structs.FieldInfo) -> str:
    return "required" if field.required else f"`{json.dumps(field.default)}`"


def message_lines(kind: type[Message]) -> Iterator[str]:
    yield f"#### `{kind.__struct_config__.tag}`"
    yield ""
    yield in_json(inspect.getdoc(kind) or "")
    yield ""
    fields, docs = msgspec.structs.fields(kind), field_docs(kind)
    hints = inspect.get_annotations(kind)
    if fields:
        yield "| field | type | default | meaning |"
        yield "|---|---|---|---|"
    for field in fields:
        words = type_words(hints[field.name])
        said = docs[field.name]
        yield f"| `{field.encode_name}` | {words} | {default_words(field)} | {said} |"
    if fields:
        yield ""


def messages_block() -> list[str]:
    both = [kind for kind in CLIENT_KINDS if kind in SERVER_KINDS]
    lines = []
    for title, kinds in (
        ("Client to server", [kind for kind in CLIENT_KINDS if kind not in both]),
        ("Server to client", [kind for kind in SERVER_KINDS if kind not in both]),
        ("Either direction", both),
    ):
        lines += [f"### {title}", ""]
        for kind in kinds:
            lines += message_lines(kind)
    return lines[:-1]


def codes_block() -> list[str]:
    rows = [
        f"| `{code}` | {'yes' if code in ENDS_THE_LINK else 'no'} | {MEANING[code]} |"
        for code in Code
    ]
    return ["| code | ends the link | meaning |", "|---|---|---|", *rows]


def states_block() -> list[str]:
    lines = ["| state | the client may say | the server may say |", "|---|---|---|"]
    for state in State:
        cells = [f"`{state.name.lower()}`"]
        for role in (Role.CLIENT, Role.SERVER):
            moves = MAY_SAY[role][state]
            said = [move_words(kind, state, to) for kind, to in moves.items()]
            cells.append(", ".join(said) or "nothing")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def move_words(kind: type[Message], state: State, to: State) -> str:
    tag = f"`{kind.__struct_config__.tag}`"
    return tag if to is state else f"{tag} (then: `{to.name.lower()}`)"


def limits_block() -> list[str]:
    limits = Limits()
    patience = f"{limits.store_patience_s:g} s"
    devices = f"{limits.devices_told_max}"
    rows = [
        ("protocol version", f"{PROTOCOL_VERSION}"),
        ("a line to the server, without its newline", f"{CLIENT_LINE_BYTES_MAX:,} bytes"),
        ("a line to the client, without its newline", f"{SERVER_LINE_BYTES_MAX:,} bytes"),
        ("a text, as UTF-8", f"{TEXT_BYTES_MAX:,} bytes"),
        ("the same text, as JSON", f"{TEXT_ENCODED_BYTES_MAX:,} bytes"),
        ("a reaction, as UTF-8", f"{REACTION_BYTES_MAX} bytes"),
        ("a nick or a room's name", f"{NAME_CHARS_MAX} characters"),
        ("every counter and seq", "2^53 - 1"),
        ("the room of one's own direct messages", f"`{INBOX}`"),
        ("rooms that one connection is in *", f"{limits.rooms_per_peer_max}"),
        ("drafts of one link without an answer *", f"{limits.credit}"),
        ("past entries on a join that names no number *", f"{limits.history_entries}"),
        ("entries that one `fetch` asks for", f"{FETCHED_MAX}"),
        ("entries that one `search` asks for", f"{FOUND_MAX}"),
        ("what is searched for", f"{WORDS_CHARS_MAX} characters"),
        ("connections to one server *", f"{limits.peers_max:,}"),
        ("for a good `hello`, from the connecting on *", f"{limits.hello_s:g} s"),
        ("a heartbeat *", f"{limits.heartbeat_s:g} s"),
        ("for a client that reads nothing of what it is owed *", f"{limits.stall_s:g} s"),
        ("for the last words, and the other end's closing *", f"{limits.goodbye_s:g} s"),
        ("the grace of a device that was lost *", f"{limits.grace_s:g} s"),
        ("the same after a restart of the server *", f"{limits.restart_grace_s:g} s"),
        ("places kept for devices in their grace *", f"{limits.seats_kept_max:,}"),
        ("read marks of one person *", f"{limits.marks_per_person_max}"),
        ("read marks of all *", f"{limits.marks_max:,}"),
        ("for a read mark to be written *", f"{limits.mark_written_s:g} s"),
        ("devices of one person that are told of a mark at once *", devices),
        ("for a draft, or a new member, to wait for a failing disk *", patience),
        ("clients a second that a stopping server asks back *", f"{limits.back_per_s:,g}"),
    ]
    return ["| what | at most |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]


BLOCKS: Final = {
    "limits": limits_block,
    "states": states_block,
    "codes": codes_block,
    "messages": messages_block,
}


# --- what the document says ----------------------------------------------------------


def prose(document: str) -> str:
    """What people wrote: all but the blocks and the examples."""
    for name in BLOCKS:
        document = block_pattern(name).sub("", document)
    return re.sub(r"```.*?```", "", document, flags=re.DOTALL)


@pytest.fixture(scope="module")
def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def test_the_document_says_what_the_code_says(document: str) -> None:
    found = differences(document, BLOCKS)
    assert not found, "\n".join([*found, "python -m tests.test_wire_doc writes it anew"])
    assert made_anew(document, BLOCKS) == document


def test_every_field_has_its_own_words() -> None:
    for kind in (*CLIENT_KINDS, *SERVER_KINDS):
        fields = {field.name for field in msgspec.structs.fields(kind)}
        assert field_docs(kind).keys() == fields, kind
        assert inspect.getdoc(kind)


@pytest.mark.parametrize(
    "line",
    [
        "| `history` | ",
        "| `nick_taken` | ",
        "| `active` | ",
        "| a text, as UTF-8 | ",
        "#### `hold`",
        "#### `entry`",
        "Stop being a member.",
        "<!-- end: codes -->",
    ],
)
def test_the_check_finds_a_line_that_is_missing(document: str, line: str) -> None:
    lines = document.split("\n")
    (number,) = (n for n, each in enumerate(lines) if each.startswith(line))
    assert differences("\n".join(lines[:number] + lines[number + 1 :]), BLOCKS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| `id` | integer (0 to 2^53 - 1) |", "| `id` | integer |"),
        ("| `v` | integer | required |", "| `v` | integer | `1` |"),
        ("| `line_too_long` | yes |", "| `line_too_long` | no |"),
        ("65,536 bytes", "65,537 bytes"),
        ("`hello`, `ping`", "`hello`, `say`, `ping`"),
        ("| `code` | text |", "| `color` | text | `null` | New. |\n| `code` | text |"),
    ],
)
def test_the_check_finds_what_is_wrong(document: str, old: str, new: str) -> None:
    assert old in document
    assert differences(document.replace(old, new, 1), BLOCKS)


def test_the_check_finds_another_meaning(
    document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MEANING, Code.NOT_JSON, "another meaning")
    assert len(differences(document, BLOCKS)) == 2


# --- what people wrote around it -----------------------------------------------------


def test_the_sections_are_those_that_the_code_refers_to(document: str) -> None:
    titles = dict(re.findall(r"^## §(\d) (.+)$", document, re.MULTILINE))
    assert list(titles) == [str(number) for number in range(1, 10)]
    for number, word in [
        ("1", "session"),
        ("2", "limits"),
        ("3", "life of a link"),
        ("4", "Names"),
        ("5", "Codes"),
        ("6", "Heartbeats"),
        ("7", "may change"),
        ("8", "Messages"),
        ("9", "Delivery"),
    ]:
        assert word in titles[number]
    source = Path(messages.__file__).parents[1]
    for path in source.rglob("*.py"):
        for number in re.findall(r"wire\.md §(\d)", path.read_text(encoding="utf-8")):
            assert number in titles, path


def test_what_is_named_in_the_prose_exists(document: str) -> None:
    """A word in backquotes is a message, a field, a kind, a code, a state, or JSON."""
    kinds = {*CLIENT_KINDS, *SERVER_KINDS}
    known = {kind.__struct_config__.tag for kind in kinds}
    known |= {field.name for kind in kinds for field in msgspec.structs.fields(kind)}
    known |= {code.value for code in Code} | {state.name.lower() for state in State}
    known |= {*get_args(messages.Kind)}
    known |= {"t", "null", "true", "ada", "lobby"}
    named = re.findall(r"`([a-z_]+)`", prose(document))
    assert len(named) > 50
    assert sorted({name for name in named if name not in known}) == []


def test_large_numbers_are_in_the_table_of_limits_alone(document: str) -> None:
    """A limit that is written twice is wrong once."""
    assert re.findall(r"\d,\d{3}|\d KiB|\d{4,}", prose(document)) == []


def decoded(line: str, *, from_client: bool) -> Message:
    decoder: Any = client_messages() if from_client else server_messages()
    (item,) = decoder.feed(line.encode() + b"\n")
    assert not isinstance(item, BadLine), f"{line}: {item.reason}"
    return item  # type: ignore[no-any-return]


def session(document: str) -> list[tuple[bool, str]]:
    """The lines of the session in §1: (from the client, line)."""
    (fence,) = re.findall(r"```text\n(.*?)```", document, re.DOTALL)
    shown = [line for line in fence.splitlines() if line[:1] in {">", "<"}]
    assert len(shown) > 10
    return [(line[0] == ">", line[1:].strip()) for line in shown]


def test_the_session_keeps_the_table(document: str) -> None:
    """But for one line, which shows an error."""
    ends = {True: Connection(Role.CLIENT), False: Connection(Role.SERVER)}
    unknown = 0
    for from_client, line in session(document):
        if json.loads(line)["t"] == "dance":
            unknown += 1
            continue
        message = decoded(line, from_client=from_client)
        ends[from_client].said(message)
        ends[not from_client].heard(message)
    assert unknown == 1
    assert {end.state for end in ends.values()} == {State.CLOSED}


async def test_the_session_is_what_a_server_really_answers(
    document: str, autojump_clock: MockClock
) -> None:
    """Word for word, but for the server's own past, its clock and its version."""

    def comparable(message: dict[str, Any]) -> dict[str, Any]:
        own = {"epoch", "software", "ts"}
        return {key: "…" if key in own else value for key, value in message.items()}

    async with open_world() as world:
        person = world.dial()
        heard: list[dict[str, Any]] = []
        expected: list[dict[str, Any]] = []
        for from_client, line in session(document):
            if from_client:
                await person.send(line.encode() + b"\n")
                heard += await person.rest()
            else:
                expected.append(json.loads(line))
        assert list(map(comparable, heard)) == list(map(comparable, expected))
        assert await person.ended()


def examples(document: str) -> Iterable[tuple[str, str]]:
    for language in ("client", "server"):
        for fence in re.findall(rf"```json {language}\n(.*?)```", document, re.DOTALL):
            for line in fence.splitlines():
                yield language, line


def test_every_example_is_a_message(document: str) -> None:
    found = list(examples(document))
    assert len(found) >= 5
    for language, line in found:
        decoded(line, from_client=language == "client")


def test_every_fence_is_looked_at(document: str) -> None:
    fences = re.findall(r"^```(\S.*)$", document, re.MULTILINE)
    assert set(fences) <= {"text", "sh", "json client", "json server"}


def test_the_codes_are_those_of_the_code() -> None:
    assert codes.MEANING is MEANING


if __name__ == "__main__":
    written = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(made_anew(written, BLOCKS), encoding="utf-8")
