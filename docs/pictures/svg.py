"""A terminal's screen as SVG: a window, and its text in runs of one style. Pure."""

from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Any, Final

CELL_W: Final = 8.4
CELL_H: Final = 19.0
MARGIN: Final = 18.0
BAR_H: Final = 36.0
NBSP: Final = "\u00a0"
GROUND: Final = "#14171f"
INK: Final = "#d8dee9"
EDGE: Final = "#3a4150"
"""Around the window, which would have none on a page that is as dark as it is."""
FONTS: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
COLOURS: Final = {
    "dim": "#7c8699",
    "black": "#1e222b",
    "red": "#e06c75",
    "green": "#98c379",
    "brown": "#e5c07b",  # what pyte calls the dark yellow
    "white": "#aab2c0",
}


def picture(screen: Any, title: str) -> str:
    """The screen as SVG, to its last row with something on it."""
    rows = 1 + max(y for y in range(screen.lines) if screen.display[y].strip())
    width = screen.columns * CELL_W + 2 * MARGIN
    height = rows * CELL_H + BAR_H + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"',
        f'viewBox="0 0 {width:g} {height:g}" font-size="14" font-family="{FONTS}">',
        f"<title>{escape(title)}</title>",
        _window(width, height),
        *map(_light, range(3), ("#ff5f57", "#febc2e", "#28c840")),
        _cursor(screen.cursor),
        *(part for y in range(rows) for part in _row(y, screen)),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _window(width: float, height: float) -> str:
    size = f'width="{width - 1:g}" height="{height - 1:g}" rx="10"'
    return f'<rect x="0.5" y="0.5" {size} fill="{GROUND}" stroke="{EDGE}"/>'


def _row(y: int, screen: Any) -> Iterator[str]:
    cells = [(x, screen.buffer[y][x]) for x in range(screen.columns)]
    for style, run in groupby(cells, key=lambda cell: _style(cell[1])):
        run_cells = list(run)
        fg, bg, bold, underlined = style
        if bg is not None:
            yield (
                f'<rect x="{_x(run_cells[0][0]):g}" y="{_y(y):g}" fill="{bg}"'
                f' width="{len(run_cells) * CELL_W:g}" height="{CELL_H:g}"/>'
            )
        yield from _text(y, run_cells, fg, (bold, underlined))


def _text(
    y: int, cells: list[Any], fg: str, attributes: tuple[bool, bool]
) -> Iterator[str]:
    """The text of a run; what is wide stands for itself, for its font is another one."""
    pieces: list[list[tuple[int, str]]] = [[]]
    wide = {x - 1 for x, cell in cells if not cell.data}
    for x, cell in cells:
        if x in wide:
            pieces += [[(x, cell.data)], []]
        elif cell.data:
            pieces[-1].append((x, cell.data))
    for piece in pieces:
        padded = "".join(data for _, data in piece)
        text = padded.strip()
        if text:
            x = piece[0][0] + len(padded) - len(padded.lstrip())
            yield _piece(x, y, text, 2 if x in wide else len(text), fg, attributes)


def _piece(
    x: int, y: int, text: str, columns: int, fg: str, attributes: tuple[bool, bool]
) -> str:
    bold, underlined = attributes
    weight = ' font-weight="bold"' if bold else ""
    line = ' text-decoration="underline"' if underlined else ""
    # The width is given: every viewer has another font, and the columns have to stand.
    return (
        f'<text x="{_x(x):g}" y="{_y(y) + 14:g}" fill="{fg}"{weight}{line}'
        f' textLength="{columns * CELL_W:g}">{escape(text).replace(" ", NBSP)}</text>'
    )


def _style(cell: Any) -> tuple[str, str | None, bool, bool]:
    fg = INK if cell.fg == "default" else _colour(cell.fg)
    bg = None if cell.bg == "default" else _colour(cell.bg)
    if cell.reverse:
        fg, bg = bg or GROUND, fg
    return fg, bg, cell.bold, cell.underscore


def _colour(name: str) -> str:
    return COLOURS.get(name, f"#{name}")


def _light(n: int, colour: str) -> str:
    x, y = MARGIN + 6 + 20 * n, BAR_H / 2 + 3
    return f'<circle cx="{x:g}" cy="{y:g}" r="6" fill="{colour}"/>'


def _cursor(cursor: Any) -> str:
    return (
        f'<rect x="{_x(cursor.x):g}" y="{_y(cursor.y):g}" width="{CELL_W:g}"'
        f' height="{CELL_H - 1:g}" fill="{INK}" opacity="0.75"/>'
    )


def _x(column: int) -> float:
    return MARGIN + column * CELL_W


def _y(row: int) -> float:
    return BAR_H + MARGIN / 2 + row * CELL_H
