"""The command line: what was asked, and how it ended."""

import argparse
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from simulator.crowd import CROWD_BOTS_MAX, crowd
from simulator.processes import open_server_process
from simulator.recorder import Recorder
from simulator.report import progress, replay, verdict
from simulator.run import Run, run
from simulator.scenarios import SCENARIOS
from simulator.screen import Screen, open_screen
from simulator.virtual.seeds import Seed, any_seed
from trio_chat.addresses import Address, parse_address
from trio_chat.errors import RefusedError
from trio_chat.protocol import names

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_SIGNAL: Final = 128
"""Plus the number of the signal: 130 after Ctrl-C."""

_EPILOG: Final = """\
examples:
  python -m simulator list                          the stories there are
  python -m simulator run smoke                     20 bots and a real server, a few seconds
  python -m simulator run restart --seeds 10        ten times, with a kill -9 in the middle
  python -m simulator run restart --seed 8127       once more what went wrong with this seed
  python -m simulator crowd 127.0.0.1:8765 --bots 5 company for whoever tries `join` alone

The seed decides who says what, where, and after which pause. Server and network are real,
so the order in which things happen is not decided by it: the same seed is the same story,
not the same run. Exit codes: 0 ok, 1 failed, 2 wrong usage, 130 Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code.

    Shape:  0 ok, 1 failed, 130 Ctrl-C; wrong usage leaves with 2 by SystemExit.
    """
    options = _parser().parse_args(arguments)
    screen = open_screen()
    try:
        return trio.run(_until_told, options.command, options, screen)
    except KeyboardInterrupt:  # before or after the time in which we wait for it
        return EXIT_SIGNAL + signal.SIGINT


Command = Callable[[argparse.Namespace, Screen], Awaitable[int]]


async def _until_told(command: Command, options: argparse.Namespace, screen: Screen) -> int:
    """The command, until it is done or somebody wants it to end."""
    code = EXIT_FAILED

    async def do() -> None:
        nonlocal code
        code = await command(options, screen)
        nursery.cancel_scope.cancel()

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(do)
            async for number in signals:
                code = EXIT_SIGNAL + number
                nursery.cancel_scope.cancel()
    return code


# --- the commands --------------------------------------------------------------------


async def _list(_options: argparse.Namespace, screen: Screen) -> int:
    screen.show(f"{each.name:<10} {each.summary}" for each in SCENARIOS.values())
    return EXIT_OK


async def _run(options: argparse.Namespace, screen: Screen) -> int:
    first: Seed = options.seed if options.seed is not None else any_seed()
    failed: list[Run] = []
    for number in range(first.number, first.number + options.seeds):
        played = await _run_once(options.suite, Seed(number), screen)
        if not played.passed:
            failed.append(played)
    if options.seeds > 1:
        passed = options.seeds - len(failed)
        screen.show([f"{passed} of {options.seeds} runs of {options.suite} are ok"])
        if failed:
            screen.show([replay(options.suite, failed[0].seed)])
    return EXIT_FAILED if failed else EXIT_OK


async def _run_once(suite: str, seed: Seed, screen: Screen) -> Run:
    screen.show([f"{suite}: {SCENARIOS[suite].summary}; seed {seed}"])
    recorder = Recorder()
    async with screen.open_progress(lambda: progress(recorder)):
        played = await run(SCENARIOS[suite], seed, open_server_process(), recorder)
    screen.show(verdict(played, screen.palette))
    return played


async def _crowd(options: argparse.Namespace, screen: Screen) -> int:
    await crowd(
        options.address,
        room=options.room,
        bots=options.bots,
        pace_s=options.pace,
        rng=any_seed().stream("crowd"),
        show=lambda line: screen.show([line]),
    )
    return EXIT_OK


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
    _add_crowd(commands.add_parser("crowd", help="send bots that chat to a server"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_run)
    parser.add_argument("suite", choices=SCENARIOS, metavar="SUITE", help=_suites())
    parser.add_argument(
        "--seed", type=_seed, metavar="N", help="default: a new one, which is said first"
    )
    parser.add_argument(
        "--seeds",
        type=_at_least_one,
        default=1,
        metavar="K",
        help="play K times, with N, N + 1, … (1)",
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


def _suites() -> str:
    return "one of: " + ", ".join(SCENARIOS)


def _seed(text: str) -> Seed:
    return Seed(_whole(text, 0))


def _at_least_one(text: str) -> int:
    return _whole(text, 1)


def _crowd_size(text: str) -> int:
    size = _whole(text, 1)
    if size > CROWD_BOTS_MAX:
        raise argparse.ArgumentTypeError(f"{size} is more than {CROWD_BOTS_MAX}")
    return size


def _whole(text: str, lowest: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= lowest):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} on")
    return int(text)


def _pace(text: str) -> float:
    try:
        pace_s = float(text)
    except ValueError:
        pace_s = 0.0
    if not 0.1 <= pace_s <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0.1 to 3600")
    return pace_s


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
