"""What a planted bug is, and how one is hunted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from simulator.run import Run, run_in_world
from simulator.scenarios import Scenario
from simulator.virtual.seeds import Seed

STORY: Final = "story"
"""Found by the story itself: somebody fell over, or waited in vain."""

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One thing that is wrong on purpose.

    Shape:  `found_by` are checkers by name, or STORY: all of them find it in one of the
            first `within` seeds; if it is `alone`, nobody else does. `without` is the same
            story without what it `needs`, where nobody finds it.
    """

    name: str
    wrong: str
    """What is wrong, as a sentence."""
    plant: Plant
    """Breaks the server, the client or the store; whoever gave the patch undoes it."""
    story: Scenario
    found_by: tuple[str, ...]
    within: int
    """In so many seeds, from 0 on, it is found."""
    needs: str = ""
    """The fault, or whatever else of the world it takes."""
    without: Scenario | None = None
    tick_s: float | None = None
    """Of the world, if it matters."""
    alone: bool = True
    """Whether nobody else finds it."""


def play(
    bug: Bug, seed: int, story: Scenario | None = None, *, tick_s: float | None = None
) -> Run:
    """One seed of its story, or of another one, with the bug planted."""
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        return run_in_world(
            story or bug.story, Seed(seed), tick_s=bug.tick_s if tick_s is None else tick_s
        )


def found_in(run: Run, *, also: tuple[str, ...] = ()) -> set[str]:
    """Who found something: checkers of kept promises, or `also` these, and the story."""
    found = {
        checker.name
        for checker, finding in run.findings
        if finding.answer == "violated"
        and (checker.expected == "kept" or checker.name in also)
    }
    return found | ({STORY} if run.troubles else set())
