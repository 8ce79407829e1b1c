"""The commands, as a table: what is typed becomes what is wanted, /help and completion."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from trio_chat.errors import RefusedError
from trio_chat.protocol import names
from trio_chat.protocol.messages import Kind
from trio_chat.ui.state import View, short

_DIGITS_MAX: Final = 16

# --- what can be wanted --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Say it in the room that one looks at."""

    text: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Tell:
    """Say it to one person alone."""

    nick: str
    text: str


@dataclass(frozen=True, slots=True)
class Join:
    """Become a member of a room, or look at it."""

    room: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Stop being a member; None: of the room that one looks at."""

    room: str | None


@dataclass(frozen=True, slots=True)
class Rename:
    """Have another name."""

    nick: str


@dataclass(frozen=True, slots=True)
class Who:
    """See who is in the room."""


@dataclass(frozen=True, slots=True)
class ShowOutbox:
    """See what waits to be sent."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take a line back that waits; None: the last one."""

    n: int | None


@dataclass(frozen=True, slots=True)
class Help:
    """See what can be typed."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Go."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What was typed can't be done; it stays in the input."""

    reason: str


Intent: TypeAlias = (
    Say | Tell | Join | Leave | Rename | Who | ShowOutbox | Cancel | Help | Quit | Mistake
)
"""What somebody at the keyboard can want."""


# --- the table -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table."""

    name: str
    arguments: str
    help: str
    make: Callable[[str], Intent]
    """From what follows the name; a RefusedError's reason is a Mistake."""

    @property
    def usage(self) -> str:
        """How to type it."""
        return f"/{self.name} {self.arguments}".rstrip()


class _MissingError(Exception):
    """Something that has to be there is not."""


def _needed(text: str) -> str:
    if not text.strip():
        raise _MissingError
    return text


def _room(text: str) -> str:
    return names.room(text.strip().removeprefix("#"))


def _join(rest: str) -> Intent:
    return Join(_room(_needed(rest)))


def _leave(rest: str) -> Intent:
    return Leave(_room(rest) if rest.strip() else None)


def _tell(rest: str) -> Intent:
    nick, _, text = rest.lstrip().partition(" ")
    return Tell(names.nick(_needed(nick).removeprefix("@")), _needed(text))


def _rename(rest: str) -> Intent:
    return Rename(names.nick(_needed(rest).strip()))


def _cancel(rest: str) -> Intent:
    number = rest.strip()
    if not number:
        return Cancel(None)
    if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS_MAX):
        return Mistake("it is /cancel [N]: /outbox lists the numbers")
    return Cancel(int(number))


COMMANDS: Final = (
    Command("cancel", "[N]", "take back a line that waits, or the last", _cancel),
    Command("help", "", "show this list", lambda _: Help()),
    Command("join", "ROOM", "enter a room, or look at it", _join),
    Command("leave", "[ROOM]", "leave this room, or another", _leave),
    Command("me", "TEXT", "say what you do", lambda rest: Say(_needed(rest), "me")),
    Command("msg", "NICK TEXT", "say it to one person alone", _tell),
    Command("nick", "NAME", "take another name", _rename),
    Command("outbox", "", "show what waits to be sent", lambda _: ShowOutbox()),
    Command("quit", "", "leave the chat; Ctrl-D does too", lambda _: Quit()),
    Command("who", "", "show who is in this room", lambda _: Who()),
)

HELP: Final = (
    *((command.usage, command.help) for command in COMMANDS),
    ("//TEXT", "say a text that begins with /"),
    ("Tab", "complete commands, names and rooms"),
    ("Alt-Enter", "begin a new line in the text"),
    ("Ctrl-C", "clear the line; on an empty one, quit"),
)
"""What /help shows: how to type it, and what it does."""


def parse(line: str) -> Intent | None:
    """What is wanted by a typed line; None: nothing.

    Shape:  spaces and line ends after the text are not part of it.
    """
    line = line.rstrip()
    if line.startswith("/") and not line.startswith("//"):
        return _command(*_split(line[1:]))
    text = line[1:] if line.startswith("//") else line
    return Say(text) if text else None


def _command(name: str, rest: str) -> Intent:
    command = next((each for each in COMMANDS if each.name == name.lower()), None)
    if command is None:
        return Mistake(f"there is no /{name}: /help lists what there is")
    try:
        return command.make(rest)
    except _MissingError:
        return Mistake(f"it is {command.usage}: {command.help}")
    except RefusedError as error:
        return Mistake(error.reason)


def _split(text: str) -> tuple[str, str]:
    for position, char in enumerate(text):
        if char.isspace():
            return text[:position], text[position + 1 :]
    return text, ""


# --- completion ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may be meant."""

    word: str
    typed_chars: int
    """How much before the cursor it replaces."""
    help: str = ""


_OF_ROOMS: Final = frozenset({"join", "leave"})
_OF_NICKS: Final = frozenset({"msg"})
_OF_LINES: Final = frozenset({"cancel"})


def complete(
    view: View, before_cursor: str, is_held: Callable[[int], bool]
) -> tuple[Candidate, ...]:
    """What the word before the cursor may become.

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
    first_argument = len(earlier) == 1
    if command in _OF_ROOMS and first_argument:
        return _matching((room.name for room in view.rooms), word.removeprefix("#"), " ")
    if command in _OF_NICKS and first_argument:
        return _matching(_nicks(view), word.removeprefix("@"), " ")
    if command in _OF_LINES and first_argument:
        held = (line for line in view.queued if is_held(line.n))
        lines = ((str(line.n), short(line.text)) for line in held)
        return tuple(
            Candidate(n, len(word), text) for n, text in lines if n.startswith(word)
        )
    if word.startswith("#"):
        return _matching((f"#{room.name}" for room in view.rooms), word, " ")
    return _matching(_nicks(view), word, ": " if not earlier else " ") if word else ()


def _nicks(view: View) -> Iterable[str]:
    return (nick for nick in (view.room.nicks if view.room else ()) if nick != view.nick)


def _matching(words: Iterable[str], typed: str, after: str) -> tuple[Candidate, ...]:
    start = names.same(typed)
    found = sorted({word for word in words if names.same(word).startswith(start)})
    return tuple(Candidate(word + after, len(typed)) for word in found)
