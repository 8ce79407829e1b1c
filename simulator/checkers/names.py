"""P8: everyone keeps its name, and nobody is there under another one."""

from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.history import (
    History,
    Joined,
    Left,
    Linked,
    Members,
    Record,
    Renamed,
    Stranger,
    TurnedAway,
)


def check(history: History) -> Finding:
    """No name but those of the bots; who had its name gets it again when it comes back.

    Shape:  no bot of a story takes another name of its own will.
    """
    welcomed: dict[str, Linked] = {}
    known = {
        record.nick if isinstance(record, Stranger) else record.bot
        for record in history.records
        if isinstance(record, Linked | Stranger)
    }
    for record in history.records:
        match record:
            case Linked(bot=bot):
                welcomed[bot] = record
            case TurnedAway(bot=bot) if bot in welcomed:
                reason = f"{bot} came back, and could not have its name"
                return violated(reason, welcomed[bot], record)
            case _:
                pass
        for nick in _named(record):
            if nick not in known:
                reason = f"somebody is called {nick}, and nobody is"
                return violated(reason, record)
    return OK if welcomed else idle("nobody was there")


def _named(record: Record) -> tuple[str, ...]:
    match record:
        case Members(nicks=nicks):
            return nicks
        case Joined(nick=nick) | Left(nick=nick):
            return (nick,)
        case Renamed(nick=nick, to=to):
            return nick, to
        case _:
            return ()


CHECKER = Checker("names", "P8", "everyone kept its name, and nobody had another", check)
