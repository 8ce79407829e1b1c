"""P9: nobody is told to be gone who was there all the time."""

from simulator.checkers.absences import missed, proof
from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.history import History, Members, Settled


def check(history: History) -> Finding:
    """Whoever vanishes from a list had left, or had lost the connection."""
    records = history.until_settled()
    if not isinstance(records[-1] if records else None, Settled):
        return idle("the story does not say when all has come to rest")
    if not any(isinstance(record, Members) for record in records):
        return idle("nobody was told who is there")
    bots = {record.bot for record in records if isinstance(record, Members)}
    for found in missed(history, lambda _absence: True):
        if found.nick in bots:
            reason = f"{found.nick} vanished from #{found.news.room}, and was there"
            return violated(reason, *proof(found))
    return OK


CHECKER = Checker(
    "absent", "P9", "nobody was told to be gone who was there all the time", check
)
