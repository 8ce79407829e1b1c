"""What must be true of a log and of all who lived through its making, whatever died.

Pure: what each life was given, what it said and how it ended comes in, sentences about
what is wrong come out. None of them knows when anything was killed, for nothing that is
promised depends on it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Said: TypeAlias = tuple[str, str]
"""Who, and what."""
Log: TypeAlias = Sequence[tuple[int, Said]]
"""The room as the store has it: number by number."""

_SHOWN_CHARS: Final = 24
_ALIKE_MAX: Final = 3
_SIGKILL: Final = 9
_NEVER: Final = frozenset({"gap", "reset", "refused", "closed", "cancelled"})
"""Events that nothing that happens here is a reason for."""


@dataclass(slots=True)
class Life:
    """One process of one client, from its start to its end."""

    nick: str
    number: int
    """The first life has 1."""
    listens: bool = False
    """Whether it stays until it has heard all."""
    given: list[str] = field(default_factory=list)
    """The lines that were written to its stdin, in their order; no two lives have a line
    in common."""
    heard: list[dict[str, Any]] = field(default_factory=list)
    """The events that it printed, in their order."""
    words: list[str] = field(default_factory=list)
    """What it said on its stderr."""
    killed: bool = False
    code: int | None = None
    """How it ended, once it has."""

    def __str__(self) -> str:
        return f"{self.nick}, life {self.number}"

    def all(self, kind: str) -> Iterator[dict[str, Any]]:
        """The events of this kind."""
        return (event for event in self.heard if event["type"] == kind)

    @property
    def taken(self) -> list[str]:
        """What it was given and said it had taken: it was durable in its outbox then."""
        given = set(self.given)
        return [event["text"] for event in self.all("queued") if event["text"] in given]

    @property
    def cursor(self) -> int | None:
        """The last number that it heard of; None: it was never let in."""
        for event in reversed(self.heard):
            if event["type"] == "entry":
                return int(event["seq"])
            if event["type"] == "opened":
                return int(event["after"])
        return None


def faults(log: Log, lives: Mapping[str, Sequence[Life]]) -> list[str]:
    """What is wrong, in sentences with who, which line and which number.

    Shape:  `lives` are those of each client, in their order. Of many sentences of one kind
            there are the first few, and how many more there are.
    """
    checks = [_numbered(log), _once(log), _written(log, lives)]
    for own in lives.values():
        checks += [_in_order(log, own), _taken(log, own), _accepted(log, own)]
        checks += [check(log, life) for life in own for check in (_heard, _ended)]
    return [sentence for check in checks for sentence in _some(list(check))]


def _some(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _ALIKE_MAX
    first = list(sentences[:_ALIKE_MAX])
    return [*first, f"… and {more} more of this kind"] if more > 0 else first


def _numbered(log: Log) -> Iterator[str]:
    """Every number once, from 1 on."""
    for place, (seq, said) in enumerate(log, start=1):
        if seq != place:
            yield f"the log has {_shown(said)} as {seq} in the place of {place}"
            return


def _once(log: Log) -> Iterator[str]:
    """No line twice."""
    first: dict[str, int] = {}
    for seq, said in log:
        before = first.setdefault(said[1], seq)
        if before != seq:
            yield f"the log has {_shown(said)} twice, as {before} and as {seq}"


def _written(log: Log, lives: Mapping[str, Sequence[Life]]) -> Iterator[str]:
    """No line that its author was not given."""
    given = {
        (nick, text) for nick, own in lives.items() for each in own for text in each.given
    }
    for seq, said in log:
        if said not in given:
            yield f"the log has {_shown(said)} as {seq}, which {said[0]} was never given"


def _in_order(log: Log, own: Sequence[Life]) -> Iterator[str]:
    """Each author's lines in the order of their writing, over all lives."""
    places = {text: place for place, text in enumerate(_given(own))}
    last = -1, ""
    for seq, (_, text) in log:
        place = places.get(text, -1)
        if 0 <= place < last[0]:
            yield (
                f"{own[0].nick}: {_cut(text)} is {seq} in the log, behind {_cut(last[1])},"
                " which was written after it"
            )
        last = max(last, (place, text))


def _taken(log: Log, own: Sequence[Life]) -> Iterator[str]:
    """What a life has taken is there, and what it was given before that as well."""
    logged = {text for _, (_, text) in log}
    for life in own:
        said_so = set(life.taken)
        is_there = [text in logged for text in life.given]
        for place, text in enumerate(life.given):
            if is_there[place]:
                continue
            if text in said_so:
                yield f"{life}: {_cut(text)} was taken, and is not in the log"
            elif any(is_there[place:]):
                yield f"{life}: {_cut(text)} is not in the log, and later lines are"
        missing = is_there.count(False)
        if life.code == 0 and missing:
            verb = "is" if missing == 1 else "are"
            yield f"{life}: ended with 0, and {missing} of its lines {verb} missing"


def _accepted(log: Log, own: Sequence[Life]) -> Iterator[str]:
    """What was said to be accepted is there, under the number that was told."""
    texts: dict[int, str] = {}
    logged = dict(log)
    for life in own:
        for event in life.heard:
            if event["type"] == "queued":
                n, text = event["n"], event["text"]
                if texts.setdefault(n, text) != text:
                    yield f"{life}: line {n} is {_cut(text)}, and was {_cut(texts[n])}"
            elif event["type"] == "accepted":
                # Before that the line was told of, by this life or by an earlier one.
                told, seq = (own[0].nick, texts.get(event["n"], "")), event["seq"]
                if logged.get(seq) != told:
                    yield (
                        f"{life}: {_shown(told)} was accepted as {seq}, which is"
                        f" {_shown(logged.get(seq))} in the log"
                    )


def _heard(log: Log, life: Life) -> Iterator[str]:
    """All that is in the log, from where it began to where it ended, and in its order."""
    logged = dict(log)
    cursor: int | None = None
    for event in life.heard:
        kind = event["type"]
        if kind in _NEVER or event.get("state") == "waiting":  # for another nick
            yield f"{life}: heard {event}"
        elif kind == "opened":
            if cursor not in (None, event["after"]):
                yield f"{life}: went on after {event['after']}, and was at {cursor}"
            cursor = event["after"]
        elif kind == "entry":
            seq, said = event["seq"], (event["nick"], event["text"])
            if cursor is None or seq != cursor + 1:
                yield f"{life}: heard {seq} after {cursor}"
            if logged.get(seq) != said:
                yield (
                    f"{life}: heard {_shown(said)} as {seq}, which is"
                    f" {_shown(logged.get(seq))} in the log"
                )
            cursor = seq


def _ended(log: Log, life: Life) -> Iterator[str]:
    """As it was told to, and a reader not before it had heard all."""
    if life.code is None or (life.killed and life.code == -_SIGKILL):
        return
    if life.code != 0:
        last = life.words[-1] if life.words else "no last words"
        yield f"{life}: ended with {life.code}: {last}"
    elif life.listens and life.cursor != len(log):
        yield f"{life}: heard up to {life.cursor} of {len(log)}"


def _given(own: Sequence[Life]) -> list[str]:
    return [text for life in own for text in life.given]


def _shown(said: Said | None) -> str:
    return f"<{said[0]}> {_cut(said[1])}" if said is not None else "nothing"


def _cut(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…")
