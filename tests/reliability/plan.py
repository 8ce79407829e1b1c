"""What is asked of the story, and what became of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.virtual.seeds import Seed
from tests.processes import CLI
from tests.reliability.judge import Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of it there is."""

    writers: Sequence[str] = ("ada", "ben", "cyd", "dan")
    readers: Sequence[str] = ("eve", "flo", "gus")
    server_kills: int = 10
    kills_of_each: int = 3
    """Of each client."""
    lines: Sequence[int] = (1, 20, 100, 500)
    """So many more are accepted before the next kill: also one alone, so that it meets
    those who are just coming back."""
    patience_s: float = 100.0
    """For all of it; it only bounds a hang."""
    server: Sequence[str] = tuple(CLI)
    client: Sequence[str] = tuple(CLI)


@dataclass(slots=True)
class Played:
    """What became of it."""

    seed: Seed
    lives: dict[str, list[Life]] = field(default_factory=dict)
    """Of everybody, in their order."""
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    """The last ones of the server."""

    def __str__(self) -> str:
        """All about it, for people."""
        counts = ", ".join(f"{count:,} {what}" for what, count in self.counts.items())
        return f"seed {self.seed}: {counts}"
