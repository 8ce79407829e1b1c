"""How each event changes what is known, and what is printed of it."""

from collections.abc import Mapping
from typing import assert_never

from msgspec.structs import replace

from trio_chat.client.events import (
    Accepted,
    Cancelled,
    ClientEvent,
    Closed,
    Entry,
    Gap,
    Joined,
    Left,
    Marked,
    Members,
    Named,
    Opened,
    Queued,
    Refused,
    Renamed,
    Reset,
    Status,
)
from trio_chat.protocol.messages import INBOX
from trio_chat.ui.recent import Known, with_entry
from trio_chat.ui.rooms import hole_of, said, with_room, without_room
from trio_chat.ui.state import (
    KEPT_ENTRIES_MAX,
    SPEAKERS_MAX,
    TOLD_NEWS_MIN,
    Line,
    Missing,
    Moved,
    Note,
    Room,
    Rule,
    Said,
    Trouble,
    Update,
    View,
    count,
    typed,
)
from trio_chat.ui.unread import (
    divided,
    forgotten,
    heard,
    heard_hole,
    marked,
    news_words,
    opened,
    printed,
)


def reduce(view: View, event: ClientEvent) -> Update:  # noqa: PLR0911 (a table)
    """What is known after the event, and what is to be printed."""
    match event:
        case Entry() | Gap():
            return _read(view, event)
        case Opened():
            return _opened(view, event)
        case Marked():
            return _marked(view, event)
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
            return _reset(view, event)
        case _:
            assert_never(event)


def _read(view: View, event: Entry | Gap) -> Update:
    return _gap(view, event) if isinstance(event, Gap) else _entry(view, event)


def _entry(view: View, entry: Entry) -> Update:
    room = view.find(entry.room)
    if room is None and not entry.direct:
        return Update(view)
    line = said(view, entry)
    view = _knowing(view, entry, own=line.own)
    if room is None:
        inbox = _printed(_heard(view.inbox, line), line)
        inbox = replace(inbox, back=inbox.back or entry.seq)
        return Update(replace(view, inbox=inbox), (line,))
    if entry.seq <= room.read:  # one was here before, and has read it
        return Update(view)
    if entry.is_line and not line.own and room.speakers[:1] != (entry.nick,):
        others = (nick for nick in room.speakers if nick != entry.nick)
        room = replace(room, speakers=(entry.nick, *others)[:SPEAKERS_MAX])
    room = _heard(room, line)
    if entry.room == view.current:
        room, rule = divided(room, entry.seq)
        return Update(with_room(view, _printed(room, line)), (*rule, line))
    room = replace(room, about=_about(room, line))
    return Update(with_room(view, _keeping(room, entry)))


def _heard(room: Room, line: Said) -> Room:
    # What is said about other lines is seen when one looks, and calls nobody before.
    news = bool(line.called) or (line.entry.is_line and not line.own)
    return heard(room, line.entry.seq, news=news, called=bool(line.called))


def _printed(room: Room, line: Said) -> Room:
    # Who speaks in a room has read what was said there before.
    room = marked(room, line.entry.seq) if line.own else room
    return printed(room, line.entry.seq)


def _about(room: Room, line: Said) -> Mapping[int, Known]:
    if line.about is None:
        return room.about
    kept = [*room.about.items(), (line.entry.seq, line.about)]
    return dict(kept[-KEPT_ENTRIES_MAX:])


def _knowing(view: View, entry: Entry, *, own: bool) -> View:
    before = view.recent.get(entry.room, ())
    recent = with_entry(before, entry, own=own)
    if recent is before:
        return view
    return replace(view, recent={**view.recent, entry.room: recent})


def _gap(view: View, gap: Gap) -> Update:
    if gap.room == INBOX:
        return Update(view, (Missing(gap),))
    room = view.find(gap.room)
    if room is None or gap.through <= room.read:
        return Update(view)
    room = heard_hole(room, gap.through)
    if gap.room == view.current:
        room = replace(printed(room, gap.through), hole=hole_of(gap) or room.hole)
        return Update(with_room(view, room), (Missing(gap),))
    return Update(with_room(view, _keeping(room, gap)))


def _keeping(room: Room, event: Entry | Gap) -> Room:
    kept = (*room.kept, event)
    return replace(
        room,
        kept=kept[-KEPT_ENTRIES_MAX:],
        not_kept=room.not_kept + max(0, len(kept) - KEPT_ENTRIES_MAX),
    )


def _opened(view: View, event: Opened) -> Update:
    room = view.find(event.room)
    if room is None:
        return Update(view)
    before, room = room, opened(room, event)
    room = replace(room, back=room.back or event.after + 1)
    begins = max(room.read, room.mark or 0)
    new = event.head - begins
    if before.opened:
        return _reopened(view, room, new)
    hole = (before.read, event.after) if 0 < before.read < event.after else room.hole
    room = replace(room, opened=True, hole=hole)
    if event.room != view.current:
        return Update(with_room(view, room))
    unseen, news = event.after - before.read, new > 0
    if news and begins > max(event.after, room.read):  # behind what one knows already
        room, news = replace(room, divider=(begins, new)), False
    remarks = [news_words(new)] if news else []
    if unseen > 0:
        remarks.append(f"{count(unseen, 'earlier line')} not shown")
    view = with_room(view, printed(room, event.after))
    return Update(view, (Rule(event.room, ", ".join(remarks), news=news),))


def _reopened(view: View, room: Room, new: int) -> Update:
    # Also a room in which too much was said at once opens again: that is no absence.
    if not room.cut_off:
        return Update(with_room(view, room))
    view = with_room(view, replace(room, cut_off=False))
    if room.name != view.current or not room.read or new < TOLD_NEWS_MIN:
        return Update(view)
    return Update(view, (Rule(room.name, news_words(new), news=True),))


def _marked(view: View, event: Marked) -> Update:
    if event.room == INBOX:
        return Update(replace(view, inbox=marked(view.inbox, event.seq)))
    room = view.find(event.room)
    return Update(view if room is None else with_room(view, marked(room, event.seq)))


def _closed(view: View, event: Closed) -> Update:
    if view.find(event.room) is None:
        return Update(view)
    left = event.reason == "left"
    sentence = f"you left #{event.room}"
    line = Note(sentence) if left else Trouble(f"{sentence}: {event.reason}")
    return without_room(view, event.room, line)


def _presence(view: View, event: Members | Joined | Left | Renamed) -> Update:
    room = view.find(event.room)
    if room is None:
        return Update(view)
    line: Line
    match event:
        case Members(nicks=nicks):
            return Update(with_room(view, replace(room, nicks=nicks)))
        case Joined(nick=nick):
            nicks = room.nicks if nick in room.nicks else (*room.nicks, nick)
            line = Moved(nick, came=True)
        case Left(nick=nick):
            nicks = tuple(each for each in room.nicks if each != nick)
            line = Moved(nick, came=False, reason=event.reason)
        case Renamed(nick=nick, to=to):
            nicks = tuple(to if each == nick else each for each in room.nicks)
            line = Note(f"{nick} is now {to}")
            nick = view.nick if to == view.nick else nick
    # What one does oneself is told once, by Opened, Closed and Named.
    told = room.name == view.current and nick != view.nick
    return Update(with_room(view, replace(room, nicks=nicks)), (line,) if told else ())


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
        return without_room(view, room.name, Trouble(f"#{room.name}: {event.reason}"))
    return Update(view, (line,))


def _status(view: View, event: Status) -> Update:
    # A row when it changes; every retry after that shows in the status line alone, and so
    # does a loss until it has lasted: a link that flaps does not push what is read away.
    view = replace(
        view, state=event.state, reason=event.reason, retry_in_s=event.retry_in_s
    )
    if event.state != "online":
        rooms = tuple(replace(room, cut_off=True) for room in view.rooms)
        view = replace(view, rooms=rooms)
    if event.state == view.told or is_new_loss(view):
        return Update(view)
    view = replace(view, told=event.state)
    match event.state:
        case "waiting":
            line: Line = Trouble(f"{event.reason}: /nick NAME takes another name")
        case "offline":
            line = _no_link(view)
        case _:
            line = Note(event.reason)
    return Update(view, (line,))


def _no_link(view: View) -> Note:
    """What is wrong, what is done about it, and what becomes of what one types."""
    number = len(view.queued)
    wait = f"; {count(number, 'line')} {'waits' if number == 1 else 'wait'}"
    return Note(
        f"no link: {view.why}. It is tried until it works; what you type is kept, and sent"
        f" then{wait if number else ''}"
    )


def is_new_loss(view: View) -> bool:
    """Whether there was a link, and that it is gone was not printed yet."""
    return view.state == "offline" and view.told == "online"


def lost(view: View) -> Update:
    """A loss has lasted: it is printed now; nothing if there is none."""
    if not is_new_loss(view):
        return Update(view)
    return Update(replace(view, told=view.state), (_no_link(view),))


def _reset(view: View, event: Reset) -> Update:
    # The numbers begin anew, so none of them was read.
    rooms = tuple(map(forgotten, view.rooms))
    inbox = forgotten(view.inbox)
    view = replace(view, rooms=rooms, inbox=inbox, left={}, recent={})
    return Update(view, (Trouble(event.reason),))


def _without_line(view: View, n: int) -> View:
    return replace(view, queued=tuple(each for each in view.queued if each.n != n))
