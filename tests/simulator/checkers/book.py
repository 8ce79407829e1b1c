"""Histories by hand: a good one, short ways to write records, and who says what of them."""

from collections.abc import Sequence

from simulator.checkers import CHECKERS, Finding, judge
from simulator.history import (
    Closed,
    Cut,
    History,
    Invoke,
    Joined,
    Left,
    Linked,
    Log,
    Logged,
    Members,
    Ok,
    Opened,
    Proof,
    Record,
    Saw,
)

ROOM = "lobby"


def said(bot: str, n: int, text: str, at_s: float = 1.0) -> Invoke:
    return Invoke(at_s, bot, ROOM, n, text)


def accepted(bot: str, n: int, seq: int, at_s: float = 2.0) -> Ok:
    return Ok(at_s, bot, ROOM, n, seq)


def opened(bot: str, after: int = 0, head: int = 0, at_s: float = 0.5) -> Opened:
    return Opened(at_s, bot, ROOM, after, head)


def closed(bot: str, at_s: float = 4.0) -> Record:
    return Closed(at_s, bot, ROOM, "left")


def saw(bot: str, seq: int, nick: str, text: str, at_s: float = 3.0) -> Saw:
    return Saw(at_s, bot, ROOM, seq, nick, text)


def linked(bot: str, at_s: float = 0.0) -> Record:
    return Linked(at_s, bot)


def cut(bot: str, at_s: float, retry_in_s: float | None = None) -> Record:
    return Cut(at_s, bot, "the connection broke", retry_in_s)


def members(bot: str, *nicks: str, at_s: float = 0.6) -> Record:
    return Members(at_s, bot, ROOM, nicks)


def joined(bot: str, nick: str, at_s: float) -> Record:
    return Joined(at_s, bot, ROOM, nick)


def left(bot: str, nick: str, at_s: float) -> Record:
    return Left(at_s, bot, ROOM, nick, "peer went away")


def log(*lines: tuple[str, str]) -> Log:
    entries = [Logged(ROOM, seq, nick, text) for seq, (nick, text) in enumerate(lines, 1)]
    return {ROOM: entries}


def good() -> list[Record]:
    """Ada says three lines, Ben one; both see them all, Cyd comes after the second."""
    return [
        opened("ada"),
        opened("ben"),
        said("ada", 1, "a"),
        said("ada", 2, "b"),
        said("ben", 1, "c"),
        saw("ben", 1, "ada", "a"),
        saw("ada", 1, "ada", "a"),
        accepted("ada", 1, 1),
        opened("cyd", after=2, head=2),
        saw("ben", 2, "ada", "b"),
        accepted("ada", 2, 2),
        saw("ada", 2, "ada", "b"),
        saw("ada", 3, "ben", "c"),
        saw("ben", 3, "ben", "c"),
        saw("cyd", 3, "ben", "c"),
        accepted("ben", 1, 3),
        said("ada", 3, "d"),
        saw("cyd", 4, "ada", "d"),
        saw("ada", 4, "ada", "d"),
        saw("ben", 4, "ada", "d"),
        accepted("ada", 3, 4),
    ]


GOOD_LOG = log(("ada", "a"), ("ada", "b"), ("ben", "c"), ("ada", "d"))


def without(*unwanted: Record) -> list[Record]:
    records = good()
    for record in unwanted:
        records.remove(record)
    return records


def replaced(old: Record, *new: Record) -> list[Record]:
    records = good()
    place = records.index(old)
    records[place : place + 1] = new
    return records


def answers(records: Sequence[Record], final: Log | None = GOOD_LOG) -> dict[str, str]:
    """What every checker says that has something to judge and does not say ok."""
    findings = judge(History(tuple(records), final))
    for _, finding in findings:
        if finding.answer == "violated":
            assert finding.reason
            assert 1 <= len(finding.proof) <= 4
    return {
        checker.name: finding.answer
        for checker, finding in findings
        if finding.answer != "ok" and not finding.idle
    }


def found(
    name: str, records: Sequence[Record], final: Log | None = GOOD_LOG
) -> tuple[str, tuple[Proof, ...]]:
    """What one checker says, and what it points at."""
    finding = asked(name, records, final)
    return finding.answer, finding.proof


def asked(name: str, records: Sequence[Record], final: Log | None = GOOD_LOG) -> Finding:
    """The finding of one checker."""
    by_name = {checker.name: checker for checker in CHECKERS}
    return by_name[name].check(History(tuple(records), final))


def idles(name: str, records: Sequence[Record], final: Log | None = GOOD_LOG) -> bool:
    """Whether a checker has nothing to judge here."""
    finding = asked(name, records, final)
    return finding.idle and finding.answer == "unknown" and bool(finding.reason)
