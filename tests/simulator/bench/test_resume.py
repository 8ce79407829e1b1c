"""Those who come back: all of it is heard and checked, whatever the server makes of it."""

import sys
from typing import Final

import pytest
import trio

from simulator.bench.dialects import OURS
from simulator.bench.kinds import kind_of
from simulator.bench.plan import Plan, Resumed
from simulator.bench.run import put_load
from simulator.bench.workloads import WORKLOADS, Resume
from simulator.processes import open_server_process

pytestmark = pytest.mark.processes

PATIENCE_S: Final = 60
SMALL: Final = Resume(members=5, behind=300, talkers=2, rate_per_s=50)
HONEST: Final = "from trio_chat.cli import main; import sys; sys.exit(main())"
FORGETFUL: Final = f"""
from trio_chat.server.pages import _Page
honest = _Page.after
def after(self, cursor):
    part = honest(self, cursor)
    skipped = part.data.index(b"\\n") + 1 if self.first > 1 else 0
    return part._replace(data=part.data[skipped:])
_Page.after = after
{HONEST}
"""
"""Of every page but the first it leaves out the first entry."""


async def resumed(load: Resume, program: str, *flags: str) -> Resumed:
    """What a server made of it."""
    command = (sys.executable, "-c", program)
    with trio.fail_after(PATIENCE_S):
        async with open_server_process(command=command, flags=flags) as server:
            address = await server.start()
            assert server.pid is not None
            plan = Plan(
                host=address.host,
                port=address.port,
                server_pid=server.pid,
                dialect=OURS,
                load=load,
                seconds=0.1,
                warm_s=0.1,
                core=None,
            )
            outcome = await put_load(plan)
            assert isinstance(outcome, Resumed)
            return outcome


@pytest.mark.parametrize("data", [[], ["--data=:memory:"]])
async def test_those_who_come_back_get_all_that_they_have_missed(data: list[str]) -> None:
    outcome = await resumed(SMALL, HONEST, *data)
    assert outcome.faults == []
    assert outcome.entries >= SMALL.members * SMALL.behind
    figures = {each.name: each.of(outcome) for each in kind_of(SMALL).figures}
    assert figures["caught_up_s"] == outcome.seconds
    assert figures["entries_per_s"] is not None


async def test_without_them_only_what_is_said_is_timed() -> None:
    load = Resume(members=2, behind=50, talkers=2, rate_per_s=200, come_back=False)
    outcome = await resumed(load, HONEST, "--data=:memory:")
    assert (outcome.entries, outcome.faults) == (0, [])
    assert outcome.timed > 0
    figures = {each.name: each.of(outcome) for each in kind_of(load).figures}
    assert figures["caught_up_s"] is None is figures["cpu_us_per_entry"]


async def test_what_is_lost_on_the_way_to_live_is_found() -> None:
    outcome = await resumed(
        Resume(members=3, behind=1_000, talkers=2, rate_per_s=50), FORGETFUL
    )
    assert any("lost" in fault for fault in outcome.faults)


def test_the_first_variant_is_the_room_without_them() -> None:
    for case in WORKLOADS["W7"].cases:
        loads = [each.load for each in case.variants if isinstance(each.load, Resume)]
        assert [load.come_back for load in loads] == [False, True]
