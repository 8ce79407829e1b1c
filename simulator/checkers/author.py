"""P4: an author's lines are in the log in the order in which they were said."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.lines import Key, key
from simulator.history import Entry, History, Invoke


def check(history: History) -> Finding:
    """What one bot said in one room has rising seqs; a line nobody saw has none."""
    place: dict[Key, Entry] = {}
    for entry in history.entries():
        place.setdefault(key(entry), entry)
    last: dict[tuple[str, str], tuple[Invoke, Entry]] = {}
    for line in history.records:
        if not isinstance(line, Invoke):
            continue
        entry_of_line = place.get((line.room, line.bot, line.text))
        if entry_of_line is None:
            continue
        earlier = last.get((line.bot, line.room))
        if earlier is not None and entry_of_line.seq < earlier[1].seq:
            return violated(
                f"{line.bot} said one thing after the other in #{line.room}, and they"
                f" are {earlier[1].seq} and {entry_of_line.seq}",
                earlier[0],
                line,
                entry_of_line,
                earlier[1],
            )
        last[line.bot, line.room] = (line, entry_of_line)
    return OK if last else unknown("nobody saw what was said")


CHECKER = Checker(
    "author", "P4", "every author's lines are in the order in which they were said", check
)
