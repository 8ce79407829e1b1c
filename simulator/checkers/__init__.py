"""The checkers: one file for each promise, each reads histories and nothing else."""

from typing import Final

from simulator.checkers import (
    absent,
    accepted,
    acks,
    author,
    complete,
    epoch,
    goodbye,
    grace,
    hygiene,
    isolation,
    linked,
    liveness,
    monotonic,
    names,
    once,
    order,
    outbox,
    own,
    patient,
    phantom,
    presence,
    restart,
    stored,
    told,
)
from simulator.checkers.checker import Answer, Checker, Finding, idle, unknown
from simulator.history import History, Record, Reset, Restored

CHECKERS: Final = (
    order.CHECKER,
    monotonic.CHECKER,
    stored.CHECKER,
    accepted.CHECKER,
    once.CHECKER,
    acks.CHECKER,
    phantom.CHECKER,
    author.CHECKER,
    complete.CHECKER,
    own.CHECKER,
    liveness.CHECKER,
    epoch.CHECKER,
    isolation.CHECKER,
    linked.CHECKER,
    patient.CHECKER,
    outbox.CHECKER,
    names.CHECKER,
    grace.CHECKER,
    presence.CHECKER,
    told.CHECKER,
    absent.CHECKER,
    goodbye.CHECKER,
    restart.CHECKER,
    hygiene.CHECKER,
)
"""All of them, by promise."""

_OF_ANY_PAST: Final = frozenset({"epoch", "hygiene"})
"""What can be judged although seqs mean something else than before."""

__all__ = ["CHECKERS", "Answer", "Checker", "Finding", "judge"]


def judge(history: History) -> tuple[tuple[Checker, Finding], ...]:
    """What each checker finds, in the order of CHECKERS.

    Shape:  when the server changed its past, seqs from before and after are not about the
            same log: then most are unknown, or have nothing to judge if the story did it.
    """
    finding = _another_past(history.records)
    return tuple(
        (checker, finding)
        if finding is not None and checker.name not in _OF_ANY_PAST
        else (checker, checker.check(history))
        for checker in CHECKERS
    )


def _another_past(records: tuple[Record, ...]) -> Finding | None:
    first: Reset | None = None
    for record in records:
        if isinstance(record, Restored):
            return idle("the story gave the server another past", record)
        if isinstance(record, Reset):
            first = first or record
    if first is not None:
        return unknown("the server came back with another past", first)
    return None
