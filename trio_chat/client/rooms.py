"""The rooms a client wants to be in, and how far it has read each one."""

from collections import Counter
from collections.abc import Callable
from typing import Final, get_args

import trio

from trio_chat.client.events import (
    Closed,
    Entry,
    Event,
    Gap,
    Joined,
    Left,
    Marked,
    Members,
    Opened,
    Refused,
    Renamed,
)
from trio_chat.client.mailbox import Mailbox
from trio_chat.client.marks import Marks
from trio_chat.client.timeline import Place, Timeline
from trio_chat.errors import ClosedError, RefusedError
from trio_chat.protocol import messages
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import INBOX, Hold, Join, Kind, Leave, Message

_KINDS: Final = frozenset(get_args(Kind))


class _Room:
    def __init__(self, name: str) -> None:
        self.name = name
        self.timeline = Timeline()
        self.head = 0
        """As the server said it when it let us in."""
        self.asked = False
        """A join is on its way that was not answered."""
        self.listening = False
        """Between a join that was answered and a hold: what comes now is for us."""
        self.held = False
        self.pages: list[str] = []
        self.settled = trio.Event()
        self.refusal: RefusedError | ClosedError | None = None


class Rooms:
    """Holds what is wanted against what the server says, room by room.

    Shape:  `request` sends a message if there is a link. Events go to the mailbox; when
            that is full the room is held, and asked for again from its cursor.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        request: Callable[[Message], None],
        history: int | None,
    ) -> None:
        self._mailbox = mailbox
        self._request = request
        self._history = history
        self.marks = Marks(request)
        """How far one has read them."""
        self._rooms: dict[str, _Room] = {INBOX: _Room(INBOX)}
        self._leaving: Counter[str] = Counter()  # leaves on their way, not answered
        self._closed = False

    @property
    def names(self) -> tuple[str, ...]:
        """The rooms that are wanted, without the inbox."""
        return tuple(name for name in self._rooms if name != INBOX)

    # --- what is wanted --------------------------------------------------------------

    def want(self, name: str) -> None:
        """Be in this room from now on, on this link and all that follow."""
        if name not in self._rooms:
            self._rooms[name] = room = _Room(name)
            self._ask(room)

    async def join(self, name: str) -> None:
        """As want; returns once the server has answered.

        Raises: RefusedError: the server did not let us in; the room is not wanted now.
                ClosedError: the client was closed first.
        Cancel: may have happened.
        """
        if self._closed:
            raise _closed()
        self.want(name)
        room = self._rooms[name]
        await room.settled.wait()
        if room.refusal is not None:
            raise room.refusal

    def leave(self, name: str) -> None:
        """Be in this room no longer; whatever still comes from it is not for us.

        Raises: RefusedError: we are not in it.
        """
        if name not in self.names:
            raise RefusedError(Code.NOT_JOINED, f"you are not in #{name}")
        # Counted, because the room may be wanted again before this is answered, and the
        # answer would end that.
        self._leaving[name] += 1
        self.marks.left(name)
        self._request(Leave(room=name))
        self._close(name, "left")

    def mark(self, name: str, seq: int) -> None:
        """One has read this room up to here: no further than there is something to read."""
        room = self._rooms.get(name)
        if room is not None and room.timeline.cursor is not None:
            self.marks.mark(name, min(seq, max(room.head, room.timeline.cursor)))

    def linked(self) -> None:
        """There is a new link: ask for everything, from where we are."""
        self._leaving.clear()
        for room in self._rooms.values():
            room.listening = room.held = False
            self._ask(room)

    def forget(self) -> None:
        """The server has another past: begin every room anew."""
        self.marks.forget()
        for room in self._rooms.values():
            room.timeline = Timeline()

    def resume_held(self) -> None:
        """There is space again: ask for what was held."""
        for room in self._rooms.values():
            if room.held:
                room.held = False
                self._ask(room)

    def close(self) -> None:
        """Give up: whoever waits for a room is told."""
        self._closed = True
        for room in self._rooms.values():
            if not room.settled.is_set():
                room.refusal = _closed()
                room.settled.set()

    def _ask(self, room: _Room) -> None:
        room.asked = True
        cursor = room.timeline.cursor
        history = self._history if cursor is None else None
        self._request(Join(room=room.name, after=cursor, history=history))

    # --- what is heard ---------------------------------------------------------------

    def opened(self, message: messages.Room) -> None:
        """The server has answered a join."""
        room = self._rooms.get(message.room)
        if room is None or not room.asked:
            return
        room.asked = False
        room.listening = True
        room.head = message.head
        self.marks.opened(room.name, message.read)
        read = self.marks.read(room.name)
        room.pages.clear()  # of a list that was cut off
        cursor = room.timeline.cursor
        if cursor is None or message.after > cursor:
            if cursor is not None:  # what lies between can't be had
                reason = "not to be had"
                self._mailbox.put(Gap(room.name, cursor, message.after, reason))
            cursor = message.after
            room.timeline.opened(cursor)
        room.settled.set()
        if room.name != INBOX:
            self._mailbox.put(Opened(room.name, cursor, message.head, read))
        elif read is not None:
            self._mailbox.put(Marked(room.name, read))

    def entry(self, message: messages.Entry) -> None:
        """An entry has come; the cursor moves only over what follows it at once."""
        room = self._listening(message.room)
        if room is None:
            return
        place = room.timeline.place(message.seq)
        if place is Place.BEYOND:
            room.listening = False
            self._ask(room)
        elif place is Place.NEXT and not self._offer(room, as_event(message)):
            room.timeline.back(message.seq)

    def gap(self, message: messages.Gap) -> None:
        """Entries can't be had: the cursor moves over them, because it was told."""
        room = self._listening(message.room)
        if room is None:
            return
        cursor = room.timeline.cursor
        place = room.timeline.place_gap(message.after, message.through)
        if place is Place.BEYOND:
            room.listening = False
            self._ask(room)
        elif place is Place.NEXT:
            assert cursor is not None, "a gap was placed in a room that is not open"
            if not self._offer(room, _gap(message, cursor)):
                room.timeline.back(cursor + 1)

    def had_more(self, message: messages.Room) -> bool:
        """Whether the room now ends before what was had of it: its past is another one."""
        room = self._rooms.get(message.room)
        cursor = room.timeline.cursor if room is not None else None
        return cursor is not None and message.head < cursor

    def members(self, message: messages.Members) -> None:
        """A page of who is there."""
        room = self._listening(message.room)
        if room is None or room.name == INBOX:
            return
        if message.first:  # the one before has changed while it was on its way
            room.pages.clear()
        room.pages.extend(message.nicks)
        if not message.more:
            nicks, room.pages = tuple(room.pages), []
            self._offer(room, Members(room.name, nicks))

    def marked(self, message: messages.Mark) -> None:
        """One has read further on another device."""
        is_news = self.marks.know(message.room, message.seq)
        room = self._listening(message.room)
        if is_news and room is not None:  # else it is told when the room is opened
            self._offer(room, Marked(message.room, message.seq))

    def presence(self, message: messages.Joined | messages.Left | messages.Renamed) -> None:
        """Somebody came, went or has another name."""
        room = self._listening(message.room)
        if room is not None:
            self._offer(room, _presence(message))

    def left(self, name: str, reason: str) -> None:
        """We are not a member any more."""
        if self._leaving[name]:
            self._leaving[name] -= 1
        elif name == INBOX:  # it can't be read; the next link asks for it again
            self._rooms[INBOX].listening = False
            sentence = f"your direct messages: {reason}"
            self._mailbox.tell(Refused(Code.STORE_FAILED, sentence, INBOX))
        elif name in self._rooms:
            self._close(name, reason)

    def refused(self, message: messages.Refused) -> None:
        """The server did not let us in, or there was nothing to leave."""
        name = message.room or ""
        if message.code == Code.NOT_JOINED:
            self._leaving[name] = max(0, self._leaving[name] - 1)
            return
        room = self._rooms.get(name)
        if room is None or room.listening or room.name == INBOX:
            return
        room.refusal = RefusedError(message.code, message.reason)
        self._close(room.name, message.reason)

    def _listening(self, name: str) -> _Room | None:
        room = self._rooms.get(name)
        return room if room is not None and room.listening else None

    def _offer(self, room: _Room, event: Event) -> bool:
        taken = self._mailbox.offer(event)  # type: ignore[arg-type]
        if not taken:
            room.listening = False
            room.held = True
            self._request(Hold(room=room.name))
        return taken

    def _close(self, name: str, reason: str) -> None:
        self.marks.left(name)
        self._rooms.pop(name).settled.set()
        self._mailbox.put(Closed(name, reason))


def _closed() -> ClosedError:
    return ClosedError("the client was closed")


def as_event(message: messages.Entry) -> Entry:
    """An entry as whoever uses a client is told of it."""
    return Entry(
        room=message.room,
        seq=message.seq,
        nick=message.nick,
        text=message.text,
        ts=message.ts,
        # One that only a newer server knows is a text.
        kind=message.kind if message.kind in _KINDS else "text",  # type: ignore[arg-type]
        to=message.to,
        ref=message.ref,
    )


def _gap(message: messages.Gap, cursor: int) -> Gap:
    return Gap(message.room, cursor, message.through, message.reason)


def _presence(
    message: messages.Joined | messages.Left | messages.Renamed,
) -> Joined | Left | Renamed:
    match message:
        case messages.Joined():
            return Joined(message.room, message.nick)
        case messages.Left():
            return Left(message.room, message.nick, message.reason)
        case messages.Renamed():
            return Renamed(message.room, message.nick, message.to)
