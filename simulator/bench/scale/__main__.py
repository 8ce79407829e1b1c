"""`python -m simulator.bench.scale`: how what a server does grows with what it keeps."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

import trio

from simulator.arguments import at_least_one
from simulator.bench.scale.measure import Figures, lines, measured

_ENTRIES: Final = (100_000, 1_000_000)
_ROOMS: Final = (10_000,)


async def run(entries: Sequence[int], rooms: Sequence[int]) -> None:
    """Measure files with so many entries in one room, and with so many rooms of 10."""
    found: dict[str, Figures] = {}
    sizes = [(count, 1) for count in entries] + [(10 * count, count) for count in rooms]
    for count, logs in sizes:
        title = f"{count:,}" if logs == 1 else f"{logs:,} rooms"
        found[title] = await measured(count, logs, told=_told)
    sys.stdout.write("\n".join(lines(found)) + "\n")


def _told(words: str) -> None:
    sys.stderr.write(f"… {words}\n")


def main() -> int:
    """What it can be asked."""
    parser = argparse.ArgumentParser(prog="python -m simulator.bench.scale")
    parser.add_argument("--entries", type=at_least_one, nargs="*", default=_ENTRIES)
    parser.add_argument("--rooms", type=at_least_one, nargs="*", default=_ROOMS)
    options = parser.parse_args()
    trio.run(run, options.entries, options.rooms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
