"""Four write and three read, all as real processes, and everything is killed with -9."""

import faulthandler
import os
import shlex
import sys
from pathlib import Path
from typing import Final

import pytest

from simulator.virtual.seeds import Seed, any_seed
from tests.processes import CLI
from tests.reliability.plan import Plan, Played
from tests.reliability.planted import CLIENTS, SERVERS
from tests.reliability.story import FRESH, play

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of Unix"),
]

SEED_VARIABLE: Final = "RELIABILITY_SEED"
ALARM_S: Final = 150.0
STDERR: Final = 2
FAULTS_SHOWN_MAX: Final = 30
TRIES: Final = 3
PLANTED: Final = (
    ("P2: a line is accepted and shown before it is stored", "was accepted as"),
    (
        "P7: a client says that it has a line before that is durable",
        "was taken, and is not",
    ),
)
"""One of a server and one of a client, the quickest, and what is said of it; small() plays
the others as well."""
WORDS_SHOWN_MAX: Final = 20


def chosen_seed() -> Seed:
    """The one of the environment, or any."""
    given = os.environ.get(SEED_VARIABLE)
    return Seed(int(given)) if given else any_seed()


def report(played: Played) -> str:
    """What a person needs who has to find out why."""
    again = f"{SEED_VARIABLE}={played.seed} python -m pytest {shlex.quote(__file__)}"
    faults = played.faults[:FAULTS_SHOWN_MAX]
    return "\n".join(
        [
            str(played),
            *faults,
            f"({len(played.faults)} faults; {len(faults)} are shown)",
            "--- the server's last words",
            *played.words[-WORDS_SHOWN_MAX:],
            "--- the same choices once more (when a kill meets whom is up to the machine):",
            again,
        ]
    )


@pytest.fixture(autouse=True)
def later_alarm() -> None:
    """This may take longer than any other test; what bounds it is the plan's patience."""
    faulthandler.dump_traceback_later(ALARM_S, exit=True, file=STDERR)


async def test_every_accepted_line_is_there_once_whatever_is_killed(tmp_path: Path) -> None:
    """In author's order, and all readers have the same contiguous sequence."""
    plan = Plan()
    seed = chosen_seed()
    sys.stdout.write(f"seed {seed}\n")
    played = await play(plan, seed, tmp_path)
    sys.stdout.write(f"{played}\n")
    if played.faults:
        pytest.fail(report(played), pytrace=False)
    assert (
        len(list(played.lives[FRESH][0].all("entry"))) == played.counts["lines in the log"]
    )
    assert played.counts["kills of the server"] == plan.server_kills


@pytest.mark.parametrize(("name", "words"), PLANTED)
async def test_a_planted_bug_is_found(tmp_path: Path, name: str, words: str) -> None:
    """In a small story, or in the next one: which kill meets it is up to the machine."""
    for seed in range(1, TRIES + 1):
        home = tmp_path / str(seed)
        home.mkdir()
        played = await play(small(name), Seed(seed), home)
        if any(words in fault for fault in played.faults):
            return
    pytest.fail(f"nobody noticed: {name}\n{report(played)}", pytrace=False)


def small(name: str) -> Plan:
    """A few seconds with the bug of this name."""
    return Plan(
        writers=("ada", "ben"),
        readers=("eve",),
        server_kills=2,
        kills_of_each=1,
        lines=(20, 60),
        patience_s=20.0,
        server=SERVERS.get(name, tuple(CLI)),
        client=CLIENTS.get(name, tuple(CLI)),
    )
