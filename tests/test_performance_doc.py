"""What docs/performance.md counts with is what the code has."""

import re
from dataclasses import asdict
from pathlib import Path

from simulator.bench.workloads import WORKLOADS
from trio_chat.protocol.messages import TEXT_BYTES_MAX
from trio_chat.server import Limits

ROOT = Path(__file__).parents[1]
DOC = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")


def rows() -> dict[str, int]:
    """The limits in its table, by their names."""
    found = re.findall(r"^\| `(\w+)` \| ([\d,]+) ", DOC, re.MULTILINE)
    return {name: int(value.replace(",", "")) for name, value in found}


def test_the_bound_of_memory_is_made_of_the_limits_as_they_are() -> None:
    limits = asdict(Limits())
    assert {"queue_bytes_max", "page_entries", "stall_s"} <= rows().keys()
    assert rows() == {name: limits[name] for name in rows()}


def test_the_sum_is_right() -> None:
    """The queue, the queue joined, what was read, the page as the wire has it."""
    limits = Limits()
    read_bytes = limits.page_entries * TEXT_BYTES_MAX
    kib = (3 * limits.queue_bytes_max + read_bytes) // 1024
    assert f"**{kib:,} KiB**" in DOC


def test_every_workload_has_a_section() -> None:
    for name, workload in WORKLOADS.items():
        assert f"## {name}: {workload.summary}" in DOC
