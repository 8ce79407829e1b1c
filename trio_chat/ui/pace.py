"""How much a terminal is given at once, from how long it took for what it had before. Pure.

A key's echo stands in line behind whatever is on its way to the terminal: in a pipe, in a
kernel, in a network. So no more is on its way than this terminal takes in ECHO_S. How fast
it is can't be seen from writing, for a connection may swallow megabytes that nobody will
see for a minute. So it is asked: "how are you?" at the end of a piece is answered when all
before it was taken. The next piece goes after the answer.
"""

from dataclasses import dataclass, replace
from typing import Final

EVERY_S: Final = 0.03
"""From one piece to the next: what comes meanwhile is printed at once, in one piece."""
ECHO_S: Final = 0.02
"""What a piece may take, beside the way there and back."""
PIECE_CHARS: Final = (500, 64_000)
"""The smallest piece on a slow terminal, the largest on any."""
_GETS_LONGER: Final = 0.1
_GROWTH: Final = 2.0
FILL_S: Final = 120.0
"""How long a terminal that does not answer is not filled to see whether it got faster."""
FILL_SHARE: Final = 0.75
"""Of what it took when it was full; so that it becomes empty again."""
RATE_OVER_S: Final = 1.0
"""The rate is that of about so long."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of a terminal."""

    piece_chars: int = PIECE_CHARS[0]
    """So much at once."""
    way_s: float | None = None
    """The way to the terminal and back, as far as it is known."""
    chars_per_s: float | None = None
    """What it takes in the long run, as measured while more was waiting; None: unknown."""
    fill_after_s: float = 0.0
    """Of a terminal that does not answer: when larger pieces are tried again."""


def answered(pace: Pace, chars: int, took_s: float, *, more: bool) -> Pace:
    """What is known after a piece was taken, so long after it was written.

    Shape:  `more`: something else was waiting, so the piece was as large as it might be.
    """
    least, most = PIECE_CHARS
    way_s = took_s if pace.way_s is None else min(pace.way_s, took_s)
    if chars <= 2 * least:  # it is hardly more than the way, which may have got longer
        way_s += (took_s - way_s) * _GETS_LONGER
    over_s = took_s - way_s
    piece_chars = pace.piece_chars
    if over_s > ECHO_S:
        piece_chars = max(least, int(min(chars, piece_chars) * ECHO_S / over_s))
    elif more:
        growth = _GROWTH if over_s <= ECHO_S / 2 else ECHO_S / over_s
        piece_chars = min(most, int(piece_chars * growth))
    return replace(pace, piece_chars=piece_chars, way_s=way_s)


def swallowed(pace: Pace, chars: int, since_s: float, *, full: bool, more: bool) -> Pace:
    """What is known of a terminal that does not answer, after a piece was written.

    Shape:  `full`: the writing had to wait, for all is full on the way to the terminal.
            `chars`, in `since_s`, is what was written since it was so the last time, or
            since the beginning. One sees no more than this, so it is filled at first,
            and then seldom.
    """
    least, most = PIECE_CHARS
    piece_chars = pace.piece_chars
    if full:
        piece_chars = int(FILL_SHARE * chars / max(since_s, EVERY_S) * EVERY_S)
    elif more and since_s > pace.fill_after_s:
        piece_chars = int(piece_chars * _GROWTH)
    return replace(
        pace,
        piece_chars=min(most, max(least, piece_chars)),
        fill_after_s=FILL_S if full else pace.fill_after_s,
    )


def measured(pace: Pace, chars: int, seconds: float) -> Pace:
    """What is known after so much was printed in this time, with more waiting for it.

    Shape:  the best of late: it goes up at once, and down in RATE_OVER_S.
    """
    rate = chars / seconds
    if pace.chars_per_s is not None:
        share = min(1.0, seconds / RATE_OVER_S)
        rate = max(rate, pace.chars_per_s + (rate - pace.chars_per_s) * share)
    return replace(pace, chars_per_s=rate)
