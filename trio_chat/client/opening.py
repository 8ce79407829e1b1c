"""Opening a client: what one may want of it, and who owns its tasks."""

import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio

from trio_chat.addresses import Address, parse_address
from trio_chat.client.client import Client, Options
from trio_chat.client.link import Dial, dial_tcp
from trio_chat.client.outbox import Outbox
from trio_chat.errors import lone_exception


@asynccontextmanager
async def open_client(  # noqa: PLR0913 (one keyword, one thing a caller may want)
    address: str | Address = "127.0.0.1:8765",
    *,
    nick: str,
    rooms: Iterable[str] = ("lobby",),
    history: int | None = None,
    device: str | None = None,
    person: str | None = None,
    events: bool = True,
    insist: bool = False,
    rng: random.Random | None = None,
    dial: Dial = dial_tcp,
    outbox: Outbox | None = None,
    wall_clock_s: Callable[[], float] = lambda: time.time(),  # noqa: PLW0108
) -> AsyncIterator[Client]:
    """A client that connects, stays connected and goes on where it was, by itself.

    Shape:  returns at once, connected or not: what is said meanwhile waits in its outbox.
            `history` entries of a room's past come first (None: as the server likes).
            `device` is a secret of this client's own (None: a new one); whoever comes
            with the same one and the same nick takes its place. It has numbers: they go on
            only in the `outbox` that has them, so it needs one. `person` is a secret that
            all devices of one person share: they have their read marks in common. Without
            `events` none are kept: for those who only talk. With `insist` a refused nick is
            not an error: it is a Status event, and the client waits for another one. `dial`
            makes each connection. `outbox` holds what is said until it is accepted: None:
            in memory; from open_outbox(): on disk, with the device that its numbers belong
            to. What was left in it is sent first, and its rooms are joined for that.
            `wall_clock_s` tells the connections of a device in their order, also over
            several clients: the default looks time.time up when it is called, for who has
            put another one there.
    Raises: RefusedError out of the block: the server refused the first hello, or another
            client has taken this one's place.
            ValueError: `address` is none, or `device` is not the outbox's, or without one.
            RefusedError: `nick` or a room can't be a name.
    Cancel: closes the wire; what is in an outbox in memory is lost.
    Source: docs/wire.md §3.
    """
    where = parse_address(address) if isinstance(address, str) else address
    if device is not None and outbox is None:
        raise ValueError("a device needs the outbox that goes on with its numbers")
    # Not `or`: an outbox without a line in it is false.
    lines = Outbox() if outbox is None else outbox
    if device is not None and lines.device not in (None, device):
        raise ValueError("the outbox has numbers of another device")
    options = Options(
        history=history,
        device=device or lines.device or secrets.token_hex(16),
        events=events,
        insist=insist,
        dial=dial,
        wall_clock_s=wall_clock_s,
        person=person,
    )
    client = Client(where, nick, options, rng or random.Random(), lines)
    left = (ticket.room for ticket in lines.lines if not ticket.room.startswith("@"))
    for room in (*rooms, *left):
        client.join_nowait(room)
    with lone_exception():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.run)
            try:
                yield client
            finally:
                await client.aclose()
                nursery.cancel_scope.cancel()
