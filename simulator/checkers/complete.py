"""P5: in the end everyone who is still there has the whole log, up to its head."""

from simulator.checkers.checker import OK, Checker, Finding, unknown, violated
from simulator.history import Closed, History, Logged, Ok, Opened, Record, Saw


def check(history: History) -> Finding:
    """The last entry that each member of a room saw is the room's last."""
    last: dict[tuple[str, str], Opened | Saw] = {}
    heads: dict[str, Record | Logged] = {}
    for record in history.records:
        match record:
            case Opened(bot=bot, room=room):
                last.setdefault((bot, room), record)
            case Saw(bot=bot, room=room):
                last[bot, room] = record
            case Closed(bot=bot, room=room):
                last.pop((bot, room), None)
            case Ok(room=room):
                pass
            case _:
                continue
        _raise_head(heads, room, record)
    for room, entries in (history.log or {}).items():
        if entries:
            _raise_head(heads, room, entries[-1])
    if not last:
        return unknown("nobody was there at the end")
    for (bot, room), place in last.items():
        cursor = place.seq if isinstance(place, Saw) else place.after
        head = _seq(heads[room])
        if cursor < head:
            reason = f"{bot} has #{room} up to {cursor}, and it goes up to {head}"
            return violated(reason, place, heads[room])
    return OK


def _raise_head(
    heads: dict[str, Record | Logged], room: str, record: Record | Logged
) -> None:
    if room not in heads or _seq(record) > _seq(heads[room]):
        heads[room] = record


def _seq(record: Record | Logged) -> int:
    match record:
        case Saw(seq=seq) | Ok(seq=seq) | Logged(seq=seq):
            return seq
        case Opened(head=head):
            return head
        case _:
            return 0


CHECKER = Checker(
    "complete", "P5", "in the end everyone had every room up to its head", check
)
