"""What is skipped for a slow terminal: never silently, and never what is for oneself."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.ui.harness import entry
from trio_chat.client.events import Entry, Gap
from trio_chat.ui.state import Day, Line, Missing, Note, Rule, Said, Skipped, Trouble
from trio_chat.ui.waiting import Waiting, chars_of, thinned, weight

MAX = 40 * weight(Said(entry(1, "x" * 20)))


def said(seq: int, room: str = "lobby") -> Said:
    return Said(entry(seq, "x" * 20, room=room))


def waiting(*lines: Line) -> list[Waiting]:
    return [Waiting(line, n, weight(line)) for n, line in enumerate(lines, 1)]


def left(waiting: Sequence[Waiting], chars_max: float = MAX) -> list[Line]:
    return [each.line for each in thinned(waiting, chars_max)]


def test_what_comes_next_stays_and_the_newest_and_between_them_a_row_counts() -> None:
    assert left(waiting(*map(said, range(1, 101)))) == [
        *map(said, range(1, 21)),
        Skipped("lobby", 70, 20, 90),
        *map(said, range(91, 101)),
    ]


def test_what_is_skipped_later_is_counted_in_the_same_row() -> None:
    lines = left(waiting(*map(said, range(1, 101))))
    more = left(waiting(*lines[5:], *map(said, range(101, 201))))
    assert more == [
        *map(said, range(6, 21)),
        Skipped("lobby", 170, 20, 190),
        *map(said, range(191, 201)),
    ]


def test_as_soon_as_the_row_is_printed_another_part_comes_next() -> None:
    lines = waiting(*map(said, range(91, 101)), *map(said, range(101, 201)))
    assert left(lines)[:21] == [*map(said, range(91, 111)), Skipped("lobby", 80, 110, 190)]


def test_what_is_for_oneself_stays_in_its_place() -> None:
    stay: list[Line] = [
        Said(entry(30, "mine"), own=True),
        Said(entry(40, "ada!"), called="ada"),
        Said(Entry(room="@", seq=7, nick="bob", text="psst", ts=0.0, to="ada"), to="ada"),
        Note("a note"),
        Trouble("trouble"),
        Missing(Gap("lobby", 50, 60, "")),
        Day(0.0),
    ]
    lines: list[Line] = [*map(said, range(1, 30)), *stay, *map(said, range(61, 101))]
    kept = left(waiting(*lines))
    assert [line for line in kept if line in stay] == stay
    assert kept[20:23] == [Skipped("lobby", 9, 20, 29), stay[0], stay[1]]


def test_lines_of_two_rooms_are_counted_apart() -> None:
    rule = Rule("dev")
    dev = [said(seq, "dev") for seq in range(1, 51)]
    kept = left(waiting(*map(said, range(1, 51)), rule, *dev))
    assert kept[20:23] == [Skipped("lobby", 30, 20, 50), rule, Skipped("dev", 40, 0, 40)]


def test_a_row_that_is_to_be_printed_next_takes_in_what_follows() -> None:
    lines: list[Line] = [Skipped("lobby", 3, 0, 3), *map(said, range(4, 101))]
    assert left(waiting(*lines))[0] == Skipped("lobby", 90, 0, 90)


# --- whatever waits ------------------------------------------------------------------

LINES = st.lists(
    st.tuples(
        st.sampled_from(["said", "said", "said", "own", "note", "rule"]), st.booleans()
    ),
    max_size=120,
)


def built(kinds: list[tuple[str, bool]]) -> list[Line]:
    seqs = {"lobby": 0, "dev": 0}
    room, lines = "lobby", list[Line]()
    for kind, flip in kinds:
        if kind == "rule":
            room = "dev" if room == "lobby" else "lobby"
            lines.append(Rule(room))
        elif kind == "note":
            lines.append(Note(f"note {len(lines)}"))
        else:
            seqs[room] += 1
            text = "x" * (60 if flip else 5)
            lines.append(Said(entry(seqs[room], text, room=room), own=kind == "own"))
    return lines


def told(lines: Sequence[Line]) -> list[tuple[str, int]]:
    """Every line of somebody's that was printed or counted: its room, how many."""
    found = list[tuple[str, int]]()
    for line in lines:
        match line:
            case Said(entry=each):
                found.append((each.room, 1))
            case Skipped(room=room, lines=count):
                found += [(room, 1)] * count
    return found


@given(LINES, LINES, st.integers(0, 4_000), st.integers(0, 60))
def test_nothing_is_lost_or_told_twice_however_often_it_is_too_much(
    kinds: list[tuple[str, bool]],
    more: list[tuple[str, bool]],
    chars_max: int,
    printed: int,
) -> None:
    lines = built(kinds + more)
    first = thinned(waiting(*lines[: len(kinds)]), chars_max)
    rest = [
        Waiting(line, n, weight(line))
        for n, line in enumerate(lines[len(kinds) :], len(kinds) + 1)
    ]
    kept = [*first[:printed], *thinned([*first[printed:], *rest], chars_max)]
    left = [each.line for each in kept]
    assert told(left) == told(lines)
    assert [each.number for each in kept] == sorted({each.number for each in kept})
    stays = [line for line in lines if not isinstance(line, Said) or line.own]
    assert [line for line in left if line in stays] == stays
    own = Skipped, Said
    for before, after in zip(left[printed:], left[printed + 1 :], strict=False):
        if isinstance(before, Skipped) and isinstance(after, Skipped):
            assert before.room != after.room
    assert all(isinstance(line, own) or line in stays for line in left)


@given(LINES, st.integers(0, 4_000))
def test_what_is_left_has_its_bound_but_for_what_is_never_skipped(
    kinds: list[tuple[str, bool]], chars_max: int
) -> None:
    kept = thinned(waiting(*built(kinds)), chars_max)
    plain = [w for w in kept if isinstance(w.line, Said) and not w.line.own]
    assert chars_of(plain) <= chars_max


@given(LINES, st.integers(0, 4_000))
def test_a_range_that_is_told_holds_all_that_was_skipped(
    kinds: list[tuple[str, bool]], chars_max: int
) -> None:
    lines = built(kinds)
    kept = {id(each.line) for each in thinned(waiting(*lines), chars_max)}
    rows = [
        each.line
        for each in thinned(waiting(*lines), chars_max)
        if isinstance(each.line, Skipped)
    ]
    for line in lines:
        if isinstance(line, Said) and id(line) not in kept:
            assert any(
                row.room == line.entry.room and row.after < line.entry.seq <= row.through
                for row in rows
            )
