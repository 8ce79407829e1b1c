"""Where blocking calls run: one long-lived thread in production, inline in simulation."""

import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeAlias, TypeVar

import outcome
import trio

T = TypeVar("T")


class Worker(Protocol):
    """Runs blocking calls one after the other, always in the same thread."""

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns.

        Raises: whatever `call` raises.
        Cancel: may have happened: the wait is abandoned, the call never is.
        """


OpenWorker: TypeAlias = Callable[[], AbstractAsyncContextManager[Worker]]


class InlineWorker:
    """A Worker that calls in place: for simulations, where no thread may run."""

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return call()


@asynccontextmanager
async def open_inline_worker() -> AsyncIterator[InlineWorker]:
    """A Worker without a thread.

    Cancel: atomic.
    """
    yield InlineWorker()


_Job: TypeAlias = tuple[Callable[[], object], Callable[[outcome.Outcome[object]], None]]


class ThreadWorker:
    """A Worker with a thread of its own; get one from open_thread_worker()."""

    def __init__(self, token: trio.lowlevel.TrioToken) -> None:
        # Unbounded on purpose: whoever waits in run() is what is in it, and the journal
        # and the pagers, which are its only callers, are bounded.
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._token = token

    def work(self) -> None:
        """The thread's life: calls until it is told to stop."""
        while (job := self._jobs.get()) is not None:
            call, done = job
            result = outcome.capture(call)
            try:
                self._token.run_sync_soon(done, result)
            except trio.RunFinishedError:
                return

    def stop(self) -> None:
        """End after the calls that are waiting."""
        self._jobs.put(None)

    async def run(self, call: Callable[[], T]) -> T:
        """As Worker.run."""
        done = trio.Event()
        result: outcome.Outcome[object] | None = None

        def finish(outcome_: outcome.Outcome[object]) -> None:
            nonlocal result
            result = outcome_
            done.set()

        self._jobs.put((call, finish))
        await done.wait()
        assert result is not None
        return result.unwrap()  # type: ignore[return-value]


@asynccontextmanager
async def open_thread_worker() -> AsyncIterator[ThreadWorker]:
    """A Worker whose thread ends with the block, after the calls it was given.

    Cancel: atomic; leaving waits, uncancelled, for the call that is under way.
    """
    worker = ThreadWorker(trio.lowlevel.current_trio_token())
    thread = threading.Thread(target=worker.work, name="trio_chat worker", daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(thread.join)
