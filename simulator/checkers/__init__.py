"""The checkers: one file for each promise, each reads histories and nothing else."""

from typing import Final

from simulator.checkers import accepted, author, complete, once, order, stored
from simulator.checkers.checker import Answer, Checker, Finding, unknown
from simulator.history import History, Reset

CHECKERS: Final = (
    order.CHECKER,
    stored.CHECKER,
    accepted.CHECKER,
    once.CHECKER,
    author.CHECKER,
    complete.CHECKER,
)
"""All of them, by promise."""

__all__ = ["CHECKERS", "Answer", "Checker", "Finding", "judge"]


def judge(history: History) -> tuple[tuple[Checker, Finding], ...]:
    """What each checker finds, in the order of CHECKERS.

    Shape:  all are unknown when the server changed its past: seqs from before and after
            are not about the same log.
    """
    for record in history.records:
        if isinstance(record, Reset):
            finding = unknown("the server came back with another past", record)
            return tuple((checker, finding) for checker in CHECKERS)
    return tuple((checker, checker.check(history)) for checker in CHECKERS)
