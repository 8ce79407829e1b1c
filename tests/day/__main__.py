"""The day, to be looked at: what the terminals show in the moments that matter.

python -m tests.day
"""

import sys
import tempfile
from pathlib import Path

import trio

from tests.day.person import Person
from tests.day.story import CHAPTERS, open_day


def look(person: Person) -> None:
    """Print what somebody sees."""
    sys.stdout.write(f"--- {person.nick}\n")
    sys.stdout.writelines(f"| {row}\n" for row in person.rows)


async def show(home: Path) -> None:
    """Play the day, and print what there is to see."""
    async with open_day(home, look=look) as day:
        for chapter in CHAPTERS:
            sys.stdout.write(f"\n=== {chapter.__name__}: {chapter.__doc__}\n")
            await chapter(day)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        trio.run(show, Path(directory))
