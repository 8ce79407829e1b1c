"""What a client tells its bot, as records: where the two vocabularies meet."""

from simulator import history
from simulator.words import words
from trio_chat.client.events import (
    Accepted,
    ClientEvent,
    Closed,
    Entry,
    Gap,
    Joined,
    Left,
    Members,
    Opened,
    Refused,
    Renamed,
    Reset,
    Status,
)


def heard(event: ClientEvent, now_s: float, bot: str) -> history.Record | None:
    """The record of an event; None for what no checker asks about."""
    match event:
        case Accepted() | Refused():
            return _answer(event, now_s, bot)
        case Members() | Joined() | Left() | Renamed():
            return _presence(event, now_s, bot)
        case Entry(room=room, seq=seq, nick=nick, text=text, kind=kind, ref=ref):
            return history.Saw(now_s, bot, room, seq, nick, words(text, kind, ref))
        case Gap(room=room, after=after, through=through):
            return history.Gap(now_s, bot, room, after, through)
        case Opened(room=room, after=after, head=head):
            return history.Opened(now_s, bot, room, after, head)
        case Closed(room=room, reason=reason):
            return history.Closed(now_s, bot, room, reason)
        case Status():
            return _link(event, now_s, bot)
        case Reset():
            return history.Reset(now_s, bot)
        case _:
            return None


def _answer(event: Accepted | Refused, now_s: float, bot: str) -> history.Record | None:
    match event:
        case Accepted(room=room, n=n, seq=seq):
            return history.Ok(now_s, bot, room, n, seq)
        case Refused(n=int(n), room=room, reason=reason):
            return history.Fail(now_s, bot, room or "", n, reason)
        case _:
            return None


def _presence(
    event: Members | Joined | Left | Renamed, now_s: float, bot: str
) -> history.Record:
    match event:
        case Members(room=room, nicks=nicks):
            return history.Members(now_s, bot, room, nicks)
        case Joined(room=room, nick=nick):
            return history.Joined(now_s, bot, room, nick)
        case Left(room=room, nick=nick, reason=reason):
            return history.Left(now_s, bot, room, nick, reason)
        case Renamed(room=room, nick=nick, to=to):
            return history.Renamed(now_s, bot, room, nick, to)


def _link(event: Status, now_s: float, bot: str) -> history.Record | None:
    match event.state:
        case "online":
            return history.Linked(now_s, bot)
        case "offline":
            return history.Cut(now_s, bot, event.reason, event.retry_in_s)
        case "waiting":
            return history.TurnedAway(now_s, bot, event.reason)
        case _:
            return None
