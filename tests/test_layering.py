"""Who may import whom, and a few habits that a reader relies on, held against the code."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[1]

# What each part may import besides itself and what is not ours. Parts are the packages
# and modules right below trio_chat; one that is not listed is a program that puts the
# others together (cli, plain, settings …), and nothing that is listed imports it.
MAY_IMPORT: Final[dict[str, set[str]]] = {
    "errors": set(),
    "addresses": set(),
    "sanitise": set(),
    "signals": set(),
    "streams": {"errors", "protocol", "sanitise"},
    "config_file": {"errors"},
    "config": {"errors", "config_file"},
    "config_default": {"config"},
    "habits": set(),
    "protocol": {"errors"},
    # Blocking calls and SQLite files: the server's store and the client's outbox are both
    # kept by these, and may not know each other.
    "worker": set(),
    "database": set(),
    # What a search means: for whoever searches, and whoever marks what was found.
    "words": set(),
    "store": {"errors", "worker", "database", "words"},
    "wire": {"errors", "protocol"},
    "client": {"errors", "addresses", "protocol", "wire", "worker", "database"},
    "server": {"errors", "addresses", "protocol", "sanitise", "wire", "store", "words"},
    "ui": {
        *("errors", "addresses", "protocol", "client", "sanitise", "signals", "habits"),
        *("words", "worker"),
    },
}
LEAVES: Final = ("trio_chat.errors", "trio_chat.addresses", "trio_chat.sanitise")

# No await, no clock, no chance, no I/O of their own.
PURE: Final = (
    "trio_chat/addresses.py",
    "trio_chat/config.py",
    "trio_chat/config_default.py",
    "trio_chat/config_file.py",
    "trio_chat/errors.py",
    "trio_chat/habits",
    "trio_chat/sanitise.py",
    "trio_chat/words.py",
    "trio_chat/protocol",
    "trio_chat/server/comeback.py",
    "trio_chat/server/figures.py",
    "trio_chat/server/limits.py",
    "trio_chat/server/session.py",
    "trio_chat/store/chain.py",
    "trio_chat/client/as_events.py",
    "trio_chat/client/backoff.py",
    "trio_chat/client/events.py",
    "trio_chat/client/timeline.py",
    "trio_chat/ui/about.py",
    "trio_chat/ui/asked.py",
    "trio_chat/ui/pointing.py",
    "trio_chat/ui/quotes.py",
    "trio_chat/ui/recent.py",
    "trio_chat/ui/state.py",
    "trio_chat/ui/commands.py",
    "trio_chat/ui/render.py",
    "trio_chat/ui/cells.py",
    "trio_chat/ui/changes.py",
    "trio_chat/ui/complete.py",
    "trio_chat/ui/emoji.py",
    "trio_chat/ui/feed.py",
    "trio_chat/ui/help.py",
    "trio_chat/ui/mentions.py",
    "trio_chat/ui/pace.py",
    "trio_chat/ui/past.py",
    "trio_chat/ui/confusables.py",
    "trio_chat/ui/lookalikes.py",
    "trio_chat/ui/meeting.py",
    "trio_chat/ui/notices.py",
    "trio_chat/ui/rooms.py",
    "trio_chat/ui/spoken.py",
    "trio_chat/ui/status.py",
    "trio_chat/ui/themes.py",
    "trio_chat/ui/waiting.py",
    "trio_chat/ui/unread.py",
    "trio_chat/ui/weight.py",
    "simulator/bench/workloads.py",
    "simulator/bench/dialects",
    "simulator/bench/echo/plan.py",
    "simulator/bench/echo/stream.py",
    "simulator/bench/echo/table.py",
    "simulator/bench/kinds",
    "simulator/bench/row.py",
    "simulator/bench/room_log.py",
    "simulator/bench/stream.py",
    "simulator/bench/stream_by_author.py",
    "simulator/bench/chart.py",
    "simulator/bench/figures.py",
    "simulator/bench/summary.py",
    "simulator/bench/table.py",
)
IMPURE_IMPORTS: Final = frozenset(
    {"trio", "os", "pathlib", "secrets", "threading", "subprocess", "sys"}
)
IMPURE_CALLS: Final = frozenset(
    {"open", "print", "input", "time.time", "time.monotonic", "time.perf_counter"}
)


@dataclass(frozen=True)
class Import:
    """One name of one import statement."""

    module: str
    """Who imports."""
    target: str
    """The module that is imported, or `module.name` where the name may be one."""
    at_module_level: bool
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def sources(*folders: str) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        path = ROOT / folder
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(module: str, source: str) -> Iterator[Import]:
    """Every import of a source, also those inside functions; not those for types alone."""

    def walk(node: ast.AST, at_module_level: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            if isinstance(child, ast.Import):
                for name in child.names:
                    yield Import(module, name.name, at_module_level, child.lineno)
            elif isinstance(child, ast.ImportFrom):
                assert not child.level, f"{module}:{child.lineno}: a relative import"
                for name in child.names:
                    target = f"{child.module}.{name.name}"
                    yield Import(module, target, at_module_level, child.lineno)
            yield from walk(child, at_module_level and not inside)

    yield from walk(ast.parse(source), at_module_level=True)


def all_imports(*folders: str) -> list[Import]:
    return [
        each
        for path in sources(*folders)
        for each in imports_of(module_of(path), path.read_text(encoding="utf-8"))
    ]


def part_of(module: str) -> str | None:
    """Below trio_chat, the part that a module or name belongs to."""
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] or None if package == "trio_chat" else None


def forbidden(imports: list[Import]) -> list[str]:
    """What the table does not allow."""
    found = []
    for each in imports:
        importer, imported = part_of(each.module), part_of(each.target)
        if importer not in MAY_IMPORT or imported in (None, importer, "__version__"):
            continue
        if imported not in MAY_IMPORT[importer]:
            found.append(str(each))
    return found


def test_the_table_of_who_may_import_whom_is_kept() -> None:
    assert forbidden(all_imports("trio_chat")) == []


def test_the_table_knows_every_part() -> None:
    parts = {part_of(module_of(path)) for path in sources("trio_chat")}
    assert MAY_IMPORT.keys() <= parts


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("trio_chat.server.peer", "from trio_chat.client import open_client"),
        ("trio_chat.client.link", "import trio_chat.server"),
        ("trio_chat.store.sqlite", "from trio_chat.protocol.messages import Entry"),
        ("trio_chat.store.sqlite", "from trio_chat import protocol"),
        ("trio_chat.protocol.names", "from trio_chat.addresses import Address"),
        ("trio_chat.client.client", "def f():\n    from trio_chat.ui import app"),
        ("trio_chat.ui.app", "from trio_chat.server.limits import Limits"),
        ("trio_chat.wire", "from trio_chat.cli import main"),
        ("trio_chat.server.serve", "from trio_chat import open_client"),
    ],
)
def test_the_check_finds_what_it_looks_for(module: str, source: str) -> None:
    assert forbidden(list(imports_of(module, source)))


def test_only_join_imports_the_face() -> None:
    """A server starts without the terminal toolkit."""
    for each in all_imports("trio_chat"):
        if part_of(each.target) == "ui" and part_of(each.module) != "ui":
            assert not each.at_module_level, each


def test_only_who_asks_for_the_page_of_figures_imports_what_it_takes() -> None:
    """A server without --metrics starts as quickly as ever."""
    users = {
        each.module
        for each in all_imports("trio_chat")
        if each.target.split(".")[0] in ("h11", "prometheus_client")
    }
    assert users == {"trio_chat.server.metrics"}
    for each in all_imports("trio_chat"):
        if each.target.startswith("trio_chat.server.metrics"):
            assert not each.at_module_level, each


def test_asyncio_is_in_one_file() -> None:
    users = {
        each.module
        for each in all_imports("trio_chat", "simulator")
        if each.target.split(".")[0] == "asyncio"
    }
    assert users <= {"trio_chat.ui.bridge"}


def test_the_chat_knows_nothing_of_the_simulator() -> None:
    found = [str(each) for each in all_imports("trio_chat") if "simulator" in each.target]
    assert found == []


def foreign(folder: str, *allowed: str) -> list[str]:
    """Imports that are neither of the standard library nor below what is allowed."""
    return [
        str(each)
        for each in all_imports(folder)
        if each.target.split(".")[0] not in sys.stdlib_module_names
        and not any(each.target.startswith(f"{name}.") for name in allowed)
        and each.target not in allowed
    ]


def test_a_virtual_world_needs_trio_and_nothing_else() -> None:
    """`outcome` is what trio itself gives a thread's result in."""
    assert foreign("simulator/virtual", "simulator.virtual", "trio", "outcome") == []


def test_checkers_know_histories_and_nothing_else() -> None:
    assert foreign("simulator/checkers", "simulator.checkers", "simulator.history") == []


@pytest.mark.parametrize(
    "module",
    [
        "load.py",
        "load_talk.py",
        "members.py",
        "dialects",
        "stream.py",
        "stream_by_author.py",
        "room_log.py",
    ],
)
def test_the_load_of_the_bench_knows_the_wire_and_no_other_code_of_the_chat(
    module: str,
) -> None:
    """It is to be faster than what it measures, and to share none of its mistakes."""
    allowed = ("simulator.bench", "trio_chat.protocol", "msgspec")
    assert foreign(f"simulator/bench/{module}", *allowed) == []


def test_the_check_finds_what_is_foreign() -> None:
    assert foreign("simulator/checkers", "simulator.checkers")


def test_trios_private_names_are_in_one_file() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in sources("trio_chat", "simulator")
        if re.search(r"\btrio\._", path.read_text(encoding="utf-8"))
    }
    assert users == {"simulator/virtual/_trio.py"}


# --- cycles --------------------------------------------------------------------------


def edges(imports: list[Import], modules: set[str]) -> dict[str, set[str]]:
    """Who needs whom to be imported; the package's version number needs nobody."""
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for each in imports:
        if not each.at_module_level or each.target == "trio_chat.__version__":
            continue
        package = each.target.rpartition(".")[0]
        target = each.target if each.target in modules else package
        if target in modules and target != each.module:
            graph[each.module].add(target)
    return graph


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one cycle, or nothing."""
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module not in done:
            for target in sorted(graph[module]):
                if found := visit(target, [*trail, module]):
                    return found
            done.add(module)
        return []

    return next(filter(None, (visit(module, []) for module in sorted(graph))), [])


@pytest.mark.parametrize("folder", ["trio_chat", "simulator"])
def test_no_module_needs_itself(folder: str) -> None:
    modules = {module_of(path) for path in sources(folder)}
    assert cycle_in(edges(all_imports(folder), modules)) == []


def test_the_check_finds_a_cycle() -> None:
    imports = [
        *imports_of("a.x", "from a.y import thing"),
        *imports_of("a.y", "from a import z"),
        *imports_of("a.z", "import a.x"),
    ]
    assert set(cycle_in(edges(imports, {"a.x", "a.y", "a.z"}))) == {"a.x", "a.y", "a.z"}
    assert cycle_in(edges(imports[:2], {"a.x", "a.y", "a.z"})) == []


# --- purity --------------------------------------------------------------------------


def impurities(module: str, source: str) -> list[str]:
    found = [
        str(each)
        for each in imports_of(module, source)
        if each.target.split(".")[0] in IMPURE_IMPORTS
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.append(f"{module}:{node.lineno} waits")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in IMPURE_CALLS:
            found.append(f"{module}:{node.lineno} calls {ast.unparse(node.func)}")
    return found


@pytest.mark.parametrize("folder", PURE)
def test_what_is_pure_stays_pure(folder: str) -> None:
    assert sources(folder), f"{folder} is gone: the list has to follow"
    for path in sources(folder):
        assert impurities(module_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import trio",
        "from os import path",
        "async def f(): pass",
        "print(1)",
        "time.time()",
    ],
)
def test_the_check_finds_an_impurity(source: str) -> None:
    assert impurities("x", source)


def test_nobody_uses_the_one_chance_that_all_share() -> None:
    """Chance comes in through a parameter: random.Random, never random.random()."""
    for path in sources("trio_chat"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "random":
                assert node.attr == "Random", f"{path.name}:{node.lineno}"


# --- docstrings ----------------------------------------------------------------------


def unsaid(module: str, source: str) -> list[str]:
    """Public coroutines that do not say what a cancellation does to them.

    A docstring that begins with "As" says it in the place it points to.
    """

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if getattr(child, "name", "").startswith("_"):
                continue
            if isinstance(child, ast.AsyncFunctionDef):
                doc = ast.get_docstring(child) or ""
                if "Cancel:" not in doc and not doc.startswith("As "):
                    yield f"{module}:{child.lineno} {child.name}"
            elif not isinstance(child, ast.FunctionDef):
                yield from walk(child)

    return list(walk(ast.parse(source)))


def test_every_public_coroutine_says_what_a_cancellation_does() -> None:
    found = [
        name
        for path in sources("trio_chat")
        for name in unsaid(module_of(path), path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_check_finds_a_coroutine_that_does_not_say() -> None:
    assert unsaid("x", 'class A:\n    async def f(self):\n        """Does it."""')
    assert not unsaid("x", 'async def f():\n    """Does it. Cancel: atomic."""')
    assert not unsaid("x", "async def _f(): pass")
