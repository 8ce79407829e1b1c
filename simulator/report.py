"""The verdict as text: pure, whatever it is shown on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.checkers import Checker, Finding
from simulator.history import (
    Closed,
    Cut,
    Done,
    Down,
    Dropped,
    Fail,
    Fault,
    Gap,
    Gone,
    Healed,
    History,
    Invoke,
    Joined,
    Keeps,
    Kept,
    Killed,
    Left,
    Linked,
    Logged,
    Maybe,
    Members,
    Ok,
    Opened,
    Proof,
    Renamed,
    Reset,
    Resources,
    Restarted,
    Restored,
    Resumed,
    Saw,
    Settled,
    Stalled,
    Stranger,
    TurnedAway,
    Up,
)
from simulator.recorder import Recorder
from simulator.run import Run

_TEXT_CHARS_MAX: Final = 60
_WORDS_SHOWN: Final = 20
_LABELS: Final = {"ok": "ok", "violated": "VIOLATED", "unknown": "UNKNOWN"}
_FAULTS: Final = (
    Fault,
    Down,
    Up,
    Killed,
    Restarted,
    Stalled,
    Resumed,
    Stranger,
    Healed,
)
"""What is told of a run before the findings: what was done to it, in its order."""
_NOT_YET: Final = "not yet"


@dataclass(frozen=True, slots=True)
class Palette:
    """How good, bad and minor things look."""

    good: str = ""
    bad: str = ""
    dim: str = ""
    end: str = ""

    def label(self, text: str, width: int) -> str:
        """A verdict word, padded before it is coloured."""
        colours = {_LABELS["ok"]: self.good, _NOT_YET: self.dim}
        colour = colours.get(text, self.bad)
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
        f"seed {run.seed}  {tally(run.history)} in {run.took_s:.1f} s{_tick(run)}",
        *_faults(run.history, palette),
        *_findings(run, palette),
        *(() if run.passed else _after_a_failure(run, palette)),
    ]


def _tick(run: Run) -> str:
    return "" if run.tick_s is None else f", at a tick of {run.tick_s * 1000:g} ms"


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


def tally_of_many(  # noqa: PLR0913
    *,
    done: int,
    seeds: int,
    simulated_s: float,
    records: int,
    violations: int,
    failed: int,
    real_s: float,
) -> str:
    """How far a run of many seeds is, or how it ended, in one line."""
    rate = f", {done / real_s:.1f} seeds/s" if real_s >= 1 else ""
    bad = f"{failed} failed ({_number(violations, 'violation')})" if failed else "all ok"
    return (
        f"{done:,} of {_number(seeds, 'seed')}, {simulated_s:,.0f} s simulated,"
        f" {_number(records, 'event')}, {bad}; {real_s:.1f} s{rate}"
    )


def replay(scenario: str, seed: object) -> str:
    """The command that plays a run again."""
    return f"python -m simulator run {scenario} --seed {seed}"


def _faults(history: History, palette: Palette) -> Iterator[str]:
    faults = [record for record in history.records if isinstance(record, _FAULTS)]
    for fault in faults:
        yield palette.aside(f"  {described(fault)}")
    if any(not isinstance(fault, Healed) for fault in faults):
        links = sum(isinstance(record, Linked) for record in history.records)
        bots = len({r.bot for r in history.records if isinstance(r, Linked)})
        times = _number(links - bots, "time")
        yield palette.aside(f"  {times} a bot came back by itself")


def _findings(run: Run, palette: Palette) -> Iterator[str]:
    told = [(checker, finding) for checker, finding in run.findings if not finding.idle]
    labels = [_label(checker, finding) for checker, finding in told]
    stuck = "STUCK"
    width = max([0, *map(len, [*labels, *([stuck] if run.troubles else [])])])
    for checker, finding in told:
        yield from _finding(checker, finding, palette, width)
    for trouble in run.troubles:
        yield f"{palette.label(stuck, width)}  {_clean(trouble.reason)}"
    idle = [checker.name for checker, finding in run.findings if finding.idle]
    if idle:
        yield palette.aside(f"  nothing to judge: {', '.join(idle)}")


def _label(checker: Checker, finding: Finding) -> str:
    broken = finding.answer != "ok"
    return _NOT_YET if broken and checker.accepts(finding) else _LABELS[finding.answer]


def _finding(
    checker: Checker, finding: Finding, palette: Palette, width: int
) -> Iterator[str]:
    label = palette.label(_label(checker, finding), width)
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
    if run.tick_s is None:
        yield (
            "the seed says who says what, where and after which pause; when the machine"
            " gets round to it is its own affair: it may take more than one try to see"
            " this again"
        )
    yield replay(run.scenario, run.seed)


def described(record: Proof) -> str:
    """A record as a sentence, with its time."""
    if isinstance(record, Logged):
        return f"     store  has {_entry(record)}"
    return f"{record.at_s:8.3f} s  {_SENTENCES[type(record)](record)}"


_SENTENCES: Final[dict[type, Callable[[Any], str]]] = {
    Invoke: lambda r: f"{r.bot} said in #{r.room} as number {r.n}: {_shortened(r.text)}",
    Ok: lambda r: f"{r.bot} was told that number {r.n} is #{r.room} {r.seq}",
    Fail: lambda r: f"{r.bot} was refused number {r.n} in #{r.room}: {_clean(r.reason)}",
    Maybe: lambda r: f"{r.bot} will not hear what became of number {r.n} in #{r.room}",
    Kept: lambda r: f"{r.bot} found number {r.n} in the outbox, for #{r.room}",
    Opened: lambda r: f"{r.bot} reads #{r.room} after {r.after} (it goes up to {r.head})",
    Closed: lambda r: f"{r.bot} is no longer in #{r.room}: {_clean(r.reason)}",
    Saw: lambda r: f"{r.bot} saw {_entry(r)}",
    Gap: lambda r: (
        f"{r.bot} was told that #{r.room} {r.after + 1} to {r.through} can't be had"
    ),
    Members: lambda r: f"{r.bot} was told who is in #{r.room}: {_listed(r.nicks)}",
    Joined: lambda r: f"{r.bot} was told that {_clean(r.nick)} came into #{r.room}",
    Left: lambda r: (
        f"{r.bot} was told that {_clean(r.nick)} is not in #{r.room}: {_clean(r.reason)}"
    ),
    Renamed: lambda r: (
        f"{r.bot} was told that {_clean(r.nick)} in #{r.room} is {_clean(r.to)} now"
    ),
    Linked: lambda r: f"{r.bot} is connected",
    Cut: lambda r: f"{r.bot} lost the connection: {_clean(r.reason)}",
    Dropped: lambda r: f"{r.bot} breaks its own connection",
    Reset: lambda r: f"{r.bot} was told that the server has another past",
    Stranger: lambda r: (
        f"{_clean(r.nick)} comes, who is not to be trusted ({', '.join(r.tricks)})"
    ),
    TurnedAway: lambda r: f"{r.bot} was turned away: {_clean(r.reason)}",
    Done: lambda r: f"{r.bot} has said all it had to say",
    Killed: lambda r: f"{r.bot} is killed",
    Restarted: lambda r: f"{r.bot} lives again",
    Gone: lambda r: f"{r.bot} says goodbye",
    Stalled: lambda r: f"{r.bot} hardly reads any more",
    Resumed: lambda r: f"{r.bot} reads again",
    Down: lambda r: f"the server is {'asked to end' if r.kindly else 'killed'}",
    Up: lambda _: "the server serves again",
    Restored: lambda _: "the server was given an older past",
    Keeps: lambda r: f"the server keeps the last {r.entries} entries of each room",
    Healed: lambda r: f"all faults are over: {r.within_s:g} s from here",
    Settled: lambda _: "all has come to rest",
    Resources: lambda r: (
        f"the server has {_number(r.tasks, 'task')} and {_number(r.sockets, 'socket')}"
    ),
    Fault: lambda r: r.what,
}
"""Each kind of record as a sentence."""


def _entry(entry: Saw | Logged) -> str:
    where = f"#{entry.room} {entry.seq}"
    return f"{where} <{_shortened(entry.nick)}> {_shortened(entry.text)}"


def _listed(nicks: Sequence[str]) -> str:
    return _shortened(" ".join(nicks)) if nicks else "nobody"


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
