"""What docs/performance.md counts with is what the code has."""

import re
from dataclasses import asdict
from pathlib import Path

from simulator.bench.echo.plan import CASES
from simulator.bench.workloads import WORKLOADS
from trio_chat.server import Limits
from trio_chat.ui.pace import ECHO_S
from trio_chat.ui.printer import BEHIND_S
from trio_chat.wire import RECEIVE_BYTES_MAX

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


def rows() -> dict[str, int]:
    """The limits in its table, by their names."""
    found = re.findall(r"^\| `(\w+)` \| ([\d,]+) ", DOC, re.MULTILINE)
    return {name: int(value.replace(",", "")) for name, value in found}


def test_the_bound_of_memory_is_made_of_the_limits_as_they_are() -> None:
    limits = asdict(Limits())
    assert {"queue_bytes_max", "socket_bytes_max", "stall_s"} <= rows().keys()
    assert rows() == {name: limits[name] for name in rows()}


def test_the_sum_is_right() -> None:
    """The kernel, the queue, and what was read from the socket."""
    limits = Limits()
    waiting_bytes = limits.socket_bytes_max + limits.queue_bytes_max
    assert f"**{(waiting_bytes + RECEIVE_BYTES_MAX) // 1024:,} KiB**" in DOC
    promises = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    assert f"**{(waiting_bytes + RECEIVE_BYTES_MAX) // 1024:,} KiB**" in promises


def test_every_workload_has_a_section() -> None:
    for name, workload in WORKLOADS.items():
        assert f"## {name}: {workload.summary}" in DOC


def test_every_case_of_the_echo_has_a_figure() -> None:
    for case in CASES:
        assert f"\n{case.title} " in DOC


def test_the_pace_of_the_client_is_told_as_it_is() -> None:
    words = " ".join(DOC.split())
    assert f"as large as it takes {ECHO_S * 1e3:g} ms for" in words
    assert f"at most {BEHIND_S:g} s of what it takes" in words
