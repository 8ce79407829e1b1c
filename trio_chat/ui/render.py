"""Lines and the status line as text in colours: the only place that writes escapes."""

import time
import unicodedata
import zlib
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from trio_chat.client.events import Queued
from trio_chat.protocol import names
from trio_chat.sanitise import clean
from trio_chat.ui.state import Line, Note, Room, Rule, Said, Trouble, View, destination

Fragments: TypeAlias = list[tuple[str, str]]
"""Pieces of text, each with the name of its style."""

NICK_COLOURS: Final = (125, 61, 33, 37, 64, 136, 166, 160, 98, 29, 168, 67)
"""Of the 256; each can be read on a dark and on a light ground."""
QUEUED_SHOWN_MAX: Final = 3
_DIM, _BOLD, _RED = "2", "1", "31"
_RULE: Final = "\u2500\u2500"
_CONTINUED: Final = "\u2502"


@dataclass(frozen=True, slots=True)
class Look:
    """How lines are drawn."""

    colour: bool = True
    """Whether the terminal is to show colours; dim and bold are none."""


def text_of(line: Line, look: Look, now: float) -> str:
    """The line as the terminal gets it, with its end.

    Units:  `now` in seconds since 1970; times are shown as local time.
    """
    return f"{_drawn(line, look, now)}\r\n"


def _drawn(line: Line, look: Look, now: float) -> str:
    match line:
        case Said():
            return _said(line, look, now)
        case Note(text=text):
            return _paint(f"{_moment(now, now)} {clean(text)}", _DIM)
        case Trouble(text=text):
            return f"{_time(now, now)} {_paint('! ' + clean(text), *_red(look))}"
        case Rule(room=room, remark=remark):
            words = " ".join(filter(None, (_RULE, f"#{clean(room)}", _RULE, clean(remark))))
            return _paint(words, _DIM)
        case _:
            assert_never(line)


def _said(line: Said, look: Look, now: float) -> str:
    entry = line.entry
    nick = _nick(entry.nick, look, own=line.own)
    where = _paint(f"@{_isolated(clean(line.to))} ", _BOLD) if entry.direct else ""
    who = f"* {nick}" if entry.kind == "me" else f"<{nick}>"
    margin = " " * len(_moment(entry.ts, now))
    first, *more = (_isolated(clean(each)) for each in entry.text.split("\n"))
    mark = f"\r\n{margin} {_paint(_CONTINUED, _DIM)} "
    continued = "".join((mark + each).rstrip(" ") for each in more)
    return f"{_time(entry.ts, now)} {where}{who} {first}{continued}"


def _nick(nick: str, look: Look, *, own: bool) -> str:
    shown = _isolated(clean(nick))
    if own:
        return _paint(shown, _BOLD)
    colour = NICK_COLOURS[zlib.crc32(names.same(nick).encode("utf-8", "replace")) % 12]
    return _paint(shown, *(("38", "5", str(colour)) if look.colour else ()))


def _time(ts: float, now: float) -> str:
    return _paint(_moment(ts, now), _DIM)


def _moment(ts: float, now: float) -> str:
    """The time of day; with the date, if that is another one."""
    then, today = _local(ts), _local(now)
    same_day = then[:3] == today[:3]
    return time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", then)


def _local(ts: float) -> time.struct_time:
    try:
        return time.localtime(ts)
    except (OverflowError, OSError, ValueError):  # the server's clock is anybody's guess
        return time.localtime(0)


def _isolated(text: str) -> str:
    """Text that runs from right to left, kept from turning around what stands beside it."""
    if text.isascii() or not any(
        unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in text
    ):
        return text
    return f"\u2068{text}\u2069"


def _red(look: Look) -> tuple[str, ...]:
    return (_RED,) if look.colour else (_BOLD,)


def _paint(text: str, *codes: str) -> str:
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and text else text


# --- below the input -----------------------------------------------------------------


def status(view: View) -> Fragments:
    """The status line: the link, the room, oneself, what waits, what is unread."""
    where = [("class:room", f"#{clean(view.current)}" if view.current else "no room")]
    room = view.room
    if room is not None and room.nicks:
        where.append(("", f"{len(room.nicks)} here"))
    waiting = [("class:queued", words) for words in _waiting(view)]
    if view.saving:
        waiting.append(("class:queued", "saving \u2026"))
    if view.leaving:
        waiting.append(("class:queued", "leaving after the last answers"))
    elsewhere = [("class:unread", _unread(each)) for each in view.rooms if each.unread]
    why = [] if view.state == "online" or not view.reason else [("", clean(view.reason))]
    parts = [
        (f"class:{view.state}", view.state),
        *where,
        ("", clean(view.nick)),
        *waiting,
        *elsewhere,
        *why,
    ]
    return [piece for part in parts for piece in (("", " \u00b7 "), part)][1:]


def _waiting(view: View) -> list[str]:
    # With a link a line is gone in a moment: what is shown then is what takes longer.
    if view.state != "online":
        return [f"{len(view.queued)} queued"] if view.queued else []
    return [str(view.sending)] if view.sending is not None else []


def _unread(room: Room) -> str:
    return f"#{clean(room.name)} {room.unread}"


def queued(view: View) -> Fragments:
    """What was typed and waits for a link, above the input."""
    waiting = () if view.state == "online" else view.queued
    shown = waiting[-QUEUED_SHOWN_MAX:]
    unseen = len(waiting) - len(shown)
    rows = [f"\u2026 {unseen} more"] if unseen else []
    rows += [f"\u2026 {_elsewhere(line, view)}{clean(line.text)}" for line in shown]
    return [("class:queued", "\n".join(rows))] if rows else []


def _elsewhere(line: Queued, view: View) -> str:
    return "" if line.room == view.current else f"{clean(destination(line.room))} "
