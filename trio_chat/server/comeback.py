"""What a link turns out to be: somebody's coming back, and how much had been missed.

A device comes back if its session is here when it says hello, or if it names a cursor in
a join: its session is over then, and it was here all the same. What it had missed is
known once each of its places was asked for and nothing is owed to it any more, or once
the grace is over, in which a client asks for its rooms. Not seen is who comes back to
another epoch, and begins anew as anybody who is new; the console tells of the epoch.
"""

from collections.abc import Iterable

from trio_chat.server.figures import Figures, Missed

_BY_WEIGHT = tuple(Missed)


class Comeback:
    """One link, as long as it may turn out to be one; counted once.

    Shape:  nothing is known of it before begin(). `owed`: whether a member of its peer is
            behind. What it keeps of rooms is bounded as a session's places are.
    """

    __slots__ = (
        *("_asked", "_awaited", "_counted", "_figures", "_grace_s", "_is_one", "_known"),
        *("_missed", "_resumed", "_until_s"),
    )

    def __init__(self, figures: Figures, grace_s: float) -> None:
        self._figures = figures
        self._grace_s = grace_s
        self._until_s = 0.0
        self._known = False
        self._is_one = False
        # Few, and mostly none: ten thousand empty sets would be two megabytes.
        self._awaited: tuple[str, ...] = ()
        self._resumed: tuple[str, ...] = ()
        self._asked = False
        self._missed: Missed | None = None
        self._counted = False

    def begin(self, places: Iterable[str] | None, now_s: float) -> None:
        """It has said hello; its session was in these rooms, None: there was none."""
        self._until_s = now_s + self._grace_s
        self._is_one = self._known = places is not None
        self._awaited = tuple(places or ())

    def joined(
        self, room: str, after: int | None, head: int, now_s: float, *, new: bool
    ) -> None:
        """It has asked for a room, in which it is `new` or not, from a cursor or not."""
        self._asked = True
        self._awaited = _without(self._awaited, room)
        if self._counted or after is None:
            return
        self._is_one |= new and now_s < self._until_s
        self._resumed = (*_without(self._resumed, room), room)
        if after > head:
            self._add(Missed.GAPPED)
        else:
            self._add(Missed.LOSSLESS if after == head else Missed.RECOVERED)

    def left(self, room: str) -> None:
        """It wants the room no longer."""
        self._awaited = _without(self._awaited, room)
        self._resumed = _without(self._resumed, room)

    def gap(self, room: str) -> None:
        """It was told of a gap."""
        if room in self._resumed:
            self._add(Missed.GAPPED)

    def judge(self, now_s: float, *, owed: bool) -> None:
        """Count it, if it is known by now what it was."""
        if owed or not self._is_one or self._counted:
            return
        asked_all = self._known and self._missed is not None and not self._awaited
        if asked_all or now_s >= self._until_s:
            self._count(self._missed or Missed.ANEW)

    def end(self, now_s: float, *, owed: bool) -> None:
        """The link is over: count what it was, if that was not done yet."""
        if not self._is_one or self._counted:
            return
        asks_more = now_s < self._until_s and (self._awaited or not self._asked)
        cut_short = owed or asks_more
        self._count(Missed.UNFINISHED if cut_short else self._missed or Missed.ANEW)

    def _add(self, missed: Missed) -> None:
        self._missed = max(self._missed or missed, missed, key=_BY_WEIGHT.index)

    def _count(self, missed: Missed) -> None:
        self._counted = True
        self._figures.reconnects[missed] += 1


def _without(rooms: tuple[str, ...], room: str) -> tuple[str, ...]:
    return tuple(each for each in rooms if each != room) if room in rooms else rooms
