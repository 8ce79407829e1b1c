"""Whether somebody was called by name."""

import re
from functools import lru_cache

from trio_chat.client.events import Entry
from trio_chat.protocol import names
from trio_chat.ui.recent import Known


def mentions(entry: Entry, nick: str) -> bool:
    """Whether a line is for this nick: it names it, or was said to it alone."""
    if names.same(entry.nick) == names.same(nick):
        return False
    return entry.direct or bool(name_in(nick).search(entry.text))


@lru_cache(maxsize=64)
def name_in(nick: str) -> re.Pattern[str]:
    """Finds the nick as a word of its own, in small letters or in capitals.

    Shape:  a hyphen is part of a word, other signs are not: `ada:` and `@ada` are ada,
            `ada-lovelace` and `canada` are not.
    """
    return re.compile(rf"(?<![\w-]){re.escape(nick)}(?![\w-])", re.IGNORECASE)


def calls(entry: Entry, about: Known | None, nick: str) -> bool:
    """Whether an entry calls this nick: a mention, an answer, or an edit that adds one.

    Shape:  `about` is the line that it is about, as it read before, if that is known.
    """
    if entry.kind == "edit" and about is not None and name_in(nick).search(about.text):
        return False
    if not entry.is_line and entry.kind != "edit":
        return False
    answers = entry.is_line and about is not None and about.own
    return mentions(entry, nick) or (answers and entry.nick != nick)
