"""Events wait to be read: bounded, in order, and one's own come first."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_chat.client.events import Accepted, ClientEvent, Joined
from trio_chat.client.mailbox import OWN_EVENTS_MAX, ROOM_EVENTS_MAX, Mailbox


def room_event(number: int) -> Joined:
    return Joined("lobby", str(number))


class Reader:
    """A mailbox, and how often it had space again."""

    def __init__(self, *, kept: bool = True) -> None:
        self.spaces = 0
        self.mailbox = Mailbox(self._space, kept=kept)

    def _space(self) -> None:
        self.spaces += 1

    def fill(self) -> int:
        """How many events of rooms it takes."""
        count = 0
        while self.mailbox.offer(room_event(count)):
            count += 1
        return count

    async def read(self, count: int) -> list[ClientEvent]:
        return [await self.mailbox.next() for _ in range(count)]


async def test_events_of_rooms_come_in_order() -> None:
    reader = Reader()
    for number in range(5):
        assert reader.mailbox.offer(room_event(number))
    assert await reader.read(5) == [room_event(number) for number in range(5)]


async def test_ones_own_events_overtake() -> None:
    reader = Reader()
    reader.fill()
    accepted = [Accepted("lobby", n, n) for n in (1, 2)]
    for event in accepted:
        reader.mailbox.tell(event)
    assert await reader.read(3) == [*accepted, room_event(0)]


async def test_it_never_grows() -> None:
    reader = Reader()
    assert reader.fill() == ROOM_EVENTS_MAX
    for n in range(OWN_EVENTS_MAX + 10):
        reader.mailbox.tell(Accepted("lobby", n, n))
    waiting = await reader.mailbox.all()
    assert len(waiting) == ROOM_EVENTS_MAX + OWN_EVENTS_MAX
    assert waiting[0] == Accepted("lobby", 10, 10)


async def test_space_is_told_once_when_half_was_read() -> None:
    """And only to a client that was turned away."""
    reader = Reader()
    reader.fill()
    await reader.read(ROOM_EVENTS_MAX // 2 - 1)
    assert reader.spaces == 0
    await reader.read(1)
    assert reader.spaces == 1
    await reader.read(ROOM_EVENTS_MAX // 2)
    assert reader.spaces == 1
    for number in range(ROOM_EVENTS_MAX):
        reader.mailbox.put(room_event(number))
    await reader.read(ROOM_EVENTS_MAX)
    assert reader.spaces == 1


async def test_all_takes_all_and_waits_for_one() -> None:
    reader = Reader()
    with trio.move_on_after(0) as scope:
        await reader.mailbox.all()
    assert scope.cancelled_caught
    reader.fill()
    assert len(await reader.mailbox.all()) == ROOM_EVENTS_MAX
    assert reader.spaces == 1


async def test_a_cancelled_read_takes_nothing() -> None:
    reader = Reader()
    reader.mailbox.offer(room_event(0))
    with trio.CancelScope() as scope:
        scope.cancel()
        await reader.mailbox.next()
    assert scope.cancelled_caught
    assert await reader.read(1) == [room_event(0)]


async def test_two_may_read() -> None:
    reader = Reader()
    got: list[ClientEvent] = []

    async def read_one() -> None:
        got.append(await reader.mailbox.next())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_one)
        nursery.start_soon(read_one)
        await wait_all_tasks_blocked()
        for number in range(2):
            reader.mailbox.offer(room_event(number))
            await wait_all_tasks_blocked()
    assert got == [room_event(0), room_event(1)]


async def test_after_the_close_what_waits_can_still_be_read() -> None:
    reader = Reader()
    reader.mailbox.offer(room_event(0))
    reader.mailbox.close()
    assert await reader.read(1) == [room_event(0)]
    with pytest.raises(trio.EndOfChannel):
        await reader.mailbox.next()


async def test_whoever_only_talks_keeps_nothing() -> None:
    reader = Reader(kept=False)
    for number in range(3 * ROOM_EVENTS_MAX):
        assert reader.mailbox.offer(room_event(number))
        reader.mailbox.put(room_event(number))
        reader.mailbox.tell(room_event(number))
    reader.mailbox.close()
    with pytest.raises(trio.EndOfChannel):
        await reader.mailbox.next()
