"""Who is about to speak again: what is worth a moment before a batch leaves.

Where several people talk at once, each hears the others' batch, and answers. One who comes
a little earlier would have a batch of their own, and so would the next: each of them goes
to everybody anew. So those who were in a room's last batch, a moment ago, are waited for,
a moment at most, before the room's next one. It costs who speaks alone nothing, and who
speaks now and then: when they do, no last batch is that young.
"""

from collections.abc import Sequence
from typing import Final

from trio_chat.store.interface import Draft

MOMENT_S: Final = 0.001
TALK_S: Final = 0.1
"""Between two lines of a conversation that goes on."""
_LONG_DRAFTS: Final = 128
"""As many lines as that are written for less than they cost otherwise."""


class Rhythm:
    """Knows who was in the last batches."""

    def __init__(self) -> None:
        self._last: set[tuple[str, str]] = set()
        self._last_s = -TALK_S

    @property
    def until_s(self) -> float:
        """When nobody is waited for any more."""
        return self._last_s + MOMENT_S

    @property
    def talking_until_s(self) -> float:
        """When it is quiet, if nobody says anything more."""
        return self._last_s + TALK_S

    def awaits(self, together: Sequence[Sequence[Draft]]) -> bool:
        """Whether somebody is worth waiting for who could share a batch with these.

        Shape:  what each of several has said at once; it is for one room, as a rule.
        """
        if _is_long(together):
            return False
        here = _pairs(together)
        rooms = {log for log, _device in here}
        return not {pair for pair in self._last if pair[0] in rooms} <= here

    def delivered(self, together: Sequence[Sequence[Draft]], now_s: float) -> None:
        """These were the last batches."""
        # Who makes long batches of their own is not waited for.
        self._last = set() if _is_long(together) else _pairs(together)
        self._last_s = now_s


def _is_long(together: Sequence[Sequence[Draft]]) -> bool:
    return sum(map(len, together)) >= _LONG_DRAFTS


def _pairs(together: Sequence[Sequence[Draft]]) -> set[tuple[str, str]]:
    return {(drafts[0].log, drafts[0].device) for drafts in together if drafts}
