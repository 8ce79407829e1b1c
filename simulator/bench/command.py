"""`python -m simulator bench`: what it can be asked."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from simulator.arguments import at_least_one, number
from simulator.bench.peers import PEERS
from simulator.bench.plan import LoadError
from simulator.bench.report import Files, bench, show_again
from simulator.bench.servers import OURS, YARDSTICKS, Server, peer_server
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
        "--with",
        dest="peers",
        action="extend",
        type=_peers,
        default=[],
        metavar="PEER,…",
        help=f"beside these, where they are installed: {', '.join(PEERS)} (none)",
    )
    parser.add_argument(
        "--no-yardsticks",
        dest="yardsticks",
        action="store_false",
        help="without the plain threaded chat and the naive one on trio",
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
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw them as well")
    parser.add_argument(
        "--from",
        dest="again",
        type=Path,
        metavar="FILE",
        help="measure nothing: show, or draw, what a file written with --json says",
    )


async def run_bench(options: argparse.Namespace, screen: Screen) -> bool:
    """Do it; whether all could be measured, and nothing was lost, doubled or swapped.

    Cancel: what was measured by then is shown; no process is left.
    """
    files = Files(options.json, options.svg)
    try:
        if options.again is not None:
            return await show_again(options.again, screen, files)
        return await bench(
            [WORKLOADS[name] for name in options.only or WORKLOADS],
            _servers(options),
            screen,
            runs=options.runs,
            seconds=options.seconds,
            files=files,
        )
    except (LoadError, ServerError) as error:
        screen.show([f"it can't be measured: {error}"])
    except OSError as error:
        done = "read" if options.again else "written"
        screen.show([f"the figures can't be {done}: {error.strerror or error}"])
    except msgspec.DecodeError as error:
        screen.show([f"{options.again} has no figures of a bench: {error}"])
    return False


def _servers(options: argparse.Namespace) -> Sequence[Server]:
    """In the order of the table: all are compared with the first one."""
    peers = map(peer_server, dict.fromkeys(options.peers))
    return [*(YARDSTICKS if options.yardsticks else ()), *peers, OURS]


def _peers(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in PEERS:
            known = ", ".join(PEERS)
            raise argparse.ArgumentTypeError(f"nobody knows {name!r}: there are {known}")
        peer = PEERS[name]
        if peer.path is None:
            raise argparse.ArgumentTypeError(
                f"{name} is not installed: there is no {peer.binary} here (on Debian it is"
                f" in the package {peer.package})"
            )
    return names


def _seconds(text: str) -> float:
    return number(text, 0.1, SECONDS_MAX)
