"""The tasks that a peer has besides its own, now and then, in a nursery that all share.

Nearly always a peer has none: one runs only while its socket is full, another only while it
reads the log. A nursery of its own for them would take more memory than all else of a peer
that says nothing, so they are started in one for all peers. What a nursery promises is kept
here: none of them outlives its peer, and what one raises ends the peer.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import trio

Work: TypeAlias = Callable[[], Awaitable[None]]


class Starter(Protocol):
    """Where a task can be started: a nursery, or a crew."""

    def start_soon(self, work: Work, /) -> object:
        """Have this run in a task of its own."""


class Crew:
    """The tasks of one peer.

    Shape:  `failed` is called when one has raised something, which check() raises.
    """

    __slots__ = ("_closed", "_empty", "_errors", "_failed", "_nursery", "_running")

    def __init__(self, nursery: trio.Nursery, failed: Callable[[], None]) -> None:
        self._nursery = nursery
        self._failed = failed
        self._running: tuple[trio.CancelScope, ...] = ()
        self._errors: tuple[Exception, ...] = ()
        self._empty: trio.Event | None = None
        self._closed = False

    def start_soon(self, work: Work) -> None:
        """Have this run in a task of its own, as long as the peer lives."""
        if not self._closed:
            scope = trio.CancelScope()
            self._running += (scope,)
            self._nursery.start_soon(self._run, work, scope)

    def check(self) -> None:
        """Raises what a task has raised, or a group if that were several."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise ExceptionGroup("several tasks of a peer failed", self._errors)

    async def aclose(self) -> None:
        """End all tasks, and start none any more; returns once they have ended.

        Cancel: waits all the same: they end at once.
        """
        self._closed = True
        for scope in self._running:
            scope.cancel()
        if self._running:
            self._empty = trio.Event()
            with trio.CancelScope(shield=True):
                await self._empty.wait()

    async def _run(self, work: Work, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await work()
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the peer's)
            self._errors += (error,)
            self._failed()
        finally:
            self._running = tuple(each for each in self._running if each is not scope)
            if not self._running and self._empty is not None:
                self._empty.set()
