"""One number from which all chance of a run comes, in streams that don't touch."""

import random
from dataclasses import dataclass

_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Seed:
    """The number that a run is repeated by."""

    number: int

    def __str__(self) -> str:
        return str(self.number)

    def stream(self, purpose: str, name: str = "") -> random.Random:
        """The chance of one purpose and one name: nobody else draws from it.

        Shape:  the same on every machine, whatever other streams there are: one more bot
                changes nothing for the others.
        """
        return random.Random(f"{self.number}/{purpose}/{name}")


def any_seed() -> Seed:
    """A seed that nobody chose, short enough to be read aloud."""
    return Seed(random.SystemRandom().randrange(1, _LIMIT))
