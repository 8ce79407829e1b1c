"""Somebody comes or speaks who looks like somebody else: that is said, once."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from trio_chat.client.events import ClientEvent, Entry, Joined, Members, Renamed
from trio_chat.ui.lookalikes import meet, renamed
from trio_chat.ui.state import Line, Trouble, Update, View

WARNED_MAX: Final = 3
"""So many who look like one person are told of; the others have their mark."""


def met(view: View, event: ClientEvent) -> Update:
    """Whom one meets by an event, and what is said of those who look like others."""
    likes = view.likes
    match event:
        case Entry(nick=nick):
            nicks: tuple[str, ...] = (nick,)
        case Members(nicks=nicks):
            pass
        case Joined(nick=nick):
            nicks = (nick,)
        case Renamed(nick=nick, to=to):
            likes = renamed(likes, nick, to)
            nicks = (to,)
        case _:
            return Update(view)
    found: list[tuple[str, str]] = []
    for each in nicks:
        likes, first = meet(likes, view.nick, each)
        if first:
            found.append((each, first))
    if likes is view.likes:
        return Update(view)
    view = replace(view, likes=likes)
    return Update(view, tuple(_warnings(view, event.room, found)))


def _warnings(view: View, room: str, found: list[tuple[str, str]]) -> Iterator[Line]:
    where = "" if room == view.current or view.find(room) is None else f" in #{room}"
    for nick, first in found:
        others = sum(like == first for like in view.likes.alike.values())
        if others <= WARNED_MAX:
            yield Trouble(f"{nick}{where} looks like {first}, and is somebody else")
