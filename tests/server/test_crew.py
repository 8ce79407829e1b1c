"""The tasks of a peer: none outlives it, and none fails unheard."""

import pytest
import trio

from trio_chat.server.crew import Crew


async def test_no_task_outlives_its_peer_and_none_begins_after_it(
    nursery: trio.Nursery,
) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("work")

    crew = Crew(nursery, lambda: None)
    crew.start_soon(work)
    await trio.testing.wait_all_tasks_blocked()
    crew.start_soon(work)  # which comes no further than to its first await
    await crew.aclose()
    crew.start_soon(work)
    await trio.testing.wait_all_tasks_blocked()
    assert ended == ["work"] * 2
    assert not nursery.child_tasks
    crew.check()


async def test_a_peer_that_is_cancelled_ends_its_tasks_all_the_same(
    nursery: trio.Nursery,
) -> None:
    crew = Crew(nursery, lambda: None)
    crew.start_soon(trio.sleep_forever)
    with trio.CancelScope() as scope:
        scope.cancel()
        await crew.aclose()
    assert not nursery.child_tasks


async def test_what_a_task_raises_is_told_at_once_and_raised_in_the_peer(
    nursery: trio.Nursery,
) -> None:
    async def fail() -> None:
        raise ValueError("oops")

    failed: list[int] = []
    crew = Crew(nursery, lambda: failed.append(1))
    crew.start_soon(fail)
    await trio.testing.wait_all_tasks_blocked()
    assert failed == [1]
    with pytest.raises(ValueError, match="oops"):
        crew.check()


async def test_of_several_that_fail_all_are_known(nursery: trio.Nursery) -> None:
    async def fail() -> None:
        raise ValueError("oops")

    crew = Crew(nursery, lambda: None)
    for _ in range(2):
        crew.start_soon(fail)
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(ExceptionGroup) as caught:
        crew.check()
    assert len(caught.value.exceptions) == 2
