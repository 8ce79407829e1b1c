"""What is printed of the past when somebody asks for it, and how far back one has gone.

What is printed here was read again, not heard: it is no news, and moves nothing but the
place from which one goes further back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from trio_chat.client.events import GONE, Entry, Gap
from trio_chat.client.past import Found, Page
from trio_chat.protocol.messages import FETCHED_MAX
from trio_chat.ui.recent import Recent, find, with_entry
from trio_chat.ui.rooms import said, with_room
from trio_chat.ui.state import (
    Line,
    Missing,
    Note,
    Recalled,
    Room,
    Rule,
    Update,
    View,
    count,
    place,
    short,
)
from trio_chat.words import NOTHING, Wanted, marks, wanted

EXCERPT_CHARS: Final = 400
"""Of a text in which something was found: a paste of 200 lines is not shown whole."""
EXCERPT_BEFORE_CHARS: Final = 100
AROUND: Final = 5
"""Lines before and after the one to which somebody jumps."""


@dataclass(frozen=True, slots=True)
class Range:
    """Entries to be asked for: those after the first seq, through the other."""

    after: int
    through: int


@dataclass(frozen=True, slots=True)
class Sought:
    """A search, as far as it has come."""

    room: str
    words: str
    before: int | None = None
    """None: it has just begun."""


# --- what is to be asked for ---------------------------------------------------------


def earlier(room: Room, lines: int) -> Range | Line:
    """The lines before the oldest that was printed, or why there are none."""
    if room.back <= 1:
        why = "there is nothing before" if room.back == 1 else _NOT_OPEN
        return Note(f"{place(room.name)}: {why}")
    return Range(max(room.back - 1 - lines, 0), room.back - 1)


def left_out(room: Room) -> Range | Line:
    """The first of the lines that were left out last, or that none were."""
    if room.hole is None:
        where = place(room.name)
        return Note(f"{where}: nothing was left out; /history shows what came before")
    after, through = room.hole
    return Range(after, min(through, after + FETCHED_MAX))


def around(seq: int) -> Range:
    """An entry, and some before and after it."""
    return Range(max(seq - 1 - AROUND, 0), seq + AROUND)


_NOT_OPEN: Final = "it is not known yet what was said there"


# --- what is printed of the answer ---------------------------------------------------


def history(view: View, name: str, asked: Range, page: Page) -> Update:
    """Lines from before those that were printed; from here one goes further back."""
    room = view.log(name)
    lines = _events(view, page.events)
    gap = page.events[0] if page.events else None
    back = asked.after + 1
    if isinstance(gap, Gap) and gap.reason == GONE:  # what came before is gone, too
        lines = (Missing(Gap(name, 0, gap.through, GONE)), *lines[1:])
        back = 1
    elif back == 1:
        lines = (Note(f"here begins {place(name)}"), *lines)
    if room is not None:
        view = with_room(view, replace(room, back=min(back, room.back)))
    remark = f"{count(len(page.entries), 'earlier line')}"
    return _between(view, name, remark, lines)


def filled(view: View, name: str, asked: Range, page: Page) -> Update:
    """Lines that were left out; what is left of them can be asked for again."""
    room = view.log(name)
    left = 0
    if room is not None and room.hole is not None and room.hole[0] == asked.after:
        through = room.hole[1]
        left = through - asked.through
        hole = (asked.through, through) if left else None
        view = with_room(view, replace(room, hole=hole))
    after = f"{left:,} more: /fill goes on" if left else ""
    remark = f"{count(len(page.entries), 'line')} that {_were(page)} left out"
    return _between(view, name, remark, _events(view, page.events), after)


def jumped(view: View, name: str, seq: int, page: Page) -> Update:
    """What was said around an entry."""
    if not page.events or _last(page.events[-1]) < seq:
        return Update(view, (Note(f"there is no ^{seq} in {place(name)}"),))
    return _between(view, name, f"around ^{seq}", _events(view, page.events, here=seq))


def found(view: View, sought: Sought, answer: Found) -> Update:
    """Where words were said, the newest last: it stands next to the prompt."""
    what = f"\u201c{short(sought.words)}\u201d"
    more = answer.before is not None
    if not answer.entries:
        older = "" if sought.before is None else " older"
        where = f"nothing{older} in {place(sought.room)} with {what}"
        return Update(view, (Note(f"{where} so far: {_FURTHER}" if more else where),))
    marked = wanted(sought.words)
    lines = tuple(
        Recalled(said(view, _excerpt(entry, marked)), marked, dated=True)
        for entry in reversed(answer.entries)
    )
    remark = f"{count(len(lines), 'line')} with {what}, the newest last"
    after = _FURTHER if more else "that is all"
    return _between(
        view, sought.room, remark, lines, f"{after}; /jump ^N shows what is around one"
    )


_FURTHER: Final = "/search shows older ones"


def _excerpt(entry: Entry, sought: Wanted) -> Entry:
    """The entry, and of a long text what stands around the first of the words."""
    text = entry.text
    if len(text) <= EXCERPT_CHARS:
        return entry
    spans = marks(text, sought)
    begin = max(spans[0][0] - EXCERPT_BEFORE_CHARS, 0) if spans else 0
    end = begin + EXCERPT_CHARS
    before, after = "\u2026" if begin else "", "\u2026" if end < len(text) else ""
    return msgspec.structs.replace(entry, text=f"{before}{text[begin:end]}{after}")


def _between(
    view: View, name: str, remark: str, lines: Iterable[Line], after: str = ""
) -> Update:
    """The lines between two rules, for they are not what is said now."""
    now = Rule(view.current, after or "now", news=False)
    return Update(view, (Rule(name, remark), *lines, now))


def _events(
    view: View, events: Iterable[Entry | Gap], here: int | None = None
) -> tuple[Line, ...]:
    lines: list[Line] = []
    recent: Recent = ()  # of what is printed here: that is quoted as it read then
    for each in events:
        if isinstance(each, Gap):
            lines.append(Missing(each))
            continue
        line = said(view, each, find(recent, each.ref))
        recent = with_entry(recent, each, own=line.own)
        lines.append(Recalled(line, NOTHING, here=each.seq == here))
    return tuple(lines)


def _last(event: Entry | Gap) -> int:
    return event.through if isinstance(event, Gap) else event.seq


def _were(page: Page) -> str:
    return "was" if len(page.entries) == 1 else "were"
