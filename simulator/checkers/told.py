"""P9: who came and who went is told to everyone alike, in the same order."""

from collections import defaultdict

from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.checkers.rosters import Roster, Rosters, follow
from simulator.checkers.standing import standing
from simulator.history import History, Joined, Left, Renamed, Settled

_Change = Joined | Left | Renamed


def check(history: History) -> Finding:
    """Nobody comes who is there or leaves who is not, and all end with the same changes.

    Shape:  what bots were told since their last lists, until all had come to rest, is the
            same end of one story: of two bots, one was told the last part of the other's.
    """
    records = history.until_settled()
    rosters: Rosters = {}
    anything = False
    for told in follow(records, rosters):
        anything = True
        if told.wrong:
            where = f"{told.news.bot} in #{told.news.room}"
            proof = (told.news,) if told.before is None else (told.before, told.news)
            return violated(f"{where}: {told.wrong}", *proof)
    if not anything:
        return idle("nobody was told who is there")
    if not isinstance(records[-1], Settled):
        return OK
    return _same_ends(rosters, standing(records).stalled) or OK


def _same_ends(rosters: Rosters, stalled: set[str]) -> Finding | None:
    rooms: dict[str, list[Roster]] = defaultdict(list)
    for bot, rosters_of_bot in rosters.items():
        for room, roster in rosters_of_bot.items():
            if roster.since is not None and bot not in stalled:
                rooms[room].append(roster)
    for room, members in rooms.items():
        longest = max(members, key=lambda roster: len(roster.changes)).changes
        for roster in members:
            pairs = zip(reversed(longest), reversed(roster.changes), strict=False)
            for one, other in pairs:
                if _what(one) != _what(other):
                    reason = f"{one.bot} and {other.bot} were told different things"
                    return violated(f"{reason} in #{room}", one, other)
    return None


def _what(change: _Change) -> tuple[type[_Change], str, str]:
    return type(change), change.nick, change.to if isinstance(change, Renamed) else ""


CHECKER = Checker(
    "told", "P9", "comings and goings were told in one order, none of them twice", check
)
