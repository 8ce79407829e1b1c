"""What is wrong with a scrollback is found, and nothing else is."""

import pytest

from tests.day.scrollback import Scrollback, bare, faults, read

LOG = {"dev": [("ada", bare("hello bob")), ("bob", "yes"), ("bob", "andmore"), ("cy", "b")]}
SCREEN = """\
12:00 connected to 127.0.0.1:7461 as ada
── #dev ── 4 new while you were away
12:01 <ada> hello
            bob
12:01 <bob> [^1 ada: hello bob] yes
12:01 * bob and more
── #ops ──
12:02 <eve> elsewhere
── #dev ──
12:03 <cy> b
> half a li
online · #dev · 2 here · ada"""


def wrong(*screens: str) -> list[str]:
    return faults([read(screen.split("\n"), "dev") for screen in screens], LOG, ["dev"])


def test_nothing_is_wrong_with_what_was_said() -> None:
    assert not wrong(SCREEN)


def test_a_life_goes_on_where_the_one_before_ended_or_earlier() -> None:
    first, _, rest = SCREEN.partition("12:01 * bob")
    first += "> half a li\nonline · #dev"
    assert not wrong(first, f"12:01 <bob> yes\n12:01 * bob{rest}")
    assert not wrong(first, f"12:01 * bob{rest}")
    assert wrong(first, "12:03 <cy> b") == [
        "#dev in life 2: lost: [('bob', 'andmore')]",
    ]


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("12:03 <cy> b\n", "", "lost at the end"),
        ("12:01 * bob and more\n", "", "lost between"),
        ("12:03 <cy> b\n", "12:03 <cy> b\n12:03 <cy> b\n", "doubled"),
        ("12:03 <cy> b\n", "12:03 <cy> b\n12:01 <bob> yes\n", "out of order"),
        ("hello\n", "hallo\n", "never said"),
        ("12:03 <cy>", "> half a\n12:03 <cy>", "an artefact"),
        ("12:03 <cy>", "online · #dev\n12:03 <cy>", "an artefact"),
        ("12:03 <cy>", "… waits\n12:03 <cy>", "an artefact"),
        ("> half a li\n", "> half\n> half a li\n", "a broken prompt"),
        ("> half a li\n", "", "a broken prompt"),
    ],
)
def test_what_is_wrong_is_told(before: str, after: str, word: str) -> None:
    assert SCREEN.count(before) == 1
    found = wrong(SCREEN.replace(before, after))
    assert any(word in each for each in found), found


def test_what_was_said_is_told_by_room() -> None:
    found = read(SCREEN.split("\n"), "lobby")
    assert dict(found.said) == {"dev": LOG["dev"], "ops": [("eve", "elsewhere")]}
    assert found.prompt == ["> half a li", "online · #dev · 2 here · ada"]
    assert isinstance(found, Scrollback)
