"""Lines as the terminal gets them: the only place, with ui.themes, that writes escapes."""

import time
import unicodedata
from dataclasses import dataclass
from typing import Final, assert_never

from trio_chat import words
from trio_chat.client.events import gap_words
from trio_chat.sanitise import Clean, Drawn, clean
from trio_chat.ui.cells import LINK, cells, clip, hang
from trio_chat.ui.feed import local_time
from trio_chat.ui.lookalikes import UNLIKE
from trio_chat.ui.mentions import name_in
from trio_chat.ui.quotes import quote_of, reactions, taken_back
from trio_chat.ui.state import (
    Day,
    Line,
    Missing,
    Moved,
    Note,
    Reacted,
    Recalled,
    Rule,
    Said,
    Skipped,
    Trouble,
    count,
    place,
)
from trio_chat.ui.themes import Look, nick_sgr, paint, sgr
from trio_chat.words import NOTHING, Wanted

NICK_SHARE: Final = 2
"""A nick takes no more than the row's width divided by this."""
INDENT_SHARE: Final = 3
"""Nor do the blanks before what hangs."""
QUOTE_SHARE: Final = 0.4
"""As much of a row what an answer answers to may take."""
QUOTE_CELLS_MIN: Final = 4
"""Where there are fewer it hangs behind the name, as all text does."""
_RULE: Final = "\u2500\u2500"
_GAP: Final = "\u2504\u2504"
_SLOWER: Final = "this terminal is slower than the room; /fill shows them"


@dataclass(frozen=True, slots=True)
class _Head:
    """What a line begins with, drawn, and how many cells it takes."""

    drawn: Drawn = Drawn("")  # noqa: RUF009 (a str)
    cells: int = 0

    def and_(self, text: str, codes: str, after: str = " ") -> "_Head":
        """This, and then that."""
        shown = clean(text)
        return _Head(
            Drawn(self.drawn + paint(_isolated(shown), codes) + after),
            self.cells + cells(shown) + len(after),
        )


def text_of(line: Line, look: Look, now: float) -> Drawn:
    """The line as the terminal gets it, with its end.

    Shape:  no row but the first begins at the left edge, and no row is longer than the
            terminal is wide, but for a link: so what somebody says stays behind their
            name, and can't pass for a line of somebody else's.
    Units:  `now` in seconds since 1970; times are shown as local time.
    """
    return Drawn(f"{_drawn(line, look, now)}\r\n")


def _drawn(line: Line, look: Look, now: float) -> Drawn:
    match line:
        case Said():
            return _said(line, look)
        case Recalled():
            return _said(line.said, look, line)
        case Note(text=text):
            return _hung(_time(now, "time", look), text, look, sgr("note", look))
        case Reacted():
            words = reactions(line)
            time_ = _time(line.all[-1].entry.ts, "time", look)
            return _hung(time_, words, look, sgr("note", look))
        case Moved():
            return _drawn(Note(line.words), look, now)
        case Trouble(text=text):
            codes = sgr("trouble", look)
            return _hung(_time(now, "time", look).and_("!", codes), text, look, codes)
        case Missing(gap=gap):
            missing = f"{_GAP} {gap_words(gap)} {_GAP}"
            return _hung(_Head(), missing, look, sgr("gap", look))
        case Skipped(lines=lines):
            skipped = f"{_GAP} {count(lines, 'line')} skipped: {_SLOWER} {_GAP}"
            return _hung(_Head(), skipped, look, sgr("gap", look))
        case Rule(room=room, remark=remark):
            head = _Head().and_(f"{_RULE} {place(room)} {_RULE}", sgr("rule", look))
            return _hung(head, remark, look, sgr("news" if line.news else "rule", look))
        case Day(ts=ts):
            date = time.strftime("%a %Y-%m-%d", local_time(ts))
            return _hung(_Head(), f"{_RULE} {date} {_RULE}", look, sgr("rule", look))
        case _:
            assert_never(line)


def _said(line: Said, look: Look, recalled: Recalled | None = None) -> Drawn:
    entry = line.entry
    if line.reacts:
        return _drawn(Reacted((line,)), look, entry.ts)
    head = _time(entry.ts, "mention" if line.called else "time", look)
    if recalled is not None:
        head = _numbered(head, recalled, look)
    if entry.kind == "delete":
        return _hung(head, taken_back(line), look, sgr("note", look))
    if entry.direct:
        head = head.and_(f"@{_name(line.to, look)}", sgr("direct", look))
    codes = sgr("own", look) if line.own else nick_sgr(entry.nick, look)
    nick = _name(entry.nick, look)
    action = entry.kind == "me"
    head = head.and_("*", "") if action else head.and_("<", "", "")
    if line.like:
        head = head.and_(UNLIKE, sgr("trouble", look), "")
    head = head.and_(nick, codes, " " if action else "> ")
    sought = recalled.sought if recalled is not None else NOTHING
    return _hung(head, entry.text, look, "", _Marked(line.called, sought), quote_of(line))


def _numbered(head: _Head, line: Recalled, look: Look) -> _Head:
    entry = line.said.entry
    if line.dated:
        date = time.strftime("%Y-%m-%d %H:%M", local_time(entry.ts))
        head = _Head().and_(clean(date), sgr("time", look))
    number = clean(f"^{entry.seq}")
    return head.and_(number, sgr("sought" if line.here else "number", look))


def _name(name: str, look: Look) -> Clean:
    return clip(clean(name), max(1, look.columns // NICK_SHARE))


def _time(ts: float, role: str, look: Look) -> _Head:
    moment = time.strftime("%H:%M", local_time(ts))
    return _Head().and_(moment, sgr(role, look))


# --- text that hangs behind a head ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marked:
    """What is marked in a text: one's own name, and what was looked for."""

    called: str = ""
    sought: Wanted = NOTHING


_UNMARKED: Final = _Marked()


def _hung(
    head: _Head,
    text: str,
    look: Look,
    codes: str,
    marked: _Marked = _UNMARKED,
    quote: str = "",
) -> Drawn:
    """The head, what is quoted, and the text behind it in as many rows as it needs."""
    columns = look.columns - 1  # the last one may be a wide character's second half
    indent = min(head.cells or len(_RULE) + 1, look.columns // INDENT_SHARE)
    most = min(columns - head.cells - 3, int(look.columns * QUOTE_SHARE))
    if quote and most >= QUOTE_CELLS_MIN:
        head = head.and_(Clean(f"[{clip(clean(quote), most)}]"), sgr("note", look))
    elif quote:
        text = f"[{quote}] {text}"
    rows: list[Clean] = []
    for each in text.split("\n"):
        first = indent if rows else head.cells
        rows += hang(clean(each), first=first, indent=indent, columns=columns)
    drawn = (_row(row, look, codes, marked) for row in rows)
    return Drawn(head.drawn + f"\r\n{' ' * indent}".join(drawn))


def _row(row: Clean, look: Look, codes: str, marked: _Marked) -> Drawn:
    """A row of text, with the links in it underlined, and what is marked in it."""
    marks = [(link.span(), sgr("link", look)) for link in LINK.finditer(row)]
    if marked.sought:  # a row that a phrase is broken in shows the rest of it unmarked
        found = words.marks(row, marked.sought)
        marks = [(span, sgr("found", look)) for span in found]
    elif marked.called:
        spans = (name.span() for name in name_in(marked.called).finditer(row))
        marks += [(span, sgr("mentioned", look)) for span in spans]
    pieces: list[Drawn] = []
    end = 0
    for (begin, until), mark in sorted(marks):
        if begin >= end:  # a name within a link is part of the link
            both = ";".join(filter(None, (codes, mark)))
            pieces += [paint(Clean(row[end:begin]), codes)]
            pieces += [paint(Clean(row[begin:until]), both)]
            end = until
    pieces += [paint(Clean(row[end:]), codes)]
    return _isolated(Drawn("".join(pieces)))


_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def _isolated(text: Clean | Drawn) -> Drawn:
    """Text that runs from right to left, kept from turning around what stands beside it."""
    if text.isascii() or not any(
        unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text
    ):
        return Drawn(text)
    return Drawn(f"\u2068{text}\u2069")
