"""Read marks: how far each person has read each log, on whatever device.

A mark is a hint, and a maximum: it is never lowered, so it does not matter in which order,
how often and by how many devices it is said, nor what of it is lost, as long as somebody
says it again. That is why nobody waits for a mark, and why none costs a sync: what has
changed is written by the batch, at the latest some seconds later and when the server
stops. A server that is killed may forget the marks of the last seconds. Its clients say
theirs again; if they are gone too, something is unread that was read, and never the other
way round. The other devices are told by the batch too: somebody who says a thousand marks
a second makes no more work than somebody who says one.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, TypeAlias

import trio

from trio_chat.errors import StoreError
from trio_chat.protocol import messages, names
from trio_chat.protocol.framing import encode
from trio_chat.server.limits import Limits
from trio_chat.server.room import Member, Standing
from trio_chat.server.session import Session
from trio_chat.server.trouble import Trouble
from trio_chat.store.interface import Store

KEPT_AS: Final = "mark/"
"""What a mark's name in the store begins with; then come the person, `/` and the log."""
_WRITTEN_AT_ONCE: Final = 1_024
_DIGITS_MAX: Final = 16

Key: TypeAlias = tuple[str, str]
"""A person's fingerprint, and the name of a log."""


class MarkTable:
    """The marks that are known: a bounded table of maxima.

    Shape:  one person has at most `per_person_max`, all together `all_max`. One more, and
            the one that was not used for the longest time goes: of that person, or of the
            person who was not here for the longest time.
    """

    def __init__(self, per_person_max: int, all_max: int) -> None:
        self._per_person_max = per_person_max
        self._all_max = all_max
        self._persons: OrderedDict[str, OrderedDict[str, int]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, person: str, log: str) -> int | None:
        """How far the person has read; None: nothing is known."""
        marks = self._persons.get(person)
        if marks is None or log not in marks:
            return None
        self._persons.move_to_end(person)
        marks.move_to_end(log)
        return marks[log]

    def advance(self, person: str, log: str, seq: int) -> tuple[bool, list[Key]]:
        """The person has read up to here; whether that is news, and which marks went."""
        before = self.get(person, log)
        if before is not None and before >= seq:
            return False, []
        marks = self._persons.setdefault(person, OrderedDict())
        marks[log] = seq
        if before is not None:
            return True, []
        self._count += 1
        self._persons.move_to_end(person)
        return True, list(self._too_many(person, marks))

    def _too_many(self, person: str, marks: OrderedDict[str, int]) -> Iterable[Key]:
        if len(marks) > self._per_person_max:
            yield self._forget_oldest(person)
        while self._count > self._all_max:
            yield self._forget_oldest(next(iter(self._persons)))

    def _forget_oldest(self, person: str) -> Key:
        marks = self._persons[person]
        log, _ = marks.popitem(last=False)
        self._count -= 1
        if not marks:
            del self._persons[person]
        return person, log


class Marks:
    """What peers say they have read; run() tells the other devices, and writes it down.

    Shape:  `kept` is what the store has. What waits to be written, or to be told, is at
            most what is in the table, and as much that has gone out of it. A device that
            can't be told now is told a moment later, as long as it is here; it is told
            the largest alone.
    """

    def __init__(
        self,
        store: Store,
        limits: Limits,
        trouble: Trouble,
        kept: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._limits = limits
        self._trouble = trouble
        self._table = MarkTable(limits.marks_per_person_max, limits.marks_max)
        self._here: dict[str, dict[Session, None]] = {}
        self._unwritten: dict[Key, str | None] = {}
        self._untold: dict[Key, dict[Session, None]] = {}
        """The devices that do not know it yet."""
        self._to_write, self._to_tell = trio.Event(), trio.Event()
        self._closing = trio.Event()
        for name, value in (kept or {}).items():
            self._restore(name, value)

    # --- who is here -----------------------------------------------------------------

    def arrive(self, session: Session, person: str | None) -> None:
        """The session is one of this person's devices; None: the only one."""
        self.depart(session)
        session.person = person or session.device
        if person is None:
            return
        devices = self._here.setdefault(person, {})
        if len(devices) < self._limits.devices_told_max:
            devices[session] = None

    def depart(self, session: Session) -> None:
        """The session has no link."""
        devices = self._here.get(session.person, {})
        devices.pop(session, None)
        if not devices:
            self._here.pop(session.person, None)

    # --- what was read ---------------------------------------------------------------

    def read(self, session: Session, log: str) -> int | None:
        """How far the session's person has read the log; None: nothing is known."""
        return self._table.get(session.person, log)

    def mark(self, session: Session, message: messages.Mark) -> None:
        """The session's person has read up to here.

        Shape:  nobody answers: one that is smaller than another, or for a room that was
                just left, is no mistake, and changes nothing. Who can't come back has
                nothing kept.
        """
        member = _seat(session, message.room)
        if member is None or not (session.lasting or session.person != session.device):
            return
        log, seq = member.room.log, min(message.seq, member.room.head)
        is_news, gone = self._table.advance(session.person, log, seq)
        if not is_news:
            return
        key = session.person, log
        self._unwritten[key] = str(seq)
        self._forget(gone)
        self._to_write.set()
        others = {
            each: None for each in self._here.get(session.person, ()) if each != session
        }
        if others:
            self._untold[key] = others
            self._to_tell.set()

    def _forget(self, gone: Iterable[Key]) -> None:
        for key in gone:
            self._unwritten[key] = None
            if len(self._unwritten) > 2 * self._limits.marks_max:
                # The disk has failed for long. What it may have of this one was true.
                del self._unwritten[key]

    def _restore(self, name: str, value: str) -> None:
        person, _, log = name.removeprefix(KEPT_AS).partition("/")
        if log and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
            gone = self._table.advance(person, log, int(value))[1]
            self._forget(gone)
            if gone:
                self._to_write.set()

    @property
    def waiting(self) -> int:
        """How many of them are not written as they are now."""
        return len(self._unwritten)

    # --- what becomes of it ----------------------------------------------------------

    async def run(self) -> None:
        """Live until close() was called and everything is written down.

        Cancel: may have happened.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_all)
            nursery.start_soon(self._write_all)

    def close(self) -> None:
        """Nobody is here any more; run() ends after what was said, or with an error."""
        self._closing.set()
        self._to_tell.set()
        self._to_write.set()

    async def _tell_all(self) -> None:
        while not self._closing.is_set():
            await self._to_tell.wait()
            await self._pause(self._limits.mark_told_s)
            self._to_tell = trio.Event()
            untold, self._untold = self._untold, {}
            for key, devices in untold.items():
                await trio.lowlevel.checkpoint()
                left = {each: None for each in devices if not self._told(key, each)}
                if left:  # what takes nothing now is told later
                    self._untold[key] = {**left, **self._untold.get(key, {})}
                    self._to_tell.set()

    def _told(self, key: Key, session: Session) -> bool:
        """Whether there is nothing more to tell: it knows, or is not in that room now."""
        person, log = key
        seq = self._table.get(person, log)
        places = session.memberships.values() if session.person == person else ()
        member = next((each for each in places if each.room.log == log), None)
        if seq is None or member is None or member.reader is None:
            return True
        return member.reader.taker.offer(_mark(member.room.name, seq))

    async def _write_all(self) -> None:
        while not (self._closing.is_set() and not self._unwritten):
            await self._to_write.wait()
            await self._pause(self._limits.mark_written_s)
            self._to_write = trio.Event()
            if not await self._write() and self._closing.is_set():
                return
            if self._unwritten or self._closing.is_set():
                self._to_write.set()

    async def _write(self) -> bool:
        """Write what waits, some of it at a time; False: the disk failed."""
        while self._unwritten:
            some = dict(islice(self._unwritten.items(), _WRITTEN_AT_ONCE))
            try:
                await self._store.remember({_name(key): some[key] for key in some})
            except StoreError as error:
                self._trouble.tell(error, "marks")
                return False
            self._trouble.over("marks")
            for key, value in some.items():
                if self._unwritten.get(key, value) == value:  # else it is another by now
                    self._unwritten.pop(key, None)
        return True

    async def _pause(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._closing.wait()


def _name(key: Key) -> str:
    return KEPT_AS + "/".join(key)


def _seat(session: Session, name: str) -> Member | None:
    """The session as a member of the room, by a join on this link; None: it is none."""
    member = session.memberships.get(name) or session.memberships.get(names.same(name))
    return None if member is None or member.standing is Standing.AWAY else member


def _mark(room: str, seq: int) -> bytes:
    return encode([messages.Mark(room=room, seq=seq)])
