"""The rows as a picture: for each case a bar for each server, on a logarithmic scale."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from textwrap import wrap
from typing import Final, NamedTuple

from simulator.bench.dialects import OURS
from simulator.bench.kinds import kind_of
from simulator.bench.kinds.kind import Best, Kind
from simulator.bench.row import Row

_WIDTH: Final = 860
_MARGIN: Final = 20
_NAMES: Final = 140
"""So wide are the names, to the left of the bars."""
_VALUES: Final = 70
"""And the values, to the right of the longest."""
_BARS: Final = _WIDTH - 2 * _MARGIN - _NAMES - _VALUES
_LEFT: Final = _MARGIN + _NAMES
_BAR: Final = 14
_LINE: Final = 18
_HEADING: Final = 34
_TITLE: Final = 50
_SMALL_LINE: Final = 15
_SMALL_CHARS: Final = 125
_ROOM: Final = 0.8
_NANO: Final = 1e-9
_LETTER: Final = 4
"""By so much text stands below the middle of its line."""

_OPEN: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}"'
    ' width="{width}" height="{height:g}">'
)
_STYLE: Final = """\
svg { --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --grid: #d8dee4;
      --ours: #0969da; --peer: #6e7781; --yardstick: #bf8700; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --grid: #2b323b;
        --ours: #4493f8; --peer: #8b949e; --yardstick: #d29922; }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; }
.heading { font-weight: 600; }
.small { font-size: 11px; fill: var(--faint); }
.paper { fill: var(--paper); }
.grid { stroke: var(--grid); }
.ours { fill: var(--ours); }
.peer { fill: var(--peer); }
.yardstick { fill: var(--yardstick); }
"""


class Scale(NamedTuple):
    """Where a value is between two others, by its logarithm."""

    lowest: float
    highest: float

    def share(self, value: float) -> float:
        """Of the way from the lowest to the highest."""
        return math.log(value / self.lowest) / math.log(self.highest / self.lowest)

    @property
    def powers(self) -> list[float]:
        """Those of ten that are on it."""
        first, last = math.log10(self.lowest), math.log10(self.highest)
        powers = range(math.ceil(first - _NANO), math.floor(last + _NANO) + 1)
        return [10.0**power for power in powers]


def scale_of(values: Sequence[float]) -> Scale:
    """One with round ends that has them all, none of them at its very beginning."""
    return Scale(_rounded(min(values) * _ROOM, max), _rounded(max(values), min))


def _rounded(value: float, best: Best) -> float:
    """The nearest 1, 2 or 5 of a power of ten; the `max` of those below or `min` above."""
    power = math.floor(math.log10(value))
    steps = [step * 10.0**power for step in (1, 2, 5, 10)]
    below = best is max
    return float(best(each for each in steps if (each <= value) == below or each == value))


def chart(rows: Sequence[Row], workloads: Mapping[str, str], about: Sequence[str]) -> str:
    """An SVG, that needs nothing besides.

    Shape:  rows as summarise() gives them, what their workloads are, and what a reader has
            to know of date, machine and versions. Variants are left out: they are not
            about which server.
    """
    drawn, y = list[str](), float(_MARGIN)
    shown = [row for row in rows if not row.cell.variant and _main(row)]
    for kind, group in groupby(shown, key=lambda row: kind_of(row.load)):
        panel = list(group)
        drawn += _panel(kind, panel, workloads, y)
        y += _height(panel)
    small = [line for each in about for line in wrap(each, _SMALL_CHARS)]
    for number, line in enumerate(small):
        drawn.append(_text(_MARGIN, y + (number + 1) * _SMALL_LINE, line, "small"))
    height = y + len(small) * _SMALL_LINE + _MARGIN
    return "\n".join(
        (
            _OPEN.format(width=_WIDTH, height=height),
            f"<style>\n{_STYLE}</style>",
            '<rect class="paper" width="100%" height="100%"/>',
            *drawn,
            "</svg>\n",
        )
    )


def _main(row: Row) -> float | None:
    """What is drawn of it; 0 can't be."""
    return row.figures[kind_of(row.load).main] or None


def _cases(panel: Sequence[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    for case, group in groupby(panel, key=lambda row: (row.cell.workload, row.cell.case)):
        yield case, list(group)


def _height(panel: Sequence[Row]) -> float:
    return _TITLE + len(list(_cases(panel))) * _HEADING + len(panel) * _LINE + _LINE


def _panel(
    kind: Kind, panel: Sequence[Row], workloads: Mapping[str, str], y: float
) -> Iterator[str]:
    """What one kind of load says."""
    scale = scale_of([_main(row) or math.nan for row in panel])
    title = f"{kind.main_title} (logarithmic; shorter is better)"
    yield _text(_MARGIN, y + _LINE, title, "title")
    yield from _grid(scale, y + _TITLE - _LETTER, y + _height(panel) - _LINE)
    y += _TITLE
    for (workload, case), rows in _cases(panel):
        heading = ": ".join(filter(None, (workload, workloads.get(workload))))
        heading = ", ".join(filter(None, (heading, case)))
        yield _text(_MARGIN, y + _HEADING - _LINE / 2, heading, "heading")
        y += _HEADING
        for row in rows:
            yield from _bar(row, scale, y)
            y += _LINE


def _grid(scale: Scale, top: float, bottom: float) -> Iterator[str]:
    for power in scale.powers:
        x = _LEFT + scale.share(power) * _BARS
        yield f'<path class="grid" d="M{x:.1f} {top:g}V{bottom:g}"/>'
        yield _text(x, top - _LETTER, f"{power:g}", "small", "middle")


def _bar(row: Row, scale: Scale, y: float) -> Iterator[str]:
    value = _main(row)
    assert value is not None
    name = ", ".join(filter(None, (row.cell.server, row.cell.store)))
    width = scale.share(value) * _BARS
    middle = y + _LINE / 2
    yield _text(_LEFT - 2 * _LETTER, middle + _LETTER, name, "name", "end")
    yield (
        f'<rect class="{_role(row)}" x="{_LEFT}" y="{middle - _BAR / 2:g}"'
        f' width="{width:.2f}" height="{_BAR}"/>'
    )
    yield _text(_LEFT + width + _LETTER, middle + _LETTER, f"{value:.3g}", "value")


def _role(row: Row) -> str:
    if row.cell.server == OURS:
        return "ours"
    return "peer" if row.is_peer else "yardstick"


def _text(x: float, y: float, words: str, style: str, anchor: str = "start") -> str:
    return (
        f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
