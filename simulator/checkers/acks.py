"""P3: an author is told one thing of a line, and it is true."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.lines import Key, Line, key, lines_of
from simulator.history import (
    Closed,
    Entry,
    Fail,
    Gone,
    History,
    Invoke,
    Killed,
    Ok,
    Opened,
)


def check(history: History) -> Finding:
    """One answer to a line, one line for an accepted seq, and that seq is where it is.

    Shape:  the same answer may come again. That a line was accepted and is nowhere is the
            matter of `accepted`; that it is there twice, of `once`. Who is in a room all
            the time is refused nothing there.
    """
    lines, strays = lines_of(history.records)
    if strays:
        return violated("there is an answer to a line that was never said", strays[0])
    return (
        _two_answers(lines)
        or _one_seq_twice(lines)
        or _for_nothing(history)
        or _elsewhere(history, lines)
    )


def _two_answers(lines: dict[Key, Line]) -> Finding | None:
    for line in lines.values():
        for other in line.answers[1:]:
            first = line.answers[0]
            same_kind = type(first) is type(other)
            if not same_kind or (
                isinstance(first, Ok) and isinstance(other, Ok) and first.seq != other.seq
            ):
                said = line.invoke
                reason = f"{said.bot} was told two things of number {said.n}"
                return violated(reason, said, first, other)
    return None


def _one_seq_twice(lines: dict[Key, Line]) -> Finding | None:
    given: dict[tuple[str, int], Ok] = {}
    for line in lines.values():
        ok = line.accepted
        if ok is None:
            continue
        other = given.setdefault((ok.room, ok.seq), ok)
        if other is not ok:
            return violated(f"#{ok.room} {ok.seq} was given to two lines", other, ok)
    return None


def _for_nothing(history: History) -> Finding | None:
    inside: dict[tuple[str, str], Opened] = {}
    said: dict[tuple[str, int], tuple[Invoke, Opened | None]] = {}
    for record in history.records:
        match record:
            case Opened(bot=bot, room=room):
                inside.setdefault((bot, room), record)
            case Closed(bot=bot, room=room):
                inside.pop((bot, room), None)
            case Killed(bot=bot) | Gone(bot=bot):
                inside = {
                    place: since for place, since in inside.items() if place[0] != bot
                }
            case Invoke(bot=bot, room=room, n=n):
                said[bot, n] = record, inside.get((bot, room))
            case Fail(bot=bot, n=n) if (bot, n) in said:
                line, since = said[bot, n]
                if since is not None and inside.get((bot, line.room)) is since:
                    reason = f"{bot} was in #{line.room}, and was refused a line there"
                    return violated(reason, since, line, record)
            case _:
                pass
    return None


def _elsewhere(history: History, lines: dict[Key, Line]) -> Finding:
    places: dict[Key, dict[int, Entry]] = {}
    for entry in history.entries():
        places.setdefault(key(entry), {}).setdefault(entry.seq, entry)
    anything = False
    for name, line in lines.items():
        ok, entries = line.accepted, places.get(name)
        anything = anything or bool(line.answers)
        if ok is not None and entries is not None and ok.seq not in entries:
            entry = next(iter(entries.values()))
            reason = f"what was accepted as #{ok.room} {ok.seq} is {entry.seq}"
            return violated(reason, line.invoke, ok, entry)
    return OK if anything else unknown("no line was answered")


CHECKER = Checker(
    "acks", "P3", "every answer was the only one, and true to the number", check
)
