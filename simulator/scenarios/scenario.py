"""What a story is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from simulator.world import World
from trio_chat.server import Limits


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
    on_disk: bool = False
    """Whether what the server is told, and what people say, is on disks of the world.

    A story in which people's programs or machines die has to be: in memory the lines that
    they were saying die too, and the checker of P7 says so.
    """
    real: bool = False
    """Whether it can be played with processes as well."""
    limits: Limits | None = None
    """The server's, if they are to be others than usual."""
