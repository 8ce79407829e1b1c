"""P3: a line is one entry, the same for everyone, and nobody sees it twice."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.history import Closed, Entry, Fail, History, Invoke, Proof, Saw

_Line = tuple[str, str, str]


def check(history: History) -> Finding:
    """No repeat, no second entry for a line, no line that was not said, one text a seq."""
    return _repeat(history) or _two_texts(history) or _not_said(history)


def _repeat(history: History) -> Finding | None:
    """Whether somebody was shown the same seq twice."""
    seen: dict[tuple[str, str], dict[int, Saw]] = {}
    for record in history.records:
        match record:
            case Saw(bot=bot, room=room, seq=seq):
                view = seen.setdefault((bot, room), {})
                if seq in view:
                    reason = f"{bot} saw #{room} {seq} twice"
                    return violated(reason, view[seq], record)
                view[seq] = record
            case Closed(bot=bot, room=room):
                # Who comes in again may be shown the past again.
                seen.pop((bot, room), None)
            case _:
                pass
    return None


def _two_texts(history: History) -> Finding | None:
    """Whether a seq is one line here and another line there, or a line has two seqs."""
    at: dict[tuple[str, int], Entry] = {}
    of: dict[_Line, Entry] = {}
    for entry in history.entries():
        other = at.setdefault((entry.room, entry.seq), entry)
        if _line(other) != _line(entry):
            reason = f"#{entry.room} {entry.seq} is not the same for everyone"
            return violated(reason, other, entry)
        other = of.setdefault(_line(entry), entry)
        if other.seq != entry.seq:
            reason = f"one line of {entry.nick} is {other.seq} and {entry.seq}"
            return violated(f"{reason} in #{entry.room}", other, entry)
    return None


def _not_said(history: History) -> Finding:
    """Whether an entry is a line that was never said, or was refused."""
    said: dict[_Line, Invoke] = {}
    by_number: dict[tuple[str, int], Invoke] = {}
    refused: dict[_Line, Fail] = {}
    for record in history.records:
        if isinstance(record, Invoke):
            said[record.room, record.bot, record.text] = record
            by_number[record.bot, record.n] = record
        elif isinstance(record, Fail):
            line = by_number[record.bot, record.n]
            refused[line.room, line.bot, line.text] = record
    anything = False
    for entry in history.entries():
        anything = True
        where = f"#{entry.room} {entry.seq}"
        if _line(entry) not in said:
            return violated(f"{where} was never said", entry)
        if _line(entry) in refused:
            proof: tuple[Proof, ...] = (said[_line(entry)], refused[_line(entry)], entry)
            return violated(f"{where} was refused, and is there", *proof)
    return OK if anything else unknown("nobody saw anything")


def _line(entry: Entry) -> _Line:
    return entry.room, entry.nick, entry.text


CHECKER = Checker(
    "once", "P3", "every line is one entry, the same for everyone, seen once", check
)
