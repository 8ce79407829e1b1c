"""`python -m simulator bench`: what it can be asked."""

import argparse
from pathlib import Path
from typing import Final

from simulator.arguments import at_least_one, number
from simulator.bench.plan import LoadError
from simulator.bench.report import bench
from simulator.bench.servers import OURS
from simulator.bench.workloads import WORKLOADS
from simulator.errors import ServerError
from simulator.screen import Screen
from trio_chat.server import Limits

SECONDS_MAX: Final = Limits().stall_s / 3
"""So that no member that reads nothing is ended for it before the end."""


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument(
        "--only",
        action="append",
        choices=list(WORKLOADS),
        help="this workload; may be said more than once (all)",
    )
    parser.add_argument(
        "--runs",
        type=at_least_one,
        default=5,
        metavar="K",
        help="measure everything K times, by turns (5)",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=5.0,
        metavar="S",
        help=f"each time for S seconds, at most {SECONDS_MAX:g} (5)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write down every figure as well"
    )


async def run_bench(options: argparse.Namespace, screen: Screen) -> bool:
    """Do it; whether all could be measured, and nothing was lost, doubled or swapped.

    Cancel: what was measured by then is shown; no process is left.
    """
    try:
        return await bench(
            [WORKLOADS[name] for name in options.only or WORKLOADS],
            [OURS],
            screen,
            runs=options.runs,
            seconds=options.seconds,
            json_file=options.json,
        )
    except (LoadError, ServerError) as error:
        screen.show([f"it can't be measured: {error}"])
    except OSError as error:
        screen.show([f"the figures can't be written: {error.strerror or error}"])
    return False


def _seconds(text: str) -> float:
    return number(text, 0.1, SECONDS_MAX)
