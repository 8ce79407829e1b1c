"""P2: what anybody saw is in the store, also after the server was killed."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.history import History, Log, Logged, Saw


def check(history: History) -> Finding:
    """The final log counts 1, 2, 3 …, and has every entry that was seen."""
    if history.log is None:
        return unknown("nobody could look into the store")
    hole = _hole(history.log)
    if hole is not None:
        return hole
    anything = False
    for record in history.records:
        if isinstance(record, Saw):
            anything = True
            logged = _at(history.log, record.room, record.seq)
            where = f"#{record.room} {record.seq}"
            if logged is None:
                return violated(f"{where} was seen, and is not in the store", record)
            if (logged.nick, logged.text) != (record.nick, record.text):
                return violated(f"{where} is another line in the store", record, logged)
    return OK if anything else unknown("nobody saw anything")


def _hole(log: Log) -> Finding | None:
    for entries in log.values():
        for seq, logged in enumerate(entries, start=1):
            if logged.seq != seq:
                where = f"#{logged.room} {seq}"
                return violated(f"{where} is missing in the store", logged)
    return None


def _at(log: Log, room: str, seq: int) -> Logged | None:
    entries = log.get(room, ())
    return entries[seq - 1] if 1 <= seq <= len(entries) else None


CHECKER = Checker("stored", "P2", "whatever anybody saw is in the store", check)
