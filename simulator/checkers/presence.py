"""P9: when all has come to rest, everyone knows exactly who is there."""

from collections import defaultdict

from simulator.checkers.checker import OK, Checker, Finding, idle, unknown, violated
from simulator.checkers.lines import strangers
from simulator.checkers.rosters import Roster, Rosters, follow
from simulator.checkers.standing import standing
from simulator.history import History, Members, Settled


def check(history: History) -> Finding:
    """Each member's list is the set of those who are connected and in the room.

    Shape:  who hardly reads at that moment is not asked, nor is who never wrote down a
            list; both are asked about. A stranger may be there or not.
    """
    records = history.until_settled()
    if not isinstance(records[-1] if records else None, Settled):
        return idle("the story does not say when all has come to rest")
    readers = {each.bot for each in records if isinstance(each, Members)}
    if not readers:
        return unknown("nobody was told who is there")
    rosters: Rosters = {}
    for _ in follow(records, rosters):
        pass
    now = standing(records)
    present: dict[str, dict[str, Roster]] = defaultdict(dict)
    for bot in sorted(now.online & rosters.keys()):
        for room, roster in rosters[bot].items():
            present[room][bot] = roster
    unsure = strangers(records)
    for members in present.values():
        for bot, roster in members.items():
            if bot in readers and bot not in now.stalled:
                finding = _judged(roster, members, unsure)
                if finding is not None:
                    return finding
    return OK


def _judged(roster: Roster, members: dict[str, Roster], unsure: set[str]) -> Finding | None:
    bot, room = roster.opened.bot, roster.opened.room
    if roster.since is None:
        reason = f"{bot} reads #{room}, and was not told who is there"
        return violated(reason, roster.opened)
    if roster.names.keys() == members.keys():
        return None
    for ghost in sorted(roster.names.keys() - members.keys() - unsure):
        reason = f"{bot} has a ghost in #{room}: {ghost} is not there"
        return violated(reason, roster.names[ghost])
    for missing in sorted(members.keys() - roster.names.keys()):
        reason = f"{bot} does not know that {missing} is in #{room}"
        return violated(reason, roster.since, members[missing].opened)
    return None


CHECKER = Checker("presence", "P9", "in the end everyone knew exactly who was there", check)
