"""Gives up what need not be kept, a little at a time, while everything else goes on."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import trio

from trio_chat.errors import StoreError
from trio_chat.server.figures import Figures
from trio_chat.server.limits import Limits
from trio_chat.server.pages import Pages
from trio_chat.server.trouble import Trouble
from trio_chat.store.interface import Keep, Store


async def retain(
    store: Store,
    pages: Pages,
    wall_clock_s: Callable[[], float],
    limits: Limits,
    trouble: Trouble,
    figures: Figures,
) -> None:
    """Trim every log again and again, for as long as the server takes peers.

    Shape:  returns at once if everything is kept. Who reads a log is told by its pager.
    Cancel: may have happened: a step that has begun is done.
    """
    if limits.keep_entries is None and limits.keep_s is None:
        return
    while True:
        since_ts = None if limits.keep_s is None else wall_clock_s() - limits.keep_s
        keep = Keep(entries=limits.keep_entries, since_ts=since_ts)
        try:
            await trim(
                store, keep, figures, limit=limits.trim_entries, trimming=pages.trimming
            )
        except StoreError as error:
            trouble.tell(error, "retention")
        else:
            trouble.over("retention")
        await trio.sleep(limits.trim_every_s)


async def trim(
    store: Store,
    keep: Keep,
    figures: Figures,
    *,
    limit: int,
    trimming: Callable[[str], AbstractContextManager[None]] = lambda _log: nullcontext(),
) -> int:
    """Give up all that need not be kept, in steps of at most `limit`; how many entries.

    Shape:  appends that come meanwhile take their turns between the steps. What goes on
            in a log is within `trimming` of it.
    Raises: StoreError: what was not given up yet is there.
    Cancel: may have happened: a step that has begun is done.
    """
    count = 0
    for log in await store.overdue(keep):
        with trimming(log):
            while gone := await store.trim(log, keep, limit=limit):
                count += gone
                figures.trimmed_entries += gone
    return count
