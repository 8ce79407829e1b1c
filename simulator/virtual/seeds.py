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


@dataclass(frozen=True, slots=True)
class Luck:
    """All the chance that the programs of one node meet, wanted or not."""

    turns: random.Random
    """For whose step comes first, of all who take one at the same instant."""
    schedule: random.Random
    """For the order of its tasks."""
    threads: random.Random
    """For how long its blocking calls take."""
    entropy: random.Random
    """For os.urandom() and all that is made of it."""
    module: random.Random
    """For the functions of the module random, whose state each process has for itself."""

    @classmethod
    def of(cls, seed: Seed, name: str) -> "Luck":
        """The luck of that node."""
        return cls(
            turns=seed.stream("turns", name),
            schedule=seed.stream("schedule", name),
            threads=seed.stream("threads", name),
            entropy=seed.stream("entropy", name),
            module=seed.stream("random", name),
        )


def any_seed() -> Seed:
    """A seed that nobody chose, short enough to be read aloud."""
    return Seed(random.SystemRandom().randrange(1, _LIMIT))
