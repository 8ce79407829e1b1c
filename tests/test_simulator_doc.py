"""What docs/simulator.md shows runs as it stands there, and what it counts is so."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from simulator import virtual
from simulator.run import run_in_world
from simulator.scenarios import REAL, SCENARIOS
from simulator.virtual import _trio
from simulator.virtual.network import Network

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
BUG = "<!-- with a bug -->\n"
TEST = "<!-- in a test file -->\n"


def blocks() -> list[tuple[str, str]]:
    """The Python of the page in its order, each with the mark before it."""
    pattern = r"^(<!-- [^>]* -->\n)?```python\n(.*?)^```$"
    return re.findall(pattern, DOC, re.MULTILINE | re.DOTALL)


def module_of(*sources: str) -> ModuleType:
    """A module with these sources in it, run one after the other."""
    module = ModuleType("page")
    for source in sources:
        exec(compile(source, "docs/simulator.md", "exec"), module.__dict__)  # noqa: S102
    return module


def first_example() -> str:
    return blocks()[0][1]


def test_the_first_example_runs_as_it_stands() -> None:
    assert "trio_chat" not in first_example()
    assert "for seed in range(100):" in first_example()
    module_of(first_example())


def test_with_the_bug_about_a_fifth_of_its_worlds_fail() -> None:
    (bug,) = (source for mark, source in blocks() if mark == BUG)
    story: Any = module_of(first_example(), bug).story

    def fails(seed: int) -> bool:
        try:
            virtual.run(story, seed=seed)
        except AssertionError:
            return True
        return False

    failing = [seed for seed in range(100) if fails(seed)]
    assert 12 <= len(failing) <= 30
    assert all(fails(seed) for seed in failing[:3])


def test_all_that_is_shown_runs_in_the_order_of_the_page() -> None:
    shown = [source for mark, source in blocks() if mark not in (BUG, TEST)]
    assert len(shown) >= 3
    module_of(*shown)


def test_the_test_that_is_shown_is_one() -> None:
    (source,) = (source for mark, source in blocks() if mark == TEST)
    module = module_of(first_example(), source)
    for seed in (0, 19):
        module.test_the_echo_comes_back(seed)
    (mark,) = module.test_the_echo_comes_back.pytestmark
    assert mark == pytest.mark.parametrize("seed", range(20)).mark


def test_every_private_name_of_trio_is_told() -> None:
    assert _trio.__doc__ is not None
    names = [
        name
        for line in _trio.__doc__.splitlines()
        if re.match(r"\d\. ", line)
        for name in re.findall(r"`([^`]+)`", line)
    ]
    (section,) = re.findall(
        r"^## What it needs of trio\n(.*?)^## ", DOC, re.MULTILINE | re.DOTALL
    )
    assert [name for name in names if f"`{name}`" not in section] == []
    assert len(names) == 8
    assert "eight names" in section


def test_every_file_and_section_that_is_pointed_to_is_there() -> None:
    paths = re.findall(r"`((?:tests|simulator)/[\w/]+\.py)`", DOC)
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []
    headings = re.findall(r"^## (.*)$", DOC, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
    links = re.findall(r"\]\(#([^)]+)\)", DOC)
    assert links
    assert [link for link in links if link not in anchors] == []


def test_every_name_of_the_faults_and_of_a_nodes_life_exists() -> None:
    for name in re.findall(r"`network\.(\w+)\(", DOC):
        assert hasattr(Network, name), name
    for name in re.findall(r"`(?:await )?node\.(\w+)\(", DOC):
        assert hasattr(virtual.Node, name), name


# --- the chat ------------------------------------------------------------------------


def test_every_suite_is_told() -> None:
    told = re.findall(
        r"^\| `(\w+)` \| (?!not )", DOC.split("## The chat in such worlds")[1], re.MULTILINE
    )
    assert told == [*SCENARIOS, REAL]


def test_the_story_that_is_shown_can_be_played() -> None:
    shown = [source for mark, source in blocks() if mark not in (BUG, TEST)]
    played = run_in_world(module_of(*shown).SCENARIO, virtual.Seed(7))
    assert played.troubles == ()
    assert played.passed
