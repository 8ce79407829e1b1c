"""What a checker is, and the answers it can give."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from simulator.history import History, Proof

Answer: TypeAlias = Literal["ok", "violated", "unknown"]
Expected: TypeAlias = Literal["kept", "not yet"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a checker found.

    Shape:  `reason` is a sentence, empty when all is well; `proof` are the two or three
            records that show it. `idle` only where the answer is unknown: the story has
            nothing that the promise is about, and does not fail for that.
    """

    answer: Answer
    reason: str = ""
    proof: tuple[Proof, ...] = ()
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Checker:
    """Holds one promise against a history.

    Shape:  `check` reads, changes nothing, and takes time in proportion to the history.
    """

    name: str
    promise: str
    """Its number, as in "P1"."""
    claim: str
    """What holds if the answer is ok, in words for the verdict."""
    check: Callable[[History], Finding]
    expected: Expected = "kept"
    """"not yet": the promise is not built, so that to break it fails no run."""

    def accepts(self, finding: Finding) -> bool:
        """Whether a run with this finding can pass; unknown proves nothing."""
        return self.expected == "not yet" or finding.answer == "ok" or finding.idle


OK = Finding("ok")


def violated(reason: str, *proof: Proof) -> Finding:
    """The promise was broken, and this shows it."""
    return Finding("violated", reason, proof)


def unknown(reason: str, *proof: Proof) -> Finding:
    """The history can't tell: to call it ok would be a lie."""
    return Finding("unknown", reason, proof)


def idle(reason: str, *proof: Proof) -> Finding:
    """The history has nothing to hold this promise against."""
    return Finding("unknown", reason, proof, idle=True)
