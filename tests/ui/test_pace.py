"""How much a terminal is given at once follows from how long it takes."""

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.ui.pace import (
    ECHO_S,
    EVERY_S,
    FILL_S,
    PIECE_CHARS,
    Pace,
    answered,
    measured,
    swallowed,
)

LEAST, MOST = PIECE_CHARS


def settled(chars_per_s: float, way_s: float, pieces: int = 40) -> Pace:
    """What is known of a terminal like this after some pieces."""
    pace = answered(Pace(), 50, way_s + 50 / chars_per_s, more=False)
    for _ in range(pieces):
        chars = pace.piece_chars
        pace = answered(pace, chars, way_s + chars / chars_per_s, more=True)
    return pace


def test_a_piece_takes_as_long_as_an_echo_may() -> None:
    pace = settled(100_000, 0.001)
    assert ECHO_S / 2 <= pace.piece_chars / 100_000 <= ECHO_S * 1.1


def test_a_long_way_makes_no_small_pieces() -> None:
    """What takes long because it is far away can take much at once."""
    assert settled(10_000_000, 0.2).piece_chars == MOST


def test_a_very_slow_terminal_gets_the_least() -> None:
    assert settled(20_000, 0.001).piece_chars < 2 * LEAST


def test_a_way_that_got_longer_is_known_after_a_while() -> None:
    pace = settled(10_000_000, 0.01)
    for _ in range(100):
        pace = answered(pace, pace.piece_chars, 0.3, more=True)
    assert pace.piece_chars > LEAST


def test_small_talk_makes_pieces_neither_larger_nor_smaller() -> None:
    pace = Pace(piece_chars=2_000)
    for _ in range(20):
        pace = answered(pace, 100, 0.01, more=False)
    assert pace.piece_chars == 2_000


def test_the_rate_goes_up_at_once_and_down_in_a_second() -> None:
    pace = measured(measured(Pace(), 1_000, 0.1), 10_000, 0.1)
    assert pace.chars_per_s == 100_000
    for _ in range(10):
        pace = measured(pace, 1_000, 0.1)
    assert pace.chars_per_s is not None
    assert 10_000 < pace.chars_per_s < 50_000


def test_a_terminal_that_answers_nothing_is_filled_and_then_left_to_get_empty() -> None:
    pace = swallowed(Pace(), 500, 0.1, full=False, more=True)
    assert pace.piece_chars == 2 * LEAST
    pace = swallowed(pace, 30_000, 0.3, full=True, more=True)
    assert pace.piece_chars == 0.75 * 100_000 * EVERY_S
    assert swallowed(pace, 10_000, 1.0, full=False, more=True) == pace
    later = swallowed(pace, 10_000, FILL_S + 1, full=False, more=True)
    assert later.piece_chars == 2 * pace.piece_chars


@given(
    st.lists(
        st.tuples(st.integers(1, 200_000), st.floats(0, 100), st.booleans(), st.booleans())
    )
)
def test_pieces_have_their_bounds_whatever_happens(
    pieces: list[tuple[int, float, bool, bool]],
) -> None:
    pace = deaf = Pace()
    for chars, seconds, more, full in pieces:
        pace = answered(pace, chars, seconds, more=more)
        deaf = swallowed(deaf, chars, seconds, full=full, more=more)
        assert LEAST <= pace.piece_chars <= MOST
        assert LEAST <= deaf.piece_chars <= MOST
        assert pace.way_s is not None
        assert pace.way_s >= 0
