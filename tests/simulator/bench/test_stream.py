"""The load's check: what is lost, repeated or swapped on the way to anybody is found."""

import pytest

from simulator.bench.dialects import DIALECTS, OURS
from simulator.bench.dialects.dialect import Accepted, Aside, Joined
from simulator.bench.room_log import Author, RoomLog
from simulator.bench.stream import Faults, NumberedStream
from trio_chat.protocol.framing import encode
from trio_chat.protocol.messages import Accepted as AcceptedMessage
from trio_chat.protocol.messages import Entry, Members

AUTHORS = ("ada", "ben")


def entry(seq: int, nick: str, n: int) -> bytes:
    text = f"{n} xxx"
    return encode([Entry(room="lobby", seq=seq, nick=nick, text=text, ts=1.5)])


LINES = tuple(entry(1 + at, AUTHORS[at % 2], 1 + at // 2) for at in range(8))
ACCEPTED = encode([AcceptedMessage(room="lobby", n=1, seq=1)])
JOINED = encode([Members(room="lobby", nicks=("ada",))])


def log(mark_every: int = 1) -> RoomLog:
    authors = {nick: Author(nick, sent_s=[0.5] * 4) for nick in AUTHORS}
    return RoomLog("lobby", DIALECTS[OURS], authors, mark_every)


def stream(room: RoomLog, asides: list[Aside] | None = None) -> NumberedStream:
    return NumberedStream(room, (list[Aside]() if asides is None else asides).append)


def faults(*seqs: int, ahead: bool) -> Faults:
    """What is found at a member to whom these come, the first or after another one."""
    room = log()
    whole, other = stream(room), stream(room)
    if not ahead:
        whole.feed(b"".join(LINES))
    for seq in seqs:
        other.feed(LINES[seq - 1])
    if ahead:
        whole.feed(b"".join(LINES))
    assert whole.faults() == Faults()
    assert room.faults == []
    return other.faults()


@pytest.mark.parametrize("ahead", [False, True], ids=["behind others", "ahead of all"])
@pytest.mark.parametrize(
    ("seqs", "found"),
    [
        ((1, 2, 3, 4, 5, 6, 7, 8), Faults()),
        ((1, 2, 4, 5, 6, 7, 8), Faults(lost=1)),
        ((1, 2, 3, 3, 4, 5, 6, 7, 8), Faults(repeated=1)),
        ((1, 2, 4, 3, 5, 6, 7, 8), Faults(swapped=1)),
        ((2, 1, 3, 4, 5, 6, 7, 8), Faults(swapped=1)),
        ((1, 2, 3, 4, 5), Faults(lost=3)),
        ((1, 3, 2, 2, 5), Faults(lost=4, repeated=1, swapped=1)),
        ((), Faults(lost=8)),
    ],
)
def test_a_loss_a_repeat_and_a_swap_are_found(
    seqs: tuple[int, ...], found: Faults, ahead: bool
) -> None:
    """Also at the one whose bytes the others' are compared with."""
    assert faults(*seqs, ahead=ahead) == found


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_pieces_may_be_cut_anywhere(size: int) -> None:
    """And asides may stand anywhere between the entries."""
    sent = JOINED + LINES[0] + ACCEPTED + ACCEPTED + b"".join(LINES[1:5]) + JOINED
    room, asides, others = log(), list[Aside](), list[Aside]()
    ahead, behind = stream(room, asides), stream(room, others)
    for member in (ahead, behind):
        for at in range(0, len(sent), size):
            member.feed(sent[at : at + size])
        assert member.entries == 5
        assert member.whole
        assert member.faults() == Faults()
    assert asides == others == [Joined(), Accepted(1), Accepted(1), Joined()]
    assert bytes(room.bytes) == b"".join(LINES[:5])


def test_members_may_be_ahead_by_turns() -> None:
    """Each entry is taken apart once, whoever has it first."""
    room = log()
    one, other = stream(room), stream(room)
    one.feed(LINES[0])
    other.feed(b"".join(LINES[:3]))
    assert one.entries == 1
    assert not one.whole
    one.feed(b"".join(LINES[1:6]))
    other.feed(b"".join(LINES[3:6]))
    assert len(room) == one.entries == other.entries == 6
    assert one.faults() == other.faults() == Faults()


def test_one_changed_letter_is_a_difference() -> None:
    """The number alone does not make it the same entry."""
    room = log()
    stream(room).feed(b"".join(LINES))
    other = stream(room)
    other.feed(LINES[0] + LINES[1].replace(b"xxx", b"xx") + LINES[2])
    assert other.entries == 1
    assert other.whole  # it never will be, so nobody needs to wait for it
    other.feed(b"".join(LINES[3:]))
    assert other.faults() == Faults(changed=1)


def test_a_line_that_an_author_did_not_say_next_is_a_fault_of_the_log() -> None:
    """Whether it is one of its lines twice, or one too early."""
    room = log()
    stream(room).feed(entry(1, "ada", 1) + entry(2, "ada", 1) + entry(3, "ada", 3))
    assert room.faults == ["ada's 1 follows its 1", "ada's 3 follows its 1"]


def test_a_line_that_nobody_said_ends_it() -> None:
    """Nothing that was not sent can be heard."""
    strange = encode([Entry(room="lobby", seq=1, nick="ada", text="hello", ts=1.5)])
    with pytest.raises(ValueError, match="nobody said 'hello'"):
        stream(log()).feed(strange)


def test_of_so_many_entries_one_is_timed() -> None:
    """By the end of its line and the time of its sending."""
    room = log(mark_every=3)
    stream(room).feed(b"".join(LINES))
    ends = [len(b"".join(LINES[:count])) for count in (3, 6)]
    assert [(mark.end, mark.sent_s) for mark in room.marks] == [(end, 0.5) for end in ends]
    assert [room.count_at(end) for end in ends] == [3, 6]
    assert room.count_at(ends[0] - 1) == 2
