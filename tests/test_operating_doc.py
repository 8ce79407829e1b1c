"""docs/operating.md has a row for every figure, end and kind that there is."""

import re
from pathlib import Path

from trio_chat.server.figures import ENDS, FIGURES, Missed
from trio_chat.server.limits import Limits
from trio_chat.server.metrics import CONNECTIONS_MAX, EXCHANGE_S, HEADER_BYTES_MAX

DOC = (Path(__file__).parents[1] / "docs" / "operating.md").read_text(encoding="utf-8")


def first_cells(heading: str) -> list[str]:
    """What stands in code in the first column of the table below a heading."""
    section = re.split(r"^##+ ", DOC.partition(heading)[2], flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(.*?)`", row)]


def test_every_figure_has_a_row_in_the_order_of_the_console() -> None:
    labelled = [
        figure.metric + (f"{{{figure.label}}}" if figure.label else "")
        for figure in FIGURES
    ]
    assert first_cells("## The figures") == labelled


def test_every_end_and_every_kind_has_a_row() -> None:
    assert sorted(first_cells("### How connections end")) == sorted(ENDS)
    assert first_cells("### What reconnects had missed") == list(Missed)


def test_the_bounds_are_the_codes() -> None:
    bounds = f"{CONNECTIONS_MAX} at a time, {HEADER_BYTES_MAX // 1024} KiB of headers"
    assert f"{bounds}, {EXCHANGE_S:g} s" in DOC
    limits = Limits()
    assert DOC.count(f"{limits.peers_max:,}") == 2
    assert f"took nothing for {limits.stall_s:g} s" in DOC
    assert f"after {limits.store_patience_s:g} s of it authors are told" in DOC.lower()
