"""Where entries have no number: what is lost, repeated or swapped on the way is found."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.bench import dialects
from simulator.bench.dialects import DIALECTS
from simulator.bench.dialects.dialect import Aside
from simulator.bench.room_log import Author, RoomLog
from simulator.bench.stream import Faults
from simulator.bench.stream_by_author import StreamByAuthor
from tests.simulator.bench.wires import ROOM, WIRES

NAMES: Final = (dialects.PLAIN, dialects.IRC, dialects.NATS, dialects.MQTT)
NICKS: Final = ("ada", "ben", "cid")
EACH: Final = 4
"""Lines of each author."""

Line = tuple[int, int]
"""An author's place in NICKS, and its count."""
ALL: Final[Sequence[Line]] = [(who, n) for n in range(1, EACH + 1) for who in range(3)]


def open_log(name: str, mark_every: int = 1) -> RoomLog:
    authors = {nick: Author(nick, sent_s=[0.5] * EACH) for nick in NICKS}
    return RoomLog(ROOM, DIALECTS[name], authors, mark_every)


def open_stream(log: RoomLog, own: str | None = None) -> StreamByAuthor:
    return StreamByAuthor(log, list[Aside]().append, own)


def said(name: str, lines: Sequence[Line]) -> bytes:
    return b"".join(WIRES[name].says(NICKS[who], n, 0) for who, n in lines)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("own", [None, "ben"], ids=["reader", "author"])
@pytest.mark.parametrize("ahead", [False, True], ids=["behind others", "ahead of all"])
@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (ALL, Faults()),
        ([each for each in ALL if each != (0, 2)], Faults(lost=1)),
        ([*ALL, (0, 2)], Faults(repeated=1)),
        ([(0, 1), (0, 3), (0, 2), (0, 4), *ALL[1::3], *ALL[2::3]], Faults(swapped=1)),
        ([each for each in ALL if each != (0, EACH)], Faults(lost=1)),
        ([*ALL[::3], *ALL[2::3], *ALL[1::3]], Faults()),
        ([*ALL[1::3]], Faults(lost=2 * EACH)),
    ],
    ids=["all", "loss", "repeat", "swap", "loss at the end", "other mixture", "one author"],
)
def test_a_loss_a_repeat_and_a_swap_are_found(
    name: str, own: str | None, lines: Sequence[Line], found: Faults, ahead: bool
) -> None:
    """Whoever was there first; not, where the authors' lines are only mixed otherwise."""
    log = open_log(name)
    whole, other = open_stream(log), open_stream(log, own)
    if not ahead:
        whole.feed(said(name, ALL))
    for line in lines:
        if NICKS[line[0]] != own:
            other.feed(said(name, [line]))
    if ahead:
        whole.feed(said(name, ALL))
    assert whole.faults() == Faults()
    assert other.faults() == found
    assert [author.accepted for author in log.authors.values()] == [EACH] * 3


@pytest.mark.parametrize(
    ("name", "owns"),
    [(dialects.NATS, (None, None, None)), (dialects.IRC, (None, "ada", "ben"))],
    ids=["all hear all", "authors do not hear themselves"],
)
@given(
    orders=st.lists(st.permutations([who for who, _ in ALL]), min_size=3, max_size=3),
    same=st.booleans(),
    turns=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5)), max_size=12),
)
def test_members_may_get_different_mixtures(
    name: str,
    owns: tuple[str | None, ...],
    orders: list[list[int]],
    same: bool,
    turns: list[tuple[int, int]],
) -> None:
    """By turns, some lines each; whoever differs finds back, and each line is timed."""
    log = open_log(name, mark_every=2)
    members = [open_stream(log, own) for own in owns]
    # Each author's lines keep their order, whatever the mixture.
    waiting = [list(orders[0 if same else place]) for place in range(3)]
    counts = [[0] * 3 for _ in members]
    timed = [0] * 3

    def go_on(place: int, count: int) -> None:
        lines = []
        for who in waiting[place][:count]:
            counts[place][who] += 1
            if NICKS[who] != owns[place]:
                lines.append((who, counts[place][who]))
        del waiting[place][:count]
        before = members[place].entries
        members[place].feed(said(name, lines))
        timed[place] += len(members[place].passed())
        assert members[place].entries == before + len(lines)

    for place, count in turns:
        go_on(place, count)
    for place in range(3):
        go_on(place, len(ALL))
    assert all(member.whole for member in members)
    assert [member.faults() for member in members] == [Faults()] * 3
    hears_all = [place for place, own in enumerate(owns) if own is None]
    assert all(timed[place] == len(ALL) // 2 for place in hears_all)


def test_who_differs_for_a_while_is_compared_by_bytes_again() -> None:
    """That is what keeps the load fast with a server that mixes as it likes."""
    log = open_log(dialects.NATS)
    first, other = open_stream(log), open_stream(log)
    first.feed(said(dialects.NATS, ALL))
    other.feed(said(dialects.NATS, [(1, 1)]))
    assert other.at == 0
    other.feed(said(dialects.NATS, [(0, 1)]))
    assert other.at == log.end_of(2)
    other.feed(said(dialects.NATS, ALL[2:]))
    assert other.at == first.at


def test_an_author_steps_over_what_it_said_itself() -> None:
    """It is compared by bytes too, as soon as the log has what it had first."""
    log = open_log(dialects.IRC)
    first, author = open_stream(log), open_stream(log, "ben")
    author.feed(said(dialects.IRC, [(0, 1)]))
    first.feed(said(dialects.IRC, ALL[:5]))
    author.feed(said(dialects.IRC, [ALL[2], ALL[3]]))
    assert author.at == log.end_of(5)
    assert author.entries == 3
    first.feed(said(dialects.IRC, ALL[5:]))
    author.feed(said(dialects.IRC, [each for each in ALL[5:] if each[0] != 1]))
    assert author.whole
    assert author.faults() == Faults()


def test_an_author_that_hears_itself_where_nobody_does_ends_it() -> None:
    log = open_log(dialects.IRC)
    with pytest.raises(ValueError, match="ada gets what it said itself"):
        open_stream(log, "ada").feed(said(dialects.IRC, [(0, 1)]))


def test_a_line_counts_as_taken_once_anybody_has_it() -> None:
    """Also if it is an author, who is never ahead of the log."""
    log = open_log(dialects.IRC)
    open_stream(log, "ada").feed(said(dialects.IRC, [(1, 1), (1, 2)]))
    assert log.taken == {"ben"}
    assert log.authors["ben"].accepted == log.accepted == 2
    assert len(log) == 0
