"""What is said about other lines, in words; strings in them are as they came."""

from collections.abc import Iterable

from trio_chat.client.events import Entry
from trio_chat.ui.pointing import Point
from trio_chat.ui.state import Reacted, Said, count, short

NAMED_MAX = 5
"""Of more people with one reaction only the number is told."""
_REACTION_CHARS_MAX = 32


def point_of(entry: Entry) -> Point:
    """The line that an entry is about, as people name it."""
    return Point(entry.ref or 0, inbox=entry.direct)


def quote_of(line: Said) -> str:
    """What an answer answers to, or an edit edits; empty: it is a line like any other."""
    if line.entry.ref is None:
        return ""
    point, about = point_of(line.entry), line.about
    text = _one_row(about.text) if about is not None else ""
    if line.entry.kind == "edit":
        return f"edits {point}: {text}" if text else f"edits {point}"
    if about is None:
        return f"{point}"
    return f"{point} {about.nick}: {text}" if text else f"{point} {about.nick}"


def taken_back(line: Said) -> str:
    """That somebody takes a line back."""
    return f"{line.entry.nick} took back {_meant(line)}"


def reactions(reacted: Reacted) -> str:
    """Who reacts to a line, and how."""
    by_reaction: dict[str, list[str]] = {}
    for line in reacted.all:
        verb = "" if line.entry.kind == "react" else "took back "
        nicks = by_reaction.setdefault(verb + _reaction(line.entry.text), [])
        nicks.append(line.entry.nick)
    by_people: dict[str, list[str]] = {}
    for reaction, nicks in by_reaction.items():
        by_people.setdefault(_people(nicks), []).append(reaction)
    said = (f"{people} {' '.join(all_)}" for people, all_ in by_people.items())
    return f"{'  '.join(said)}  {_meant(reacted.all[-1])}"


def _meant(line: Said) -> str:
    text = _one_row(line.about.text) if line.about is not None else ""
    return f'{point_of(line.entry)} "{text}"' if text else f"{point_of(line.entry)}"


def _people(nicks: Iterable[str]) -> str:
    different = [*dict.fromkeys(nicks)]
    more = len(different) - NAMED_MAX
    if more > 0:
        return f"{', '.join(different[:NAMED_MAX])} and {count(more, 'other')}"
    return ", ".join(different)


def _reaction(text: str) -> str:
    return " ".join(text[:_REACTION_CHARS_MAX].split())


def _one_row(text: str) -> str:
    """The beginning of a text, without line ends."""
    return short(" ".join(text.split()))
