"""The terminal client: one person, one terminal, one client."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from trio_chat.addresses import Address
from trio_chat.client import open_client
from trio_chat.client.outbox import Ticket
from trio_chat.client.outbox_file import (
    FileOutbox,
    open_outbox_if_possible,
    outbox_path,
)
from trio_chat.habits.habits import DEFAULT_HABITS, Habits
from trio_chat.sanitise import as_lines
from trio_chat.ui import bridge
from trio_chat.ui.chat import LAST_ACCEPTED_S, Chat
from trio_chat.ui.hearing import SENDING_SHOWN_S
from trio_chat.ui.state import destination, said_in
from trio_chat.ui.terminal import Terminal, open_terminal

__all__ = ["LAST_ACCEPTED_S", "SENDING_SHOWN_S", "Chat", "run", "tell_unsent"]


def run(
    address: Address,
    *,
    nick: str,
    room: str,
    history: int | None = None,
    state_dir: Path | None = None,
    habits: Habits = DEFAULT_HABITS,
) -> int:
    """Chat until the person quits; the exit code.

    Shape:  0 after a quit, 128 + signal after SIGTERM or SIGHUP. Lines that the server
            has not accepted are named on stderr. They wait in `state_dir`, and are sent
            the next time this nick joins this server; without one they are lost. The
            terminal is given back as it was.
    Raises: SettingError: this terminal can't move its cursor.
            RefusedError: the server does not want this program, or has a newer one of us.
            KeyboardInterrupt: Ctrl-C while the last lines were on their way.
    """
    terminal = open_terminal(state_dir, str(address), habits)
    left = _Left()
    if state_dir is not None:
        left.file = outbox_path(state_dir, address, nick)
    try:
        return bridge.run(partial(_join, address, nick, room, history, terminal, left))
    finally:
        with suppress(OSError):  # nobody reads it after a hang-up
            then = f"join {address} --nick {nick}" if left.kept else ""
            tell_unsent(left.lines, sys.stderr, then)


@dataclass(slots=True)
class _Left:
    """What waits when the chat ends, and whether it waits for the next time."""

    file: Path | None = None
    lines: tuple[Ticket, ...] = ()
    kept: bool = False


async def _join(
    address: Address,
    nick: str,
    room: str,
    history: int | None,
    terminal: Terminal,
    left: _Left,
) -> int:
    async with (
        open_outbox_if_possible(left.file) as (lines, trouble),
        open_client(
            address, nick=nick, rooms=[room], history=history, insist=True, outbox=lines
        ) as client,
    ):
        chat = Chat(client, room, terminal)
        if trouble:
            chat.warn(
                f"{trouble}. What you type is sent all the same, but is lost if this"
                " program ends before"
            )
        try:
            return await chat.run()
        finally:
            left.lines, left.kept = lines.lines, isinstance(lines, FileOutbox)


def tell_unsent(unsent: Sequence[Ticket], stderr: TextIO, then: str = "") -> None:
    """Say which lines the server has not accepted; nothing if it has them all.

    Shape:  `then`: what sends those that wait on this machine; empty: nothing does.
    """
    if unsent:
        lines, them = ("line was", "it") if len(unsent) == 1 else ("lines were", "them")
        # Not "not sent": one that was on its way may have arrived.
        what = f"{len(unsent)} {lines} not accepted by the server"
        what += f" yet; `{then}` sends {them}:" if then else ":"
        stderr.write(as_lines(what))
        for ticket in unsent:
            to = destination(ticket.room)
            texts = (f"{to}: {each}" for each in said_in(ticket).split("\n"))
            stderr.write(as_lines(*texts))
