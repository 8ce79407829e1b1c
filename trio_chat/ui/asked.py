"""What is printed because somebody asked for it, or comes back: who is here, what waits."""

from collections.abc import Iterable, Sequence
from typing import Final

from trio_chat.client.outbox import Ticket, elsewhere_words
from trio_chat.ui.lookalikes import marked
from trio_chat.ui.state import (
    Line,
    Note,
    Trouble,
    View,
    count,
    destination,
    said_in,
    short,
)

NO_ROOM: Final = "you are in no room: /join ROOM takes you to one"


def who(view: View) -> Line:
    """Who is in the room that one looks at."""
    room = view.room
    if room is None:
        return Trouble(NO_ROOM)
    if not room.nicks:
        return Note(f"who is in #{room.name} is not known yet")
    nicks = ", ".join(marked(nick, view.likes) for nick in room.nicks)
    return Note(f"{len(room.nicks)} in #{room.name}: {nicks}")


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
            f"  {_age(now - ticket.typed_s)}  {short(said_in(ticket))}"
        )
        for ticket, held in lines
    )
    if not notes:
        return (Note("nothing waits to be sent"),)
    how = "/cancel N takes back one that is queued:"
    return (Note(f"{count(len(notes), 'line')} not accepted yet; {how}"), *notes)


def left_over(lines: Sequence[Ticket], elsewhere: int = 0) -> tuple[Line, ...]:
    """That there are lines of an earlier life, here or elsewhere; nothing if none are."""
    others = (Note(elsewhere_words(elsewhere)),) if elsewhere else ()
    if not lines:
        return others
    rooms = ", ".join(dict.fromkeys(destination(ticket.room) for ticket in lines))
    wait = "waits" if len(lines) == 1 else "wait"
    some = count(len(lines), "line")
    here = Note(f"{some} from before {wait} to be sent to {rooms}: /outbox lists them")
    return (here, *others)


def after_its_lines(room: str, waiting: int) -> tuple[Line, ...]:
    """That one leaves a room as soon as its lines are sent; nothing if none wait."""
    if not waiting:
        return ()
    some = count(waiting, "line")
    return (Note(f"{some} for #{room} not accepted yet: you leave it after that"),)


def _age(age_s: float) -> str:
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age_s >= unit_s:
            return f"{age_s / unit_s:.0f} {unit}"
    return f"{max(0.0, age_s):.0f} s"
