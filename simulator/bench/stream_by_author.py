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
    """What one member is sent."""

    def __init__(
        self, room: RoomLog, aside: Callable[[Aside], None], own: str | None = None
    ) -> None:
        super().__init__(room, aside, own)
        self._skipped = 0
        """Of its own entries those that it has stepped over, as it never gets them."""
        # While it does not follow the log:
        self._left_at = self._count = 0
        """Where it left the log, in entries, and how many it has had."""
        self._last: dict[str, int] = {}
        """Of each author the last number, if there was one since it left."""
        self._astray: dict[str, list[int]] = {}
        """Of each author what came from the first number on that was not the next."""
        self._timed: list[float] = []

    @property
    def entries(self) -> int:
        """As Stream.entries."""
        if not self._follows:
            return self._count
        return self._room.count_at(self.at) - self._skipped

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
        if self._follows and self._own is None:
            run = self._follow(run)
            if not run:
                return
        # Who does not get all can't say where in the log they stand: it is never ahead.
        self._leave()
        for said in self._dialect.entries(run):
            self._take(said)
        self._come_back()

    def _pass(self, data: bytes | memoryview) -> bytes | memoryview:
        if self._own is None:
            return super()._pass(data)
        room, places = self._room, self._room.authors[self._own].places
        while data:
            # Up to its next own entry, and over that.
            more = self._skipped < len(places)
            stop = room.end_of(places[self._skipped]) if more else len(room.bytes)
            piece = data[: stop - self.at]
            if not room.bytes.startswith(piece, self.at):
                break
            self.at += len(piece)
            data = data[len(piece) :]
            if self.at < stop or not more:
                break
            self.at = room.ends[places[self._skipped]]
            self._skipped += 1
        return data

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
            self._timed += super().passed()
            self._left_at, self._count = self._room.count_at(self.at), self.entries
            self._follows = False
            self._last.clear()

    def _come_back(self) -> None:
        """Follow the log again, if it has the same lines up to here, in whatever order."""
        room, authors = self._room, self._room.authors
        if self._astray:
            return
        skipped, own = self._skipped, authors[self._own].places if self._own else ()
        while skipped < len(own) and own[skipped] - skipped < self._count:
            skipped += 1
        here = self._count + skipped
        if here <= len(room) and all(
            bisect_left(author.places, here) == self._last_of(nick)
            for nick, author in authors.items()
            if nick != self._own
        ):
            self._follows = True
            self.at = room.end_of(here)
            self._skipped = skipped
            self._marks = here // room.mark_every
