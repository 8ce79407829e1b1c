"""What only Unix has is asked for before it is used: the code can be read by a Windows.

That is all that can be held without one.
"""

import ast
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.test_layering import ROOT, sources

MODULES: Final = frozenset(
    {"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "curses", "readline"}
)
# Of `os` and `signal`; all else that Windows lacks is a function of such a module.
NAMES: Final = frozenset(
    {
        *("os.fork", "os.getuid", "os.geteuid", "os.getpgid", "os.killpg", "os.openpty"),
        *("os.fchmod", "os.fchown", "os.chown", "os.ttyname", "os.uname", "os.mkfifo"),
        *("os.O_NOFOLLOW", "os.O_DIRECTORY", "os.O_CLOEXEC", "os.O_NONBLOCK"),
        *(f"signal.{name}" for name in ("SIGHUP", "SIGTSTP", "SIGCONT", "SIGWINCH")),
        *(f"signal.{name}" for name in ("SIGUSR1", "SIGKILL", "SIGQUIT", "SIGPIPE")),
    }
)


def taken_for_granted(source: str) -> list[str]:
    """What is used of Unix outside of a block that asks sys.platform."""

    def walk(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and "sys.platform" in ast.unparse(node.test):
            return
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name in MODULES)
            case ast.ImportFrom(module=str(module)) if module in MODULES:
                yield module
            case ast.Attribute() if ast.unparse(node) in NAMES:
                yield ast.unparse(node)
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    return [*walk(ast.parse(source))]


def test_nothing_of_unix_alone_is_taken_for_granted() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): taken_for_granted(path.read_text("utf-8"))
        for path in sources("trio_chat")
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import termios",
        "from fcntl import ioctl",
        "def f():\n    import pwd",
        "os.kill(0, signal.SIGTSTP)",
        "if colours:\n    import tty",
    ],
)
def test_the_check_finds_what_only_unix_has(source: str) -> None:
    assert taken_for_granted(source)


def test_the_check_lets_through_what_was_asked_for() -> None:
    assert not taken_for_granted('if sys.platform != "win32":\n    import termios')
    assert not taken_for_granted('getattr(signal, "SIGTSTP", None)')


@pytest.mark.skipif(sys.platform == "win32", reason="there is nothing that is missing")
def test_what_it_looks_for_is_there_on_unix() -> None:
    """Else a word that is spelled wrong would find nothing."""
    for name in NAMES:
        module, _, attribute = name.partition(".")
        assert hasattr(sys.modules[module], attribute), name
