"""The commands, as a table: what is typed becomes what is wanted, /help and completion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from trio_chat.errors import RefusedError
from trio_chat.protocol import names
from trio_chat.protocol.messages import Kind
from trio_chat.ui.pointing import About, pointed, reaction

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
class ShowUnread:
    """See where something is unread."""


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
    Say
    | About
    | Tell
    | Join
    | Leave
    | Rename
    | Who
    | ShowOutbox
    | ShowUnread
    | Cancel
    | Help
    | Quit
    | Mistake
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


def _reply(rest: str) -> Intent:
    point, text = pointed(rest)
    return About("text", point, _needed(text))


def _edit(rest: str) -> Intent:
    return About("edit", *pointed(rest))


def _delete(rest: str) -> Intent:
    point, text = pointed(rest)
    if text.strip():
        return Mistake("it is /delete [^N]: ^N is the line with that number")
    return About("delete", point)


def _react(rest: str) -> Intent:
    point, text = pointed(rest)
    try:
        return About("react", point, reaction(_needed(text)))
    except KeyError:
        return Mistake(f"no emoji is called {text.strip()} here: Tab lists them")


COMMANDS: Final = (
    Command("cancel", "[N]", "take back a line that waits, or the last", _cancel),
    Command("delete", "[^N]", "take back your last line, or line N", _delete),
    Command("edit", "[^N] [TEXT]", "change your last line, or line N", _edit),
    Command("help", "", "show this list", lambda _: Help()),
    Command("join", "ROOM", "enter a room, or look at it", _join),
    Command("leave", "[ROOM]", "leave this room, or another", _leave),
    Command("me", "TEXT", "say what you do", lambda rest: Say(_needed(rest), "me")),
    Command("msg", "NICK TEXT", "say it to one person alone", _tell),
    Command("nick", "NAME", "take another name", _rename),
    Command("outbox", "", "show what waits to be sent", lambda _: ShowOutbox()),
    Command("quit", "", "leave the chat; Ctrl-D does too", lambda _: Quit()),
    Command("react", "[^N] EMOJI", "react to a line; again: take it back", _react),
    Command("reply", "[^N] TEXT", "answer the last line, or line N", _reply),
    Command("unread", "", "show where something is unread", lambda _: ShowUnread()),
    Command("who", "", "show who is in this room", lambda _: Who()),
)

HELP: Final = (
    *((command.usage, command.help) for command in COMMANDS),
    ("//TEXT", "say a text that begins with /"),
    ("Tab", "complete commands, names, rooms and :emoji:"),
    ("Right", "take the rest of the line that is suggested"),
    ("Up, Down", "what was typed before"),
    ("Ctrl-R", "search in what was typed before"),
)
"""What can be typed whatever keys one has: how, and what it does."""


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
