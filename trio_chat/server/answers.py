"""What a peer is told of what it has said or asked for."""

from collections.abc import Sequence

from trio_chat.protocol import messages
from trio_chat.protocol.framing import encode
from trio_chat.server.drafts import Judged, answer
from trio_chat.server.figures import Figures
from trio_chat.server.outgoing import Outgoing
from trio_chat.store.interface import Outcome


class Answers:
    """What an author is told of its drafts: behind what is delivered, in one write with it.

    Shape:  `left` is what its queue has not taken, as soon as they are answered.
    """

    __slots__ = ("_drafts", "_figures", "_outgoing", "hold", "left")

    def __init__(
        self, drafts: Sequence[Judged], outgoing: Outgoing, figures: Figures
    ) -> None:
        self._drafts = drafts
        self._outgoing = outgoing
        self._figures = figures
        self.hold = outgoing.hold
        self.left = b""

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """This has become of the drafts, in their order."""
        answers = [*map(answer, self._drafts, outcomes)]
        for each in answers:
            if isinstance(each, messages.Refused):
                self._figures.drafts_refused[each.code] += 1
        data = encode(answers)
        if not self._outgoing.let_go(data):
            self.left = data


def refused(
    code: str,
    reason: str,
    *,
    room: str | None = None,
    n: int | None = None,
    id_: int | None = None,
) -> messages.Refused:
    """What a peer is told that asked for what it can't have."""
    # A name that can't be one is not worth repeating in full.
    room = room[:64] if room is not None else None
    return messages.Refused(code=code, reason=reason, room=room, n=n, id=id_)
