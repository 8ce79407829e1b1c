"""The rows as text, for a terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from simulator.bench.kinds import kind_of
from simulator.bench.kinds.kind import Column, Kind
from simulator.bench.row import Row

_NAME_CHARS: Final = 21
_UNKNOWN: Final = "-"
_FAULTS_SHOWN: Final = 5
_SMALL: Final = 0.1
"""Below this a ratio's hundredths are not enough."""

_LEGEND: Final = (
    "(in brackets: compared with the first line, run by run; with ~ it may well be chance)",
)
_PEERS: Final = (
    "to best peer: the same figure as a ratio to the least of the servers under --with.",
)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines: a head for each kind of load, and below each case its servers or variants.

    Shape:  the rows of a case follow each other.
    """
    for kind, of_kind in groupby(rows, key=lambda row: kind_of(row.load)):
        columns = _columns(kind, rows)
        titles = "".join(each.title.rjust(each.chars) for each in columns)
        yield " " * _NAME_CHARS + titles
        for heading, group in groupby(of_kind, key=_heading):
            yield heading
            for row in group:
                yield f"  {_name(row)}".ljust(_NAME_CHARS) + "".join(
                    _cell(row, column).rjust(column.chars) for column in columns
                )
                yield from (f"    {note}" for note in kind.notes(row))
                yield from (f"    WRONG: {fault}" for fault in row.faults[:_FAULTS_SHOWN])


def legend(rows: Sequence[Row]) -> list[str]:
    """What a reader of such tables has to know."""
    kinds = dict.fromkeys(kind_of(row.load) for row in rows)
    peers = any(each for row in rows for each in row.to_best_peer.values())
    about_kinds = (line for kind in kinds for line in kind.legend)
    return [*_LEGEND, *(_PEERS if peers else ()), *about_kinds]


def _columns(kind: Kind, rows: Sequence[Row]) -> list[Column]:
    """Those that have something to say."""
    return [
        each
        for each in kind.columns
        if not each.to_best_peer or any(row.to_best_peer.get(each.figure) for row in rows)
    ]


def _heading(row: Row) -> str:
    cell = row.cell
    parts = (cell.server, cell.store, cell.case) if cell.variant else (cell.case,)
    return ", ".join(filter(None, parts))


def _name(row: Row) -> str:
    cell = row.cell
    return cell.variant or ", ".join(filter(None, (cell.server, cell.store)))


def _cell(row: Row, column: Column) -> str:
    if column.to_best_peer:
        to_peer = row.to_best_peer.get(column.figure)
        return column.form(to_peer.ratio.median) if to_peer else _UNKNOWN
    value = row.figures[column.figure]
    if value is None:
        return _UNKNOWN
    ratio = None if row.cell == row.first else row.ratios.get(column.figure)
    if ratio is None:
        return column.form(value)
    about = "" if ratio.clear else "~"
    return f"{column.form(value)} ({about}{_ratio(ratio.median)})"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= _SMALL else f"{value:.3f}"
