"""Who is called by name, and who is not."""

import pytest

from tests.ui.harness import entry
from trio_chat.client.events import Entry
from trio_chat.ui.mentions import mentions


@pytest.mark.parametrize(
    "text", ["ada", "Ada: look", "hey ADA!", "@ada", "(ada)", "ask\nada", "#ada", "ada's"]
)
def test_a_name_is_heard(text: str) -> None:
    assert mentions(entry(1, text), "Ada")


@pytest.mark.parametrize("text", ["", "canada", "ada2", "ada-lovelace", "x_ada", "a da"])
def test_a_name_within_a_word_is_another_word(text: str) -> None:
    assert not mentions(entry(1, text), "ada")


@pytest.mark.parametrize("nick", ["a.b", "c++", "[x]", "a|b", "what?"])
def test_a_nick_with_signs_is_no_pattern(nick: str) -> None:
    assert mentions(entry(1, f"hi {nick}, you"), nick)
    assert not mentions(entry(1, "axb cc x ab"), nick)


def test_nobody_calls_themselves() -> None:
    assert not mentions(entry(1, "ada", nick="Ada"), "ada")


def test_what_is_said_to_one_alone_is_for_them() -> None:
    assert mentions(Entry("@", 1, "bob", "psst", 0.0), "ada")
