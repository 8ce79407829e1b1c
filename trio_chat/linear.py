"""Plain mode at a terminal: a conversation that a screen reader can follow."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final

import trio

from trio_chat.addresses import Address
from trio_chat.client import open_client
from trio_chat.client.outbox_file import FileOutbox, open_outbox_if_possible
from trio_chat.plain import EXIT_KEPT, PlainOptions, tell_kept
from trio_chat.sanitise import as_lines
from trio_chat.signals import ENDING, open_signals
from trio_chat.streams import STDOUT, lines_of_stdin, print_to

HISTORY: Final = 10
"""Entries of a room's past that are read aloud at first, if nothing else was asked for."""
_LAST_ANSWERS_S: Final = 2.0


async def linear(address: Address, options: PlainOptions, muted: Path | None) -> int:
    """Talk at a terminal, one line after the other; the exit code.

    Shape:  0 after a quit; EXIT_KEPT if lines wait for the next life then; 1 if they can't;
            128 + signal after a signal. `muted`: the file of the rooms that do not call.
    Raises: RefusedError: the server does not want this program.
            OutputError: what is heard can't be printed any more.
    Cancel: closes the wire.
    """
    from trio_chat.ui.linear import Linear, Surroundings  # noqa: PLC0415 (for who talks)
    from trio_chat.ui.muted import Muted  # noqa: PLC0415 (as above)

    async with open_outbox_if_possible(options.outbox) as (outbox, trouble):
        if trouble:
            lost = "lines that wait are lost with this program"
            await print_to(STDOUT, as_lines(f"{trouble}; {lost}"))
        async with open_client(
            address,
            nick=options.nick,
            rooms=[options.room],
            history=HISTORY if options.history is None else options.history,
            person=options.person,
            insist=True,
            outbox=outbox,
        ) as client:
            around = Surroundings(
                lines=_typed(),
                show=partial(print_to, STDOUT),
                now=time.time,
                muted=Muted(muted, str(address)),
            )
            code = await _talk(Linear(client, options.room, around).run)
            waiting = len(outbox)
    if isinstance(outbox, FileOutbox):
        await tell_kept(waiting, address, options.nick)
        return code or (EXIT_KEPT if waiting else 0)
    return code or (1 if waiting else 0)


async def _talk(conversation: Callable[[float], Awaitable[None]]) -> int:
    """Until the person leaves, or a signal says so: 0, or 128 + signal."""
    code = 0
    with open_signals(*ENDING) as signals:
        async with trio.open_nursery() as nursery:

            async def until_signal() -> None:
                nonlocal code
                code = 128 + await anext(signals)
                nursery.cancel_scope.cancel()

            nursery.start_soon(until_signal)
            await conversation(_LAST_ANSWERS_S)
            nursery.cancel_scope.cancel()
    return code


async def _typed() -> AsyncGenerator[str, None]:
    async with aclosing(lines_of_stdin()) as pieces:
        async for piece in pieces:
            for _, line in piece:
                yield line
