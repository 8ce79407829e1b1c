"""Of what somebody is told who does not look, and what the terminal is sent for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Final

from trio_chat.habits.notices import NoticeHabits
from trio_chat.sanitise import Clean, Drawn, clean
from trio_chat.ui.cells import clip
from trio_chat.ui.state import Said, View, destination

TEXT_CELLS_MAX: Final = 200
"""Of what somebody said, in a notice."""
_PLACE_CELLS_MAX: Final = 40
_APP: Final = "trio_chat"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that was said, for somebody who does not see it."""

    room: Clean
    """As it is written: `#dev`; `@bob` for what bob said to one alone."""
    nick: Clean
    text: Clean
    count: int = 1
    """How many there were since the last notice; this is the last of them."""

    @property
    def title(self) -> Clean:
        """Where it was, who said it, and whether it was more than that."""
        # The place first: a terminal takes a number at the beginning for an order.
        who = "" if self.room.startswith("@") else f" {self.nick}"
        more = f" ({self.count:,} new)" if self.count > 1 else ""
        return clean(f"{self.room}{who}{more}")


def notice_of(
    said: Said, view: View, habits: NoticeHabits, *, looks: bool
) -> Notice | None:
    """What to tell of a line; None: nothing.

    Shape:  `looks`: somebody looks at the terminal. Direct messages are seen then, and the
            room that is on the screen. A muted room calls nobody, nor does what is said
            about a line, unless it newly names one.
    """
    entry = said.entry
    called = (entry.direct and entry.is_line) or bool(said.called)
    wanted = called or (habits.when == "all" and entry.is_line)
    if said.own or habits.when == "never" or not wanted:
        return None
    if entry.room in view.muted or (looks and (entry.direct or entry.room == view.current)):
        return None
    return Notice(
        room=clip(clean(destination(entry.reply_to)), _PLACE_CELLS_MAX),
        nick=clip(clean(entry.nick), _PLACE_CELLS_MAX),
        text=clip(clean(" ".join(entry.text.split())), TEXT_CELLS_MAX),
    )


def both(first: Notice | None, then: Notice) -> Notice:
    """Two notices as one: the last, and how many there were."""
    return then if first is None else replace(then, count=first.count + then.count)


def title_of(view: View, missed: int) -> Clean:
    """The terminal's title: how often one was called, and where one is.

    Shape:  `missed`: calls in what is on the screen, while nobody looked at it.
    """
    elsewhere = sum(room.calls for room in view.rooms if room.name not in view.muted)
    number = elsewhere + missed
    calls = f"({number:,}) " if number else ""
    room = clip(clean(f"#{view.current}"), _PLACE_CELLS_MAX) if view.current else ""
    return clean(f"{calls}{room} - {_APP}" if room else f"{calls}{_APP}")


# --- what a terminal can do ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ways:
    """In which way the terminal shows something outside of itself."""

    desktop: str = "off"
    """`osc9`, `osc777` or `off`."""
    through_tmux: bool = False
    """Whether tmux stands between, and has to be told to pass it on."""


_BY_NAME: Final[Mapping[str, str]] = {
    "iTerm.app": "osc9",
    "WezTerm": "osc777",
    "ghostty": "osc777",
    "WarpTerminal": "osc777",
    "contour": "osc777",
}
"""By TERM_PROGRAM."""
_BY_TERM: Final[Mapping[str, str]] = {
    "xterm-kitty": "osc777",
    "foot": "osc777",
    "foot-extra": "osc777",
    "wezterm": "osc777",
    "xterm-ghostty": "osc777",
    "contour": "osc777",
}
_BY_VARIABLE: Final[Mapping[str, str]] = {
    # What is left of the terminal around it in a tmux, or on another machine.
    "KITTY_WINDOW_ID": "osc777",
    "WEZTERM_PANE": "osc777",
    "GHOSTTY_RESOURCES_DIR": "osc777",
    "ITERM_SESSION_ID": "osc9",
}


def ways_of(environment: Mapping[str, str], desktop: str) -> Ways:
    """What the terminal that describes itself so can do; `desktop`: what is set."""
    tmux = bool(environment.get("TMUX"))
    return Ways(_known(environment) if desktop == "auto" else desktop, tmux)


def _known(environment: Mapping[str, str]) -> str:
    by_name = _BY_NAME.get(environment.get("TERM_PROGRAM", ""))
    by_term = _BY_TERM.get(environment.get("TERM", ""))
    hints = (way for name, way in _BY_VARIABLE.items() if environment.get(name))
    return by_name or by_term or next(hints, "off")


def signals(notice: Notice, habits: NoticeHabits, ways: Ways) -> Drawn:
    """What is written to the terminal to tell it; nothing if nothing is wanted."""
    bell = "\x07" if habits.bell else ""
    title, text = _field(notice.title), _field(notice.text)
    match ways.desktop:
        case "osc9":
            shown = _passed_on(f"\x1b]9;{title}: {text}\x07", ways)
        case "osc777":
            shown = _passed_on(f"\x1b]777;notify;{title};{text}\x07", ways)
        case _:
            shown = ""
    return Drawn(bell + shown)


def _field(text: Clean) -> str:
    return text.replace(";", ",")  # fields end there, and what comes then is an order


def _passed_on(sequence: str, ways: Ways) -> str:
    if not ways.through_tmux:
        return sequence
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


# --- a command of one's own ----------------------------------------------------------


_FIELD: Final = re.compile(r"\{(title|text|nick|room|count)\}")
_MARKUP: Final = frozenset({"notify-send", "dunstify", "kdialog", "zenity"})
"""They read a text as markup: what somebody says must not be a link that says another."""


def command_of(command: tuple[str, ...], notice: Notice) -> tuple[str, ...]:
    """The program and its arguments, for this notice.

    Shape:  what is put in is never an option, and is not looked at again for fields.
    """
    fields = {
        "title": notice.title,
        "text": notice.text,
        "nick": notice.nick,
        "room": notice.room,
        "count": str(notice.count),
    }
    markup = re.split(r"[\\/]", command[0])[-1].removesuffix(".exe") in _MARKUP

    def put_in(found: re.Match[str]) -> str:
        value = fields[found.group(1)]
        if value.startswith("-") and not found.start():
            value = f" {value}"
        return escape(value, quote=False) if markup else value

    return (command[0], *(_FIELD.sub(put_in, each) for each in command[1:]))
