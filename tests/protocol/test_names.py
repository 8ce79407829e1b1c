"""What a nick or a room may be called."""

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.errors import RefusedError
from trio_chat.protocol import names
from trio_chat.protocol.codes import Code

BOTH = pytest.mark.parametrize(
    ("check", "code"), [(names.nick, Code.BAD_NICK), (names.room, Code.BAD_ROOM)]
)
Check = Callable[[str], str]

GOOD = [
    "a",
    "7",
    "ada",
    "ada_lovelace-1815",
    "[ada]{b}",
    "ada`away^2",
    "O'Neil+~!?*=|\\.",
    "漢字",
    "Ωμέγα",
    "Żółć",
    "नमस्ते",
    "شمس",
    "x" * 32,
    "漢" * 32,
    "e\u0301",
]
BAD = {
    "empty": "",
    "33 characters": "x" * 33,
    "33 after NFC": "\u0958" * 17,  # a letter that NFC writes as two
    "spaces only": "   ",
    "a space within": "a b",
    "a space at the end": "ada ",
    "a no-break space": "a\xa0b",
    "an ideographic space": "a\u3000b",
    "a newline": "a\nb",
    "a tab": "a\tb",
    "NUL": "a\0",
    "escape": "\x1b[31mada",
    "delete": "a\x7f",
    "a C1 control": "a\x9b31m",
    "right-to-left override": "ada\u202egnp",
    "isolate": "a\u2066b\u2069",
    "left-to-right mark": "a\u200eb",
    "zero-width space": "a\u200bda",
    "zero-width joiner": "a\u200dda",
    "word joiner": "a\u2060da",
    "soft hyphen": "a\xadda",
    "byte order mark": "\ufeffada",
    "variation selector": "ada\ufe0f",
    "supplementary variation selector": "ada\U000e0100",
    "grapheme joiner": "ad\u034fa",
    "mongolian selector": "ada\u180b",
    "khmer inherent vowel": "ada\u17b4",
    "tag characters": "ada\U000e0061",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "Hangul choseong filler": "a\u115f",
    "braille blank": "\u2800",
    "a mark first": "\u0301a",
    "an enclosing mark": "a\u20dd",
    "an emoji": "😀",
    "an emoji after a letter": "a😀",
    "line separator": "a\u2028b",
    "private use": "a\ue000",
    "unassigned": "a\u0378",
    "a lone surrogate": "a\ud800",
    "at": "@ada",
    "hash": "#lobby",
    "a slash": "a/b",
    "a comma": "a,b",
    "a colon": "a:b",
    "angle brackets": "<ada>",
    "quotes": 'a"b',
    "a dollar": "a$b",
}


@BOTH
@pytest.mark.parametrize("name", GOOD)
def test_good_names_are_taken(check: Check, code: Code, name: str) -> None:
    assert check(name)


@BOTH
@pytest.mark.parametrize("name", BAD.values(), ids=BAD.keys())
def test_bad_names_are_refused_with_a_sentence(check: Check, code: Code, name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check(name)
    assert refused.value.code == code
    assert refused.value.reason.isprintable()
    assert len(refused.value.reason) < 80


def test_the_sentence_says_what_is_wrong() -> None:
    for name, words in [
        ("", "at least one"),
        ("x" * 40, "at most 32 characters, not 40"),
        ("a b", "a space"),
        ("a@b", "'@'"),
        ("a\u202e", "U\\+202E"),
    ]:
        with pytest.raises(RefusedError, match=words):
            names.nick(name)


def test_a_nick_keeps_its_case_and_a_room_does_not() -> None:
    assert names.nick("Ada") == "Ada"
    assert names.room("Lobby") == names.room("LOBBY") == names.room("lobby") == "lobby"


def test_names_that_look_the_same_are_the_same() -> None:
    assert names.nick("e\u0301") == names.nick("\xe9")
    for one, other in [
        ("Ada", "aDA"),
        ("\uff21\uff24\uff21", "ada"),
        ("straße", "STRASSE"),
    ]:
        assert names.same(one) == names.same(other)
        assert names.room(one) == names.room(other)


def test_a_long_name_is_refused_before_it_is_normalised() -> None:
    """64 KiB of marks take half a second to normalise: a stall for everybody."""
    marks = "a" + "\u0316\u0301" * 16_000
    started_s = time.perf_counter()
    for check in (names.nick, names.room, names.same):
        try:
            check(marks)
        except RefusedError as refused:
            assert "at most 32" in refused.reason  # noqa: PT017 (one of the three takes it)
    assert time.perf_counter() - started_s < 0.1


ANY_NAME = st.one_of(
    st.text(max_size=34),
    st.text(st.characters(categories=["L", "M", "N"]), max_size=34),
    st.text(
        st.sampled_from("aAéßİ\u0131\u017fǰΐⅷ\u0301\u0345\u0323ﬃㇰ゙がᾳ가ᄀ각ᆨ𝔸"), max_size=12
    ),
)


@given(ANY_NAME)
def test_whatever_is_taken_is_stable_and_can_be_seen(wished: str) -> None:
    for check in (names.nick, names.room):
        try:
            name = check(wished)
        except RefusedError:
            continue
        assert check(name) == name
        assert 1 <= len(name) <= names.NAME_CHARS_MAX
        assert name.isprintable()
        assert unicodedata.is_normalized("NFC", name)
        categories = {unicodedata.category(char) for char in name}
        assert not {category for category in categories if category[0] in "CZ"}
        assert not name[0].startswith(("@", "#"))


@given(ANY_NAME)
def test_a_room_is_its_own_folding(wished: str) -> None:
    try:
        name = names.room(wished)
    except RefusedError:
        return
    assert names.same(name) == name


@given(ANY_NAME)
def test_sameness_is_settled_in_one_step(wished: str) -> None:
    try:
        name = names.nick(wished)
    except RefusedError:
        return
    assert names.same(names.same(name)) == names.same(name)
