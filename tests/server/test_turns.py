"""Turns: a step in each round of the scheduler, in order, and nobody's in another's way."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from trio_chat.server.turns import _SHARE, Done, Gate, Turns


class Rounds(trio.abc.Instrument):
    """Counts the rounds of the scheduler."""

    count = 0

    def after_io_wait(self, _timeout: float) -> None:
        self.count += 1


class Someone:
    """Takes so many steps, and remembers in which round each was."""

    def __init__(self, turns: Turns, rounds: Rounds, steps: int) -> None:
        self.took: list[int] = []
        self._turns, self._rounds, self._steps = turns, rounds, steps

    async def run(self) -> None:
        await self._turns.take(self.step)

    def step(self) -> Gate | Done[None]:
        self.took.append(self._rounds.count)
        return Done(None) if len(self.took) == self._steps else self._turns.next


async def test_one_step_is_taken_in_each_round_in_the_order_of_asking(
    autojump_clock: MockClock,
) -> None:
    turns, rounds = Turns(), Rounds()
    trio.lowlevel.add_instrument(rounds)
    people = [Someone(turns, rounds, 3) for _ in range(50)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.run)
        async with trio.open_nursery() as asking:
            for person in people:
                asking.start_soon(person.run)
        turns.close()
    took = sorted(round_ for person in people for round_ in person.took)
    assert len(set(took)) == 150
    assert all(max(one.took) - min(one.took) <= 2 * 51 for one in people)


async def test_who_is_busy_with_other_things_gives_a_share_of_its_time(
    mock_clock: MockClock,
) -> None:
    """Everything else takes eight seconds in each round, a step a tenth of one."""
    turns, rounds = Turns(), Rounds()
    trio.lowlevel.add_instrument(rounds)
    busy = trio.CancelScope()

    async def others() -> None:
        with busy:
            while True:
                mock_clock.jump(1 / _SHARE)
                await trio.lowlevel.checkpoint()

    class Slow(Someone):
        def step(self) -> Gate | Done[None]:
            mock_clock.jump(0.1)
            return super().step()

    people = [Slow(turns, rounds, 10) for _ in range(20)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.run)
        nursery.start_soon(others)
        async with trio.open_nursery() as asking:
            for person in people:
                asking.start_soon(person.run)
        busy.cancel()
        turns.close()
    took = [round_ for person in people for round_ in person.took]
    by_round = [took.count(round_) for round_ in sorted(set(took))]
    assert sum(by_round) == 200
    # The others have been there once since, or twice, or not yet: trio likes it mixed.
    assert 10 <= max(by_round) <= 2 * 10 + 1
    assert len(by_round) < 2 * 20


async def test_what_a_step_raises_is_its_own_tasks_business(
    autojump_clock: MockClock,
) -> None:
    turns = Turns()

    def broken() -> Gate:
        raise ZeroDivisionError

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.run)
        with pytest.raises(ZeroDivisionError):
            await turns.take(broken)
        assert await turns.take(lambda: Done(7)) == 7
        turns.close()


async def test_who_waits_at_a_gate_goes_on_when_it_is_opened_and_wakes_no_task(
    autojump_clock: MockClock,
) -> None:
    turns, gate = Turns(), Gate()
    steps: list[int] = []

    def step_of(number: int) -> Callable[[], Gate | Done[None]]:
        def step() -> Gate | Done[None]:
            steps.append(number)
            return gate if len(steps) <= 3 else Done(None)

        return step

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.run)
        async with trio.open_nursery() as asking:
            for number in range(3):
                asking.start_soon(turns.take, step_of(number))
            await trio.testing.wait_all_tasks_blocked()
            assert sorted(steps) == [0, 1, 2]
            turns.open(gate)
        assert steps[3:] == steps[:3]
        turns.close()


async def test_who_is_cancelled_takes_no_step_any_more_wherever_it_waits(
    autojump_clock: MockClock,
) -> None:
    turns, gate = Turns(), Gate()
    steps: list[str] = []

    def at_a_gate() -> Gate:
        steps.append("gate")
        return gate

    def at_once() -> Gate:
        steps.append("next")
        return turns.next

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.run)
        for step in (at_a_gate, at_once):
            with trio.move_on_after(1):
                async with trio.open_nursery() as asking:
                    asking.start_soon(turns.take, step)
                    await (
                        trio.testing.wait_all_tasks_blocked()
                    ) if step is at_a_gate else None
                    for _ in range(10):
                        await trio.lowlevel.checkpoint()
                    asking.cancel_scope.cancel()
        count = len(steps)
        turns.open(gate)
        assert not gate.waiting
        assert not turns.next.waiting
        turns.close()
    assert len(steps) == count
