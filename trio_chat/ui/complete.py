"""What the word before the cursor may become."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from trio_chat.protocol import names
from trio_chat.ui.commands import COMMANDS
from trio_chat.ui.emoji import EMOJI
from trio_chat.ui.recent import Recent
from trio_chat.ui.state import View, said_in, short


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may be meant."""

    word: str
    typed_chars: int
    """How much before the cursor it replaces."""
    help: str = ""


_OF_ROOMS: Final = frozenset({"join", "leave", "mute", "unmute"})
_OF_NICKS: Final = frozenset({"msg"})
_OF_LINES: Final = frozenset({"cancel"})
_OF_ENTRIES: Final = frozenset({"reply", "react", "edit", "delete"})
_OF_OWN_ENTRIES: Final = frozenset({"edit", "delete"})
_EMOJI_CHARS_MIN: Final = 2
"""Letters behind the colon; what is shorter is a face, or the end of a sentence."""
_ENTRIES_MAX: Final = 20


def complete(
    view: View, before_cursor: str, is_held: Callable[[int], bool]
) -> tuple[Candidate, ...]:
    """What the word before the cursor may become, the likeliest first.

    Shape:  `is_held` tells which lines, by their number, can be taken back.
    """
    *earlier, word = before_cursor.split(" ")
    if not earlier and word.startswith("/") and not word.startswith("//"):
        rows = ((f"/{command.name} ", command.help) for command in COMMANDS)
        return tuple(
            Candidate(each, len(word), help_)
            for each, help_ in rows
            if each.startswith(word.lower())
        )
    command = earlier[0].removeprefix("/") if earlier and earlier[0].startswith("/") else ""
    if len(earlier) == 1 and (found := _first_argument(view, command, word, is_held)):
        return found
    word = word.rpartition("\n")[2]
    if word.startswith("#"):
        return _matching(sorted(f"#{room.name}" for room in view.rooms), word, " ")
    if word.startswith(":"):
        return _emoji(word)
    begins = before_cursor == word
    at = "@" if word.startswith("@") else ""
    nicks = (f"{at}{nick}" for nick in _nicks(view))
    return _matching(nicks, word, ": " if begins and not at else " ") if word else ()


def _first_argument(
    view: View, command: str, word: str, is_held: Callable[[int], bool]
) -> tuple[Candidate, ...]:
    if command in _OF_ROOMS:
        rooms = sorted(room.name for room in view.rooms)
        return _matching(rooms, word.removeprefix("#"), " ")
    if command in _OF_NICKS:
        return _matching(_nicks(view), word.removeprefix("@"), " ")
    if command in _OF_ENTRIES and word.startswith("^"):
        own = command in _OF_OWN_ENTRIES
        return _entries(view.recent.get(view.current, ()), word, own=own)
    if command in _OF_LINES:
        held = (line for line in view.queued if is_held(line.n))
        lines = ((str(line.n), short(said_in(line))) for line in held)
        return tuple(
            Candidate(n, len(word), text) for n, text in lines if n.startswith(word)
        )
    return ()


def _entries(recent: Recent, word: str, *, own: bool) -> tuple[Candidate, ...]:
    there = (each for each in reversed(recent) if not each.gone and (each.own or not own))
    rows = ((f"^{each.seq}", f"{each.nick}: {short(each.text)}") for each in there)
    found = (
        Candidate(f"{point} ", len(word), what)
        for point, what in rows
        if point.startswith(word)
    )
    return tuple(islice(found, _ENTRIES_MAX))


def _nicks(view: View) -> Iterable[str]:
    """Who spoke last first, gone or not, then those who are here, by the alphabet."""
    if view.room is None:
        return ()
    nicks = dict.fromkeys((*view.room.speakers, *sorted(view.room.nicks)))
    return (nick for nick in nicks if nick != view.nick)


def _emoji(word: str) -> tuple[Candidate, ...]:
    start = word[1:].lower()
    if len(start) < _EMOJI_CHARS_MIN:
        return ()
    begin = [name for name in EMOJI if name.startswith(start.rstrip(":"))]
    within = [name for name in EMOJI if start in name and name not in begin]
    return tuple(
        Candidate(f"{EMOJI[name]} ", len(word), f":{name}:") for name in (*begin, *within)
    )


def _matching(words: Iterable[str], typed: str, after: str) -> tuple[Candidate, ...]:
    start = names.same(typed)
    found = dict.fromkeys(word for word in words if names.same(word).startswith(start))
    return tuple(Candidate(word + after, len(typed)) for word in found)
