"""What a server may have given up by its own retention: this, and nothing more."""

from simulator.checkers.checker import Finding, violated
from simulator.history import Gap, History, Keeps, Logged, Ok, Opened, Saw


def spared(history: History) -> dict[str, int]:
    """For each room the last entry that need not be kept; 0: all have to be."""
    keeps = [record.entries for record in history.records if isinstance(record, Keeps)]
    if not keeps:
        return {}
    return {room: max(0, head - min(keeps)) for room, head in _heads(history).items()}


def first_kept(history: History) -> dict[str, Logged]:
    """The first entry of each room that the store still had."""
    return {room: entries[0] for room, entries in (history.log or {}).items() if entries}


def untrue(history: History) -> Finding | None:
    """A gap that was told of entries that the server had to keep, or did keep."""
    may_go, kept = spared(history), first_kept(history)
    for record in history.records:
        if not isinstance(record, Gap):
            continue
        where = f"#{record.room} {record.through}"
        if record.through > may_go.get(record.room, 0):
            return violated(f"{where} is said to be gone, and was to be kept", record)
        first = kept.get(record.room)
        if first is not None and first.seq <= record.through:
            return violated(f"{where} is said to be gone, and is there", record, first)
    return None


def _heads(history: History) -> dict[str, int]:
    heads: dict[str, int] = {}
    for record in history.records:
        match record:
            case Ok(room=room, seq=seq) | Saw(room=room, seq=seq):
                heads[room] = max(seq, heads.get(room, 0))
            case Opened(room=room, head=head):
                heads[room] = max(head, heads.get(room, 0))
            case _:
                pass
    for room, entries in (history.log or {}).items():
        if entries:
            heads[room] = max(entries[-1].seq, heads.get(room, 0))
    return heads
