"""A day in the life of two people in three rooms, and of their terminals."""

import faulthandler
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals and SIGSTOP are of Unix", allow_module_level=True)

from tests.day.person import CLI, Person
from tests.day.phone import log_of
from tests.day.planted import CLIENTS
from tests.day.scrollback import Scrollback, faults, read
from tests.day.story import CHAPTERS, ROOMS, open_day

pytestmark = pytest.mark.processes

PLANTED: Final = (
    ("a client prints twice what comes first on a new link", 4, "doubled"),
    ("a client does not look for what was half typed", 9, "kill: a draft is lost"),
)
"""Each with how much of the day it takes to see it, and what is said of it."""
ALARM_S: Final = 300.0
STDERR: Final = 2


@pytest.fixture(autouse=True)
def later_alarm() -> None:
    """This may take longer than any other test; each of its waits has a bound."""
    faulthandler.dump_traceback_later(ALARM_S, exit=True, file=STDERR)


async def test_a_day_is_lived_and_the_terminals_show_all_of_it_once(tmp_path: Path) -> None:
    """Restart, cut, sleep, paste, resize, quit, kill: each line of each room, in order."""
    found = await lived(tmp_path, CLI, len(CHAPTERS))
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize(("name", "chapters", "words"), PLANTED)
async def test_a_planted_bug_is_found(
    tmp_path: Path, name: str, chapters: int, words: str
) -> None:
    found = await lived(tmp_path, CLIENTS[name], chapters)
    assert any(words in fault for fault in found), found


async def lived(home: Path, command: Sequence[str], chapters: int) -> list[str]:
    """What went wrong on a day, as far as it was told."""
    async with open_day(home, command) as day:
        for chapter in CHAPTERS[:chapters]:
            try:
                await chapter(day)
            except AssertionError as error:
                return [f"{chapter.__name__}: {error}"]
        log = await log_of(day.server_at, ROOMS)
        rooms = ROOMS if chapters == len(CHAPTERS) else ROOMS[:1]
        return [
            f"{person.nick}: {fault}"
            for person in (day.ada, day.bob)
            for fault in faults(lives(person), log, rooms)
        ]


def lives(person: Person) -> list[Scrollback]:
    """What each of their windows tells."""
    return [read(window.texts, "lobby") for window in person.windows]
