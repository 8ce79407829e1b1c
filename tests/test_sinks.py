"""Text from others reaches nothing but through the sanitiser: types say so, and hold it.

What shows something takes `Clean` or `Drawn`, and mypy holds that a `str` is neither. What
mypy can't see are the few places that make one of the other on their own word, and the few
that write at all: they are listed here.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.test_layering import ROOT, sources

TRUSTED: Final = frozenset(
    {
        "trio_chat/plain.py",
        "trio_chat/sanitise.py",
        # Parts of clean text are clean; what is drawn is clean text and our own escapes.
        "trio_chat/ui/cells.py",
        "trio_chat/ui/linear.py",
        "trio_chat/ui/notices.py",
        "trio_chat/ui/printer.py",
        "trio_chat/ui/render.py",
        "trio_chat/ui/themes.py",
    }
)
"""Who may say that text is safe without cleaning it."""
WRITERS: Final = frozenset(
    {
        "trio_chat/cli.py",
        "trio_chat/streams.py",
        "trio_chat/server/printer.py",
        "trio_chat/ui/app.py",
        "trio_chat/ui/modes.py",
        "trio_chat/ui/screen.py",
    }
)
"""Who may write to a terminal, or to what may be one."""
_VOUCHING: Final = frozenset({"Clean", "Drawn", "cast"})
_WRITING: Final = frozenset(
    {"write", "writelines", "write_raw", "print", "set_title", "print_formatted_text"}
)
_SHOWING: Final = frozenset({"FormattedText", "HTML", "ANSI", "to_formatted_text"})
# Files, sockets and the outbox have methods of these names, too.
_NO_TERMINALS: Final = frozenset(
    {
        "trio_chat/wire.py",
        "trio_chat/store/marker.py",
        "trio_chat/client/outbox_file.py",
        "trio_chat/ui/desk_file.py",
    }
)


def calls(source: str, names: frozenset[str]) -> Iterator[str]:
    """The calls of functions and methods with these names; `self.print` is our own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] in names and not re.match(
                r"(self|desk|front|self\._desk|self\.desk|self\._paper|paper|self\.paper)\.print$",
                called,
            ):
                yield f"{node.lineno}: {ast.unparse(node)}"


def callers(names: frozenset[str]) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in sources("trio_chat")
        if any(calls(path.read_text(encoding="utf-8"), names))
    }


def test_only_a_few_say_that_text_is_safe_without_cleaning_it() -> None:
    assert callers(_VOUCHING) <= TRUSTED


def test_only_a_few_write_to_a_terminal() -> None:
    assert callers(_WRITING) - _NO_TERMINALS == WRITERS


def test_what_the_toolkit_shows_goes_through_one_function() -> None:
    assert callers(_SHOWING) == {"trio_chat/ui/layout.py"}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = Clean(entry.text)", _VOUCHING),
        ("x = typing.cast(Clean, entry.text)", _VOUCHING),
        ("sys.stdout.write(entry.text)", _WRITING),
        ("self.output.write_raw(entry.text)", _WRITING),
        ("print(entry.text)", _WRITING),
        ("HTML(entry.text)", _SHOWING),
    ],
)
def test_the_check_finds_what_it_looks_for(source: str, names: frozenset[str]) -> None:
    assert list(calls(source, names))


# Each line that ends with `# no` is a way around the sanitiser, and has to be an error.
BYPASSES: Final = """
import sys
from typing import TextIO
from trio_chat.client.events import Entry
from trio_chat.sanitise import Clean, Drawn, as_lines, clean
from trio_chat.server.printer import Printer as Console
from trio_chat.streams import STDOUT, print_to
from trio_chat.ui.printer import Printer
from trio_chat.ui.screen import Screen
from trio_chat.ui.status import Fragments
from trio_chat.ui.themes import paint

async def show(entry: Entry, screen: Screen, printer: Printer, console: Console) -> None:
    whole: Clean = clean(entry.text)
    a: Clean = entry.text  # no
    b: Clean = whole + entry.text  # no
    c: Clean = f"{whole} {entry.nick}"  # no
    d: Clean = whole[1:]  # no
    e: Drawn = whole  # no
    f: Fragments = [("", entry.nick)]  # no
    paint(entry.nick, "1")  # no
    screen.print_above(entry.text)  # no
    screen.print_above(whole)  # no
    printer.put([entry.text])  # no
    console.info(entry.reply_to)  # no
    await print_to(STDOUT, entry.text)  # no
    await print_to(STDOUT, as_lines(entry.text))
    fine: Fragments = [("", whole)]
    paint(whole, "1")
    screen.print_above(as_lines(entry.text))
"""


def test_a_way_around_the_sanitiser_is_an_error_of_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    planted = tmp_path / "planted.py"
    planted.write_text(BYPASSES, encoding="utf-8")
    cache = tmp_path / "cache"
    said = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, planted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {int(line) for line in re.findall(r"planted\.py:(\d+): error", said.stdout)}
    numbered = enumerate(BYPASSES.split("\n"), start=1)
    assert found == {n for n, line in numbered if line.endswith("# no")}, said.stdout
