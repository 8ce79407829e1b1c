"""What a word is, whatever the text: in the index, in the scan, and in what is marked."""

import sqlite3
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.store.search_log import _expression
from trio_chat.words import NOTHING, Wanted, holds, marks, spelled, wanted, words_of

TEXTS = st.text(max_size=40) | st.lists(
    st.sampled_from(
        ["foo", "Bar", " ", "-", "é", "e\u0301", "漢字", "か\u3099", "🎉", "ﬁ", "\0"]
    ),
    max_size=12,
).map("".join)


@given(TEXTS)
def test_a_word_has_nothing_in_it_that_an_index_would_take_for_something_else(
    text: str,
) -> None:
    for word in words_of(text):
        assert word
        assert not any(char.isascii() and not char.isalnum() for char in word)
        assert not any("A" <= char <= "Z" or char.isspace() for char in word)


@given(TEXTS)
def test_the_index_takes_the_same_words(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (words, tokenize = 'ascii')")
    connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab (t, instance)")
    connection.execute("INSERT INTO t VALUES (?)", (spelled(text),))
    if text.isascii() and "\0" not in text:  # what is read without Python
        connection.execute("INSERT INTO t VALUES (?)", (text,))
    rows = connection.execute("SELECT doc, term FROM v ORDER BY doc, offset").fetchall()
    for doc in {doc for doc, _ in rows}:
        assert [term for each, term in rows if each == doc] == words_of(text)
    connection.close()


@given(TEXTS)
def test_a_text_is_found_by_itself_and_marked_in_order(text: str) -> None:
    sought = wanted(text)
    assert holds(text, sought) == bool(words_of(text))
    spans = marks(text, sought)
    flat = [place for span in spans for place in span]
    assert flat == sorted(flat)
    assert all(0 <= begin < end <= len(text) for begin, end in spans)


@given(TEXTS, TEXTS)
def test_what_is_typed_is_never_a_bad_question(text: str, typed: str) -> None:
    sought = wanted(typed)
    if not sought:
        return
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (words, tokenize = 'ascii')")
    connection.execute("INSERT INTO t VALUES (?)", (spelled(text),))
    query = "SELECT count(*) FROM t WHERE t MATCH ?"
    (count,) = connection.execute(query, (_expression(sought),)).fetchone()
    assert bool(count) == holds(text, sought)
    connection.close()


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("The deployment", "deploy", ["deploy"]),
        ("Café, CAFE, cafes", "cafe", ["Café", "CAFE", "cafe"]),
        ("cafe\u0301!", "cafe", ["cafe\u0301"]),
        ("foo bar, foo-bar", "foo-bar", ["foo bar", "foo-bar"]),
        ("東京タワーで", "京タ", ["京タ"]),
        ("👍🏽 and 👍", "👍", ["👍", "👍"]),
        ("nothing of it", "xyz", []),
    ],
)
def test_what_is_marked(text: str, typed: str, marked: list[str]) -> None:
    spans = marks(text, wanted(typed))
    assert [text[begin:end] for begin, end in spans] == marked


def test_nothing_is_found_by_nothing() -> None:
    assert not NOTHING
    assert wanted(" -- ") == Wanted()
    assert not holds("anything", NOTHING)
    assert marks("anything", NOTHING) == []


@pytest.mark.parametrize(
    "text",
    [
        "a" + "\u0301\u0323" * 4_000,
        "\u3099\u309a" * 2_700,
        "\ufdfa" * 5_400,
        "\u1100\u1161" * 2_700,
    ],
)
def test_no_text_takes_long_to_be_read(text: str) -> None:
    began_s = time.process_time()
    spelled(text)
    marks(text, wanted("a"))
    assert time.process_time() - began_s < 1
