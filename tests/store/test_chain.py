"""What is hashed of an entry: the links of older files stay what they are."""

import pytest

from trio_chat.store import Draft, chain
from trio_chat.store.interface import Entry

ENTRY = Entry(
    log="lobby",
    seq=7,
    nick="ada",
    text="\u00e9 \u6f22\n",
    ts=1.7e9 + 0.125,
    kind="me",
    to="bob",
)


def test_what_refers_to_nothing_has_the_link_that_it_always_had() -> None:
    """Made by the code of schema 2."""
    own = chain.link(chain.START, ENTRY, "d", 3)
    assert own.hex() == "c12efa76c539a4cbe26deb7607591638"
    copy = chain.link(chain.START, ENTRY, None, None)
    assert copy.hex() == "29dcc2f5186782c86a8801f07b2cc235"
    assert chain.said(ENTRY).hex() == "70719748ec79ed1b"


def entry(text: str = "1", ref: int | None = None, nick: str = "a") -> Entry:
    return Entry(log="l", seq=1, nick=nick, text=text, ts=1.0, ref=ref)


def test_no_two_entries_are_written_alike() -> None:
    links = [
        chain.link(chain.START, each, *author)
        for each in (entry(), entry(ref=1), entry(ref=11), entry("11"), entry("", ref=1))
        for author in (
            (None, None, None),
            ("a", 1, None),
            (None, 1, "a"),
            (None, 11, "a"),
            (None, 1, "aa"),
        )
    ]
    assert len({*links}) == len(links)


@pytest.mark.parametrize("ref", [None, 1, 12])
def test_what_is_kept_of_a_line_knows_what_it_was_about(ref: int | None) -> None:
    draft = Draft(log="l", device="d", n=1, nick="b", text="1", ref=ref)
    others = [each for each in (None, 1, 12) if each != ref]
    assert chain.said(draft) == chain.said(entry(ref=ref))
    assert chain.said(draft) not in [chain.said(entry(ref=each)) for each in others]
