"""P3: a line is one entry, the same for everyone, and nobody sees it twice."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.lines import Key, key, strangers
from simulator.checkers.views import View, in_views
from simulator.history import Entry, History, Saw


def check(history: History) -> Finding:
    """No repeat, no second entry for a line, one line for each seq."""
    return _repeat(history) or _two_texts(history)


def _repeat(history: History) -> Finding | None:
    """Whether somebody was shown the same seq twice; in another view it may be."""
    seen: dict[View, dict[int, Saw]] = {}
    for view, record in in_views(history.records):
        if isinstance(record, Saw):
            entries = seen.setdefault(view, {})
            if record.seq in entries:
                reason = f"{record.bot} saw #{record.room} {record.seq} twice"
                return violated(reason, entries[record.seq], record)
            entries[record.seq] = record
    return None


def _two_texts(history: History) -> Finding:
    """Whether a seq is one line here and another line there, or a line has two seqs.

    Shape:  a stranger may have said one thing twice.
    """
    at: dict[tuple[str, int], Entry] = {}
    of: dict[Key, Entry] = {}
    unknown_lines = strangers(history.records)
    for entry in history.entries():
        other = at.setdefault((entry.room, entry.seq), entry)
        if key(other) != key(entry):
            reason = f"#{entry.room} {entry.seq} is not the same for everyone"
            return violated(reason, other, entry)
        other = of.setdefault(key(entry), entry)
        if other.seq != entry.seq and entry.nick not in unknown_lines:
            reason = f"one line of {entry.nick} is {other.seq} and {entry.seq}"
            return violated(f"{reason} in #{entry.room}", other, entry)
    return OK if at else unknown("nobody saw anything")


CHECKER = Checker(
    "once", "P3", "every line is one entry, the same for everyone, seen once", check
)
