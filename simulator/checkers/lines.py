"""Lines and their answers: who said what, and what the author was told of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from simulator.history import Entry, Fail, Invoke, Ok, Record, Stranger

Key: TypeAlias = tuple[str, str, str]
"""Room, author and text: no author says one text twice in one room."""


@dataclass(slots=True)
class Line:
    """One line, from when it was said, with all answers in their order."""

    invoke: Invoke
    answers: list[Ok | Fail] = field(default_factory=list)

    @property
    def accepted(self) -> Ok | None:
        """The first acceptance."""
        return next((each for each in self.answers if isinstance(each, Ok)), None)

    @property
    def refused(self) -> Fail | None:
        """The first refusal."""
        return next((each for each in self.answers if isinstance(each, Fail)), None)


def lines_of(records: Iterable[Record]) -> tuple[dict[Key, Line], list[Ok | Fail]]:
    """All lines in the order in which they were said; and the answers to nothing.

    Shape:  a number may be used again in a bot's next life: an answer is to its last use.
    """
    lines: dict[Key, Line] = {}
    numbered: dict[tuple[str, int], Line] = {}
    strays: list[Ok | Fail] = []
    for record in records:
        if isinstance(record, Invoke):
            line = Line(record)
            lines[record.room, record.bot, record.text] = line
            numbered[record.bot, record.n] = line
        elif isinstance(record, Ok | Fail):
            asked = numbered.get((record.bot, record.n))
            if asked is None:
                strays.append(record)
            else:
                asked.answers.append(record)
    return lines, strays


def key(entry: Entry) -> Key:
    """The line that an entry says it is."""
    return entry.room, entry.nick, entry.text


def strangers(records: Iterable[Record]) -> set[str]:
    """Whose lines nobody wrote down when they were said."""
    return {record.nick for record in records if isinstance(record, Stranger)}
