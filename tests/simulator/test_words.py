"""What was said, as a history has it: another line if it is about another entry."""

from simulator.words import words


def test_a_text_is_itself() -> None:
    assert words("hi") == "hi"


def test_whatever_is_another_line_is_written_otherwise() -> None:
    said = [
        ("hi", "text", None),
        ("hi", "me", None),
        ("hi", "text", 1),
        ("hi", "text", 12),
        ("hi", "edit", 1),
        ("hi", "react", 1),
        ("", "delete", 1),
        ("", "delete", 2),
        ("(text ^1) hi", "text", None),
        ("(me) hi", "text", None),
    ]
    assert len({words(*each) for each in said}) == len(said)
