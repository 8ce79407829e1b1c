"""The command line: what was asked, and how it ended."""

import argparse
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import trio

from simulator.arguments import at_least_one, number, whole
from simulator.bench.command import add_bench, run_bench
from simulator.crowd import CROWD_BOTS_MAX, crowd
from simulator.many import Played, play, play_many
from simulator.recorder import Recorder
from simulator.report import progress, replay, tally_of_many, verdict
from simulator.run import Run, run_with_processes
from simulator.scenarios import REAL, SCENARIOS, Scenario
from simulator.screen import Screen, open_screen
from simulator.speed import speed
from simulator.virtual import Seed, UnavailableError, any_seed
from trio_chat.addresses import Address, parse_address
from trio_chat.errors import RefusedError
from trio_chat.protocol import names

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_SIGNAL: Final = 128
"""Plus the number of the signal: 130 after Ctrl-C."""

_EPILOG: Final = """\
examples:
  python -m simulator list                          the suites there are
  python -m simulator run order                     one world, by chance
  python -m simulator run swarm --seeds 500 --jobs 2
  python -m simulator run swarm --seed 8127 --trace run.jsonl
                                                    once more what went wrong, to the byte
  python -m simulator run real                      real processes, TCP and kill -9
  python -m simulator crowd 127.0.0.1:8765 --bots 5 company for whoever tries `join` alone
  python -m simulator bench --with ngircd,nats --json bench.json --svg bench.svg
                                                    how fast the server is here, and others

All suites but `real` play in virtual worlds: the seed decides everything, and the same
seed is the same run. In `real` it decides who says what, where, and after which pause; the
machine decides the rest. Exit codes: 0 ok, 1 failed, 2 wrong usage, 130 Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code.

    Shape:  0 ok, 1 failed, 130 Ctrl-C; wrong usage leaves with 2 by SystemExit.
    """
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options, open_screen())
    except KeyboardInterrupt:
        return EXIT_SIGNAL + signal.SIGINT
    except BrokenPipeError:
        # Whoever read the output has gone, and needs no explanation; the interpreter
        # would give one when it flushes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILED


Command: TypeAlias = Callable[[argparse.Namespace, Screen], int]


def _until_told(wait_for: Callable[[], Awaitable[int]]) -> int:
    """What it comes to, unless somebody wants it to end before."""

    async def main() -> int:
        code = EXIT_FAILED

        async def do() -> None:
            nonlocal code
            code = await wait_for()
            nursery.cancel_scope.cancel()

        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(do)
                async for number in signals:
                    code = EXIT_SIGNAL + number
                    nursery.cancel_scope.cancel()
        return code

    return trio.run(main)


# --- list, speed, bench, crowd --------------------------------------------------------


def _list(_options: argparse.Namespace, screen: Screen) -> int:
    screen.show(f"{each.name:<10} {each.summary}" for each in SCENARIOS.values())
    screen.show([f"{REAL:<10} {_real_summary()}"])
    return EXIT_OK


def _real_summary() -> str:
    stories = ", ".join(each.name for each in _real_stories())
    return f"{stories}, with real processes, TCP and kill -9"


def _speed(_options: argparse.Namespace, screen: Screen) -> int:
    speed(lambda line: screen.show([line]))
    return EXIT_OK


def _bench(options: argparse.Namespace, screen: Screen) -> int:
    async def measure() -> int:
        return EXIT_OK if await run_bench(options, screen) else EXIT_FAILED

    return _until_told(measure)


def _crowd(options: argparse.Namespace, screen: Screen) -> int:
    return _until_told(partial(_crowd_until_told, options, screen))


async def _crowd_until_told(options: argparse.Namespace, screen: Screen) -> int:
    await crowd(
        options.address,
        room=options.room,
        bots=options.bots,
        pace_s=options.pace,
        rng=any_seed().stream("crowd"),
        show=lambda line: screen.show([line]),
    )
    return EXIT_OK


# --- run, in worlds ------------------------------------------------------------------


def _run(options: argparse.Namespace, screen: Screen) -> int:
    first: Seed = options.seed if options.seed is not None else any_seed()
    seeds = [Seed(first.number + number) for number in range(options.seeds)]
    if options.trace is not None and (len(seeds) > 1 or options.suite == REAL):
        options.parser.error("--trace goes with a single seed, in a world")
    if options.suite == REAL:
        return _until_told(partial(_run_real, seeds, screen))
    screen.show([f"{options.suite}: {SCENARIOS[options.suite].summary}; seed {first}"])
    try:
        if len(seeds) == 1:
            played = play(options.suite, first, screen.palette, trace=options.trace)
            screen.show(played.verdict)
            return EXIT_OK if played.passed else EXIT_FAILED
        return _run_many(options.suite, seeds, options.jobs, screen)
    except UnavailableError as error:
        screen.show([f"skipped: {options.suite}: {error}"])
        return EXIT_OK
    except OSError as error:
        screen.show([f"the trace can't be written: {error.strerror or error}"])
        return EXIT_FAILED


def _run_many(suite: str, seeds: Sequence[Seed], jobs: int, screen: Screen) -> int:
    began_s = time.monotonic()
    done: list[Played] = []
    try:
        for played in play_many(suite, seeds, screen.palette, jobs=jobs):
            done.append(played)
            if not played.passed:
                screen.show(played.verdict)
            screen.progress(_progress(done, len(seeds), began_s))
    finally:
        # Also after Ctrl-C: what is known by then.
        failed = sorted(each.seed.number for each in done if not each.passed)
        screen.show([_progress(done, len(seeds), began_s)])
        if failed:
            screen.show([replay(suite, failed[0])])
    return EXIT_FAILED if failed else EXIT_OK


def _progress(done: Sequence[Played], seeds: int, began_s: float) -> str:
    return tally_of_many(
        done=len(done),
        seeds=seeds,
        simulated_s=sum(each.took_s for each in done),
        records=sum(each.records for each in done),
        violations=sum(len(each.violations) for each in done),
        failed=sum(not each.passed for each in done),
        real_s=time.monotonic() - began_s,
    )


# --- run, with processes -------------------------------------------------------------


def _real_stories() -> Iterable[Scenario]:
    return (each for each in SCENARIOS.values() if each.real)


async def _run_real(seeds: Sequence[Seed], screen: Screen) -> int:
    failed: list[Run] = []
    for seed in seeds:
        for scenario in _real_stories():
            screen.show([f"{REAL}: {scenario.name}: {scenario.summary}; seed {seed}"])
            played = await _run_one_real(scenario, seed, screen)
            screen.show(verdict(played, screen.palette))
            if not played.passed:
                failed.append(played)
    if failed:
        screen.show([replay(REAL, failed[0].seed)])
    return EXIT_FAILED if failed else EXIT_OK


async def _run_one_real(scenario: Scenario, seed: Seed, screen: Screen) -> Run:
    recorder = Recorder()
    async with screen.open_progress(lambda: progress(recorder)):
        return await run_with_processes(scenario, seed, recorder)


# --- the parser ----------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Bots that hold a server to its promises, or keep you company.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="which suites there are")
    listing.set_defaults(command=_list)
    _add_run(commands.add_parser("run", help="play a suite, and judge it"))
    measuring = commands.add_parser("speed", help="how fast worlds are on this machine")
    measuring.set_defaults(command=_speed)
    benching = commands.add_parser("bench", help="how fast the server is here")
    benching.set_defaults(command=_bench)
    add_bench(benching)
    _add_crowd(commands.add_parser("crowd", help="send bots that chat to a server"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_run, parser=parser)
    suites = [*SCENARIOS, REAL]
    parser.add_argument(
        "suite", choices=suites, metavar="SUITE", help="one of: " + ", ".join(suites)
    )
    parser.add_argument(
        "--seed", type=_seed, metavar="N", help="default: a new one, which is said first"
    )
    parser.add_argument(
        "--seeds",
        type=at_least_one,
        default=1,
        metavar="K",
        help="play K times, with N, N + 1, … (1)",
    )
    parser.add_argument(
        "--jobs",
        type=at_least_one,
        default=1,
        metavar="J",
        help="so many seeds at once, each in a process of its own (1)",
    )
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="with a single seed: write down all that happens, as JSON lines",
    )


def _add_crowd(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_crowd)
    parser.add_argument(
        "address",
        type=_address,
        nargs="?",
        default=Address("127.0.0.1", 8765),
        metavar="HOST:PORT",
        help="where the server is (127.0.0.1:8765)",
    )
    parser.add_argument(
        "--bots",
        type=_crowd_size,
        default=5,
        metavar="N",
        help=f"how many people, 1 to {CROWD_BOTS_MAX} (5)",
    )
    parser.add_argument(
        "--room", type=_room, default="lobby", metavar="ROOM", help="where (lobby)"
    )
    parser.add_argument(
        "--pace",
        type=_pace,
        default=5.0,
        metavar="S",
        help="seconds from one line to the next, on average (5)",
    )


def _seed(text: str) -> Seed:
    return Seed(whole(text, 0))


def _crowd_size(text: str) -> int:
    size = whole(text, 1)
    if size > CROWD_BOTS_MAX:
        raise argparse.ArgumentTypeError(f"{size} is more than {CROWD_BOTS_MAX}")
    return size


def _pace(text: str) -> float:
    return number(text, 0.1, 3600)


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _room(text: str) -> str:
    try:
        return names.room(text.removeprefix("#"))
    except RefusedError as error:
        raise argparse.ArgumentTypeError(error.reason) from None
