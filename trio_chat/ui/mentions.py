"""Whether somebody was called by name."""

import re
from functools import lru_cache

from trio_chat.client.events import Entry
from trio_chat.protocol import names


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
