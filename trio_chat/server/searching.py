"""Searches, one at a time for the whole server, and what makes them quick, in between.

A search may keep a disk busy for long, so one goes on at once and the others wait, for so
long and no longer. It has its own thread and its own connections (the store's affair): no
line that is said, no page that is read waits for it. What was said is made ready for later
searches when little is said, some entries at a time.
"""

from typing import Final

import structlog
import trio

from trio_chat.errors import RefusedError, SearchError
from trio_chat.protocol.codes import Code
from trio_chat.server.figures import Figures
from trio_chat.store.interface import Hits, Store
from trio_chat.words import Wanted

PATIENCE_S: Final = 5.0
"""Whoever can't be begun with by then is told so."""
EVERY_S: Final = 5.0
"""How often somebody looks whether there is something new to make ready."""
PAUSE_S: Final = 0.02
"""Between two parts of it: at most about half of a processor goes into it."""
BUSY_S: Final = 0.2
"""The same while much is said."""
BUSY_LINES: Final = 10
"""Said since the last part: this is much."""


class Searching:
    """Searches a store; run() makes it ready for that."""

    def __init__(
        self,
        store: Store,
        figures: Figures,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._figures = figures
        self._log = log
        self._turn = trio.CapacityLimiter(1)
        self._trouble = ""
        self._seen = -1

    async def search(
        self, log: str, sought: Wanted, *, before: int, through: int, limit: int
    ) -> Hits:
        """As Store.search, once those who asked before have their answers.

        Raises: RefusedError: nothing can be searched now, or too many want to.
        Cancel: a search that has begun is waited for: who goes and comes back a thousand
                times has not a thousand of them going on.
        """
        with trio.move_on_after(PATIENCE_S) as patience:
            async with self._turn:
                patience.shield = True
                patience.deadline = float("inf")
                self._figures.searches += 1
                try:
                    return await self._store.search(
                        log, sought, before=before, through=through, limit=limit
                    )
                except SearchError as error:
                    self._tell(error)
                    raise RefusedError(Code.NO_SEARCH, str(error)) from error
        raise RefusedError(
            Code.NO_SEARCH, "more people are searching than can be served: try again"
        )

    async def run(self) -> None:
        """Make it ready for what was said, for as long as the server takes peers.

        Cancel: may have happened.
        """
        while True:
            said = self._figures.entries
            if not await self._go_on():
                await trio.sleep(EVERY_S)
                continue
            await trio.sleep(PAUSE_S)
            if self._figures.entries - said > BUSY_LINES:
                await trio.sleep(BUSY_S)

    async def _go_on(self) -> bool:
        """Make some more ready; whether there was something to do."""
        changed = self._figures.entries + self._figures.trimmed_entries
        if changed == self._seen:
            return False
        try:
            if await self._store.index():
                return True
        except SearchError as error:
            self._tell(error)
            return False
        self._seen = changed
        return False

    def _tell(self, error: SearchError) -> None:
        """Say it once to the person who runs the server, until it is something else."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            self._log.warning("no search", reason=self._trouble)
