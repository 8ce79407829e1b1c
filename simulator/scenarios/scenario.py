"""What a story is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from simulator.world import World


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story with a name.

    Shape:  `story` drives a world and raises StoryError if it can't go on; what holds
            afterwards is for the checkers to say.
    """

    name: str
    summary: str
    """One line for `list`."""
    story: Callable[[World], Awaitable[None]]
