"""P2: an accepted line is in the log, with the seq its author was told."""

from collections import defaultdict

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.history import Entry, History, Invoke, Ok, Opened, Saw

_Said = dict[tuple[str, int], Invoke]
_Accepted = dict[str, dict[int, Ok]]


def check(history: History) -> Finding:
    """Wherever an accepted seq was shown or stored, it is the line that was accepted.

    Shape:  and it was shown to everyone who read past it, and is in the final log.
    """
    said: _Said = {}
    accepted: _Accepted = defaultdict(dict)
    for record in history.records:
        if isinstance(record, Invoke):
            said[record.bot, record.n] = record
        elif isinstance(record, Ok):
            if (record.bot, record.n) not in said:
                return violated("a line was accepted that was never said", record)
            other = accepted[record.room].setdefault(record.seq, record)
            if (other.bot, other.n) != (record.bot, record.n):
                where = f"#{record.room} {record.seq}"
                return violated(f"{where} was given to two lines", other, record)
    if not accepted:
        return unknown("no line was accepted")
    return (
        _other_line(history, said, accepted)
        or _passed_over(history, said, accepted)
        or _not_stored(history, said, accepted)
        or OK
    )


def _other_line(history: History, said: _Said, accepted: _Accepted) -> Finding | None:
    for entry in history.entries():
        ok = accepted.get(entry.room, {}).get(entry.seq)
        if ok is not None and not _same(said[ok.bot, ok.n], entry):
            where = f"#{entry.room} {entry.seq}"
            reason = f"{where} is not the line that was accepted there"
            return violated(reason, said[ok.bot, ok.n], ok, entry)
    return None


def _passed_over(history: History, said: _Said, accepted: _Accepted) -> Finding | None:
    begun: dict[tuple[str, str], int] = {}
    views: dict[tuple[str, str], dict[int, Saw]] = defaultdict(dict)
    for record in history.records:
        if isinstance(record, Opened):
            begun.setdefault((record.bot, record.room), record.after)
        elif isinstance(record, Saw):
            views[record.bot, record.room][record.seq] = record
    for (bot, room), view in views.items():
        first, last = begun.get((bot, room), 0), max(view)
        for seq, ok in accepted.get(room, {}).items():
            if first < seq < last and seq not in view:
                reason = f"#{room} {seq} was accepted, and {bot} read past it unseen"
                return violated(reason, said[ok.bot, ok.n], ok, view[last])
    return None


def _not_stored(history: History, said: _Said, accepted: _Accepted) -> Finding | None:
    if history.log is None:
        return None
    for room, lines in accepted.items():
        for seq, ok in lines.items():
            if seq > len(history.log.get(room, ())):
                reason = f"#{room} {seq} was accepted, and is not in the store"
                return violated(reason, said[ok.bot, ok.n], ok)
    return None


def _same(line: Invoke, entry: Entry) -> bool:
    return (line.bot, line.text) == (entry.nick, entry.text)


CHECKER = Checker(
    "accepted", "P2", "every accepted line is in the log, where its author was told", check
)
