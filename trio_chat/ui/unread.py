"""What is unread, from the read mark: how many, where they begin, and what says so.

All up to the mark was read, on whatever device. Behind it each line of somebody else
counts. Lines that are not known here, because they were said before the client began to
listen, are counted by their numbers, which have no holes. So a count can't get stuck:
whatever moves the mark to the head makes it 0, and nothing has to be taken off one by one.
"""

from bisect import bisect_right
from typing import Final

from msgspec.structs import replace

from trio_chat.client.events import Entry, Opened
from trio_chat.ui.state import Line, Note, Room, Rule, View, count, short

NEWS_MAX: Final = 1_000
"""Of one room; of more, the oldest are counted by their numbers alone."""
_NUMBERS: Final = (
    *("read", "mark", "heard", "floor", "news", "called", "unread", "calls", "divider"),
    *("back", "hole"),
)


def heard(room: Room, seq: int, *, news: bool, called: bool) -> Room:
    """The room after something was said in it; whether it is news, and for oneself."""
    room = replace(room, heard=max(room.heard, seq))
    if news:
        room = replace(room, news=(*room.news, seq))
    if called:
        room = replace(room, called=(*room.called, seq))
    return _nothing_to_read(_counted(_bounded(room)))


def heard_hole(room: Room, through: int) -> Room:
    """The room after it was told of lines that can't be had: there is nothing to read."""
    return _nothing_to_read(_counted(replace(room, heard=max(room.heard, through))))


def printed(room: Room, seq: int) -> Room:
    """The room after its lines up to here were given to the printer."""
    return _counted(replace(room, read=max(room.read, seq)))


def marked(room: Room, seq: int) -> Room:
    """The room after one has read up to here, on whatever device."""
    if room.mark is not None and seq <= room.mark:
        return room
    if room.divider is not None and room.divider[0] < seq:
        room = replace(room, divider=None)  # what was new is read
    return _counted(replace(room, mark=seq))


def opened(room: Room, event: Opened) -> Room:
    """The room after the server has let one in, with what it knows of the mark.

    Shape:  where nobody knows of any, nothing is unread: one is here for the first time.
    """
    if event.after > room.heard:  # what lies between is not going to be told
        room = replace(room, floor=event.after, heard=event.after)
    if event.read is not None:
        room = marked(room, event.read)
    elif room.mark is None:
        room = marked(room, room.read or event.head)
    return _nothing_to_read(_counted(room))


def forgotten(room: Room) -> Room:
    """The room in another past: its numbers begin anew."""
    anew = Room(room.name)
    return replace(
        room,
        **{name: getattr(anew, name) for name in _NUMBERS},
    )


def seen(view: View, then: View) -> View:
    """All that was given to the printer by `then` is read: in rooms, and said to one."""
    rooms = tuple(_seen(room, then.find(room.name)) for room in view.rooms)
    return replace(view, rooms=rooms, inbox=_seen(view.inbox, then.inbox))


def _seen(room: Room, then: Room | None) -> Room:
    # Its numbers may have begun anew meanwhile.
    read = 0 if then is None else min(room.read, then.read)
    return marked(room, read) if read else room


def _bounded(room: Room) -> Room:
    if len(room.news) <= NEWS_MAX:
        return room
    floor = max(room.floor, room.news[-NEWS_MAX - 1])
    return replace(room, floor=floor, called=room.called[-NEWS_MAX:])


def _counted(room: Room) -> Room:
    mark = -1 if room.mark is None else room.mark
    begins = max(mark, room.read)
    news = room.news[bisect_right(room.news, max(mark, room.floor)) :]
    called = room.called[bisect_right(room.called, mark) :]
    unknown = 0 if room.mark is None else max(0, room.floor - begins)
    return replace(
        room,
        news=news,
        called=called,
        unread=unknown + len(news) - bisect_right(news, begins),
        calls=len(called) - bisect_right(called, begins),
    )


def _nothing_to_read(room: Room) -> Room:
    """One's own lines, and what does not count, are read as soon as nothing is before them.

    Shape:  else they would be counted by their numbers where they are not known.
    """
    if room.mark is None or room.news or room.floor > room.mark:
        return room
    return marked(room, room.heard)


# --- what is said of it --------------------------------------------------------------


def news_words(number: int) -> str:
    """So many lines are new, in words."""
    return f"{number:,} new while you were away"


def divided(room: Room, seq: int) -> tuple[Room, tuple[Line, ...]]:
    """Before the first new line of a room that was opened: that, and how many there are."""
    if room.divider is None or seq <= room.divider[0]:
        return room, ()
    rule = Rule(room.name, news_words(room.divider[1]), news=True)
    return replace(room, divider=None), (rule,)


def rule_of(room: Room) -> Rule:
    """Before the lines of a room that one has not looked at: how many of them are new."""
    remarks = []
    if room.unread:
        remarks.append(news_words(room.unread))
    if room.calls:
        remarks.append(f"{room.calls:,} for you")
    begins = max(room.read, 0 if room.mark is None else room.mark)
    not_shown = room.not_kept + max(0, room.floor - begins)
    if not_shown:
        remarks.append(f"{count(not_shown, 'older line')} not shown")
    return Rule(room.name, ", ".join(remarks), news=bool(room.unread))


def unread(view: View) -> tuple[Line, ...]:
    """Where something is unread, how much, and the first line that is for oneself."""
    rooms = [room for room in view.rooms if room.unread]
    if not rooms:
        return (Note("nothing is unread"),)
    lines = count(sum(room.unread for room in rooms), "unread line")
    where = count(len(rooms), "room")
    return (Note(f"{lines} in {where}:"), *(Note(_words(room)) for room in rooms))


def _words(room: Room) -> str:
    words = f"#{room.name}  {room.unread:,}"
    if not room.calls:
        return words
    calls = (each for each in room.kept if isinstance(each, Entry))
    first = next((each for each in calls if each.seq in room.called), None)
    said = "" if first is None else f": <{first.nick}> {short(first.text)}"
    return f"{words}, {room.calls:,} for you{said}"
