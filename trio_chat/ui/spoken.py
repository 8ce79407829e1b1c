"""Lines as they are read aloud: who first, sentences, nothing that is only for the eye.

A line of a person begins with their name and has a colon behind it or behind what they do;
what we say ourselves never begins with one word and a colon. So nobody can pass for us, and
by the name on each line of a text nobody for somebody else.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from trio_chat.client.events import Entry, gap_words
from trio_chat.sanitise import Drawn, as_lines
from trio_chat.ui.feed import local_time
from trio_chat.ui.quotes import quote_of, reactions, taken_back
from trio_chat.ui.state import (
    Day,
    Line,
    Missing,
    Moved,
    Note,
    Reacted,
    Recalled,
    Rule,
    Said,
    Skipped,
    Trouble,
    View,
    count,
    place,
    short,
)


def spoken(line: Line) -> Drawn:
    """The line as it is read aloud, with its end."""
    return as_lines(*_sentences(line))


def _sentences(line: Line) -> Iterable[str]:
    match line:
        case Said():
            return _said(line)
        case Recalled(said=said, dated=dated):
            form = "%A %Y-%m-%d %H:%M" if dated else "%H:%M"
            when = time.strftime(form, local_time(said.entry.ts))
            return _said(said, f", ^{said.entry.seq}, {when}")
        case Note(text=text) | Trouble(text=text):
            return (text,)
        case Reacted():
            return (reactions(line),)
        case Moved():
            return (line.words,)
        case Missing(gap=gap):
            return (gap_words(gap),)
        case Skipped(lines=lines):
            return (f"{count(lines, 'line')} left out: /fill reads them",)
        case Rule(room=room, remark=remark):
            return (f"{place(room)}, {remark}" if remark else place(room),)
        case Day(ts=ts):
            return (time.strftime("%A %Y-%m-%d", local_time(ts)),)
        case _:
            assert_never(line)


def _said(line: Said, where: str = "") -> Iterator[str]:
    entry = line.entry
    if line.reacts:
        yield reactions(Reacted((line,)))
        return
    if entry.kind == "delete":
        yield taken_back(line)
        return
    first, *more = entry.text.split("\n")
    yield f"{_who(line)}: {first}{where}"
    for number, text in enumerate(more, 2):
        yield f"{entry.nick}, line {number}: {text}"


def _who(line: Said) -> str:
    """Who says it, how, and to whom."""
    who = line.entry.nick
    if line.like:
        who += f", who is not {line.like}"
    if line.entry.direct:
        who += f", to {line.to if line.own else 'you'} alone"
    if quote := quote_of(line):
        who += f", {quote}" if line.entry.kind == "edit" else f", answering {quote}"
    return f"{who} acts" if line.entry.kind == "me" else who


# --- what happens elsewhere ----------------------------------------------------------


def elsewhere(view: View, told: Mapping[str, int]) -> tuple[dict[str, int], list[Line]]:
    """What is to be said of other rooms: that one has news, once, and each call at once.

    Shape:  of each room with something unread the calls that are told, and what is new.
    """
    now: dict[str, int] = {}
    lines: list[Line] = []
    for room in view.rooms:
        if room.name == view.current or not room.unread or room.name in view.muted:
            continue
        now[room.name] = max(room.calls, told.get(room.name, 0))
        if room.calls > told.get(room.name, 0):
            calls = (each for each in room.kept if isinstance(each, Entry))
            last = [each for each in calls if each.seq in room.called][-1:]
            who = f"{last[0].nick} calls you" if last else "you are called"
            said = f", {short(last[0].text)}" if last else ""
            lines.append(Note(f"{who} in #{room.name}{said}"))
        elif room.name not in told:
            lines.append(Note(f"something new in #{room.name}"))
    return now, lines
