"""What is too long for one entry is cut where it hurts least, and nothing of it is lost."""

from hypothesis import example, given
from hypothesis import strategies as st

from trio_chat.client.parts import fits, parts_of
from trio_chat.protocol.messages import TEXT_BYTES_MAX

LONG = st.builds(
    lambda words, times: "".join(words) * times,
    st.lists(st.sampled_from(["a" * 700, "\n", " ", "\N{SNOWMAN}" * 9, "\x00" * 50, "b"])),
    st.integers(1, 200),
)


@given(LONG)
@example("x" * (2 * TEXT_BYTES_MAX + 1))
@example("\n" * (TEXT_BYTES_MAX + 1))
def test_every_part_fits_and_together_they_are_the_text(text: str) -> None:
    rest = text
    for part in parts_of(text):
        assert part
        assert fits(part)
        assert rest.startswith(part)
        rest = rest.removeprefix(part)
        if rest.startswith("\n") and not fits(part + rest):
            rest = rest[1:]  # a cut takes one line end away
    assert not rest


def test_a_text_that_fits_is_one_part() -> None:
    assert parts_of("x" * TEXT_BYTES_MAX) == ["x" * TEXT_BYTES_MAX]


def test_many_lines_are_cut_between_lines() -> None:
    lines = [f"line {n:>5}" for n in range(4_000)]
    parts = parts_of("\n".join(lines))
    assert len(parts) == 3
    assert [line for part in parts for line in part.split("\n")] == lines


def test_a_long_line_is_cut_between_words() -> None:
    words = ["word"] * 5_000
    parts = parts_of(" ".join(words))
    assert len(parts) == 2
    assert [word for part in parts for word in part.split()] == words


def test_control_characters_need_more_space() -> None:
    parts = parts_of("\x01" * TEXT_BYTES_MAX)
    assert len(parts) == 2
    assert "".join(parts) == "\x01" * TEXT_BYTES_MAX
