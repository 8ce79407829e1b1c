"""Many seeds of one suite, on as many cores as one likes."""

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from simulator.report import Palette, verdict
from simulator.run import run_in_world
from simulator.scenarios import SCENARIOS
from simulator.virtual.seeds import Seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One seed that was played, as far as somebody wants to know who watches many.

    Shape:  `violations` are the names of what was found; `verdict` is for people.
    Units:  `took_s`: virtual seconds. `records`: how long its history is.
    """

    seed: Seed
    passed: bool
    took_s: float
    records: int
    violations: tuple[str, ...]
    verdict: tuple[str, ...]


def play(suite: str, seed: Seed, palette: Palette, *, trace: Path | None = None) -> Played:
    """Play one seed in this process.

    Raises: OSError: the trace can't be written. UnavailableError: see run_in_world().
    """
    if trace is None:
        run = run_in_world(SCENARIOS[suite], seed)
    else:
        with trace.open("wb") as trace_to:
            run = run_in_world(SCENARIOS[suite], seed, trace_to=trace_to)
    return Played(
        seed=seed,
        passed=run.passed,
        took_s=run.took_s,
        records=len(run.history.records),
        violations=(*run.failures, *("stuck" for _ in run.troubles)),
        verdict=tuple(verdict(run, palette)),
    )


def play_many(
    suite: str, seeds: Sequence[Seed], palette: Palette, *, jobs: int
) -> Iterator[Played]:
    """Play all of them, in processes of their own if `jobs` is more than one.

    Shape:  in the order in which they are done. Whoever stops asking leaves nothing
            running but the seeds that are under way, to their end.
    """
    if jobs == 1:
        for seed in seeds:
            yield play(suite, seed, palette)
        return
    # Not forked: a copy of a process that has threads is not safe to go on with.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_leave_ctrl_c_to_us) as pool:
        waiting: set[Future[Played]] = set()
        rest = iter(seeds)
        try:
            for seed in rest:
                waiting.add(pool.submit(play, suite, seed, palette))
                if len(waiting) >= 2 * jobs:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _leave_ctrl_c_to_us() -> None:
    # A terminal sends it to all of its processes; one of them is to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
