"""What the terminal client knows, as a value, and how each event changes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never

from trio_chat.client.events import (
    Accepted,
    Cancelled,
    ClientEvent,
    Closed,
    Entry,
    Gap,
    Joined,
    Left,
    Members,
    Named,
    Opened,
    Queued,
    Refused,
    Renamed,
    Reset,
    State,
    Status,
    gap_words,
)
from trio_chat.client.outbox import Progress, Ticket, elsewhere_words
from trio_chat.protocol.messages import INBOX

SHOWN_CHARS_MAX: Final = 50
"""Of a line in a list of several."""
KEPT_ENTRIES_MAX: Final = 200
"""Of a room that is not looked at; of older ones only the number is kept."""


# --- what is printed -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A line that somebody said."""

    entry: Entry
    """All about it."""
    own: bool = False
    """Whether one said it oneself."""
    to: str = ""
    """In a direct message: whom it is for."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know in passing."""

    text: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that did not work, and what to do."""

    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """From here on the lines are of this room."""

    room: str
    remark: str = ""


Line: TypeAlias = Said | Note | Trouble | Rule
"""What is printed above the input; strings in it are as they came, not cleaned yet."""


# --- what is known -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Room:
    """A room that one is in, or will be as soon as the server hears of it."""

    name: str
    nicks: tuple[str, ...] = ()
    """Its members, in the order of their joining."""
    opened: bool = False
    """Whether the server has let us in."""
    unread: int = 0
    """What others have said since one last looked."""
    kept: tuple[Entry | Gap, ...] = ()
    """What was said since one last looked, oldest first, KEPT_ENTRIES_MAX at most."""
    not_kept: int = 0
    """How many came before those."""


@dataclass(frozen=True, slots=True)
class View:
    """All that the screen shows, and nothing else.

    Shape:  `rooms` in the order of joining; `current` is one of them, or "" without any.
    """

    nick: str
    current: str
    rooms: tuple[Room, ...]
    state: State = "connecting"
    reason: str = ""
    """Why the link is as it is, in a sentence."""
    told: State = "connecting"
    """What the rows that were printed say of the link."""
    queued: tuple[Queued, ...] = ()
    """One's own lines that are not accepted yet, in the order of typing."""
    sending: Progress | None = None
    """How far they have come, if it takes more than a moment."""
    saving: bool = False
    """Whether the line in the input waits for a disk that takes its time."""
    leaving: bool = False
    """Whether one has gone, but for the answers to one's last lines."""

    @property
    def room(self) -> Room | None:
        """The room that one looks at."""
        return self.find(self.current)

    def find(self, name: str) -> Room | None:
        """The room of this name, if one is in it."""
        return next((room for room in self.rooms if room.name == name), None)


@dataclass(frozen=True, slots=True)
class Update:
    """What follows from an event."""

    view: View
    lines: tuple[Line, ...] = ()
    """To be printed, in this order."""
    back: str = ""
    """A line that was not taken: for the input, as it was typed."""


def begin(nick: str, *rooms: str) -> View:
    """What is known at the start; the first room is the one that is looked at."""
    return View(nick, rooms[0], tuple(map(Room, rooms)))


# --- what others do ------------------------------------------------------------------


def reduce(view: View, event: ClientEvent) -> Update:
    """What is known after the event, and what is to be printed."""
    match event:
        case Entry() | Gap():
            return _read(view, event)
        case Opened():
            return _opened(view, event)
        case Closed():
            return _closed(view, event)
        case Members() | Joined() | Left() | Renamed():
            return _presence(view, event)
        case Named():
            return _named(view, event)
        case Queued():
            return Update(replace(view, queued=(*view.queued, event)))
        case Accepted() | Cancelled():
            return Update(_without_line(view, event.n))
        case Refused():
            return _refused(view, event)
        case Status():
            return _status(view, event)
        case Reset():
            return Update(view, (Trouble(event.reason),))
        case _:
            assert_never(event)


def _read(view: View, event: Entry | Gap) -> Update:
    return _gap(view, event) if isinstance(event, Gap) else _entry(view, event)


def _entry(view: View, entry: Entry) -> Update:
    own = entry.nick == view.nick
    if entry.direct:
        return Update(view, (Said(entry, own, to=entry.to or view.nick),))
    if entry.room == view.current:
        return Update(view, (Said(entry, own),))
    room = view.find(entry.room)
    if room is None:
        return Update(view)
    room = replace(room, unread=room.unread + (not own))
    return Update(_with_room(view, _keeping(room, entry)))


def _gap(view: View, gap: Gap) -> Update:
    if gap.room in (INBOX, view.current):
        return Update(view, (_missing(gap),))
    room = view.find(gap.room)
    return Update(view if room is None else _with_room(view, _keeping(room, gap)))


def _keeping(room: Room, event: Entry | Gap) -> Room:
    kept = (*room.kept, event)
    return replace(
        room,
        kept=kept[-KEPT_ENTRIES_MAX:],
        not_kept=room.not_kept + max(0, len(kept) - KEPT_ENTRIES_MAX),
    )


def _missing(gap: Gap) -> Line:
    return Trouble(gap_words(gap))


def _opened(view: View, event: Opened) -> Update:
    room = view.find(event.room)
    if room is None or room.opened:
        return Update(view)
    view = _with_room(view, replace(room, opened=True))
    if event.room != view.current:
        return Update(view)
    remark = f"{_count(event.after, 'earlier line')} not shown" if event.after else ""
    return Update(view, (Rule(event.room, remark),))


def _closed(view: View, event: Closed) -> Update:
    if view.find(event.room) is None:
        return Update(view)
    left = event.reason == "left"
    sentence = f"you left #{event.room}"
    line = Note(sentence) if left else Trouble(f"{sentence}: {event.reason}")
    return _without_room(view, event.room, line)


def _presence(view: View, event: Members | Joined | Left | Renamed) -> Update:
    room = view.find(event.room)
    if room is None:
        return Update(view)
    match event:
        case Members(nicks=nicks):
            return Update(_with_room(view, replace(room, nicks=nicks)))
        case Joined(nick=nick):
            nicks = room.nicks if nick in room.nicks else (*room.nicks, nick)
            line = Note(f"{nick} joined")
        case Left(nick=nick):
            nicks = tuple(each for each in room.nicks if each != nick)
            line = Note(f"{nick} left ({event.reason})")
        case Renamed(nick=nick, to=to):
            nicks = tuple(to if each == nick else each for each in room.nicks)
            line = Note(f"{nick} is now {to}")
            nick = view.nick if to == view.nick else nick
    # What one does oneself is told once, by Opened, Closed and Named.
    told = room.name == view.current and nick != view.nick
    return Update(_with_room(view, replace(room, nicks=nicks)), (line,) if told else ())


def _named(view: View, event: Named) -> Update:
    lines = (Note(f"you are now {event.nick}"),) if event.nick != view.nick else ()
    return Update(replace(view, nick=event.nick), lines)


def _refused(view: View, event: Refused) -> Update:
    line = Trouble(event.reason)
    if event.n is not None:
        back = next((typed(each) for each in view.queued if each.n == event.n), "")
        back = back or event.text or ""
        line = Trouble(f"not sent: {event.reason}")
        return Update(_without_line(view, event.n), (line,), back)
    room = view.find(event.room or "")
    if room is not None and not room.opened:
        return _without_room(view, room.name, Trouble(f"#{room.name}: {event.reason}"))
    return Update(view, (line,))


def _status(view: View, event: Status) -> Update:
    # A row when it changes; every retry after that shows in the status line alone, and so
    # does a loss until it has lasted: a link that flaps does not push what is read away.
    view = replace(view, state=event.state, reason=event.reason)
    if event.state == view.told or is_new_loss(view):
        return Update(view)
    view = replace(view, told=event.state)
    if event.state == "waiting":
        return Update(view, (Trouble(f"{event.reason}: /nick NAME takes another name"),))
    return Update(view, (Note(event.reason),))


def is_new_loss(view: View) -> bool:
    """Whether there was a link, and that it is gone was not printed yet."""
    return view.state == "offline" and view.told == "online"


def lost(view: View) -> Update:
    """A loss has lasted: it is printed now; nothing if there is none."""
    if not is_new_loss(view):
        return Update(view)
    return Update(replace(view, told=view.state), (Note(view.reason),))


# --- what one does oneself -----------------------------------------------------------


def opening(view: View, name: str) -> Update:
    """One has asked for a room: from here on one looks at it."""
    return switched(replace(view, rooms=(*view.rooms, Room(name))), name)


def switched(view: View, name: str) -> Update:
    """One looks at a room that one is in: here is what was said meanwhile."""
    room = view.find(name)
    assert room is not None, name
    remark = f"{_count(room.not_kept, 'older line')} not shown" if room.not_kept else ""
    said: tuple[Line, ...] = tuple(
        _missing(each) if isinstance(each, Gap) else Said(each, each.nick == view.nick)
        for each in room.kept
    )
    view = replace(view, current=name)
    view = _with_room(view, replace(room, unread=0, kept=(), not_kept=0))
    # A room that is not open yet gets its rule when it is.
    return Update(view, (Rule(name, remark), *said) if room.opened else said)


def who(view: View) -> Line:
    """Who is in the room that one looks at."""
    room = view.room
    if room is None:
        return Trouble("you are in no room: /join ROOM takes you to one")
    if not room.nicks:
        return Note(f"who is in #{room.name} is not known yet")
    return Note(f"{len(room.nicks)} in #{room.name}: {', '.join(room.nicks)}")


def outbox(
    lines: Iterable[tuple[Ticket, bool]], now: float, *, online: bool
) -> tuple[Line, ...]:
    """What waits, each with its state, from whether it was held until now.

    Units:  `now` in seconds since 1970.
    """
    released = "on its way" if online else "may have arrived"
    notes = tuple(
        Note(
            f"{ticket.n}  {'queued' if held else released}  {destination(ticket.room)}"
            f"  {_age(now - ticket.typed_s)}  {short(ticket.text)}"
        )
        for ticket, held in lines
    )
    if not notes:
        return (Note("nothing waits to be sent"),)
    count = _count(len(notes), "line")
    return (
        Note(f"{count} not accepted yet; /cancel N takes back one that is queued:"),
        *notes,
    )


def left_over(lines: Sequence[Ticket], elsewhere: int = 0) -> tuple[Line, ...]:
    """That there are lines of an earlier life, here or elsewhere; nothing if none are."""
    others = (Note(elsewhere_words(elsewhere)),) if elsewhere else ()
    if not lines:
        return others
    rooms = ", ".join(dict.fromkeys(destination(ticket.room) for ticket in lines))
    wait = "waits" if len(lines) == 1 else "wait"
    count = _count(len(lines), "line")
    here = Note(f"{count} from before {wait} to be sent to {rooms}: /outbox lists them")
    return (here, *others)


def after_its_lines(room: str, waiting: int) -> tuple[Line, ...]:
    """That one leaves a room as soon as its lines are sent; nothing if none wait."""
    if not waiting:
        return ()
    count = _count(waiting, "line")
    return (Note(f"{count} for #{room} not accepted yet: you leave it after that"),)


def typed(line: Queued | Ticket) -> str:
    """A line of one's own, as it has to be typed."""
    if line.room.startswith("@"):
        return f"/msg {line.room[1:]} {line.text}"
    if line.kind == "me":
        return f"/me {line.text}"
    return f"/{line.text}" if line.text.startswith("/") else line.text


# --- small change --------------------------------------------------------------------


def _with_room(view: View, room: Room) -> View:
    rooms = tuple(room if each.name == room.name else each for each in view.rooms)
    return replace(view, rooms=rooms)


def _without_room(view: View, name: str, line: Line) -> Update:
    rooms = tuple(room for room in view.rooms if room.name != name)
    if name != view.current:
        return Update(replace(view, rooms=rooms), (line,))
    view = replace(view, rooms=rooms, current="")
    if not rooms:
        return Update(view, (line,))
    update = switched(view, rooms[-1].name)
    return replace(update, lines=(line, *update.lines))


def _without_line(view: View, n: int) -> View:
    return replace(view, queued=tuple(each for each in view.queued if each.n != n))


def destination(room: str) -> str:
    """A room, or one person, as it is written."""
    return room if room.startswith("@") else f"#{room}"


def _age(age_s: float) -> str:
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age_s >= unit_s:
            return f"{age_s / unit_s:.0f} {unit}"
    return f"{max(0.0, age_s):.0f} s"


def short(text: str) -> str:
    """As much of a text as goes into a list."""
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[: SHOWN_CHARS_MAX - 1]}\u2026"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
