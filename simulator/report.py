"""The verdict as text: pure, whatever it is shown on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from simulator.checkers import Checker, Finding
from simulator.history import (
    Closed,
    Cut,
    Done,
    Fail,
    Fault,
    History,
    Invoke,
    Linked,
    Logged,
    Ok,
    Opened,
    Proof,
    Reset,
    Saw,
)
from simulator.recorder import Recorder
from simulator.run import Run

_TEXT_CHARS_MAX: Final = 60
_WORDS_SHOWN: Final = 20
_LABELS: Final = {"ok": "ok", "violated": "VIOLATED", "unknown": "UNKNOWN"}


@dataclass(frozen=True, slots=True)
class Palette:
    """How good, bad and minor things look."""

    good: str = ""
    bad: str = ""
    dim: str = ""
    end: str = ""

    def label(self, text: str, width: int) -> str:
        """A verdict word, padded before it is coloured."""
        colour = self.good if text == _LABELS["ok"] else self.bad
        return f"{colour}{text:<{width}}{self.end}"

    def aside(self, text: str) -> str:
        """Something for whoever wants to know more."""
        return f"{self.dim}{text}{self.end}"


PLAIN: Final = Palette()
COLOURS: Final = Palette("\x1b[32m", "\x1b[1;31m", "\x1b[2m", "\x1b[0m")


def verdict(run: Run, palette: Palette = PLAIN) -> list[str]:
    """What a person wants to know of a run, line by line.

    Shape:  if it failed, the last line is the command that plays it again.
    """
    return [
        f"seed {run.seed}  {tally(run.history)} in {run.took_s:.1f} s",
        *_faults(run.history, palette),
        *_findings(run, palette),
        *(() if run.passed else _after_a_failure(run, palette)),
    ]


def tally(history: History) -> str:
    """How many bots, rooms, lines and entries there were."""
    bots = {r.bot for r in history.records if isinstance(r, Linked)}
    rooms = {r.room for r in history.records if isinstance(r, Opened)}
    said = sum(isinstance(r, Invoke) for r in history.records)
    seen = sum(isinstance(r, Saw) for r in history.records)
    return ", ".join(
        [
            _number(len(bots), "bot"),
            _number(len(rooms), "room"),
            f"{_number(said, 'line')} said",
            f"{_number(seen, 'entry', 'entries')} seen",
        ]
    )


def progress(recorder: Recorder) -> str:
    """How far a run is, in one line."""
    counts = recorder.counts
    return (
        f"{len(recorder.online)} bots online, {counts[Invoke]:,} lines said,"
        f" {counts[Ok]:,} accepted, {counts[Saw]:,} entries seen, {recorder.now_s:.1f} s"
    )


def replay(scenario: str, seed: object) -> str:
    """The command that plays a run again."""
    return f"python -m simulator run {scenario} --seed {seed}"


def _faults(history: History, palette: Palette) -> Iterator[str]:
    faults = [record for record in history.records if isinstance(record, Fault)]
    for fault in faults:
        yield palette.aside(f"  {described(fault)}")
    if faults:
        links = sum(isinstance(record, Linked) for record in history.records)
        bots = len({r.bot for r in history.records if isinstance(r, Linked)})
        times = _number(links - bots, "time")
        yield palette.aside(f"  {times} a bot came back by itself")


def _findings(run: Run, palette: Palette) -> Iterator[str]:
    labels = [_LABELS[finding.answer] for _, finding in run.findings]
    stuck = "STUCK"
    width = max(map(len, [*labels, *([stuck] if run.troubles else [])]))
    for checker, finding in run.findings:
        yield from _finding(checker, finding, palette, width)
    for trouble in run.troubles:
        yield f"{palette.label(stuck, width)}  {_clean(trouble.reason)}"


def _finding(
    checker: Checker, finding: Finding, palette: Palette, width: int
) -> Iterator[str]:
    label = palette.label(_LABELS[finding.answer], width)
    head = f"{label}  {checker.promise:<3} {checker.name:<9}"
    yield f"{head} {_clean(finding.reason or checker.claim)}"
    for record in finding.proof:
        yield f"    {described(record)}"


def _after_a_failure(run: Run, palette: Palette) -> Iterator[str]:
    tracebacks = [trouble.traceback for trouble in run.troubles if trouble.traceback]
    for line in tracebacks[0] if tracebacks else ():
        yield palette.aside(f"    {_clean(line)}")
    if run.words:
        yield palette.aside("the last words of the server:")
        for words in run.words[-_WORDS_SHOWN:]:
            yield palette.aside(f"    {_clean(words)}")
    yield (
        "the seed says who says what, where and after which pause; when the machine gets"
        " round to it is its own affair: it may take more than one try to see this again"
    )
    yield replay(run.scenario, run.seed)


def described(record: Proof) -> str:
    """A record as a sentence, with its time."""
    if isinstance(record, Logged):
        return f"     store  has {_entry(record)}"
    return f"{record.at_s:8.3f} s  {_what(record)}"


def _what(record: Proof) -> str:  # noqa: PLR0911, PLR0912 (one kind of record, one sentence)
    match record:
        case Invoke(bot=bot, room=room, n=n, text=text):
            return f"{bot} said in #{room} as number {n}: {_shortened(text)}"
        case Ok(bot=bot, room=room, n=n, seq=seq):
            return f"{bot} was told that number {n} is #{room} {seq}"
        case Fail(bot=bot, room=room, n=n, reason=reason):
            return f"{bot} was refused number {n} in #{room}: {_clean(reason)}"
        case Opened(bot=bot, room=room, after=after, head=head):
            return f"{bot} reads #{room} after {after} (it goes up to {head})"
        case Closed(bot=bot, room=room, reason=reason):
            return f"{bot} is no longer in #{room}: {_clean(reason)}"
        case Saw():
            return f"{record.bot} saw {_entry(record)}"
        case Linked(bot=bot):
            return f"{bot} is connected"
        case Cut(bot=bot, reason=reason):
            return f"{bot} lost the connection: {_clean(reason)}"
        case Reset(bot=bot):
            return f"{bot} was told that the server has another past"
        case Done(bot=bot):
            return f"{bot} has said all it had to say"
        case Fault(what=what):
            return what
        case Logged():
            return _entry(record)
        case _:
            assert_never(record)


def _entry(entry: Saw | Logged) -> str:
    where = f"#{entry.room} {entry.seq}"
    return f"{where} <{_shortened(entry.nick)}> {_shortened(entry.text)}"


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _shortened(text: str) -> str:
    text = _clean(text)
    return text if len(text) <= _TEXT_CHARS_MAX else text[: _TEXT_CHARS_MAX - 1] + "…"


def _clean(text: str) -> str:
    # Whatever is shown may come from a server that is being attacked, or does not work.
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )
