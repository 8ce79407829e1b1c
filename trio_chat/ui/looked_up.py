"""What is looked up for who asks, and changed at once: the same for each front end."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, assert_never

from msgspec.structs import replace

from trio_chat.client import Client
from trio_chat.ui import commands
from trio_chat.ui.asked import NO_ROOM, after_its_lines, outbox, who
from trio_chat.ui.front import Front
from trio_chat.ui.muted import Muted
from trio_chat.ui.state import Line, Note, Trouble
from trio_chat.ui.unread import unread

Question: TypeAlias = (
    commands.Who | commands.ShowOutbox | commands.ShowUnread | commands.Mute
)


class Around(Protocol):
    """What has to be known of where one is."""

    @property
    def now(self) -> Callable[[], float]:
        """Seconds since 1970."""

    @property
    def muted(self) -> Muted:
        """The rooms that call nobody."""


def looked_up(
    front: Front, client: Client, around: Around, question: Question
) -> tuple[Line, ...]:
    """The answer, to be printed."""
    match question:
        case commands.Who():
            return (who(front.view),)
        case commands.ShowOutbox():
            waiting = client.outbox.lines
            listed = [(line, client.outbox.is_held(line.n)) for line in waiting]
            return outbox(listed, around.now(), online=client.state == "online")
        case commands.ShowUnread():
            return unread(front.view)
        case commands.Mute(room=room, muted=muted):
            return _mute(front, around.muted, room or front.view.current, muted=muted)
        case _:
            assert_never(question)


def _mute(front: Front, rooms: Muted, room: str, *, muted: bool) -> tuple[Line, ...]:
    if not room:
        return (Trouble(NO_ROOM),)
    if not muted and room not in rooms.rooms:
        return (Note(f"#{room} is not muted"),)
    trouble = rooms.set(room, muted=muted)
    front.view = replace(front.view, muted=rooms.rooms)
    calls = "does not call you: /unmute ends that" if muted else "calls you"
    note = Note(f"#{room} {calls}")
    return (note, Trouble(trouble)) if trouble else (note,)


def leave(front: Front, client: Client, room: str) -> str:
    """Leave a room after what waits for it, the one that one looks at without a name.

    Shape:  why that can't be done, or nothing.
    Raises: RefusedError: one is not in that room.
    """
    room = room or front.view.current
    if not room:
        return NO_ROOM
    waiting = sum(ticket.room == room for ticket in client.outbox.lines)
    client.leave_nowait(room)
    front.print(*after_its_lines(room, waiting))
    return ""
