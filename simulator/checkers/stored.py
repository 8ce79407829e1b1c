"""P2: what anybody saw is in the store, also after the server was killed."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.checkers.trimmed import first_kept, spared
from simulator.history import History, Log, Logged, Saw


def check(history: History) -> Finding:
    """The final log counts 1, 2, 3 …, and has every entry that was seen.

    Shape:  it may begin later, where the server was told to keep only the last entries.
    """
    if history.log is None:
        return unknown("nobody could look into the store")
    kept = {room: logged.seq for room, logged in first_kept(history).items()}
    may_go = spared(history)
    hole = _hole(history.log, kept, may_go)
    if hole is not None:
        return hole
    anything = False
    for record in history.records:
        if isinstance(record, Saw):
            anything = True
            logged = _at(history.log, record.room, record.seq)
            where = f"#{record.room} {record.seq}"
            if logged is None and record.seq < kept.get(record.room, 0):
                continue
            if logged is None:
                return violated(f"{where} was seen, and is not in the store", record)
            if (logged.nick, logged.text) != (record.nick, record.text):
                return violated(f"{where} is another line in the store", record, logged)
    return OK if anything else unknown("nobody saw anything")


def _hole(log: Log, kept: dict[str, int], may_go: dict[str, int]) -> Finding | None:
    for room, entries in log.items():
        first = kept.get(room, 1)
        if first - 1 > may_go.get(room, 0):
            where = f"#{room} {may_go.get(room, 0) + 1}"
            return violated(f"{where} is missing in the store", entries[0])
        for seq, logged in enumerate(entries, start=first):
            if logged.seq != seq:
                where = f"#{logged.room} {seq}"
                return violated(f"{where} is missing in the store", logged)
    return None


def _at(log: Log, room: str, seq: int) -> Logged | None:
    entries = log.get(room, ())
    place = seq - entries[0].seq if entries else -1
    return entries[place] if 0 <= place < len(entries) else None


CHECKER = Checker("stored", "P2", "whatever anybody saw is in the store", check)
