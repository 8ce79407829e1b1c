"""A terminal emulator that keeps what scrolls out of it, and breaks its rows anew."""

from collections.abc import Iterator
from typing import Any

import pyte
from pyte.screens import StaticDefaultDict


class Emulator(pyte.Screen):
    """A pyte screen with a scrollback, and rows that are broken anew at another width.

    Shape:  as the common terminals do it: a row that was too long for the terminal is one
            line in several rows, whatever its width becomes, and what scrolled out comes
            back when there are more rows.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self._gone: list[Any] = []
        self._drawing = False
        super().__init__(columns, lines)

    @property
    def texts(self) -> list[str]:
        """All lines that were ever there, to the last with a text in it."""
        texts = ["".join(cell.data for cell in line).rstrip() for line in self._lines()[0]]
        return "\n".join(texts).rstrip().split("\n")

    def draw(self, data: str) -> None:
        """As pyte; a row that gets full here goes on in the next one."""
        self._drawing = True
        super().draw(data)
        self._drawing = False

    def linefeed(self) -> None:
        """As pyte."""
        self._row(self.cursor.y).goes_on = self.columns if self._drawing else 0
        super().linefeed()

    def index(self) -> None:
        """As pyte; what leaves at the top is kept."""
        if self.cursor.y == self.lines - 1:
            self._gone.append(self.buffer[0])
        super().index()

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        """As pyte; what is erased does not go on."""
        super().erase_in_display(how, *args, **kwargs)
        for y in range(self.cursor.y if how == 0 else 0, self.lines):
            self._row(y).goes_on = 0

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Another size: rows are broken anew, and the last ones are on the screen."""
        lines, columns = lines or self.lines, columns or self.columns
        if not hasattr(self, "_gone") or (lines, columns) == (self.lines, self.columns):
            return
        broken, (line, column) = self._lines()
        rows: list[tuple[list[Any], bool]] = []
        for number, cells in enumerate(broken):
            if number == line:
                y, x = len(rows) + column // columns, column % columns
            pieces = [*_pieces(cells, columns)]
            rows += [(piece, piece is not pieces[-1]) for piece in pieces]
        rows += [([], False)] * (y + 1 - len(rows))
        made = [self._made(cells, goes_on=goes_on) for cells, goes_on in rows]
        top = max(0, len(made) - lines)
        self._gone = made[:top]
        self.lines, self.columns = lines, columns
        self.set_margins()
        self.buffer.clear()
        self.buffer.update(enumerate(made[top:]))
        self.cursor.x, self.cursor.y = x, max(0, y - top)
        self.dirty.update(range(lines))

    def _lines(self) -> tuple[list[list[Any]], tuple[int, int]]:
        """All lines, in cells, to the last that is used, and where the cursor is."""
        there = [self.buffer[y] for y in range(self.lines)]
        used = max(self.cursor.y, *(y for y in range(self.lines) if _width(there[y])), 0)
        rows = [*self._gone, *there[: used + 1]]
        lines: list[list[Any]] = []
        cells: list[Any] = []
        where = 0, 0
        for number, row in enumerate(rows):
            if number == len(self._gone) + self.cursor.y:
                where = len(lines), len(cells) + self.cursor.x
            goes_on = getattr(row, "goes_on", 0)
            cells += [row[x] for x in range(goes_on or _width(row))]
            if not goes_on:
                lines.append(cells)
                cells = []
        return [*lines, cells] if cells else lines, where

    def _row(self, y: int) -> Any:
        return self.buffer[y]

    def _made(self, cells: list[Any], *, goes_on: bool) -> Any:
        row: Any = StaticDefaultDict(self.default_char)
        row.update(enumerate(cells))
        row.goes_on = len(cells) if goes_on else 0
        return row


def _width(row: Any) -> int:
    # An empty one is the second half of a wide character.
    used = (x + 1 for x, cell in row.items() if cell.data.strip() or not cell.data)
    return max(used, default=0)


def _pieces(cells: list[Any], columns: int) -> Iterator[list[Any]]:
    """The cells of a line as rows; a character of two cells is not cut."""
    while len(cells) > columns:
        wide = not cells[columns].data  # the second half of the one before
        yield cells[: columns - wide]
        cells = cells[columns - wide :]
    yield cells
