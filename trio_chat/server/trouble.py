"""What the person who runs the server is told of trouble: once a minute, with a count."""

from typing import Any, Final

import structlog
import trio

from trio_chat.server.figures import Figures
from trio_chat.store.interface import log_words

EVERY_S: Final = 60.0


class Rarely:
    """A log line that may have reason to come a thousand times a second.

    Shape:  the first one comes at once; those of the next minute are counted, and told
            by the first that comes after it.
    """

    def __init__(self, log: structlog.typing.FilteringBoundLogger, event: str) -> None:
        self._log = log
        self._event = event
        self._times = 0
        self._again_s = -EVERY_S

    def tell(self, **fields: Any) -> bool:
        """Say it, or count it; whether it was said."""
        self._times += 1
        now_s = trio.current_time()
        if now_s < self._again_s:
            return False
        self._again_s = now_s + EVERY_S
        self._log.error(self._event, times=self._times, **fields)
        self._times = 0
        return True


class Trouble:
    """The store's: told while it lasts, and when it is over.

    Shape:  it has several parts (lines, sessions, what is given up), for a full disk may
            have space for one and not for another: it is over when none of them is in
            trouble. The end of what was told is told, and of nothing else.
    """

    def __init__(
        self, log: structlog.typing.FilteringBoundLogger, figures: Figures | None = None
    ) -> None:
        self._log = log
        self._figures = figures or Figures()
        self._failed = Rarely(log, "store failed")
        self._unreadable = Rarely(log, "log unreadable")
        self._since_s: float | None = None
        self._counted_s = 0.0
        self._told = False
        self._parts: set[str] = set()

    def tell(self, error: Exception, part: str) -> None:
        """The store could not write what it was asked to."""
        if self._since_s is None:
            self._since_s = self._counted_s = trio.current_time()
        self._parts.add(part)
        self._told |= self._failed.tell(reason=str(error))

    def passing(self, error: Exception) -> None:
        """Something went wrong of which no end will be seen here."""
        self._failed.tell(reason=str(error))

    def unreadable(self, log: str, error: Exception) -> None:
        """One log can't be read, others can: no end of that will be seen here."""
        self._unreadable.tell(where=log_words(log), reason=str(error))

    def count(self) -> None:
        """Bring its seconds up to now, also while it lasts."""
        if self._since_s is not None:
            now_s = trio.current_time()
            self._figures.trouble_s += now_s - self._counted_s
            self._counted_s = now_s

    def over(self, part: str) -> None:
        """The store has written something of this part."""
        self._parts.discard(part)
        if self._parts:
            return
        self.count()
        if self._told and self._since_s is not None:
            after_s = trio.current_time() - self._since_s
            self._log.info("store works", after_s=after_s)
        self._since_s, self._told = None, False
