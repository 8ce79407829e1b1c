"""Text in the cells of a terminal: how wide it is, and where it goes on in the next row."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeVar, cast

from wcwidth import iter_graphemes, wcswidth, wcwidth

LINK: Final = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
"""What a terminal makes a link of. It has no space in it, and no angle bracket."""
_CLUSTER_CELLS_MAX: Final = 8  # a family of four, drawn one beside the other
_WORTH_BEGINNING: Final = 8  # cells that are left in a row
_WORD: Final = re.compile(r"( *)([^ ]*)")
_ELLIPSIS: Final = "\u2026"

S = TypeVar("S", bound=str)
"""A part of clean text is clean."""


def cells(text: str) -> int:
    """How many cells the text takes at most, on whatever terminal.

    Shape:  of text that is clean. A terminal draws what is joined (a family, a flag, a
            tone of skin) as one, or one part beside the other: it is the wider of both,
            so that what was measured never takes more.
    """
    return len(text) if text.isascii() else sum(map(_cluster_cells, iter_graphemes(text)))


def clip(text: S, cells_max: int) -> S:
    """The text, or as much of its beginning as fits, with an ellipsis."""
    if cells(text) <= cells_max:
        return text
    kept, left = "", cells_max - 1
    for cluster in iter_graphemes(text):
        left -= _cluster_cells(cluster)
        if left < 0:
            break
        kept += cluster
    return cast("S", kept + _ELLIPSIS)


def hang(text: S, *, first: int, indent: int, columns: int) -> list[S]:
    """The text as rows of a terminal, broken behind words, or else within one.

    Shape:  clean text without line ends. The first row has `columns - first` cells, the
            others, which whoever draws begins with `indent` blanks, `columns - indent`.
            A link that is longer than a row is not broken: the terminal does it, and so it
            can be copied and followed. It is the last of its row.
    """
    if text.isascii() and first + len(text) <= columns:
        return [text]
    rows = _Rows(columns - first, max(1, columns - indent))
    for gap, word in _WORD.findall(text):
        rows.add_word(gap, word)
    return cast("list[S]", rows.all())


class _Rows:
    """Rows that are being filled."""

    def __init__(self, left: int, width: int) -> None:
        self._done: list[str] = []
        self._row = ""
        self._left = left
        self._width = width

    def all(self) -> list[str]:
        return [row.rstrip(" ") for row in (*self._done, self._row)]

    def add_word(self, gap: str, word: str) -> None:
        size = cells(word)
        if not word:
            return  # blanks at the end
        if len(gap) + size <= self._left:
            self._add(gap + word, len(gap) + size)
        elif size <= self._width:
            self._end()
            self._add(word, size)
        else:
            self._begin_long_word(gap)
            for part in _parts(word):
                self._add_part(part)

    def _begin_long_word(self, gap: str) -> None:
        if self._left - len(gap) >= _WORTH_BEGINNING:
            self._add(gap, len(gap))
        else:
            self._end()

    def _add_part(self, part: str) -> None:
        size = cells(part)
        if size > self._width and LINK.fullmatch(part):
            if self._row.strip(" "):
                self._end()
            self._add(part, size)
            self._left = 0
            return
        for unit in _units(part):
            size = cells(unit)
            if size > self._left:
                self._end()
            self._add(unit, size)

    def _add(self, text: str, size: int) -> None:
        self._row += text
        self._left -= size

    def _end(self) -> None:
        self._done.append(self._row)
        self._row, self._left = "", self._width


def _parts(word: str) -> Iterator[str]:
    """Links, and what stands before, between and behind them."""
    end = 0
    for link in LINK.finditer(word):
        yield word[end : link.start()]
        yield link.group()
        end = link.end()
    yield word[end:]


def _units(text: str) -> Iterable[str]:
    """What is not to be torn apart; a cluster without end is torn, for it is no letter."""
    for cluster in iter_graphemes(text):
        if _cluster_cells(cluster) > _CLUSTER_CELLS_MAX:
            yield from cluster
        else:
            yield cluster


@lru_cache(maxsize=4096)
def _cluster_cells(cluster: str) -> int:
    return max(0, wcswidth(cluster), sum(max(0, wcwidth(char)) for char in cluster))
