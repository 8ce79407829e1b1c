"""What a terminal's scrollback tells of the rooms, and what has no business there.

Pure.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias

Shown: TypeAlias = tuple[str, str]
"""Who said it and what, without its blanks: those depend on where rows were broken."""

_RULE: Final = re.compile("\u2500\u2500 (?:#(\\S+) )?")
_SAID: Final = re.compile(r"\d\d:\d\d (?:<(\S+)>|\* (\S+))(?: \[[^\]]*\])? (.*)", re.DOTALL)
_NOTE: Final = re.compile(r"\d\d:\d\d (?![<>*\u2026])")
_HANGS: Final = re.compile(r" {3,}\S")


@dataclass
class Scrollback:
    """What was printed in one life of a client."""

    said: dict[str, list[Shown]] = field(default_factory=lambda: defaultdict(list))
    """By room, in the order of printing."""
    notes: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)
    """What is below the last thing that was printed."""
    artefacts: list[str] = field(default_factory=list)
    """What has no business there."""


def read(texts: Sequence[str], room: str) -> Scrollback:
    """What these lines tell; `room` is the one that is looked at first."""
    found = Scrollback()
    lines = [*_joined(texts)]
    while lines and not _is_printed(lines[-1]):
        found.prompt.insert(0, lines.pop())
    for line in lines:
        if rule := _RULE.match(line):
            found.rules.append(line)
            room = rule[1] or room
        elif said := _SAID.fullmatch(line):
            found.said[room].append((said[1] or said[2], bare(said[3])))
        elif _NOTE.match(line):
            found.notes.append(line)
        else:
            found.artefacts.append(line)
    return found


def bare(text: str) -> str:
    """A text without its blanks and line ends."""
    return "".join(text.split())


def _is_printed(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_RULE, _SAID, _NOTE))


def _joined(texts: Iterable[str]) -> Iterable[str]:
    """The lines, each with what hangs below it."""
    line = ""
    for text in texts:
        if line and _HANGS.match(text):
            line += f"\n{text.strip()}"
        else:
            if line:
                yield line
            line = text
    if line:
        yield line


def faults(
    lives: Sequence[Scrollback], log: dict[str, list[Shown]], rooms: Iterable[str]
) -> list[str]:
    """What is lost, doubled, out of order or not of the log, for people.

    Shape:  each life shows a piece of a room's log, without a hole, and begins no later
            than where the one before has ended; the last life ends where the log does.
    """
    wrong = [f"an artefact: {row!r}" for life in lives for row in life.artefacts]
    wrong += [
        f"a broken prompt: {life.prompt}" for life in lives if not _is_whole(life.prompt)
    ]
    for room in rooms:
        place = {shown: at for at, shown in enumerate(log[room])}
        assert len(place) == len(log[room]), "no two lines of the day are the same"
        had = 0
        for number, life in enumerate(lives, 1):
            what = f"#{room} in life {number}"
            unknown = [shown for shown in life.said[room] if shown not in place]
            wrong += [f"{what}: never said: {shown}" for shown in unknown]
            seen = [place[shown] for shown in life.said[room] if shown in place]
            if not seen:
                continue
            if number > 1 and seen[0] > had:
                wrong.append(f"{what}: lost: {log[room][had : seen[0]]}")
            for before, after in pairwise(seen):
                if after != before + 1:
                    which = log[room][after], log[room][before]
                    wrong.append(f"{what}: {_why(before, after)}: {which}")
            had = seen[-1] + 1
        if had != len(log[room]):
            wrong.append(f"#{room}: lost at the end: {log[room][had:]}")
    return wrong


def _is_whole(prompt: Sequence[str]) -> bool:
    """Whether this is a prompt of one row, and its status line; or none."""
    return not prompt or (
        len(prompt) == 2 and prompt[0].startswith(">") and "line \u00b7 " in prompt[1]
    )


def _why(before: int, after: int) -> str:
    if after > before:
        return "lost between"
    return "doubled" if after == before else "doubled or out of order"
