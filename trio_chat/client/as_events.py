"""What a server says, as whoever uses a client is told of it."""

from typing import Final, get_args

from trio_chat.client.events import Entry, Gap, Joined, Left, Renamed
from trio_chat.protocol import messages
from trio_chat.protocol.messages import Kind

_KINDS: Final = frozenset(get_args(Kind))


def as_entry(message: messages.Entry) -> Entry:
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


def as_gap(message: messages.Gap, cursor: int) -> Gap:
    """Entries that can't be had, from where one has read to."""
    return Gap(message.room, cursor, message.through, message.reason)


def as_presence(
    message: messages.Joined | messages.Left | messages.Renamed,
) -> Joined | Left | Renamed:
    """Somebody came, went or has another name."""
    match message:
        case messages.Joined():
            return Joined(message.room, message.nick)
        case messages.Left():
            return Left(message.room, message.nick, message.reason)
        case messages.Renamed():
            return Renamed(message.room, message.nick, message.to)
