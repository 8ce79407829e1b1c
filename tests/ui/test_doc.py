"""docs/client.md says what the screen shows and what the keys do."""

import re
from pathlib import Path

from trio_chat.habits.habits import DEFAULT_HABITS
from trio_chat.ui.feed import FOLDED_S, NAMED_MAX
from trio_chat.ui.hearing import LOSS_TOLD_S
from trio_chat.ui.notifier import COMMAND_S, NOTICE_EVERY_S
from trio_chat.ui.printer import BEHIND_S, PATIENCE_S
from trio_chat.ui.state import KEPT_ENTRIES_MAX

DOC = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")
WORDS = re.sub(r"\s+", " ", DOC)


def test_the_numbers_of_the_screen_are_those_of_the_code() -> None:
    assert f"within {FOLDED_S:g} s shares a row" in WORDS
    assert f"of more than {NAMED_MAX} only the number is told" in WORDS
    assert f"the last {KEPT_ENTRIES_MAX} lines" in WORDS
    assert f"the last {DEFAULT_HABITS.history_lines:,} lines" in WORDS
    assert f"not back within {LOSS_TOLD_S:g} s" in WORDS
    assert f"one notice in {NOTICE_EVERY_S:g} s" in WORDS
    assert f"for {COMMAND_S:g} s at most" in WORDS
    assert f"at most {BEHIND_S:g} s of what it takes" in WORDS
    assert f"a burst that is printed within {PATIENCE_S:g} s" in WORDS
