"""The rows as text, for a terminal."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from simulator.bench.summary import Row

_NAME_CHARS: Final = 17
_UNKNOWN: Final = "-"
_ENOUGH_SLOW: Final = 10
"""For so many the server's growth is told apart from what servers differ by anyhow."""
_FAULTS_SHOWN: Final = 5


class Column(NamedTuple):
    """A figure, as it is shown."""

    figure: str
    title: str
    form: str
    chars: int


_COLUMNS: Final = (
    Column("messages_per_s", "messages/s", "{:,.0f}", 17),
    Column("deliveries_per_s", "deliveries/s", "{:,.0f}", 13),
    Column("cpu_us_per_delivery", "CPU us each", "{:.3f}", 16),
    Column("p50_ms", "p50 ms", "{:.2f}", 16),
    Column("p99_ms", "p99 ms", "{:.2f}", 16),
    Column("server_waited_share", "waited", "{:.0%}", 7),
    Column("load_busy_share", "load", "{:.0%}", 6),
)

LEGEND: Final = (
    "(in brackets: compared with the first line, run by run; with ~ it may well be chance)",
    "CPU us each: of the server, for a delivery. waited: so much of the time its core was",
    "somebody else's. load: how busy the load was; near 100% the server was not the limit.",
)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines: a head, and the variants below each case, with what is wrong.

    Shape:  the rows of a case follow each other.
    """
    titles = "".join(each.title.rjust(each.chars) for each in _COLUMNS)
    yield " " * _NAME_CHARS + titles
    for names, group in groupby(rows, key=_case):
        yield ", ".join(filter(None, names))
        for number, row in enumerate(group):
            yield f"  {row.cell.variant}".ljust(_NAME_CHARS) + _cells(
                row, first=number == 0
            )
            yield from _slow(row)
            yield from (f"    WRONG: {fault}" for fault in row.faults[:_FAULTS_SHOWN])


def _case(row: Row) -> tuple[str, str]:
    return row.cell.store, row.cell.case


def _cells(row: Row, *, first: bool) -> str:
    return "".join(
        _cell(row, column, first=first).rjust(column.chars) for column in _COLUMNS
    )


def _cell(row: Row, column: Column, *, first: bool) -> str:
    value = row.figures[column.figure]
    if value is None:
        return _UNKNOWN
    ratio = None if first else row.ratios.get(column.figure)
    if ratio is None:
        return column.form.format(value)
    about = "" if ratio.clear else "~"
    return column.form.format(value) + f" ({about}{ratio.median:.2f})"


def _slow(row: Row) -> Iterator[str]:
    """What those cost who do not read."""
    words = []
    if row.slow and row.kernel_kb_each is not None:
        words.append(f"{row.kernel_kb_each:,.0f} KB each in the kernel")
    if row.slow >= _ENOUGH_SLOW and row.server_kb_each is not None:
        words.append(f"{row.server_kb_each:,.0f} KB each in the server")
    caught_up_s = row.figures["caught_up_s"]
    if caught_up_s is not None:
        words.append(f"all read in {caught_up_s:.2f} s in the end")
    if words:
        yield "    " + ", ".join(words)
