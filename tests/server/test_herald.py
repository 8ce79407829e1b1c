"""When news are told: by the batch, in the order of the room, and not by each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
import pytest
import trio
from trio.testing import MockClock

from tests.server.harness import open_world
from tests.server.test_room import FRAME_BYTES_MAX, Person, entries, live
from trio_chat.protocol import framing, messages
from trio_chat.server import room as room_module
from trio_chat.server.herald import Herald
from trio_chat.server.room import Member, Room, Standing


def quiet_room(has_news: Callable[[Room], None] = lambda _room: None) -> Room:
    """A room that tells its news when it is told to."""
    return Room("lobby", "lobby", 0, FRAME_BYTES_MAX, has_news=has_news)


def told(frame: bytes) -> list[str]:
    return [str(msgspec.json.decode(line)["t"]) for line in frame.splitlines()]


def settled(room: Room, *people: Person) -> list[Member]:
    """All of them live, with nothing left to be told."""
    members = [live(room, person) for person in people]
    room.tell()
    for person in people:
        person.frames.clear()
    return members


# --- the room ------------------------------------------------------------------------


def test_a_storm_of_joins_is_one_batch_the_same_bytes_for_all() -> None:
    asked: list[Room] = []
    room, ada, ben = quiet_room(asked.append), Person(), Person("ben")
    settled(room, ada, ben)
    asked.clear()
    for number in range(20):
        room.enter(Person(f"p{number}"), Person())
    assert (ada.frames, asked) == ([], [room])
    room.tell()
    (frame,) = ada.frames
    assert told(frame) == ["joined"] * 20
    assert ben.frames[0] is frame
    room.tell()
    assert len(ada.frames) == 1


def test_entries_and_news_come_in_the_order_of_the_room() -> None:
    room, ada = quiet_room(), Person()
    settled(room, ada)
    first, *more = entries(2)
    room.enter(Person("ben"), Person())
    room.deliver([first])
    room.announce(messages.Renamed(room="lobby", nick="ben", to="eve"))
    room.deliver(more)
    assert told(b"".join(ada.frames)) == ["joined", "entry", "renamed", "entry"]


def test_who_comes_while_there_are_news_is_live_and_has_the_list_after_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One list, encoded once, for all who come at once; nothing is told twice."""
    lists: list[object] = []

    def encode(lines: Iterable[messages.Message]) -> bytes:
        kept = list(lines)
        lists.extend(line for line in kept if isinstance(line, messages.Members))
        return framing.encode(kept)

    monkeypatch.setattr(room_module, "encode", encode)
    room, ada = quiet_room(), Person()
    settled(room, ada)
    lists.clear()
    people = [Person(f"p{number}") for number in range(5)]
    members = [room.enter(person, person) for person in people]
    for member in members:
        room.read_from(member, 0)
        assert room.welcome(member)
        assert member.standing is Standing.WAITING
    room.tell()
    assert {member.standing for member in members} == {Standing.LIVE}
    assert [told(b"".join(person.frames)) for person in people] == [["room", "members"]] * 5
    assert len({id(person.frames[-1]) for person in people}) == 1
    assert len(lists) == 1
    room.announce(messages.Left(room="lobby", nick="eve"))
    room.tell()
    assert told(people[0].frames[-1]) == ["left"]


def test_who_waits_for_news_misses_nothing_that_is_said_meanwhile() -> None:
    room, ben = quiet_room(), Person("ben")
    member = room.enter(ben, ben)
    room.read_from(member, 0)
    assert room.welcome(member)
    room.deliver(entries(1))
    assert told(b"".join(ben.frames)) == ["room", "members", "entry"]


def test_who_waits_for_news_and_can_not_take_the_list_is_served_it() -> None:
    room, ben = quiet_room(), Person("ben", space=1)
    member = room.enter(ben, ben)
    room.read_from(member, 0)
    assert room.welcome(member)
    served = len(ben.served)
    room.tell()
    assert member.standing is Standing.BEHIND
    assert len(ben.served) == served + 1
    assert room.owes_list(member)


def test_who_holds_or_goes_while_it_waits_for_news_is_not_made_live() -> None:
    for part in (Room.hold, Room.empty_seat, lambda room, who: room.remove(who, "left")):
        room, ben = quiet_room(), Person("ben")
        member = room.enter(ben, ben)
        room.read_from(member, 0)
        assert room.welcome(member)
        part(room, member)
        standing = member.standing
        room.tell()
        room.deliver(entries(1))
        assert (member.standing, told(b"".join(ben.frames))) == (standing, ["room"])


def test_who_asks_while_there_are_news_has_the_list_after_them() -> None:
    room, ada = quiet_room(), Person()
    (member,) = settled(room, ada)
    room.enter(Person("ben"), Person())
    room.list_members(member)
    assert not ada.frames
    room.tell()
    assert told(b"".join(ada.frames)) == ["joined", "members"]
    room.list_members(member)
    assert len(ada.frames) == 3


def test_who_takes_only_a_part_of_the_news_gets_the_list_instead_of_the_rest() -> None:
    room, ada = quiet_room(), Person(space=1)
    (member,) = settled(room, ada)
    for number in range(50):
        room.announce(messages.Joined(room="lobby", nick=f"p{number}"))
    room.tell()
    assert (member.standing, len(ada.frames)) == (Standing.BEHIND, 1)
    assert room.owes_list(member)


def test_who_has_more_to_read_is_not_sent_a_list_that_changes_anyhow() -> None:
    room, ben = quiet_room(), Person("ben")
    room.deliver(entries(3))
    member = room.enter(ben, ben)
    room.read_from(member, 0)
    assert not room.welcome(member)
    assert not room.owes_list(member)
    room.tell()
    assert room.owes_list(member)


# --- the herald ----------------------------------------------------------------------


@dataclass(eq=False)
class Huge:
    """A room that takes a second for telling its news."""

    clock: MockClock
    times_s: list[float] = field(default_factory=list)

    def tell(self) -> None:
        self.times_s.append(trio.current_time())
        self.clock.jump(1)


@pytest.fixture
async def herald(mock_clock: MockClock, nursery: trio.Nursery) -> Herald:
    herald = Herald()
    nursery.start_soon(herald.run)
    return herald


async def test_a_lone_change_is_told_in_the_next_turn(
    mock_clock: MockClock, herald: Herald
) -> None:
    room = Huge(mock_clock)
    for count in (1, 2, 3):
        herald.has_news(room)
        herald.has_news(room)
        await trio.testing.wait_all_tasks_blocked()
        assert len(room.times_s) == count


async def test_a_server_that_has_other_things_to_do_tells_news_a_fourth_of_its_time(
    mock_clock: MockClock, herald: Herald
) -> None:
    room = Huge(mock_clock)
    began_s = trio.current_time()
    while trio.current_time() < began_s + 100:
        herald.has_news(room)
        await trio.lowlevel.checkpoint()
        mock_clock.jump(0.05)
    assert 20 <= len(room.times_s) <= 25


async def test_small_rooms_are_told_together(herald: Herald) -> None:
    told: list[int] = []

    class Small:
        def tell(self) -> None:
            told.append(1)

    for room in [Small() for _ in range(100)]:
        herald.has_news(room)
    await trio.lowlevel.checkpoint()
    await trio.lowlevel.checkpoint()
    assert len(told) == 100


async def test_a_storm_of_joins_is_told_in_few_batches(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    honest = Room.tell

    def tell(room: Room) -> None:
        if room._news:
            batches.append(len(room._news))
        honest(room)

    monkeypatch.setattr(Room, "tell", tell)
    async with open_world() as world:
        people = [world.dial() for _ in range(100)]
        for number, person in enumerate(people):
            hello = {"t": "hello", "v": 1, "nick": f"p{number}", "device": f"d{number}"}
            await person.send(hello)
            await person.hear("welcome")
        async with trio.open_nursery() as nursery:
            for person in people:
                nursery.start_soon(person.send, {"t": "join", "room": "lobby"})
        heard = [await person.rest() for person in people]
    assert sum(batches) == 100
    assert len(batches) <= 10
    for mine in heard:
        nicks: set[str] = set()
        for message in mine:
            if message["t"] == "members":
                nicks = set(message["nicks"])
            elif message["t"] == "joined":
                assert message["nick"] not in nicks
                nicks.add(message["nick"])
        assert nicks == {f"p{number}" for number in range(100)}
