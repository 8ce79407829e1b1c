"""What is typed becomes what is wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.events import Members, Queued
from trio_chat.ui.changes import reduce
from trio_chat.ui.commands import (
    COMMANDS,
    HELP,
    Cancel,
    Fill,
    Help,
    History,
    Intent,
    Join,
    Jump,
    Leave,
    Mistake,
    Mute,
    Quit,
    Rename,
    Say,
    Search,
    ShowOutbox,
    Tell,
    Who,
    parse,
)
from trio_chat.ui.complete import complete
from trio_chat.ui.rooms import opening
from trio_chat.ui.state import begin


@pytest.mark.parametrize(
    ("line", "intent"),
    [
        ("hello", Say("hello")),
        ("  indented", Say("  indented")),
        ("trailing \n\n", Say("trailing")),
        ("one\ntwo", Say("one\ntwo")),
        ("//etc/passwd", Say("/etc/passwd")),
        ("//", Say("/")),
        ("/me waves", Say("waves", "me")),
        ("/mute", Mute(None, muted=True)),
        ("/mute #Dev", Mute("dev", muted=True)),
        ("/unmute dev", Mute("dev", muted=False)),
        ("/ME waves", Say("waves", "me")),
        ("/msg bob hi there", Tell("bob", "hi there")),
        ("/msg @bob hi", Tell("bob", "hi")),
        ("/join #Dev", Join("dev")),
        ("/leave", Leave(None)),
        ("/leave dev", Leave("dev")),
        ("/nick Ada", Rename("Ada")),
        ("/who", Who()),
        ("/outbox", ShowOutbox()),
        ("/cancel", Cancel(None)),
        ("/cancel 12", Cancel(12)),
        ("/help", Help()),
        ("/help  mute ", Help("mute")),
        ("/history", History(20)),
        ("/history 200", History(200)),
        ("/history @", History(20, inbox=True)),
        ("/history @ 7", History(7, inbox=True)),
        ("/search deploy key", Search("deploy key")),
        ("/search @ deploy key", Search("deploy key", inbox=True)),
        ("/search @bob", Search("@bob")),
        ("/jump @^7", Jump(7, inbox=True)),
        ("/search", Search("")),
        ("/jump ^1131", Jump(1131)),
        ("/jump 1131", Jump(1131)),
        ("/fill", Fill()),
        ("/quit", Quit()),
        ("/quit now", Quit()),
    ],
)
def test_a_line_says_what_is_wanted(line: str, intent: Intent) -> None:
    assert parse(line) == intent


@pytest.mark.parametrize("line", ["", "   ", "\n\n"])
def test_nothing_typed_is_nothing_wanted(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/jion dev", "there is no /jion: /help lists what there is"),
        ("/", "there is no /: /help lists what there is"),
        ("/join", "it is /join ROOM: enter a room, or look at it"),
        ("/msg bob", "it is /msg NICK TEXT: say it to one person alone"),
        ("/me", "it is /me TEXT: say what you do"),
        ("/cancel x", "it is /cancel [N]: /outbox lists the numbers"),
        ("/cancel \u0661", "it is /cancel [N]: /outbox lists the numbers"),
        (f"/cancel {'9' * 17}", "it is /cancel [N]: /outbox lists the numbers"),
        ("/history x", "it is /history [@] [N]: up to 200 earlier lines"),
        ("/history 0", "it is /history [@] [N]: up to 200 earlier lines"),
        ("/history 201", "it is /history [@] [N]: up to 200 earlier lines"),
        ("/jump", "it is /jump ^N: show what was said around an entry"),
        ("/jump up", "it is /jump ^N: /search and /history show such numbers"),
        ("/nick a b", "a nick can't have a space in it"),
        ("/join a/b", "a room name can't have '/' in it"),
    ],
)
def test_a_mistake_says_how_it_is_done(line: str, reason: str) -> None:
    assert parse(line) == Mistake(reason)


@given(st.text())
def test_any_line_is_something(line: str) -> None:
    parse(line)


def test_help_has_a_row_for_each_command() -> None:
    assert [usage for usage, _ in HELP][: len(COMMANDS)] == [
        command.usage for command in COMMANDS
    ]
    assert all(len(usage) <= 18 for usage, _ in HELP)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/", [f"/{command.name} " for command in COMMANDS]),
        ("/m", ["/me ", "/msg ", "/mute "]),
        ("/join ", ["dev ", "lobby "]),
        ("/leave d", ["dev "]),
        ("/msg ", ["Bob ", "bert "]),
        ("/msg b", ["Bob ", "bert "]),
        ("/msg bob h", []),
        ("bo", ["Bob: "]),
        ("hi BO", ["Bob "]),
        ("see #l", ["#lobby "]),
        ("", []),
        ("hi ", []),
        ("//m", []),
        ("ad", []),
        ("/c", ["/cancel "]),
        ("/cancel ", ["12", "13"]),
        ("/cancel 13", ["13"]),
        ("/cancel 12 ", []),
    ],
)
def test_tab_offers_what_may_be_meant(typed: str, words: list[str]) -> None:
    view = opening(begin("ada", "lobby"), "dev").view
    view = reduce(view, Members("dev", ("ada", "Bob", "bert"))).view
    for n in (11, 12, 13):
        view = reduce(view, Queued("dev", n, f"line {n}")).view
    held = {12, 13}
    assert [each.word for each in complete(view, typed, held.__contains__)] == words


def test_tab_shows_the_line_of_each_number() -> None:
    view = reduce(begin("ada", "lobby"), Queued("lobby", 7, "x" * 80)).view
    (candidate,) = complete(view, "/cancel ", lambda _: True)
    assert candidate.help == "x" * 49 + "\u2026"
