"""How reliable a server is, in figures: counted where things happen, read at any time.

Whoever counts adds to a plain attribute, in the step in which the thing happens. What is
counted for each entry and each member would cost the fan-out its speed, so deliveries are
added up by the batch. No figure names a person, a room or an address.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any, Final, Literal

from trio_chat.protocol.codes import Code

PREFIX: Final = "trio_chat_"
Type = Literal["counter", "gauge", "histogram"]

LOST: Final = "lost"
QUIT: Final = "quit"
STALLED: Final = "stalled"
SENT_AWAY: Final = "sent_away"
ENDS: Final = (
    QUIT,
    LOST,
    STALLED,
    SENT_AWAY,
    Code.TIMED_OUT,
    Code.SUPERSEDED,
    Code.HELLO_TIMEOUT,
    Code.SERVER_FULL,
    Code.STORE_FAILED,
    Code.LINE_TOO_LONG,
    Code.VERSION,
)
"""How a link may end: a word of ours, or the code of the error that ended it."""

_DRAFT_CODES: Final = (
    Code.SAME_ID_OTHER_TEXT,
    Code.OUT_OF_ORDER,
    Code.NOT_JOINED,
    Code.NO_SUCH_NICK,
    Code.TEXT_TOO_LONG,
    Code.EMPTY_TEXT,
    Code.BAD_ROOM,
)
_REQUEST_CODES: Final = (
    Code.NICK_TAKEN,
    Code.BAD_NICK,
    Code.BAD_ROOM,
    Code.NOT_JOINED,
    Code.TOO_MANY_ROOMS,
    Code.NO_SEARCH,
)
_BAD_LINE_CODES: Final = (
    Code.NOT_JSON,
    Code.BAD_UTF8,
    Code.BAD_MESSAGE,
    Code.UNKNOWN_TYPE,
    Code.OUT_OF_PLACE,
    Code.LINE_TOO_LONG,
)

_BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096)
_SECONDS: Final = (
    *(0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


class Missed(StrEnum):
    """What a device that came back had missed; the worse it is, the later it stands."""

    LOSSLESS = "lossless"
    """Nothing: it was at the head of all its rooms."""
    RECOVERED = "recovered"
    """Something, and it got all of it."""
    GAPPED = "gapped"
    """Something that can't be had: no longer kept, or of another past."""
    ANEW = "anew"
    """It can't say: its program was started again, and reads as one that is new."""
    UNFINISHED = "unfinished"
    """The link ended before it had got everything."""


class Histogram:
    """How often a value was at most each of some bounds.

    Shape:  `bounds` ascend; `counts` has one more than they, for what is above them all.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.largest = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
        self.largest = max(self.largest, value)

    def at_most(self) -> list[tuple[str, int]]:
        """For each bound, and for none (+Inf), how many values were not above it."""
        names = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


def _counter(keys: Sequence[str]) -> Counter[str]:
    # What has not happened yet is 0, not missing: a graph can tell the two apart.
    return Counter({str(key): 0 for key in keys})


@dataclass(eq=False, slots=True)
class Figures:
    """What one server has counted since it started; its attributes are FIGURES' names.

    Shape:  gauges are as they were when somebody last looked: see Running.look().
    """

    start_time_s: float = 0.0
    peers: int = 0
    links: int = 0
    links_ended: Counter[str] = field(default_factory=lambda: _counter(ENDS))
    sessions: int = 0
    sessions_waiting: int = 0
    reconnects: Counter[str] = field(default_factory=lambda: _counter(list(Missed)))
    entries: int = 0
    deliveries: int = 0
    members_set_aside: int = 0
    caught_up_entries: int = 0
    fetched_entries: int = 0
    searches: int = 0
    gaps: int = 0
    gap_entries: int = 0
    duplicate_drafts: int = 0
    drafts_refused: Counter[str] = field(default_factory=lambda: _counter(_DRAFT_CODES))
    requests_refused: Counter[str] = field(default_factory=lambda: _counter(_REQUEST_CODES))
    bad_lines: Counter[str] = field(default_factory=lambda: _counter(_BAD_LINE_CODES))
    submissions_waiting: int = 0
    commit_drafts: Histogram = field(default_factory=lambda: Histogram(_BATCHES))
    commit_s: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    commits_failed: int = 0
    trouble_s: float = 0.0
    trimmed_entries: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """What one attribute of Figures means.

    Shape:  with a `label` it is counted by the values of that.
    """

    name: str
    type: Type
    help: str
    label: str = ""

    @property
    def metric(self) -> str:
        """Its name as Prometheus wants it, with prefix, unit and ending."""
        name = self.name.removesuffix("_s") + "_seconds" * self.name.endswith("_s")
        return PREFIX + name + "_total" * (self.type == "counter")


FIGURES: Final = (
    Figure("start_time_s", "gauge", "when the server started, in seconds since 1970 UTC"),
    Figure("peers", "gauge", "connections now"),
    Figure("links", "counter", "connections taken"),
    Figure("links_ended", "counter", "connections that ended, by how", "how"),
    Figure("sessions", "gauge", "devices that have their nick, and their places, now"),
    Figure("sessions_waiting", "gauge", "sessions whose device is away, and waited for"),
    Figure(
        "reconnects", "counter", "devices that came back, by what they had missed", "kind"
    ),
    Figure("entries", "counter", "entries made durable, copies of direct ones too"),
    Figure("deliveries", "counter", "entries handed to members that were live"),
    Figure("members_set_aside", "counter", "times that a member was too slow to be live"),
    Figure("caught_up_entries", "counter", "entries read from the log for members behind"),
    Figure("fetched_entries", "counter", "entries read from the log for who looks back"),
    Figure("searches", "counter", "searches for words"),
    Figure("gaps", "counter", "gaps told: entries that were no longer kept"),
    Figure("gap_entries", "counter", "entries in the gaps that were told"),
    Figure("duplicate_drafts", "counter", "drafts sent again that were stored before"),
    Figure("drafts_refused", "counter", "drafts refused, by code", "code"),
    Figure("requests_refused", "counter", "other requests refused, by code", "code"),
    Figure("bad_lines", "counter", "lines that were no good message, by code", "code"),
    Figure("submissions_waiting", "gauge", "reads of peers that wait for the disk now"),
    Figure("commit_drafts", "histogram", "transactions, by the drafts in each"),
    Figure("commit_s", "histogram", "transactions, by the seconds to the end of fsync"),
    Figure("commits_failed", "counter", "transactions that ended with an error"),
    Figure("trouble_s", "counter", "seconds in which the disk could not be used"),
    Figure("trimmed_entries", "counter", "entries given up that need not be kept"),
)
"""All of them, in the order in which they are shown; docs/operating.md says what to do."""


# --- for people, and for the log -----------------------------------------------------


def fields(figures: Figures) -> dict[str, Any]:
    """All figures as plain values, by name: for a line of the log."""
    return {each.name: _plain(getattr(figures, each.name)) for each in FIGURES}


def _plain(value: Any) -> Any:
    if isinstance(value, Histogram):
        at_most = dict(value.at_most())
        return {
            "count": at_most["+Inf"],
            "sum": value.total,
            "largest": value.largest,
            "at_most": at_most,
        }
    return dict(value) if isinstance(value, Mapping) else value


def table(said: Mapping[str, Any], after_s: float) -> str:
    """What fields() gave, as an aligned table for people, below a line of its own.

    Shape:  what is counted by a label has a row for each value that has occurred.
    """
    rows = [row for each in FIGURES[1:] for row in _rows(each, said[each.name])]
    name_width = max(len(name) for name, _, _ in rows)
    value_width = max(len(value) for _, value, _ in rows)
    lines = [
        f"    {name:<{name_width}}  {value:>{value_width}}  {words}".rstrip()
        for name, value, words in rows
    ]
    return "\n".join([f"[*] figures of {duration(after_s)}, since the start:", *lines])


def summary(said: Mapping[str, Any], after_s: float) -> str:
    """The same in one line, for a server that stops."""
    back = sum(said["reconnects"].values())
    parts = ", ".join(f"{n:,} {kind}" for kind, n in said["reconnects"].items() if n)
    return (
        f"[*] in {duration(after_s)}: {said['entries']:,} entries,"
        f" {said['links']:,} connections, {back:,} reconnects{parts and f' ({parts})'}"
    )


def duration(took_s: float) -> str:
    """A time as people say it, in its two largest units."""
    minutes, seconds = divmod(round(took_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((place for place, (count, _) in enumerate(units) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2])


def _rows(figure: Figure, value: Any) -> Iterator[tuple[str, str, str]]:
    name = figure.name.removesuffix("_s").replace("_", " ")
    if figure.type == "histogram":
        yield name, f"{value['count']:,}", figure.help
        if value["count"]:
            yield "", "", _spread(figure, value)
    elif figure.label:
        yield name, f"{sum(value.values()):,}", figure.help
        for key, count in value.items():
            if count:
                yield f"  {key.replace('_', ' ')}", f"{count:,}", ""
    else:
        digits = ".1f" if isinstance(value, float) else ""
        yield name, f"{value:,{digits}}", figure.help


def _spread(figure: Figure, value: Mapping[str, Any]) -> str:
    """Where the values lie, as far as the bounds tell."""
    half, most, largest = (
        f"{_bound(value, part) * 1000:,.3g} ms"
        if figure.name.endswith("_s")
        else f"{_bound(value, part):,.0f}"
        for part in (0.5, 0.99, 1.0)
    )
    return f"half at most {half}, 99 % at most {most}, the largest {largest}"


def _bound(value: Mapping[str, Any], part: float) -> float:
    """So large such a part of the values is at most."""
    enough = part * value["count"]
    at_most = value["at_most"].items()
    bound = next(float(name) for name, count in at_most if count >= enough)
    largest: float = value["largest"]
    return min(bound, largest) if part < 1 else largest
