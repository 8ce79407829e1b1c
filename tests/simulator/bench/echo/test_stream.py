"""What the bench takes for an echo, for a line and for a notice, in whatever pieces."""

import pytest

from simulator.bench.echo.plan import CASES, LETTERS, LINE_LETTERS, text_of
from simulator.bench.echo.stream import QUESTION, Seen
from trio_chat.ui.answers import QUESTION as ASKED
from trio_chat.ui.render import text_of as drawn
from trio_chat.ui.state import Skipped
from trio_chat.ui.themes import Look

A, B, C = list(LETTERS[:3])


def fed(seen: Seen, text: str, now_s: float = 0.0) -> Seen:
    """Byte by byte: whatever is found may come in pieces."""
    for each in text.encode():
        seen.feed(bytes([each]), now_s)
    return seen


def test_an_echo_is_the_letter_that_was_typed_and_nothing_else() -> None:
    seen = Seen()
    seen.await_echo(A, 1.0)
    fed(seen, "<t1> hello\r\n> ", 2.0)
    fed(seen, f"> {B}", 3.0)
    assert seen.echo_s == []
    assert seen.waiting == 1
    fed(seen, f"> {A}", 4.0)
    assert seen.echo_s == [3.0]
    assert seen.waiting == 0


def test_what_shows_a_later_key_shows_the_earlier_ones() -> None:
    seen = Seen()
    for at_s, letter in enumerate((A, B, C)):
        seen.await_echo(letter, float(at_s))
    seen.feed(f"> {A}{B}{C}".encode(), 5.0)
    assert seen.echo_s == [5.0, 4.0, 3.0]


def test_what_was_on_the_screen_before_is_no_echo() -> None:
    """Each line has other letters than the last ones: that is what the plan is for."""
    assert len(set(LETTERS)) == len(LETTERS) >= 3 * LINE_LETTERS
    assert not any(letter.isascii() for letter in LETTERS)


def test_lines_are_counted_once_and_in_their_order() -> None:
    seen = fed(Seen(), "".join(f"12:00 <t1> {text_of('t1', n)}\r\n" for n in (7, 8, 9)))
    fed(seen, f"12:00 <t2> {text_of('t2', 1)}\r\n> ")
    assert (seen.lines, seen.said, seen.all_faults()) == (4, 4, [])


@pytest.mark.parametrize("numbers", [(1, 3), (1, 2, 2), (2, 1)])
def test_a_line_that_is_lost_or_doubled_or_swapped_is_a_fault(
    numbers: tuple[int, ...],
) -> None:
    seen = Seen()
    for number in numbers:
        fed(seen, f"<t1> {text_of('t1', number)}\r\n")
    assert seen.all_faults()


@pytest.mark.parametrize(("after", "through"), [(1, 2), (1, 1_300)])
def test_a_notice_as_the_client_writes_it_stands_for_lines(
    after: int, through: int
) -> None:
    seen = fed(Seen(), f"<t1> {text_of('t1', after)}\r\n")
    row = Skipped("lobby", through - after, after, through)
    fed(seen, drawn(row, Look(), 0.0))
    fed(seen, f"<t1> {text_of('t1', through + 1)}\r\n")
    assert (seen.notices, seen.skipped) == (1, through - after)
    assert seen.all_faults() == []


def test_the_question_is_the_one_that_the_client_asks() -> None:
    assert ASKED.encode() == QUESTION
    seen = Seen()
    assert seen.feed(QUESTION[:2], 0.0) == 0
    assert seen.feed(QUESTION[2:] + QUESTION, 0.0) == 2
    assert seen.questions == 2


def test_each_case_can_be_told_from_the_others() -> None:
    assert len({case.title for case in CASES}) == len(CASES)
