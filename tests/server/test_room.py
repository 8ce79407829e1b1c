"""What a room offers to its members: whole batches, in frames that a queue can take."""

from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from trio_chat.server.room import Member, Room, Standing
from trio_chat.store.interface import Entry

FRAME_BYTES_MAX = 1_000


@dataclass(eq=False)
class Person:
    """A member with space for so many frames."""

    nick: str = "ada"
    space: int = 1_000
    frames: list[bytes] = field(default_factory=list)
    served: list[int] = field(default_factory=list)

    @property
    def taker(self) -> "Person":
        return self

    def now(self, frame: bytes) -> int:
        if len(self.frames) == self.space:
            raise BlockingIOError
        self.frames.append(frame)
        return len(frame)

    def keep(self, _frame: bytes, _taken: int) -> bool:
        return False

    def offer(self, frame: bytes) -> bool:
        with suppress(BlockingIOError):
            return self.now(frame) == len(frame)
        return False

    def serve(self, member: Member) -> None:
        self.served.append(member.cursor)

    @property
    def seqs(self) -> list[int]:
        lines = b"".join(self.frames).splitlines()
        return [each["seq"] for each in map(msgspec.json.decode, lines)]


def entries(count: int, text: str = "x") -> list[Entry]:
    return [
        Entry(log="lobby", seq=seq, nick="ada", text=text, ts=1.0)
        for seq in range(1, count + 1)
    ]


def live(room: Room, person: Person) -> Member:
    member = room.enter(person, person)
    room.go_live(member)
    person.frames.clear()
    return member


def test_a_batch_is_one_frame_for_all() -> None:
    """The very same bytes."""
    room, ada, ben = Room("lobby", "lobby", 0, FRAME_BYTES_MAX), Person(), Person("ben")
    for person in (ada, ben):
        live(room, person)
    ada.frames.clear()
    room.deliver(entries(5))
    assert ada.frames[0] is ben.frames[0]
    assert (len(ada.frames), ada.seqs) == (1, [1, 2, 3, 4, 5])


def test_a_batch_that_no_queue_takes_whole_goes_in_several_frames() -> None:
    """However many bytes its characters become; one entry is never cut."""
    room, ada = Room("lobby", "lobby", 0, FRAME_BYTES_MAX), Person()
    live(room, ada)
    room.deliver(entries(50, "\x01" * 60))
    assert ada.seqs == list(range(1, 51))
    assert all(len(frame) <= FRAME_BYTES_MAX for frame in ada.frames)
    assert len(ada.frames) <= 2 * sum(map(len, ada.frames)) / FRAME_BYTES_MAX + 1
    room.deliver([Entry(log="lobby", seq=51, nick="ada", text="y" * 5_000, ts=1.0)])
    assert ada.seqs[-1] == 51


def test_who_takes_the_first_part_of_a_batch_reads_on_behind_it() -> None:
    """It is set aside once, and gets no later part of it before."""
    room, ada = Room("lobby", "lobby", 0, FRAME_BYTES_MAX), Person(space=1)
    member = live(room, ada)
    room.deliver(entries(50, "x" * 60))
    assert member.standing is Standing.BEHIND
    assert ada.seqs == list(range(1, member.cursor + 1))
    assert ada.served == [member.cursor]
    assert 0 < member.cursor < room.head == 50
