"""P7: what was typed survives the death of its client: it is sent in the next life."""

from typing import TypeAlias

from simulator.checkers.checker import OK, Checker, Finding, idle, violated
from simulator.checkers.lines import Key, Line, key, lines_of
from simulator.history import Fail, History, Invoke, Killed, Ok, Restarted

Due: TypeAlias = tuple[Invoke, Killed, Restarted]
"""A line, the death of its author before it was answered, and the next life."""


def check(history: History) -> Finding:
    """Each line that was open when its author was killed is there, or came back refused.

    Shape:  for authors who live again, to the end: one that is killed again and stays so
            has its lines on its disk still. Until all had come to rest; a later line with
            the same number is another line.
    """
    records = history.until_settled()
    lines, _ = lines_of(records)
    opened: dict[str, dict[int, Invoke]] = {}
    dead: dict[str, tuple[Killed, dict[int, Invoke]]] = {}
    due: dict[str, list[Due]] = {}
    for record in records:
        match record:
            case Invoke(bot=bot, n=n):
                opened.setdefault(bot, {})[n] = record
            case Ok(bot=bot, n=n) | Fail(bot=bot, n=n):
                opened.get(bot, {}).pop(n, None)
            case Killed(bot=bot):
                before = {line.n: line for line, _, _ in due.pop(bot, [])}
                dead[bot] = record, before | opened.pop(bot, {})
            case Restarted(bot=bot) if bot in dead:
                killed, left = dead.pop(bot)
                due[bot] = [(line, killed, record) for line in left.values()]
            case _:
                pass
    all_due = [each for of_bot in due.values() for each in of_bot]
    if not all_due:
        return idle("nobody was killed in the middle of a line and lived again")
    return _lost(history, lines, all_due) or OK


def _lost(history: History, lines: dict[Key, Line], due: list[Due]) -> Finding | None:
    there = {key(entry) for entry in history.entries()}
    for line, killed, restarted in due:
        name = line.room, line.bot, line.text
        if name not in there and not lines[name].answers:
            reason = f"number {line.n} of {line.bot} died with its client"
            return violated(reason, line, killed, restarted)
    return None


CHECKER = Checker("outbox", "P7", "what was typed survived the death of its client", check)
