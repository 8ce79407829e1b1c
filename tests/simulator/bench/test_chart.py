"""The picture: what it shows is what was measured."""

import math
from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bench.chart import chart, scale_of
from simulator.bench.plan import Cell
from simulator.bench.row import Row
from simulator.bench.workloads import Talk

SVG = "{http://www.w3.org/2000/svg}"


def row(server: str, value: float | None, case: str = "fast", variant: str = "") -> Row:
    cell = Cell(workload="W0", case=case, server=server, store="", variant=variant)
    return Row(
        cell=cell,
        load=Talk(members=2, senders=1, window=1),
        is_peer=server.startswith("peer"),
        runs=1,
        first=cell,
        figures={"cpu_us_per_delivery": value},
        ratios={},
        differences={},
        to_best_peer={},
        faults=[],
    )


def drawn(*rows: Row, about: str = "today") -> ET.Element:
    return ET.fromstring(chart(rows, {"W0": "some <b> talk"}, [about]))  # noqa: S314


def bars(svg: ET.Element) -> Iterator[tuple[str, float]]:
    for each in svg.iter(f"{SVG}rect"):
        if each.get("class") != "paper":
            yield each.get("class", ""), float(each.get("width", "nan"))


def words(svg: ET.Element, style: str) -> list[str]:
    return [
        each.text or "" for each in svg.iter(f"{SVG}text") if each.get("class") == style
    ]


def test_there_is_a_bar_for_each_server_with_its_name_and_value() -> None:
    svg = drawn(row("yard & stick", 20.0), row("peer", 0.5), row("trio_chat", 0.0444))
    assert [role for role, _ in bars(svg)] == ["yardstick", "peer", "ours"]
    assert words(svg, "name") == ["yard & stick", "peer", "trio_chat"]
    assert words(svg, "value") == ["20", "0.5", "0.0444"]
    assert words(svg, "heading") == ["W0: some <b> talk, fast"]
    assert "logarithmic" in words(svg, "title")[0]
    assert words(svg, "small")[-1] == "today"


def test_ten_times_as_much_is_everywhere_as_much_longer() -> None:
    rows = [row("x", 10.0**power) for power in range(-2, 3)]
    widths = [width for _, width in bars(drawn(*rows))]
    steps = [after - before for before, after in pairwise(widths)]
    assert steps == pytest.approx([steps[0]] * 4, abs=0.02)
    assert min(widths) > 0


def test_what_is_not_known_and_variants_are_left_out() -> None:
    """Servers are compared here, and nothing else."""
    svg = drawn(row("a", None), row("b", 1.0), row("c", 2.0, variant="1 reads nothing"))
    assert words(svg, "name") == ["b"]


def test_cases_are_apart() -> None:
    svg = drawn(row("a", 1.0, "fast"), row("b", 1.0, "fast"), row("a", 1.0, "slow"))
    assert words(svg, "heading") == ["W0: some <b> talk, fast", "W0: some <b> talk, slow"]


def test_with_nothing_to_draw_there_is_a_picture_of_that() -> None:
    assert words(drawn(), "small") == ["today"]


def test_long_lines_are_folded() -> None:
    assert len(words(drawn(row("a", 1.0), about="word " * 100), "small")) > 3


@given(st.lists(st.floats(1e-6, 1e6), min_size=1))
def test_a_scale_has_all_values_and_round_ends(values: list[float]) -> None:
    scale = scale_of(values)
    assert all(0 < scale.share(value) <= 1 + 1e-9 for value in values)
    for end in (scale.lowest, scale.highest):
        digits = end / 10 ** math.floor(math.log10(end) + 1e-9)
        assert min(abs(digits - round_one) for round_one in (1, 2, 5)) < 1e-6


def test_a_row_can_be_drawn_once_more_from_its_json() -> None:
    one = row("a", 1.0)
    assert msgspec.json.decode(msgspec.json.encode(one), type=Row) == one
