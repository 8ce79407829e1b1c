"""From outcomes to the table that a person reads."""

from typing import Any

import msgspec
import pytest

from simulator.bench.figures import Ratio
from simulator.bench.kinds.talk import TALK
from simulator.bench.plan import Cell, Contestant, Measured, Talked
from simulator.bench.row import ToPeer
from simulator.bench.servers import IN_MEMORY, ON_DISK
from simulator.bench.summary import summarise
from simulator.bench.table import legend, table
from simulator.bench.workloads import Case, Talk, Variant, Workload

WORKLOAD = Workload(
    "W0",
    "a test",
    cases=(
        Case(
            "fast",
            (
                Variant("all read", Talk(members=20, senders=1, window=1)),
                Variant("10 stalled", Talk(members=20, senders=1, window=1, stalled=10)),
            ),
        ),
    ),
)
OURS = [Contestant("trio_chat", IN_MEMORY), Contestant("trio_chat", ON_DISK)]
OUTCOME = Talked(
    seconds=2.0,
    messages=2_000,
    deliveries=40_000,
    p50_s=0.001,
    p99_s=0.004,
    timed=2_000,
    server_cpu_s=0.5,
    server_waited_s=0.1,
    server_grown_bytes=1_000_000,
    load_cpu_s=0.8,
    load_waited_s=0.0,
    kernel_bytes=0,
    caught_up_s=None,
    faults=[],
)


def measured(
    variant: str = "all read", run: int = 0, store: str = IN_MEMORY, **others: Any
) -> Measured:
    cell = Cell(
        workload="W0", case="fast", server="trio_chat", store=store, variant=variant
    )
    return Measured(cell, run, msgspec.structs.replace(OUTCOME, **others))


def rendered(*outcomes: Measured) -> list[str]:
    return list(table(summarise(WORKLOAD, OURS, outcomes)))


def test_the_table_has_a_line_for_each_variant_with_its_ratios() -> None:
    lines = rendered(
        measured(),
        measured(
            "10 stalled",
            messages=1_900,
            p99_s=0.005,
            server_grown_bytes=4_000_000,
            kernel_bytes=1_740_000,
            caught_up_s=0.25,
        ),
    )
    head, case, base, stalled, slow = (" ".join(line.split()) for line in lines)
    assert head == ("messages/s deliveries/s CPU us each p50 ms p99 ms waited load")
    assert case == "trio_chat, memory, fast"
    assert base == "all read 1,000 20,000 12.500 1.00 4.00 5% 40%"
    assert stalled == (
        "10 stalled 950 (~0.95) 20,000 12.500 (~1.00) 1.00 (~1.00) 5.00 (~1.25) 5% 40%"
    )
    assert slow.startswith("174 KB each in the kernel, 300 KB each in the server, ")
    assert slow.endswith(", all read in 0.25 s in the end")


def test_columns_stand_below_their_titles() -> None:
    head, _, base = rendered(measured())
    assert len(head) == len(base)
    assert head.index("messages/s") + len("messages/s") == base.index("1,000") + 5


def test_what_is_lost_is_said_in_the_table() -> None:
    """Not all of it, if it is much."""
    lines = rendered(measured(faults=[f"m{number}: lost 1" for number in range(99)]))
    assert lines[3] == "    WRONG: m0: lost 1"
    assert sum("WRONG" in line for line in lines) == 5


def test_what_can_not_be_seen_here_is_a_dash() -> None:
    """As on systems that do not show what a process has cost."""
    base = rendered(
        measured(server_cpu_s=None, server_waited_s=None, p50_s=None, kernel_bytes=None)
    )[2]
    assert base.split() == ["all", "read", "1,000", "20,000", "-", "-", "4.00", "-", "40%"]


def test_figures_are_medians_and_ratios_are_of_one_run() -> None:
    """The last run may be cut short: what has no other half counts for nothing."""
    rows = summarise(
        WORKLOAD,
        OURS,
        [
            measured(run=0, messages=2_000),
            measured("10 stalled", run=0, messages=1_000),
            measured("10 stalled", run=1, messages=2_000),
            measured(run=1, messages=4_000),
            measured(run=2, messages=200),
            measured("10 stalled", run=2, messages=100),
            measured("10 stalled", run=3, messages=9_999),
        ],
    )
    assert [row.cell.variant for row in rows] == ["all read", "10 stalled"]
    assert [row.figures["messages_per_s"] for row in rows] == [1_000, 500]
    ratios = [row.ratios["messages_per_s"] for row in rows]
    assert [ratio.median for ratio in ratios if ratio] == [1.0, 0.5]


def test_a_ratio_that_most_runs_agree_on_has_no_tilde() -> None:
    """One that may be chance has."""
    runs = range(5)
    lines = rendered(
        *(measured(run=run) for run in runs),
        *(measured("10 stalled", run=run, p50_s=0.002, messages=1_999) for run in runs),
    )
    assert "2.00 (2.00)" in lines[3]
    assert "4.00 (~1.00)" in lines[3]


def test_stores_have_rows_of_their_own() -> None:
    rows = summarise(WORKLOAD, OURS, [measured(), measured(store=ON_DISK)])
    assert [(row.cell.store, row.cell.variant) for row in rows] == [
        (IN_MEMORY, "all read"),
        (ON_DISK, "all read"),
    ]


@pytest.mark.parametrize("figure", TALK.figures, ids=lambda figure: figure.name)
def test_every_figure_can_be_taken_of_an_outcome_that_knows_little(figure: Any) -> None:
    """Whatever may be None is None in some place."""
    unknown = dict.fromkeys(
        name for name in Talked.__struct_fields__ if name.endswith(("_s", "_bytes"))
    )
    little = {**unknown, "load_cpu_s": 0.0, "deliveries": 0, "messages": 0}
    figure.of(msgspec.structs.replace(OUTCOME, **little))


# --- servers side by side ------------------------------------------------------------


SIDE_BY_SIDE = Workload(
    "W0",
    "a test",
    cases=(Case("fast", (Variant("", Talk(members=20, senders=1, window=1)),)),),
)
SERVERS = [
    Contestant("plain threads"),
    Contestant("peer one", is_peer=True),
    Contestant("peer two", is_peer=True),
    *OURS,
]


def beside(server: str, store: str = "", run: int = 0, **others: Any) -> Measured:
    cell = Cell(workload="W0", case="fast", server=server, store=store, variant="")
    return Measured(cell, run, msgspec.structs.replace(OUTCOME, **others))


def test_servers_are_compared_with_the_first_one_and_with_the_best_peer() -> None:
    """The best of each figure, in the same run."""
    rows = summarise(
        SIDE_BY_SIDE,
        SERVERS,
        [
            beside("plain threads", server_cpu_s=1.0, p50_s=0.004),
            beside("peer one", server_cpu_s=0.5, p50_s=0.001),
            beside("peer two", server_cpu_s=0.25, p50_s=0.002),
            beside("trio_chat", IN_MEMORY, server_cpu_s=0.05, p50_s=0.002),
            beside("trio_chat", ON_DISK, server_cpu_s=0.1, p50_s=0.003),
        ],
    )
    assert [row.cell.server for row in rows if row.is_peer] == ["peer one", "peer two"]
    assert {row.first.server for row in rows} == {"plain threads"}
    best = rows[3].to_best_peer
    assert best["cpu_us_per_delivery"] == ToPeer("peer two", Ratio(0.2, clear=False))
    assert best["p50_ms"] == ToPeer("peer one", Ratio(2.0, clear=False))
    lines = [" ".join(line.split()) for line in table(rows)]
    assert "CPU us each to best peer p50 ms" in lines[0]
    assert lines[1] == "fast"
    assert "plain threads 1,000 20,000 25.000 4.00 4.00" in lines[2]
    assert "6.250 (~0.25) 1.00 2.00 (~0.50)" in lines[4]
    assert "trio_chat, memory 1,000 (~1.00) 20,000 1.250 (~0.050) 0.20" in lines[5]
    assert "trio_chat, disk" in lines[6]
    assert any("best peer" in line for line in legend(rows))


def test_without_peers_nothing_is_said_of_them() -> None:
    rows = summarise(
        SIDE_BY_SIDE, SERVERS, [beside("plain threads"), beside("trio_chat", ON_DISK)]
    )
    assert len(rows) == 2
    assert "best peer" not in " ".join([*table(rows), *legend(rows)])


def test_where_the_first_one_was_not_asked_the_next_takes_its_place() -> None:
    """As with a workload that is for one server alone."""
    rows = summarise(
        SIDE_BY_SIDE,
        SERVERS,
        [beside("trio_chat", IN_MEMORY), beside("trio_chat", ON_DISK, server_cpu_s=1.0)],
    )
    ratio = rows[1].ratios["cpu_us_per_delivery"]
    assert [row.first.store for row in rows] == [IN_MEMORY] * 2
    assert ratio is not None
    assert ratio.median == 2


def test_a_figure_that_no_peer_has_is_compared_with_none() -> None:
    """As the CPU, where it can't be seen."""
    rows = summarise(
        SIDE_BY_SIDE,
        SERVERS,
        [beside(name, server_cpu_s=None) for name in ("plain threads", "peer one")],
    )
    assert rows[0].to_best_peer["cpu_us_per_delivery"] is None
    assert rows[0].to_best_peer["p50_ms"] is not None


def test_a_run_in_which_a_server_failed_has_no_part_in_its_ratios() -> None:
    """What was measured in another run is compared with that run's."""
    rows = summarise(
        SIDE_BY_SIDE,
        SERVERS,
        [
            *(beside("plain threads", run=run, messages=10**run) for run in range(3)),
            *(beside("peer one", run=run, messages=2 * 10**run) for run in (0, 2)),
        ],
    )
    ratio = rows[1].ratios["messages_per_s"]
    assert rows[1].runs == 2
    assert ratio is not None
    assert ratio.median == 2
