"""Going from room to room: what one looks at, and what is printed when that changes."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from trio_chat.client.events import GONE, Entry, Gap
from trio_chat.protocol import names
from trio_chat.protocol.messages import INBOX
from trio_chat.ui.lookalikes import like_of
from trio_chat.ui.mentions import calls
from trio_chat.ui.recent import Known, find
from trio_chat.ui.state import Line, Missing, Room, Rule, Said, Skipped, Update, View
from trio_chat.ui.unread import printed, rule_of

SAME_HOLE_LINES: Final = 5_000
"""What was skipped with no more lines in between can be had as one."""


def opening(view: View, name: str) -> Update:
    """One has asked for a room: from here on one looks at it."""
    room = Room(name, read=view.left.get(name, 0))
    return switched(replace(view, rooms=(*view.rooms, room)), name)


def switched(view: View, name: str) -> Update:
    """One looks at a room that one is in: here is what was said meanwhile."""
    room = view.find(name)
    assert room is not None, name
    read = max((room.heard, *(_last_seq(each) for each in room.kept[-1:])))
    looked_at = replace(room, kept=(), not_kept=0, about={}, hole=_left_out(room))
    update = Update(with_room(replace(view, current=name), printed(looked_at, read)))
    mark = room.mark if room.mark is not None and room.unread else 0
    lines = [(_last_seq(each), _printed(view, each, room.about)) for each in room.kept]
    known = tuple(line for seq, line in lines if seq <= mark)
    new = tuple(line for seq, line in lines if seq > mark)
    if not room.opened:  # it gets its rule when it is
        return replace(update, lines=known + new)
    if not known:
        return replace(update, lines=(rule_of(room), *new))
    return replace(update, lines=(Rule(room.name), *known, rule_of(room), *new))


def _left_out(room: Room) -> tuple[int, int] | None:
    """Which lines are not printed now, as far as they may be had."""
    holes = [hole_of(each) for each in room.kept if isinstance(each, Gap)]
    begins = max(room.read, room.mark or 0)
    unknown = room.floor > begins
    if room.not_kept or unknown:
        first = room.kept[0] if room.kept else None
        before = room.floor if first is None else _first_seq(first) - 1
        after = begins if unknown else max(room.read, room.back - 1, 0)
        holes.insert(0, (after, before))
    return next((hole for hole in reversed(holes) if hole is not None), room.hole)


def skipped(view: View, row: Skipped) -> View:
    """What is known after a row told of lines that were skipped: they can be had."""
    room = view.find(row.room)
    if room is None:
        return view
    after = row.after
    if room.hole is not None and 0 <= row.after - room.hole[1] <= SAME_HOLE_LINES:
        after = room.hole[0]  # of one flood, with some lines that were printed in between
    return with_room(view, replace(room, hole=(after, row.through)))


def hole_of(gap: Gap) -> tuple[int, int] | None:
    """The lines of a gap, if the server may still have them."""
    return None if gap.reason == GONE else (gap.after, gap.through)


def _printed(view: View, event: Entry | Gap, about: Mapping[int, Known]) -> Line:
    if isinstance(event, Gap):
        return Missing(event)
    return said(view, event, about.get(event.seq))


def said(view: View, entry: Entry, about: Known | None = None) -> Said:
    """An entry as a line: whose it is, what it is about, and whether it is for oneself.

    Shape:  `about` is what it is about, if that was known when it came.
    """
    about = about or find(view.recent.get(entry.room, ()), entry.ref)
    return Said(
        entry,
        own=entry.nick == view.nick,
        to=(entry.to or view.nick) if entry.direct else "",
        called=view.nick if not entry.direct and calls(entry, about, view.nick) else "",
        about=about,
        like=like_of(entry.nick, view.likes),
    )


def _first_seq(event: Entry | Gap) -> int:
    return event.after + 1 if isinstance(event, Gap) else event.seq


def _last_seq(event: Entry | Gap) -> int:
    return event.through if isinstance(event, Gap) else event.seq


# --- where to ------------------------------------------------------------------------


def numbered(view: View, number: int) -> str | None:
    """The room with this number, counted from 1 in the order of joining."""
    return view.rooms[number - 1].name if 1 <= number <= len(view.rooms) else None


def neighbour(view: View, step: int) -> str | None:
    """The room so many places further on, round and round; None: there is no other."""
    others = _from_here(view.rooms, view.current)
    return others[step % (len(others) + 1) - 1].name if others else None


def calling(view: View) -> str | None:
    """The next room in which one was called, or else in which something is unread."""
    others = _from_here(view.rooms, view.current)
    called = (room.name for room in others if room.calls)
    unread = (room.name for room in others if room.unread and room.name not in view.muted)
    return next(called, next(unread, None))


def found(view: View, typed: str) -> list[Room]:
    """The rooms that may be meant by a few letters of their name, the likeliest first.

    Shape:  the letters have to be there, in their order. Those that stand together come
            first; then where one was called, where something is unread, and what follows
            the current room, which is the last.
    """
    rooms = [*_from_here(view.rooms, view.current), *filter(None, [view.room])]
    letters = names.same(typed.strip().removeprefix("#"))
    ranked = ((_distance(room.name, letters), room) for room in rooms)
    meant = [(distance, room) for distance, room in ranked if distance is not None]
    meant.sort(key=lambda pair: (pair[0], not pair[1].calls, not pair[1].unread))
    return [room for _, room in meant]


def _distance(name: str, letters: str) -> int | None:
    """How far apart the letters stand in the name; None: they are not in it."""
    if letters in name:
        return 0 if name.startswith(letters) else 1
    at, first = -1, None
    for letter in letters:
        at = name.find(letter, at + 1)
        if at < 0:
            return None
        first = at if first is None else first
    return 2 + at - (first or 0)


def _from_here(rooms: Sequence[Room], current: str) -> list[Room]:
    """The other rooms, beginning with the one behind the current."""
    names = [room.name for room in rooms]
    here = names.index(current) if current in names else -1
    return [*rooms[here + 1 :], *rooms[: max(here, 0)]]


# --- small change --------------------------------------------------------------------


def with_room(view: View, room: Room) -> View:
    """The view with this room in the place of the one with its name."""
    if room.name == INBOX:
        return replace(view, inbox=room)
    rooms = tuple(room if each.name == room.name else each for each in view.rooms)
    return replace(view, rooms=rooms)


def without_room(view: View, name: str, *lines: Line) -> Update:
    """One is not in a room any more: the lines say so, and one looks at another."""
    gone = view.find(name)
    recent = {room: lines for room, lines in view.recent.items() if room != name}
    view = replace(view, recent=recent)
    rooms = tuple(room for room in view.rooms if room.name != name)
    view = replace(view, rooms=rooms)
    if gone is not None and gone.read:
        view = replace(view, left={**view.left, name: gone.read})
    if name != view.current:
        return Update(view, lines)
    view = replace(view, current="")
    if not rooms:
        return Update(view, lines)
    update = switched(view, rooms[-1].name)
    return replace(update, lines=(*lines, *update.lines))
