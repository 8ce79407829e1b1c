"""From listening to drained: who owns what, and in which order it ends."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
import trio

from trio_chat.server.figures import Figures, fields
from trio_chat.server.herald import Herald
from trio_chat.server.hub import Hub
from trio_chat.server.journal import Journal
from trio_chat.server.keeper import Keeper
from trio_chat.server.limits import BACK_IN_S, Limits
from trio_chat.server.listen import address_of_peer, eager
from trio_chat.server.marks import KEPT_AS as MARKS_KEPT_AS
from trio_chat.server.marks import Marks
from trio_chat.server.pages import Pages
from trio_chat.server.past import Archive
from trio_chat.server.peer import Peer, Services
from trio_chat.server.retention import retain
from trio_chat.server.searching import Searching
from trio_chat.server.session import KEPT_AS
from trio_chat.server.silences import Silences
from trio_chat.server.trouble import Rarely, Trouble
from trio_chat.server.turns import Turns
from trio_chat.store.interface import Store
from trio_chat.wire import bound_buffer


@dataclass(frozen=True, slots=True)
class Running:
    """A server that takes peers."""

    look: Callable[[], Figures]
    """Its figures, as they are now."""
    log: structlog.typing.FilteringBoundLogger
    begun_s: float
    draining: trio.Event = field(default_factory=trio.Event)

    def drain(self) -> None:
        """Take no more peers, finish what was accepted, say goodbye, end."""
        self.draining.set()

    def tell_figures(self, *, at_end: bool = False) -> None:
        """Write its figures to the log, for people or for programs."""
        after_s = round(trio.current_time() - self.begun_s, 3)
        said = fields(self.look())
        self.log.info("figures", after_s=after_s, at_end=at_end, **said)


async def serve(  # noqa: PLR0913, PLR0915 (what a simulation replaces comes in by name)
    listeners: Sequence[trio.abc.Listener[Any]],
    store: Store,
    *,
    log: structlog.typing.FilteringBoundLogger,
    new_secret: Callable[[], str],
    rng: random.Random,
    limits: Limits | None = None,
    wall_clock_s: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until it is drained; `nursery.start` gives the Running server.

    Shape:  the listeners are closed at the end; the store is not.
    Raises: StoreError: the store can't be read; nothing was started.
    Cancel: closes every wire at once; nothing that was accepted is lost.
    Source: promises P1 to P11.
    """
    limits = limits or Limits()
    figures = Figures(start_time_s=round(wall_clock_s(), 3))
    begun_s = trio.current_time()
    trouble = Trouble(log, figures)
    kept = await store.remembered(KEPT_AS)
    keeper = Keeper(store, limits, trouble, kept)
    marks = Marks(store, limits, trouble, await store.remembered(MARKS_KEPT_AS))
    heads = await store.heads()
    herald = Herald()
    hub = Hub(
        heads,
        limits,
        log,
        changed=keeper.changed,
        has_news=herald.has_news,
        read=marks.read,
        figures=figures,
    )
    hub.restore(kept)
    journal = Journal(store, hub, wall_clock_s, limits, trouble, figures)
    turns = Turns()
    silences = Silences(limits.heartbeat_s)
    pages = Pages(store, turns, limits)
    searching = Searching(store, figures, log)
    archive = Archive(
        store=store,
        searching=searching,
        turns=turns,
        limits=limits,
        trouble=trouble,
        figures=figures,
    )
    peers: dict[Peer, None] = {}

    def look() -> Figures:
        trouble.count()
        figures.peers = len(peers)
        figures.sessions, figures.sessions_waiting = len(hub), hub.waiting
        figures.submissions_waiting = journal.waiting
        return figures

    full = Rarely(log, "full")
    doors = [
        eager(each, lambda: journal.talking, lambda reason: full.tell(reason=reason))
        for each in listeners
    ]
    running = Running(look, log, begun_s)
    async with trio.open_nursery() as outer:
        services = Services(
            hub=hub,
            journal=journal,
            keeper=keeper,
            marks=marks,
            store=store,
            pages=pages,
            archive=archive,
            silences=silences,
            nursery=outer,
            limits=limits,
            new_secret=new_secret,
            log=log,
            trouble=trouble,
            figures=figures,
            peers=peers,
        )
        outer.start_soon(journal.run)
        outer.start_soon(keeper.run)
        outer.start_soon(marks.run)
        outer.start_soon(herald.run)
        outer.start_soon(turns.run)
        async with trio.open_nursery() as handlers:
            async with trio.open_nursery() as front:
                handle = partial(_handle, services)
                front.start_soon(
                    partial(
                        trio.serve_listeners,
                        handle,
                        doors,
                        handler_nursery=handlers,
                    )
                )
                # Once the server stops nobody is told to be gone: they will be back.
                front.start_soon(hub.run_graces)
                front.start_soon(silences.run)
                front.start_soon(searching.run)
                front.start_soon(
                    retain, store, pages, wall_clock_s, limits, trouble, figures
                )
                task_status.started(running)
                await running.draining.wait()
                front.cancel_scope.cancel()
            log.info("draining", peers=len(peers), drain_s=limits.drain_s)
            for number, peer in enumerate(peers):
                turn_s = number / limits.back_per_s
                peer.drain(BACK_IN_S + turn_s + rng.uniform(0, BACK_IN_S))
            journal.hurry()
            keeper.hurry()
            # One end for all of it; last words that were begun are said until then.
            outer.cancel_scope.deadline = trio.current_time() + limits.drain_s
            words_s = min(limits.goodbye_s, limits.drain_s / 2)
            handlers.cancel_scope.deadline = outer.cancel_scope.deadline - words_s
        journal.close()
        keeper.close()
        marks.close()
        herald.close()
        turns.close()
    running.tell_figures(at_end=True)
    log.info("stopped")


def _handle(services: Services, stream: trio.abc.Stream) -> Awaitable[None]:
    """A peer's whole life."""
    bound_buffer(stream, services.limits.socket_bytes_max)
    services.figures.links += 1
    turned_away = len(services.peers) >= services.limits.peers_max
    # No coroutine of ours around its own: there are ten thousand of them.
    return Peer(stream, address_of_peer(stream), services).run(turned_away=turned_away)
