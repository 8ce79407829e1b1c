"""Whatever others write, it can only be read."""

import json
import unicodedata

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.sanitise import MARKS_MAX, as_json, as_lines, as_rows, clean

any_text = st.text(st.characters(exclude_categories=[]), max_size=60)
nasty_text = st.text(
    st.sampled_from(
        list("ab <>\x1b[]2J;?\x9b\x9d\x07\x08\r\n\t\u202e\u2066\u200b\u200d\u0301")
        + list("\u2800\u3164\U000e0041\u2028\ufeff\U0001f468\u05d0\ud800\u6f22")
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, <tags> & signs", "plain words, <tags> & signs"),
        ("na\u00efve \u6f22\u5b57 \u2713", "na\u00efve \u6f22\u5b57 \u2713"),
        ("\x1b[2Jgone", "\u241b[2Jgone"),
        ("\x9b2Jgone", "<U+009B>2Jgone"),
        ("\x1b]52;c;Zm9v\x07", "\u241b]52;c;Zm9v\u2407"),
        ("\x9d0;title\x9c", "<U+009D>0;title<U+009C>"),
        ("a\bb\rc\nd\x7f", "a\u2408b\u240dc\u240ad\u2421"),
        ("a\tb", "a    b"),
        ("a\u2028b\u2029c\u0085d", "a<U+2028>b<U+2029>c<U+0085>d"),
        ("\u202egnp.exe\u202c", "<U+202E>gnp.exe<U+202C>"),
        ("\u2067x\u2069", "<U+2067>x<U+2069>"),
        ("pay\u200bpal\ufeff", "pay<U+200B>pal<U+FEFF>"),
        ("a\u200db", "a<U+200D>b"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\u0645\u200c\u200cx", "\u0645\u200c<U+200C>x"),
        ("\u0430\u200d\u0434", "\u0430<U+200D>\u0434"),
        ("\U0001f3fb\u200d\u2764", "\U0001f3fb\u200d\u2764"),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("\u00a9\ufe0e", "\u00a9\ufe0e"),
        ("a\ufe00b\ufe0f\u20ac\ufe01", "ab\u20ac"),
        ("\u2764\ufe0f\ufe0f\ufe01", "\u2764\ufe0f"),
        ("\u00a4\u0600\u061c", "\u00a4<U+0600><U+061C>"),
        ("hi\U000e0068\U000e0069", "hi"),
        ("z" + "\u0301" * 99, "z" + "\u0301" * MARKS_MAX),
        ("\u0301x", "\u25cc\u0301x"),
        ("a \u0301x", "a \u25cc\u0301x"),
        ("a\u3164\u2800\u115fb", "a   b"),
        ("a\u00a0\u2003b", "a  b"),
        ("a\ue000\ud800\U000fffff", "a\ufffd\ufffd\ufffd"),
    ],
)
def test_it_is_shown_for_what_it_is(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(any_text | nasty_text)
def test_only_printable_characters_survive(text: str) -> None:
    for char in clean(text):
        assert char.isprintable() or char in "\u200c\u200d", f"{ord(char):04X}"
        assert unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp", "Co", "Cn"}


@given(any_text | nasty_text)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(any_text | nasty_text)
def test_only_the_cells_of_the_message_change(text: str) -> None:
    screen = pyte.Screen(80, 24)
    screen.set_title("before")
    stream = pyte.Stream(screen)
    stream.feed("first\r\n<eve> " + clean(text) + "\x1b[0m")
    rows = 1 + (len("<eve> ") + 2 * len(clean(text))) // 80
    assert screen.display[0].rstrip() == "first"
    assert screen.display[1].startswith("<eve> ")
    assert not "".join(screen.display[2 + rows :]).strip()
    assert screen.title == "before"
    assert screen.cursor.y <= 1 + rows
    assert screen.mode == pyte.Screen(80, 24).mode


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
def test_no_control_is_left(code: int) -> None:
    assert chr(code) not in clean(f"a{chr(code)}b")


@given(any_text | nasty_text)
def test_lines_are_as_many_as_were_given_and_rows_as_many_as_there_were(text: str) -> None:
    assert as_lines(text, "x") == f"{clean(text)}\nx\n"
    assert as_rows(text).split("\n") == [clean(row) for row in text.split("\n")]


@given(any_text | nasty_text)
def test_json_says_the_same_in_ascii(text: str) -> None:
    document = as_json(json.dumps([text], ensure_ascii=False))
    assert document.isascii()
    assert json.loads(document) == json.loads(json.dumps([text]))


@given(st.text(st.sampled_from("abc ,.<>|~")))
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert clean(text) == text
