"""docs/promises.md names what there is: checkers, planted bugs, files, things in them."""

import re
from pathlib import Path

import pytest

from simulator.checkers import CHECKERS
from tests.simulator.zoo.bug import STORY
from tests.simulator.zoo.table import BUGS

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
SECTIONS = {
    title.split()[0]: text
    for title, text in re.findall(
        r"^## (P\d+ .*?)\n(.*?)(?=^## |\Z)", DOC, re.MULTILINE | re.DOTALL
    )
}
CHECKED = [f"P{number}" for number in range(1, 12)]


def listed(promise: str, what: str) -> str:
    found = re.search(
        rf"^- \*\*{what}:\*\* (.*?)\.?$(?=\n(?:- |\n|\Z))",
        SECTIONS[promise],
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, f"{promise} says nothing of: {what}"
    return " ".join(found[1].split()).removesuffix(".")


def bugs_of(promise: str) -> set[str]:
    """Some of their names have commas: then the list is one of semicolons."""
    words = listed(promise, "Planted bugs")
    return set(words.split("; " if ";" in words else ", "))


def test_every_promise_is_here_and_says_where_it_ends() -> None:
    assert list(SECTIONS) == [*CHECKED, "P12"]
    for promise in SECTIONS:
        assert listed(promise, "Limits")


@pytest.mark.parametrize("promise", CHECKED)
def test_a_promise_names_its_checkers(promise: str) -> None:
    """All of them, and no other."""
    names = set(re.findall(r"`(\w+)`", listed(promise, "Checkers")))
    assert names == {each.name for each in CHECKERS if each.promise == promise}


@pytest.mark.parametrize("promise", CHECKED)
def test_a_promise_has_a_planted_bug_that_its_own_checkers_find(promise: str) -> None:
    """Each one that is named is in the zoo, and one is found by this promise's checkers."""
    there = {bug.name: bug for bug in BUGS}
    assert bugs_of(promise) <= there.keys()
    own = {each.name for each in CHECKERS if each.promise == promise}
    finders = {name for bug in bugs_of(promise) for name in there[bug].found_by}
    assert own <= finders | {STORY}


def test_every_planted_bug_is_a_promises() -> None:
    """And of one alone."""
    named = [bug for promise in CHECKED for bug in bugs_of(promise)]
    assert sorted(named) == sorted(bug.name for bug in BUGS)


def test_what_it_names_in_the_code_is_there() -> None:
    """Files, and the classes, functions and fields that the arguments rest on."""
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("trio_chat", "simulator")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )
    for path in re.findall(r"`([\w/]+\.py)`", DOC):
        places = [ROOT / path, ROOT / "trio_chat" / path]
        assert any(place.is_file() for place in places), path
    for dotted in re.findall(r"`((?:_?[A-Z]\w+)\.\w+)`", DOC):
        owner, name = dotted.split(".")
        bodies = re.findall(
            rf"^class {owner}\b.*?(?=^\S)", source, re.MULTILINE | re.DOTALL
        )
        assert any(re.search(rf"\b{name}\b", body) for body in bodies), dotted
