"""How long to wait before trying again: full jitter under a growing ceiling."""

import random
from typing import Final

FLOOR_S: Final = 0.25
CEILING_S: Final = 15.0


def backoff_s(attempt: int, rng: random.Random) -> float:
    """Seconds to wait after the failure number `attempt`, counted from 0.

    Shape:  uniform from 0.25 s to a ceiling that begins at 0.5 s, doubles with each
            failure, and stops at 15 s: many clients of one server come back spread out.
    """
    # The exponent is bounded so that a week of failures does not become a huge integer.
    ceiling_s = min(CEILING_S, 2 * FLOOR_S * 2 ** min(attempt, 16))
    return rng.uniform(FLOOR_S, ceiling_s)
