"""Where entries have no number: each author's 1, 2, 3, in any mixture, is held to the room.

Nearly always all members get the same mixture, and bytes are compared. Who gets another one
than the room's log has is followed line by line until it is where the log is once more.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from simulator.bench.dialects.dialect import Aside, Said
from simulator.bench.room_log import RoomLog
from simulator.bench.stream import Faults, Stream, judge


class StreamByAuthor(Stream):
    """What one member is sent, who does not get what it says itself, if `own` is given.

    Shape:  such a member never gets what the others get: it is followed line by line.
    """

    def __init__(
        self, room: RoomLog, aside: Callable[[Aside], None], own: str | None = None
    ) -> None:
        super().__init__(room, aside)
        self._own = own
        self._follows = own is None
        # While it does not follow the log:
        self._left_at = self._count = 0
        """How many entries it had when it left the log, and has now."""
        self._last: dict[str, int] = {}
        """Of each author the last number, if there was one since it left."""
        self._astray: dict[str, list[int]] = {}
        """Of each author what came from the first number on that was not the next."""
        self._timed: list[float] = []

    @property
    def entries(self) -> int:
        """As Stream.entries."""
        return self._room.count_at(self.at) if self._follows else self._count

    @property
    def whole(self) -> bool:
        """As Stream.whole."""
        own = self._room.authors[self._own].accepted if self._own else 0
        return bool(self._astray) or self.entries == self._room.accepted - own

    def passed(self) -> Sequence[float]:
        """As Stream.passed."""
        passed = super().passed()
        if not self._timed:
            return passed
        timed, self._timed = self._timed, []
        return [*passed, *timed]

    def faults(self) -> Faults:
        """As Stream.faults."""
        self._leave()
        return sum(
            (
                judge(self._last_of(nick) + 1, author.accepted, self._astray.get(nick, ()))
                for nick, author in self._room.authors.items()
                if nick != self._own
            ),
            Faults(),
        )

    def _entries(self, run: bytes) -> None:
        if self._follows:
            run = self._follow(run)
            if not run:
                return
            self._leave()
        for said in self._dialect.entries(run):
            self._take(said)
        self._come_back()

    def _take(self, said: Said) -> None:
        author = self._room.author(said)
        nick, n = said.nick, said.n
        if nick == self._own:
            raise ValueError(f"{nick} gets what it said itself")
        if n > author.accepted:
            self._room.accept(nick, n)
        if nick in self._astray or n != self._last_of(nick) + 1:
            self._astray.setdefault(nick, []).append(n)
        else:
            self._last[nick] = n
        self._count += 1
        if self._count % self._room.mark_every == 0:
            self._timed.append(author.sent_s[n - 1])

    def _last_of(self, nick: str) -> int:
        last = self._last.get(nick)
        if last is None:
            last = self._last[nick] = bisect_left(
                self._room.authors[nick].places, self._left_at
            )
        return last

    def _leave(self) -> None:
        if self._follows:
            self._follows = False
            self._left_at = self._count = self._room.count_at(self.at)
            self._last.clear()

    def _come_back(self) -> None:
        """Follow the log again, if it has the same lines up to here, in whatever order."""
        room, count = self._room, self._count
        if self._own or self._astray or count > len(room):
            return
        if all(
            bisect_left(author.places, count) == self._last_of(nick)
            for nick, author in room.authors.items()
        ):
            self._follows = True
            self.at = room.end_of(count)
            self._marks = count // room.mark_every
