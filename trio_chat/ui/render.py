"""Lines as the terminal gets them: the only place, with ui.themes, that writes escapes."""

import time
import unicodedata
from dataclasses import dataclass
from typing import Final, assert_never

from trio_chat.client.events import gap_words
from trio_chat.sanitise import clean
from trio_chat.ui.cells import LINK, cells, clip, hang
from trio_chat.ui.feed import local_time
from trio_chat.ui.mentions import name_in
from trio_chat.ui.state import (
    Day,
    Line,
    Missing,
    Moved,
    Note,
    Rule,
    Said,
    Skipped,
    Trouble,
    count,
)
from trio_chat.ui.themes import Look, nick_sgr, paint, sgr

NICK_SHARE: Final = 2
"""A nick takes no more than the row's width divided by this."""
INDENT_SHARE: Final = 3
"""Nor do the blanks before what hangs."""
_RULE: Final = "\u2500\u2500"
_GAP: Final = "\u2504\u2504"
_SLOWER: Final = "this terminal is slower than the room; /history shows them"


@dataclass(frozen=True, slots=True)
class _Head:
    """What a line begins with, drawn, and how many cells it takes."""

    drawn: str = ""
    cells: int = 0

    def and_(self, text: str, codes: str, after: str = " ") -> "_Head":
        """This, and then that."""
        return _Head(
            self.drawn + paint(_isolated(text), codes) + after,
            self.cells + cells(text) + len(after),
        )


def text_of(line: Line, look: Look, now: float) -> str:
    """The line as the terminal gets it, with its end.

    Shape:  no row but the first begins at the left edge, and no row is longer than the
            terminal is wide, but for a link: so what somebody says stays behind their
            name, and can't pass for a line of somebody else's.
    Units:  `now` in seconds since 1970; times are shown as local time.
    """
    return f"{_drawn(line, look, now)}\r\n"


def _drawn(line: Line, look: Look, now: float) -> str:
    match line:
        case Said():
            return _said(line, look)
        case Note(text=text):
            return _hung(_time(now, "time", look), text, look, sgr("note", look))
        case Moved():
            return _drawn(Note(line.words), look, now)
        case Trouble(text=text):
            codes = sgr("trouble", look)
            return _hung(_time(now, "time", look).and_("!", codes), text, look, codes)
        case Missing(gap=gap):
            words = f"{_GAP} {gap_words(gap)} {_GAP}"
            return _hung(_Head(), words, look, sgr("gap", look))
        case Skipped(lines=lines):
            words = f"{_GAP} {count(lines, 'line')} skipped: {_SLOWER} {_GAP}"
            return _hung(_Head(), words, look, sgr("gap", look))
        case Rule(room=room, remark=remark):
            head = _Head().and_(f"{_RULE} #{clean(room)} {_RULE}", sgr("rule", look))
            return _hung(head, remark, look, sgr("news" if line.news else "rule", look))
        case Day(ts=ts):
            date = time.strftime("%a %Y-%m-%d", local_time(ts))
            return _hung(_Head(), f"{_RULE} {date} {_RULE}", look, sgr("rule", look))
        case _:
            assert_never(line)


def _said(line: Said, look: Look) -> str:
    entry = line.entry
    head = _time(entry.ts, "mention" if line.called else "time", look)
    if entry.direct:
        head = head.and_(f"@{_name(line.to, look)}", sgr("direct", look))
    codes = sgr("own", look) if line.own else nick_sgr(entry.nick, look)
    nick = _name(entry.nick, look)
    if entry.kind == "me":
        head = head.and_("*", "").and_(nick, codes)
    else:
        head = head.and_("<", "", "").and_(nick, codes, "> ")
    return _hung(head, entry.text, look, "", line.called)


def _name(name: str, look: Look) -> str:
    return clip(clean(name), max(1, look.columns // NICK_SHARE))


def _time(ts: float, role: str, look: Look) -> _Head:
    moment = time.strftime("%H:%M", local_time(ts))
    return _Head().and_(moment, sgr(role, look))


# --- text that hangs behind a head ---------------------------------------------------


def _hung(head: _Head, text: str, look: Look, codes: str, called: str = "") -> str:
    """The head, and the text behind it in as many rows as it needs."""
    columns = look.columns - 1  # the last one may be a wide character's second half
    indent = min(head.cells or len(_RULE) + 1, look.columns // INDENT_SHARE)
    rows: list[str] = []
    for each in text.split("\n"):
        first = indent if rows else head.cells
        rows += hang(clean(each), first=first, indent=indent, columns=columns)
    drawn = (_row(row, look, codes, called) for row in rows)
    return head.drawn + f"\r\n{' ' * indent}".join(drawn)


def _row(row: str, look: Look, codes: str, called: str) -> str:
    """A row of text, with the links in it underlined, and one's own name."""
    marks = [(link.span(), sgr("link", look)) for link in LINK.finditer(row)]
    if called:
        spans = (name.span() for name in name_in(called).finditer(row))
        marks += [(span, sgr("mentioned", look)) for span in spans]
    pieces, end = [], 0
    for (begin, until), mark in sorted(marks):
        if begin >= end:  # a name within a link is part of the link
            pieces += [paint(row[end:begin], codes)]
            pieces += [paint(row[begin:until], ";".join(filter(None, (codes, mark))))]
            end = until
    return _isolated("".join([*pieces, paint(row[end:], codes)]))


_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def _isolated(text: str) -> str:
    """Text that runs from right to left, kept from turning around what stands beside it."""
    if text.isascii() or not any(
        unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text
    ):
        return text
    return f"\u2068{text}\u2069"
