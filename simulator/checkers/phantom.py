"""P3: nobody sees what nobody said, nor before it was said, nor what was refused."""

from collections import defaultdict

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.lines import Key, Line, key, lines_of, strangers
from simulator.history import Entry, Fail, History, Invoke, Saw


def check(history: History) -> Finding:
    """Each entry is a line that its author had said, in that room, with that text.

    Shape:  what strangers said, nobody knows.
    """
    lines, _ = lines_of(history.records)
    return _too_early(history) or _not_said(history, lines)


def _too_early(history: History) -> Finding | None:
    said: set[Key] = set()
    early: dict[Key, Saw] = {}
    for record in history.records:
        if isinstance(record, Invoke):
            line = record.room, record.bot, record.text
            said.add(line)
            if line in early:
                where = f"#{record.room} {early[line].seq}"
                return violated(f"{where} was seen before it was said", early[line], record)
        elif isinstance(record, Saw) and key(record) not in said:
            early.setdefault(key(record), record)
    return None


def _not_said(history: History, lines: dict[Key, Line]) -> Finding:
    refused: dict[Key, Fail] = {
        name: line.refused for name, line in lines.items() if line.refused is not None
    }
    anything = False
    unknown_authors = strangers(history.records)
    for entry in history.entries():
        if entry.nick in unknown_authors:
            continue
        anything = True
        where = f"#{entry.room} {entry.seq}"
        if key(entry) not in lines:
            return _never_said(entry, lines)
        if key(entry) in refused:
            said = lines[key(entry)].invoke
            reason = f"{where} was refused, and is there"
            return violated(reason, said, refused[key(entry)], entry)
    return OK if anything else unknown("nobody saw anything")


def _never_said(entry: Entry, lines: dict[Key, Line]) -> Finding:
    where = f"#{entry.room} {entry.seq}"
    near: dict[str, Invoke] = defaultdict()
    for line in lines.values():
        near.setdefault(line.invoke.text, line.invoke)
    if entry.text not in near:
        return violated(f"{where} was never said", entry)
    said = near[entry.text]
    what = "in another room" if said.bot == entry.nick else "by somebody else"
    return violated(f"{where} was said {what}", said, entry)


CHECKER = Checker(
    "phantom", "P3", "whatever anybody saw had been said, there, by its author", check
)
