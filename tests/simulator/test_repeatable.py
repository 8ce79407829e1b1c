"""One seed is one run: the same bytes in every process, whatever its hashes are like."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
PLAY = (sys.executable, "-m", "simulator", "run")


def trace(suite: str, seed: int, to: Path, hash_seed: str) -> bytes:
    """What one run in a process of its own writes down."""
    done = subprocess.run(
        [*PLAY, suite, "--seed", str(seed), "--trace", str(to)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=True,
    )
    if b"\nskipped: " in done.stdout:
        pytest.skip(f"{suite} can't be played here")
    return to.read_bytes()


@pytest.mark.processes
@pytest.mark.parametrize("suite", ["order", "disconnect", "restart"])
def test_a_seed_is_one_run_in_all_processes(suite: str, tmp_path: Path) -> None:
    """To the byte: the order of sets and addresses of objects decide nothing."""
    one = trace(suite, 7, tmp_path / "one.jsonl", "1")
    assert one == trace(suite, 7, tmp_path / "two.jsonl", "2")
    assert one.count(b"\n") > 1000


@pytest.mark.processes
def test_another_seed_is_another_run(tmp_path: Path) -> None:
    one = trace("disconnect", 7, tmp_path / "one.jsonl", "0")
    assert one != trace("disconnect", 8, tmp_path / "two.jsonl", "0")
