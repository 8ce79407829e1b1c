"""The commands, as a table: what is typed becomes what is wanted, /help and completion."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias

from trio_chat.errors import RefusedError
from trio_chat.protocol import names
from trio_chat.protocol.messages import Kind
from trio_chat.ui.pointing import About, pointed, reaction

_DIGITS_MAX: Final = 15
HISTORY_LINES: Final = 20
HISTORY_LINES_MAX: Final = 200

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
class Mute:
    """Not be called by a room any more, or again; None: by the one that one looks at."""

    room: str | None
    muted: bool


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
class History:
    """See so many lines from before those that were printed."""

    lines: int
    inbox: bool = False
    """Of one's direct messages."""


@dataclass(frozen=True, slots=True)
class Search:
    """See where all of these words were said; empty: what the last search did not show."""

    words: str
    inbox: bool = False


@dataclass(frozen=True, slots=True)
class Jump:
    """See what was said around an entry."""

    seq: int
    inbox: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """See lines that were left out, as they came."""

    inbox: Literal[False] = False


LookBack: TypeAlias = History | Search | Jump | Fill
"""What can be wanted of the past."""


@dataclass(frozen=True, slots=True)
class Help:
    """See what can be typed, or of that what has to do with a word."""

    word: str = ""


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
    | Mute
    | Who
    | ShowOutbox
    | ShowUnread
    | Cancel
    | LookBack
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


def _mute(rest: str, *, muted: bool) -> Intent:
    return Mute(_room(rest) if rest.strip() else None, muted)


def _cancel(rest: str) -> Intent:
    number = rest.strip()
    if not number:
        return Cancel(None)
    if not _is_number(number):
        return Mistake("it is /cancel [N]: /outbox lists the numbers")
    return Cancel(int(number))


def _history(rest: str) -> Intent:
    inbox, typed = _of_inbox(rest)
    if not typed:
        return History(HISTORY_LINES, inbox)
    if not _is_number(typed) or not 0 < int(typed) <= HISTORY_LINES_MAX:
        return Mistake(f"it is /history [@] [N]: up to {HISTORY_LINES_MAX} earlier lines")
    return History(int(typed), inbox)


def _search(rest: str) -> Intent:
    inbox, words = _of_inbox(rest)
    return Search(words, inbox)


def _of_inbox(rest: str) -> tuple[bool, str]:
    """Whether it begins with a lone @: one's direct messages are meant; and the rest."""
    first, _, others = rest.strip().partition(" ")
    return (True, others.strip()) if first == "@" else (False, rest.strip())


def _jump(rest: str) -> Intent:
    typed = _needed(rest).strip()
    seq = typed.removeprefix("@").removeprefix("^")
    if not _is_number(seq) or not int(seq):
        return Mistake("it is /jump ^N: /search and /history show such numbers")
    return Jump(int(seq), inbox=typed.startswith("@"))


def _help(rest: str) -> Intent:
    return Help(rest.strip())


def _is_number(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS_MAX


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
    Command("fill", "", "show lines that were left out", lambda _: Fill()),
    Command("help", "[WORD]", "show this list, or what is about WORD", _help),
    Command("history", "[@] [N]", "show what was said before", _history),
    Command("join", "ROOM", "enter a room, or look at it", _join),
    Command("jump", "^N", "show what was said around an entry", _jump),
    Command("leave", "[ROOM]", "leave this room, or another", _leave),
    Command("me", "TEXT", "say what you do", lambda rest: Say(_needed(rest), "me")),
    Command("msg", "NICK TEXT", "say it to one person alone", _tell),
    Command("mute", "[ROOM]", "not be called by it any more", partial(_mute, muted=True)),
    Command("nick", "NAME", "take another name", _rename),
    Command("outbox", "", "show what waits to be sent", lambda _: ShowOutbox()),
    Command("quit", "", "leave the chat; Ctrl-D does too", lambda _: Quit()),
    Command("react", "[^N] EMOJI", "react to a line; again: take it back", _react),
    Command("reply", "[^N] TEXT", "answer the last line, or line N", _reply),
    Command("search", "[@] WORDS", "show where it was said; or older", _search),
    Command("unmute", "[ROOM]", "be called by it again", partial(_mute, muted=False)),
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
