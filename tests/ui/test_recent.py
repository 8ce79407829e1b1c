"""The last lines of a room, as they read now."""

from trio_chat.client.events import Entry
from trio_chat.protocol.messages import Kind
from trio_chat.ui.recent import QUOTED_CHARS_MAX, RECENT_MAX, Recent, find, last, with_entry


def entry(seq: int, text: str = "", kind: Kind = "text", ref: int | None = None) -> Entry:
    return Entry("lobby", seq, "bob", text, 0.0, kind, None, ref)


def known(*entries: Entry, own: bool = False) -> Recent:
    recent: Recent = ()
    for each in entries:
        recent = with_entry(recent, each, own=own)
    return recent


def test_a_line_reads_as_its_last_edit_says() -> None:
    recent = known(
        entry(1, "one"),
        entry(3, "two"),
        entry(4, "won", "edit", 1),
        entry(5, "1", "edit", 1),
    )
    assert [(each.seq, each.text) for each in recent] == [(1, "1"), (3, "two")]


def test_what_was_taken_back_stays_so() -> None:
    recent = known(entry(1, "one"), entry(2, "", "delete", 1), entry(3, "x", "edit", 1))
    (line,) = recent
    assert (line.text, line.gone) == ("", True)
    assert last(recent, own=False) is None


def test_what_is_about_an_unknown_line_changes_nothing() -> None:
    recent = known(entry(5, "one"))
    for kind in ("edit", "delete", "react", "unreact"):
        assert with_entry(recent, entry(6, "x", kind, 4), own=True) is recent
    assert with_entry(recent, entry(6, "x", "edit", None), own=True) is recent


def test_a_reply_is_a_line_itself() -> None:
    recent = known(entry(1, "one"), entry(2, "yes", "text", 1))
    assert find(recent, 2) == last(recent, own=False)


def test_only_ones_own_reactions_are_known() -> None:
    recent = known(entry(1, "one"), entry(2, "+1", "react", 1))
    assert recent[0].mine == frozenset()
    recent = with_entry(recent, entry(3, "+1", "react", 1), own=True)
    assert recent[0].mine == {"+1"}
    recent = with_entry(recent, entry(4, "+1", "unreact", 1), own=True)
    assert recent[0].mine == frozenset()


def test_it_is_bounded() -> None:
    recent = known(*(entry(seq, "x" * 1_000) for seq in range(1, RECENT_MAX + 8)))
    assert (len(recent), recent[0].seq) == (RECENT_MAX, 8)
    assert len(recent[0].text) == QUOTED_CHARS_MAX
    assert find(recent, 7) is None


def test_ones_own_lines_are_known_whole() -> None:
    assert known(entry(1, "x" * 1_000), own=True)[0].text == "x" * 1_000


def test_a_past_that_is_read_again_is_known_once() -> None:
    assert len(known(entry(1, "a"), entry(2, "b"), entry(1, "a"), entry(2, "b"))) == 2
