"""Colours: there as far as the terminal has them, the same in every life, to be read."""

import re

import pytest
from prompt_toolkit.styles import Style

from tests.ui.harness import bridged, open_scene
from trio_chat.habits.habits import THEME_NAMES
from trio_chat.ui.themes import (
    ROLES,
    THEMES,
    Colour,
    Depth,
    Look,
    look_of,
    nick_sgr,
    prompt_styles,
    sgr,
)

DEPTHS: tuple[Depth, ...] = ("none", "16", "256", "true")
GROUNDS = {"dark": (0x000000,), "light": (0xFFFFFF,), "any": (0x000000, 0xFFFFFF)}
CONTRAST_MIN = {"dark": 4.5, "light": 4.4, "any": 2.6}


def rgb_of(index: int) -> int:
    """What a terminal shows for one of the 256."""
    if index >= 232:
        return (8 + 10 * (index - 232)) * 0x010101
    steps, number = (0, 95, 135, 175, 215, 255), index - 16
    parts = number // 36, number // 6 % 6, number % 6
    return steps[parts[0]] << 16 | steps[parts[1]] << 8 | steps[parts[2]]


def luminance(rgb: int) -> float:
    """How bright it is to the eye (WCAG 2.1)."""
    parts = (rgb >> 16) / 255, (rgb >> 8 & 0xFF) / 255, (rgb & 0xFF) / 255
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: int, other: int) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_every_colour_can_be_read_on_its_ground(name: str) -> None:
    theme = THEMES[name]
    colours = [theme.red, theme.yellow, theme.green, theme.blue]
    shown = [rgb_of(colour.index) for colour in colours] + [each.rgb for each in colours]
    shown += [rgb_of(index) for index in theme.nicks["256"]] + [*theme.nicks["true"]]
    for ground in GROUNDS[name]:
        assert min(contrast(rgb, ground) for rgb in shown) >= CONTRAST_MIN[name]


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_nick_has_the_same_colour_however_it_is_written(name: str, depth: Depth) -> None:
    look = Look(name, depth)
    nicks = [f"nick{number}" for number in range(200)]
    colours = {nick_sgr(nick, look) for nick in nicks}
    assert colours == {nick_sgr(nick.upper(), look) for nick in nicks}
    assert len(colours) == (len(THEMES[name].nicks[depth]) if depth != "none" else 1)


@pytest.mark.parametrize(
    ("depth", "parameters"),
    [("none", ""), ("16", "31"), ("256", "38;5;160"), ("true", "38;2;193;92;103")],
)
def test_a_colour_is_as_good_as_the_terminal(depth: Depth, parameters: str) -> None:
    assert Colour(31, 160, 0xC15C67).sgr(depth) == parameters


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_role_can_be_drawn(name: str, depth: Depth) -> None:
    look = Look(name, depth)
    Style.from_dict(prompt_styles(look))
    for role in ROLES:
        parameters = sgr(role, look)
        if depth == "none":
            assert re.fullmatch(r"[1247;]*", parameters)
            assert "fg:" not in prompt_styles(look)[role]


def test_without_colours_what_matters_still_stands_out() -> None:
    for role in ("mention", "mentioned", "direct", "trouble", "link", "called", "offline"):
        assert sgr(role, Look(depth="none"))


@pytest.mark.parametrize(
    ("depth", "selected"),
    [("none", set()), ("16", {"32"}), ("256", {"38;5;64"}), ("true", {"38;2;93;145;60"})],
)
def test_the_prompt_has_the_colours_of_what_is_above_it(
    depth: Depth, selected: set[str]
) -> None:
    @bridged
    async def look_at_it() -> None:
        async with open_scene(look=Look(depth=depth)) as scene:
            await scene.go_online()
            written = "".join(scene.terminal.written)
            online = re.findall(r"\x1b\[([0-9;]*)monline", written)[-1]
            assert {online.removeprefix("0;")} - {"", "0"} == selected

    look_at_it()


@pytest.mark.parametrize(
    ("environment", "theme", "depth"),
    [
        ({"TERM": "xterm-256color"}, "any", "256"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "any", "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "any", "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "any", "true"),
        ({"TERM": "xterm-direct"}, "any", "true"),
        ({"TERM": "linux"}, "any", "16"),
        ({"TERM": "vt220"}, "any", "none"),
        ({"TERM": "xterm-mono"}, "any", "none"),
        ({"WT_SESSION": "x"}, "any", "256"),
        ({}, "any", "256"),
        ({"TERM": "rxvt", "COLORFGBG": "15;0"}, "dark", "16"),
        ({"TERM": "rxvt", "COLORFGBG": "0;default;15"}, "light", "16"),
        ({"TERM": "rxvt", "COLORFGBG": "0;default"}, "any", "16"),
    ],
)
def test_a_terminal_says_what_it_can(
    environment: dict[str, str], theme: str, depth: Depth
) -> None:
    assert look_of(environment) == Look(theme, depth)


@pytest.mark.parametrize(
    ("wanted", "environment", "theme", "depth"),
    [
        ("auto", {"COLORFGBG": "0;15"}, "light", "256"),
        ("dark", {"COLORFGBG": "0;15"}, "dark", "256"),
        ("any", {"COLORFGBG": "0;15"}, "any", "256"),
        ("mono", {}, "any", "none"),
        ("mono", {"COLORTERM": "truecolor"}, "any", "none"),
        # What is set for this program goes before what is set for all.
        ("dark", {"NO_COLOR": "1"}, "dark", "256"),
        ("any", {"NO_COLOR": "1"}, "any", "256"),
        ("mono", {"NO_COLOR": "1"}, "any", "none"),
        ("auto", {"NO_COLOR": "1"}, "any", "none"),
        # But nobody can set what a terminal does not have.
        ("dark", {"TERM": "vt220"}, "dark", "none"),
    ],
)
def test_a_person_says_what_they_want(
    wanted: str, environment: dict[str, str], theme: str, depth: Depth
) -> None:
    look = look_of({"TERM": "xterm-256color", **environment}, wanted)
    assert look == Look(theme, depth)


def test_every_theme_can_be_set() -> None:
    assert {*THEME_NAMES} == {*THEMES, "mono", "auto"}
