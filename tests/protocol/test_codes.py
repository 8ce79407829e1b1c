"""The table of codes is whole."""

from trio_chat.protocol.codes import ENDS_THE_LINK, MEANING, Code
from trio_chat.protocol.framing import CLIENT_LINE_BYTES_MAX


def test_every_code_has_a_meaning_and_no_two_the_same() -> None:
    assert list(MEANING) == list(Code)
    assert len(set(MEANING.values())) == len(Code)
    assert all(MEANING.values())


def test_codes_are_words_a_program_can_rely_on() -> None:
    for code in Code:
        assert code.value == code.name.lower()


def test_what_ends_the_link_is_a_code() -> None:
    assert set(Code) > ENDS_THE_LINK


def test_the_limit_in_the_sentence_is_the_limit() -> None:
    assert f"{CLIENT_LINE_BYTES_MAX:,}" in MEANING[Code.LINE_TOO_LONG]
