"""A day in the life of two people in three rooms, and of their terminals."""

import faulthandler
import sys
from pathlib import Path
from typing import Final

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals and SIGSTOP are of Unix", allow_module_level=True)

from tests.day.person import Person
from tests.day.scrollback import Scrollback, bare, faults, read
from tests.day.story import CHAPTERS, PASTED, ROOMS, open_day

pytestmark = pytest.mark.processes

ALARM_S: Final = 300.0
STDERR: Final = 2


@pytest.fixture(autouse=True)
def later_alarm() -> None:
    """This may take longer than any other test; each of its waits has a bound."""
    faulthandler.dump_traceback_later(ALARM_S, exit=True, file=STDERR)


async def test_a_day_is_lived_and_its_terminals_show_all_of_it_once(tmp_path: Path) -> None:
    """Restart, cut, sleep, paste, resize, quit, kill: each line of each room, in order."""
    async with open_day(tmp_path) as day:
        for chapter in CHAPTERS:
            await chapter(day)
        log = await day.phone.log(*ROOMS)
        for person in (day.ada, day.bob):
            found = faults(lives(person), log, ROOMS)
            assert not found, "\n".join([person.nick, *found])
        assert log["lobby"].count(("bob", bare(PASTED))) == 1


def lives(person: Person) -> list[Scrollback]:
    """What each of their windows tells."""
    return [read(window.texts, "lobby") for window in person.windows]
