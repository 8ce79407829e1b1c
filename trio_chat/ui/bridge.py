"""Joins the terminal toolkit's event loop to trio: the only asyncio in the tree.

The whole program is one trio tree; asyncio is the host that the toolkit needs, and trio
is its guest. The toolkit's coroutine is one trio task (`aio`), so results, exceptions and
cancellation cross as if it were any other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import outcome
import trio

T = TypeVar("T")


def run(main: Callable[[], Awaitable[T]], *, clock: trio.abc.Clock | None = None) -> T:
    """What main() returns, run by trio as a guest of asyncio.

    Raises: whatever main() raises; an exception that nothing but asyncio's loop has seen
            (in a key binding, in drawing) cancels main(), and is raised as it is.
            KeyboardInterrupt: Ctrl-C while the toolkit did not have the keyboard.
    """
    return asyncio.run(_host(main, clock))


async def aio(coroutine: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What an asyncio coroutine returns, awaited by a trio task.

    Cancel: the coroutine is cancelled and awaited; what it does then is what happens.
    """
    task = asyncio.get_running_loop().create_task(coroutine())
    waiter = trio.lowlevel.current_task()
    raise_cancel: Callable[[], None] | None = None

    def result() -> "outcome.Outcome[Any]":
        if not task.cancelled():
            error = task.exception()
            return outcome.Error(error) if error else outcome.Value(task.result())
        if raise_cancel is not None:
            return outcome.capture(raise_cancel)
        return outcome.Error(RuntimeError("the coroutine was cancelled by a stranger"))

    def abort(raise_cancelled: Callable[[], None]) -> trio.lowlevel.Abort:
        nonlocal raise_cancel
        raise_cancel = raise_cancelled
        task.cancel()
        return trio.lowlevel.Abort.FAILED

    task.add_done_callback(lambda _: trio.lowlevel.reschedule(waiter, result()))
    returned: T = await trio.lowlevel.wait_task_rescheduled(abort)
    return returned


async def _host(main: Callable[[], Awaitable[T]], clock: trio.abc.Clock | None) -> T:
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[outcome.Outcome[T]] = loop.create_future()
    root = trio.CancelScope()
    crashes: list[BaseException] = []

    def crashed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            loop.default_exception_handler(context)
        else:
            crashes.append(error)
            root.cancel()

    async def guest() -> T:
        result: T
        with root:
            result = await main()
        if crashes:
            raise crashes[0]
        if root.cancelled_caught:
            raise KeyboardInterrupt
        return result

    loop.set_exception_handler(crashed)
    trio.lowlevel.start_guest_run(
        guest,
        clock=clock,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=finished.set_result,
        host_uses_signal_set_wakeup_fd=True,
        restrict_keyboard_interrupt_to_checkpoints=True,
    )
    # asyncio has to outlive trio, so its own Ctrl-C only asks trio to end.
    while not finished.done():
        try:
            await asyncio.shield(finished)
        except asyncio.CancelledError:
            root.cancel()
    return finished.result().unwrap()
