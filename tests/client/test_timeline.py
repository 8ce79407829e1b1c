"""The cursor moves by one, and never over a hole."""

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.client.timeline import Place, Timeline


def test_before_the_room_is_opened_everything_is_beyond() -> None:
    timeline = Timeline()
    assert timeline.place(1) is Place.BEYOND
    assert timeline.cursor is None


def test_the_next_moves_the_cursor_and_nothing_else_does() -> None:
    timeline = Timeline()
    timeline.opened(10)
    assert timeline.place(12) is Place.BEYOND
    assert timeline.place(10) is Place.HAD
    assert timeline.place(1) is Place.HAD
    assert timeline.cursor == 10
    assert timeline.place(11) is Place.NEXT
    assert timeline.cursor == 11


def test_an_entry_that_was_put_back_is_the_next_again() -> None:
    timeline = Timeline(4)
    assert timeline.place(5) is Place.NEXT
    timeline.back(5)
    assert timeline.place(5) is Place.NEXT


def test_a_gap_moves_the_cursor_over_what_it_tells_and_no_further() -> None:
    timeline = Timeline()
    assert timeline.place_gap(0, 9) is Place.BEYOND
    timeline.opened(4)
    assert timeline.place_gap(5, 9) is Place.BEYOND
    assert timeline.place_gap(2, 4) is Place.HAD
    assert timeline.cursor == 4
    assert timeline.place_gap(2, 7) is Place.NEXT
    assert timeline.cursor == 7
    assert timeline.place(9) is Place.BEYOND
    assert timeline.place(8) is Place.NEXT


@given(st.integers(0, 5), st.lists(st.integers(1, 12), max_size=40))
def test_whatever_comes_what_is_taken_is_contiguous(after: int, seqs: list[int]) -> None:
    timeline = Timeline()
    timeline.opened(after)
    taken = [seq for seq in seqs if timeline.place(seq) is Place.NEXT]
    assert taken == list(range(after + 1, after + 1 + len(taken)))
    assert timeline.cursor == after + len(taken)
