"""The terminal client: one person, one terminal, one client."""

import gc
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from trio_chat.addresses import DEFAULT_ROOM, Address
from trio_chat.client import open_client
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.client.outbox_file import (
    FileOutbox,
    open_outbox_if_possible,
    outbox_path,
)
from trio_chat.habits.habits import DEFAULT_HABITS, Habits
from trio_chat.sanitise import as_lines
from trio_chat.ui import bridge
from trio_chat.ui.chat import LAST_ACCEPTED_S, Chat
from trio_chat.ui.desk_file import Kept, begun, desk_path, read_desk
from trio_chat.ui.hearing import SENDING_SHOWN_S
from trio_chat.ui.keeping import Drawer
from trio_chat.ui.state import destination, said_in
from trio_chat.ui.terminal import Terminal, open_terminal
from trio_chat.worker import Worker, open_thread_worker

__all__ = ["LAST_ACCEPTED_S", "SENDING_SHOWN_S", "Chat", "run", "tell_unsent"]


def run(  # noqa: PLR0913 (one keyword, one setting)
    address: Address,
    *,
    nick: str,
    room: str | None = None,
    history: int | None = None,
    person: str | None = None,
    state_dir: Path | None = None,
    habits: Habits = DEFAULT_HABITS,
) -> int:
    """Chat until the person quits; the exit code.

    Shape:  0 after a quit, 128 + signal after SIGTERM or SIGHUP. One is in the rooms of the
            last time, as `state_dir` has them; `room` is one more, and is looked at first.
            Lines that the server has not accepted are named on stderr. They wait in
            `state_dir`, and are sent the next time this nick joins this server; without
            one they are lost. The terminal is given back as it was.
    Raises: SettingError: this terminal can't move its cursor.
            RefusedError: the server does not want this program, or has a newer one of us.
            KeyboardInterrupt: Ctrl-C while the last lines were on their way.
    """
    terminal = open_terminal(state_dir, str(address), habits)
    left = _Left()
    if state_dir is not None:
        left.file = outbox_path(state_dir, address, nick)
    try:
        wanted = _Wanted(address, nick, room, history, person)
        return bridge.run(partial(_join, wanted, terminal, left))
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    address: Address
    nick: str
    room: str | None
    history: int | None
    person: str | None


async def _join(wanted: _Wanted, terminal: Terminal, left: _Left) -> int:
    async with (
        open_outbox_if_possible(left.file) as (lines, trouble),
        open_thread_worker() as worker,
    ):
        drawer, damage = await _open_drawer(lines, worker)
        found = Kept() if drawer is None else drawer.found
        rooms, current = begun(found, wanted.room, DEFAULT_ROOM)
        opening = open_client(
            wanted.address,
            nick=wanted.nick,
            rooms=rooms,
            history=wanted.history,
            person=wanted.person,
            insist=True,
            outbox=lines,
        )
        async with opening as client:
            chat = Chat(client, current, terminal, drawer=drawer)
            gc.freeze()  # what is there now stays: no key waits while it is looked through
            if damage:
                chat.warn(damage)
            return await _chat(chat, lines, trouble, left)


async def _open_drawer(lines: Outbox, worker: Worker) -> tuple[Drawer | None, str]:
    """Where what is typed is kept, and what is wrong with it; None: there is no place."""
    if not isinstance(lines, FileOutbox):
        return None, ""
    path = desk_path(lines.path)
    found, damage = await worker.run(lambda: read_desk(path))
    return Drawer(found=found, outbox=lambda: lines.path, worker=worker), damage


async def _chat(chat: Chat, lines: Outbox, trouble: str, left: _Left) -> int:
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
