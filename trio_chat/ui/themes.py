"""Colours, as tables: what each thing looks like, for every theme and every terminal."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from trio_chat.protocol import names
from trio_chat.sanitise import Clean, Drawn

Depth: TypeAlias = Literal["none", "16", "256", "true"]
"""How many colours a terminal has."""


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour, for each kind of terminal."""

    ansi: int
    """Of the 16: the parameter that selects it."""
    index: int
    """Of the 256."""
    rgb: int
    """Of them all."""

    def sgr(self, depth: Depth) -> str:
        """The parameters that select it; none without colours."""
        match depth:
            case "none":
                return ""
            case "16":
                return str(self.ansi)
            case "256":
                return f"38;5;{self.index}"
            case "true":
                return f"38;2;{self.rgb >> 16};{self.rgb >> 8 & 0xFF};{self.rgb & 0xFF}"


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours for one kind of ground."""

    red: Colour
    yellow: Colour
    green: Colour
    blue: Colour
    nicks: Mapping[Depth, tuple[int, ...]]
    """For each kind of terminal those that a nick can have."""


THEMES: Final[Mapping[str, Theme]] = {
    # Of what can be read on a dark and on a light ground, for whoever does not say.
    "any": Theme(
        Colour(31, 160, 0xC15C67),
        Colour(33, 136, 0xAD7300),
        Colour(32, 64, 0x5D913C),
        Colour(34, 32, 0x4682CC),
        {
            "16": (31, 32, 33, 34, 35, 36),
            "256": (125, 61, 33, 37, 64, 136, 166, 160, 98, 29, 168, 67),
            "true": (
                *(0xC15C67, 0xBE6438, 0xAD7300, 0x8C8300, 0x5D913C, 0x00986C),
                *(0x009798, 0x008FBA, 0x4682CC, 0x7973CA, 0x9D66B5, 0xB55D92),
            ),
        },
    ),
    "dark": Theme(
        Colour(91, 203, 0xFF939C),
        Colour(93, 221, 0xE8AA4E),
        Colour(92, 114, 0x93CA73),
        Colour(96, 117, 0x7DBAFF),
        {
            "16": (91, 92, 93, 94, 95, 96),
            "256": (210, 215, 221, 150, 114, 79, 80, 117, 111, 141, 177, 211),
            "true": (
                *(0xFF939C, 0xFC9B6F, 0xE8AA4E, 0xC4BC4F, 0x93CA73, 0x56D1A3),
                *(0x1AD1D1, 0x41C8F6, 0x7DBAFF, 0xAFABFF, 0xD79DF0, 0xF294CA),
            ),
        },
    ),
    "light": Theme(
        Colour(31, 124, 0x923240),
        Colour(33, 94, 0x814A00),
        Colour(32, 22, 0x356708),
        Colour(34, 25, 0x1B589E),
        {
            "16": (31, 32, 34, 35, 36),
            "256": (124, 130, 94, 58, 28, 29, 24, 25, 19, 55, 90, 125),
            "true": (
                *(0x923240, 0x903A03, 0x814A00, 0x645A00, 0x356708, 0x006D45),
                *(0x006C6E, 0x00648E, 0x1B589E, 0x534A9C, 0x733D89, 0x883468),
            ),
        },
    ),
}
"""By name. Mono is not among them: it is any of them with the depth `none`."""

ROLES: Final[Mapping[str, str]] = {
    # What was said.
    "time": "dim",
    "own": "bold",
    "mention": "bold reverse yellow",
    "mentioned": "bold yellow",
    "direct": "bold blue",
    "link": "underline",
    "number": "dim",
    "sought": "bold reverse",
    "found": "bold reverse",
    # What else is printed.
    "note": "dim",
    "trouble": "bold red",
    "rule": "dim",
    "news": "bold",
    "gap": "yellow",
    # The prompt, and what stands around it.
    "prompt": "bold",
    "suggestion": "dim",
    "status": "dim",
    "connecting": "yellow",
    "online": "green",
    "offline": "bold red",
    "waiting": "bold red",
    "room": "bold",
    "queued": "yellow",
    "unread": "yellow",
    "called": "bold reverse yellow",
}
"""What each thing is drawn with: attributes, which every terminal has, and colours."""

_ATTRIBUTES: Final = {"bold": "1", "dim": "2", "underline": "4", "reverse": "7"}
_ANSI_NAMES: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "gray")
_DARK_GROUNDS: Final = frozenset("01234568")
_LIGHT_GROUNDS: Final = frozenset({"7", "15"})


@dataclass(frozen=True, slots=True)
class Look:
    """How lines are drawn."""

    theme: str = "any"
    """One of THEMES."""
    depth: Depth = "256"
    columns: int = 80
    """How wide the terminal is."""


def look_of(environment: Mapping[str, str], wanted: str = "auto") -> Look:
    """How lines are drawn on the terminal that describes itself so.

    Shape:  `wanted` is one of THEMES, which has its colours though NO_COLOR be set; or
            "mono"; or "auto": NO_COLOR holds, and the ground is what the terminal says.
    Source: no-color.org: what is set for one program goes before what is set for all.
    """
    if wanted == "mono" or (wanted == "auto" and environment.get("NO_COLOR")):
        return Look(_theme_of(environment), "none")
    theme = _theme_of(environment) if wanted == "auto" else wanted
    return Look(theme, _depth_of(environment))


def _theme_of(environment: Mapping[str, str]) -> str:
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return (
        "dark"
        if ground in _DARK_GROUNDS
        else "light"
        if ground in _LIGHT_GROUNDS
        else "any"
    )


def _depth_of(environment: Mapping[str, str]) -> Depth:
    term = environment.get("TERM", "")
    if term.endswith("-mono") or term.startswith("vt"):
        return "none"
    if environment.get("COLORTERM") in ("truecolor", "24bit") or "-direct" in term:
        return "true"
    if "256" in term or environment.get("WT_SESSION"):
        return "256"
    return "16" if term else "256"


def sgr(role: str, look: Look) -> str:
    """The parameters that switch on what the role is drawn with; "" for none."""
    theme = THEMES[look.theme]
    words = ROLES[role].split()
    codes = (
        _ATTRIBUTES.get(word) or _colour(theme, word).sgr(look.depth) for word in words
    )
    return ";".join(filter(None, codes))


def nick_sgr(nick: str, look: Look) -> str:
    """The parameters for a nick: the same in every life, however it is written."""
    palette = THEMES[look.theme].nicks.get(look.depth)
    if not palette:
        return ""
    colour = palette[zlib.crc32(names.same(nick).encode("utf-8", "replace")) % len(palette)]
    return Colour(colour, colour, colour).sgr(look.depth)


def prompt_styles(look: Look) -> dict[str, str]:
    """The roles as the toolkit's styles, for the prompt and what stands around it.

    Shape:  no grounds: a terminal that gets narrower would break rows full of them.
    """
    return {role: _toolkit(words, look) for role, words in ROLES.items()}


def _toolkit(words: str, look: Look) -> str:
    # What lies within the status line is not dim as the line is.
    nodim = [] if "dim" in words else ["nodim"]
    return " ".join([*nodim, *(_toolkit_word(word, look) for word in words.split())])


def _toolkit_word(word: str, look: Look) -> str:
    if word in _ATTRIBUTES:
        return word
    colour = _colour(THEMES[look.theme], word)
    match look.depth:
        case "none":
            return ""
        case "16":
            bright, name = colour.ansi >= 90, _ANSI_NAMES[colour.ansi % 10]
            return f"fg:ansi{'bright' if bright else ''}{name}"
        case "256":
            return f"fg:#{_cube(colour.index):06x}"
        case "true":
            return f"fg:#{colour.rgb:06x}"


def _cube(index: int) -> int:
    """One of the 256 above the first 16, as what all terminals show for it.

    Source: xterm's 256colres.h: a cube of 6 by 6 by 6, then 24 greys.
    """
    if index >= 232:
        return (8 + 10 * (index - 232)) * 0x010101
    steps = (0, 95, 135, 175, 215, 255)
    number = index - 16
    return steps[number // 36] << 16 | steps[number // 6 % 6] << 8 | steps[number % 6]


def _colour(theme: Theme, name: str) -> Colour:
    found = {"red": theme.red, "yellow": theme.yellow, "green": theme.green}
    return found.get(name, theme.blue)


def paint(text: Clean | Drawn, codes: str) -> Drawn:
    """The text in these; nothing stays switched on behind it."""
    return Drawn(f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text)
