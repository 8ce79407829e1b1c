"""What keys are called, by people and by the toolkit: `alt-down` is ("escape", "down")."""

from collections.abc import Mapping
from typing import Final, TypeAlias

Sequence: TypeAlias = tuple[str, ...]
"""Keys as the toolkit calls them, to be hit one after the other."""

CHORDS_MAX: Final = 2

_MODIFIERS: Final = ("ctrl", "alt", "shift")
_MOVING: Final[Mapping[str, str]] = {
    **{name: name for name in ("up", "down", "left", "right", "home", "end")},
    "insert": "insert",
    "delete": "delete",
    "page-up": "pageup",
    "page-down": "pagedown",
}
"""These go with ctrl and shift, too."""
_PLAIN: Final[Mapping[str, str]] = {
    "enter": "enter",
    "tab": "tab",
    "backspace": "backspace",
    "space": " ",
    **{f"f{number}": f"f{number}" for number in range(1, 25)},
}
_SAME: Final[Mapping[str, str]] = {
    # With ctrl a terminal sends what it sends for these.
    "i": "tab",
    "m": "enter",
    "h": "backspace",
    "[": "escape",
}
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_CONTROLLED: Final = frozenset(_LETTERS) | frozenset("\\]^_")
_KINDS: Final = "ctrl-a, alt-a, alt-down, shift-tab, page-up, f5, ctrl-x ctrl-e"


def key(text: str) -> str:
    """A key, or two in a row, as this program writes them: `Ctrl-X  e` is `ctrl-x e`.

    Raises: ValueError: there is no such key, or it can't be used for anything but typing.
    """
    chords = text.split()
    if not 1 <= len(chords) <= CHORDS_MAX:
        raise ValueError(f"{text!r} is no key, and no two in a row; keys are {_KINDS}")
    named = [_chord(chords[0], text), *(_second(each, text) for each in chords[1:])]
    return " ".join(named)


def sequence(name: str) -> Sequence:
    """A key that key() has written, for the toolkit."""
    return tuple(part for chord in name.split() for part in _toolkit(chord))


def label(name: str) -> str:
    """A key as it is shown: `Alt-Down`."""
    return " ".join(map(_label, name.split()))


def _label(chord: str) -> str:
    if _is_char(chord):
        return chord
    return "-".join(part[:1].upper() + part[1:] for part in chord.split("-"))


def _chord(chord: str, text: str) -> str:
    modifiers, base = _split(chord)
    if not modifiers and (len(base) == 1 or base == "space"):
        raise ValueError(f"{text!r} could not be typed any more; keys are {_KINDS}")
    if "ctrl" in modifiers and base in _SAME:
        modifiers = tuple(each for each in modifiers if each != "ctrl")
        base = _SAME[base]
    if base == "escape":
        raise ValueError("escape is how keys with alt begin, and vi's commands")
    if not _is_one(modifiers, base):
        raise ValueError(f"there is no key {text!r}; keys are {_KINDS}")
    return "-".join([*modifiers, base])


def _second(chord: str, text: str) -> str:
    """Behind another key a letter is one, too."""
    return chord if _is_char(chord) else _chord(chord, text)


def _split(chord: str) -> tuple[tuple[str, ...], str]:
    """The modifiers in their order, and what they modify."""
    rest, modifiers = chord, set()
    while (first := rest.lower().partition("-"))[0] in _MODIFIERS and first[2]:
        modifiers.add(first[0])
        rest = rest[len(first[0]) + 1 :]
    # Alt-A is how people write it; the capital is alt-shift-a.
    return tuple(each for each in _MODIFIERS if each in modifiers), rest.lower()


def _is_char(text: str) -> bool:
    return len(text) == 1 and text.isprintable() and not text.isspace()


def _is_one(modifiers: tuple[str, ...], base: str) -> bool:
    """Whether terminals have this key."""
    without_alt = tuple(each for each in modifiers if each != "alt")
    if base in _MOVING:
        return True
    match without_alt:
        case ():
            return base in _PLAIN or _is_char(base)
        case ("shift",):
            return base == "tab" or ("alt" in modifiers and base in _LETTERS)
        case ("ctrl",):
            return base in _CONTROLLED or base == "space" or _is_function(base)
    return False


def _is_function(base: str) -> bool:
    return base in _PLAIN and base[1:].isdigit()


def _toolkit(chord: str) -> Sequence:
    if _is_char(chord):
        return (chord,)
    modifiers, base = _split(chord)
    alt = ("escape",) if "alt" in modifiers else ()
    if len(base) == 1 and "ctrl" not in modifiers:
        return (*alt, base.upper() if "shift" in modifiers else base)
    if (modifiers[:1], base) == (("ctrl",), "space"):
        return (*alt, "c-@")
    ctrl = "c-" if "ctrl" in modifiers else ""
    shift = "s-" if "shift" in modifiers else ""
    return (*alt, f"{ctrl}{shift}{_MOVING.get(base) or _PLAIN.get(base, base)}")
