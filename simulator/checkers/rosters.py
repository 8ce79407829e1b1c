"""Rosters: who is in a room, as each bot could know from what it was told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from simulator.history import (
    Closed,
    Gone,
    Joined,
    Killed,
    Left,
    Members,
    Opened,
    Record,
    Renamed,
    Restarted,
)

News: TypeAlias = Members | Joined | Left | Renamed
Rosters: TypeAlias = dict[str, dict[str, "Roster"]]
"""By bot and room."""


@dataclass(slots=True)
class Roster:
    """What one bot knows of one room's members."""

    opened: Opened
    names: dict[str, News] = field(default_factory=dict)
    """Who is there, and since which news."""
    since: Members | None = None
    """The list that it goes by; None from Opened until there is one."""
    changes: list[Joined | Left | Renamed] = field(default_factory=list)
    """What it was told after that list."""


@dataclass(slots=True)
class Told:
    """A bot was told something: how it fits to what the bot knew."""

    news: News
    vanished: dict[str, News] = field(default_factory=dict)
    """Who was there before, by that news, and is not any more."""
    wrong: str = ""
    """Why it can't be true, if what was told before is."""
    before: News | None = None
    """What it contradicts."""


def follow(records: Iterable[Record], rosters: Rosters) -> Iterator[Told]:
    """Keep all rosters up; each piece of news with what it did.

    Shape:  after a lost connection a bot knows what it knew, until it has another list.
    """
    for record in records:
        match record:
            case Opened(bot=bot, room=room):
                roster = rosters.setdefault(bot, {}).setdefault(room, Roster(record))
                roster.opened, roster.since = record, None
                roster.changes.clear()
            case Members() | Joined() | Left() | Renamed():
                known = rosters.get(record.bot, {}).get(record.room)
                if known is not None:
                    yield _apply(known, record)
            case Closed(bot=bot, room=room):
                rosters.get(bot, {}).pop(room, None)
            case Killed(bot=bot) | Gone(bot=bot) | Restarted(bot=bot):
                rosters.pop(bot, None)
            case _:
                pass


def _apply(roster: Roster, news: News) -> Told:
    if isinstance(news, Members):
        return _replace(roster, news)
    told = _change(roster, news)
    if roster.since is None:
        told.wrong = ""  # of an older list, and the new one is not there yet
    else:
        roster.changes.append(news)
    return told


def _replace(roster: Roster, news: Members) -> Told:
    before = roster.names
    roster.names = {nick: before.get(nick, news) for nick in news.nicks}
    gone = {nick: since for nick, since in before.items() if nick not in roster.names}
    roster.since = news
    roster.changes.clear()
    wrong = "somebody is there twice" if len(roster.names) < len(news.nicks) else ""
    return Told(news, gone, wrong)


def _change(roster: Roster, news: Joined | Left | Renamed) -> Told:
    names = roster.names
    match news:
        case Joined(nick=nick):
            told = Told(news)
            if nick in names:
                told.wrong, told.before = f"{nick} was there already", names[nick]
            names[nick] = news
        case Left(nick=nick):
            since = names.pop(nick, None)
            told = Told(news, {} if since is None else {nick: since})
            if since is None:
                told.wrong = f"{nick} was not there"
        case Renamed(nick=nick, to=to):
            told = Told(news)
            if names.pop(nick, None) is None:
                told.wrong = f"{nick} was not there"
            elif to in names:
                told.wrong, told.before = f"{to} was there already", names[to]
            names[to] = news
    if told.wrong:
        told.before = told.before or roster.since
    return told
