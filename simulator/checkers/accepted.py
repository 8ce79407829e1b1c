"""P2: an accepted line is not lost: it is in the log, and whoever reads on sees it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.lines import Key, Line, key, lines_of
from simulator.checkers.trimmed import first_kept
from simulator.checkers.views import View, in_views
from simulator.history import Gap, History, Ok, Opened, Saw

Accepted = dict[str, dict[int, tuple[Line, Ok]]]
"""By room and seq."""


def check(history: History) -> Finding:
    """No accepted line is another line for everyone, or unseen by others, or not stored.

    Shape:  its author's own view is the matter of `own`; that it is somewhere else than
            where the author was told is the matter of `acks`.
    """
    lines, _ = lines_of(history.records)
    accepted = accepted_of(lines)
    if not accepted:
        return unknown("no line was accepted")
    return (
        _other_line(history, accepted)
        or _passed_over(history, accepted)
        or _not_stored(history, lines)
        or OK
    )


def accepted_of(lines: dict[Key, Line]) -> Accepted:
    """The lines that were accepted, by the seq their authors were told first."""
    accepted: Accepted = defaultdict(dict)
    for line in lines.values():
        ok = line.accepted
        if ok is not None:
            accepted[ok.room].setdefault(ok.seq, (line, ok))
    return accepted


def passed_over(
    history: History, accepted: Accepted
) -> Iterator[tuple[View, Line, Ok, Saw]]:
    """Accepted lines that a view jumped over and never came back to, with the jump."""
    cursors: dict[View, int] = {}
    seen: dict[View, set[int]] = defaultdict(set)
    jumps: list[tuple[View, int, Saw]] = []
    for view, record in in_views(history.records):
        if isinstance(record, Opened):
            cursors.setdefault(view, record.after)
            continue
        if isinstance(record, Gap):  # what it says it passes over
            cursors[view] = max(cursors.get(view, 0), record.through)
            continue
        seen[view].add(record.seq)
        cursor = cursors.setdefault(view, record.seq)  # if it never was in the room
        if record.seq > cursor + 1:
            jumps.append((view, cursor, record))
        cursors[view] = max(cursor, record.seq)
    known = {room: sorted(seqs) for room, seqs in accepted.items()}
    for view, cursor, landing in jumps:
        seqs = known.get(landing.room, [])
        for place in range(bisect_right(seqs, cursor), len(seqs)):
            if seqs[place] >= landing.seq:
                break
            if seqs[place] not in seen[view]:
                yield view, *accepted[landing.room][seqs[place]], landing


def _other_line(history: History, accepted: Accepted) -> Finding | None:
    places = {key(entry) for entry in history.entries()}
    for entry in history.entries():
        line, ok = accepted.get(entry.room, {}).get(entry.seq, (None, None))
        if line is None or ok is None:
            continue
        name = ok.room, line.invoke.bot, line.invoke.text
        if key(entry) != name and name not in places:
            where = f"#{entry.room} {entry.seq}"
            reason = f"{where} is not the line that was accepted there"
            return violated(reason, line.invoke, ok, entry)
    return None


def _passed_over(history: History, accepted: Accepted) -> Finding | None:
    for (bot, room, *_), line, ok, landing in passed_over(history, accepted):
        if bot != line.invoke.bot:
            reason = f"#{room} {ok.seq} was accepted, and {bot} read past it unseen"
            return violated(reason, line.invoke, ok, landing)
    return None


def _not_stored(history: History, lines: dict[Key, Line]) -> Finding | None:
    if history.log is None:
        return None
    stored = {key(entry) for entries in history.log.values() for entry in entries}
    kept = first_kept(history)
    for name, line in lines.items():
        ok = line.accepted
        if ok is None or (ok.room in kept and ok.seq < kept[ok.room].seq):
            continue  # that it may be gone, `stored` knows
        if name not in stored:
            reason = f"#{ok.room} {ok.seq} was accepted, and is not in the store"
            return violated(reason, line.invoke, ok)
    return None


CHECKER = Checker(
    "accepted", "P2", "every accepted line is in the log, and who read on saw it", check
)
