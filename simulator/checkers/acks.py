"""P3: an author is told one thing of a line, and it is true."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.lines import Key, Line, key, lines_of
from simulator.history import Entry, History, Ok


def check(history: History) -> Finding:
    """One answer to a line, one line for an accepted seq, and that seq is where it is.

    Shape:  the same answer may come again. That a line was accepted and is nowhere is the
            matter of `accepted`.
    """
    lines, strays = lines_of(history.records)
    if strays:
        return violated("there is an answer to a line that was never said", strays[0])
    return _two_answers(lines) or _one_seq_twice(lines) or _elsewhere(history, lines)


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


def _elsewhere(history: History, lines: dict[Key, Line]) -> Finding:
    places: dict[Key, Entry] = {}
    for entry in history.entries():
        places.setdefault(key(entry), entry)
    anything = False
    for name, line in lines.items():
        ok, entry_of_line = line.accepted, places.get(name)
        anything = anything or bool(line.answers)
        if ok is not None and entry_of_line is not None and ok.seq != entry_of_line.seq:
            reason = f"what was accepted as #{ok.room} {ok.seq} is {entry_of_line.seq}"
            return violated(reason, line.invoke, ok, entry_of_line)
    return OK if anything else unknown("no line was answered")


CHECKER = Checker(
    "acks", "P3", "every answer was the only one, and true to the number", check
)
