"""How one wants to be told of what is said while one looks elsewhere."""

import re
import time
from dataclasses import dataclass
from typing import Final

WHENS: Final = ("mentions", "all", "never")
DESKTOPS: Final = ("auto", "osc9", "osc777", "off")
_HOURS: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)")
_DAY_MIN: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Quiet:
    """The time of day in which nobody is to be called.

    Units:  minutes since midnight, by this machine's clocks; `end` may be on the next day.
    """

    begin_min: int
    end_min: int

    def covers(self, now: time.struct_time) -> bool:
        """Whether this moment is in it."""
        since_begin = now.tm_hour * 60 + now.tm_min - self.begin_min
        return since_begin % _DAY_MIN < (self.end_min - self.begin_min) % _DAY_MIN


def quiet_hours(text: str) -> Quiet:
    """Quiet hours as they are written: 22:00-07:00.

    Raises: ValueError: a sentence says what is allowed.
    """
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of day such as 22:00-07:00")
    begin_h, begin_min, end_h, end_min = map(int, found.groups())
    return Quiet(begin_h * 60 + begin_min, end_h * 60 + end_min)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeHabits:
    """What is set in [join.notify]."""

    when: str = "mentions"
    """One of WHENS: what is for oneself, all that is said, or nothing."""
    bell: bool = True
    title: bool = True
    """Whether the terminal's title says where one is, and how often one was called."""
    desktop: str = "auto"
    """One of DESKTOPS: in which way the terminal is asked to show it, if in any."""
    command: tuple[str, ...] = ()
    """A program and its arguments; {title}, {text}, {nick}, {room}, {count} are put in."""
    quiet: Quiet | None = None


DEFAULT_NOTICES: Final = NoticeHabits()
