"""The terminal client: one person, one terminal, one client."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TextIO, assert_never

import trio
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import is_dumb_terminal

from trio_chat.addresses import Address
from trio_chat.client import Client, open_client
from trio_chat.client.outbox import Ticket
from trio_chat.errors import RefusedError, SettingError, lone_exception
from trio_chat.sanitise import clean
from trio_chat.signals import open_signals
from trio_chat.ui import bridge, commands
from trio_chat.ui.commands import HELP, Intent, parse
from trio_chat.ui.keys import bind
from trio_chat.ui.layout import STYLE, CommandCompleter, build_layout, open_history
from trio_chat.ui.printer import Printer
from trio_chat.ui.render import Look, text_of
from trio_chat.ui.screen import Screen
from trio_chat.ui.state import (
    Line,
    Note,
    Trouble,
    Update,
    begin,
    opening,
    reduce,
    switched,
    who,
)

LAST_ACCEPTED_S: Final = 2.0
"""How long a quit waits for the lines that are on their way."""
_PASTE_CHECK_S: Final = 1.0
_CONTINUED: Final = getattr(signal, "SIGCONT", None)
_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_NO_ROOM: Final = "you are in no room: /join ROOM takes you to one"


def run(
    address: Address,
    *,
    nick: str,
    room: str,
    history: int | None = None,
    state_dir: Path | None = None,
) -> int:
    """Chat until the person quits; the exit code.

    Shape:  0 after a quit, 128 + signal after SIGTERM or SIGHUP. Lines that the server
            has not accepted are named on stderr. The terminal is given back as it was.
    Raises: SettingError: this terminal can't move its cursor.
            RefusedError: the server does not want this program, or has a newer one of us.
            KeyboardInterrupt: Ctrl-C while the last lines were on their way.
    """
    terminal = open_terminal(state_dir)
    unsent: list[Ticket] = []
    try:
        return bridge.run(partial(_join, address, nick, room, history, terminal, unsent))
    finally:
        with suppress(OSError):  # nobody reads it after a hang-up
            tell_unsent(unsent, sys.stderr)


async def _join(
    address: Address,
    nick: str,
    room: str,
    history: int | None,
    terminal: "Terminal",
    unsent: list[Ticket],
) -> int:
    async with open_client(
        address, nick=nick, rooms=[room], history=history, insist=True
    ) as client:
        try:
            return await Chat(client, room, terminal).run()
        finally:
            unsent.extend(client.outbox.after(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """What a chat needs from its surroundings."""

    input: Input
    output: Output
    history: History = field(default_factory=InMemoryHistory)
    look: Look = field(default_factory=Look)
    now: Callable[[], float] = time.time


def open_terminal(state_dir: Path | None) -> Terminal:
    """The terminal that this program was started in.

    Raises: SettingError: it can't move its cursor.
    """
    if is_dumb_terminal():
        raise SettingError(
            "this terminal (TERM=dumb) can't move its cursor: use `join --plain` in it"
        )
    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False  # the answer could land in the middle of what is typed
    return Terminal(
        input=create_input(),
        output=output,
        history=open_history(state_dir),
        look=Look(colour=not os.environ.get("NO_COLOR")),
    )


class Chat:
    """A conversation in progress: what is typed, what is heard, what is shown."""

    def __init__(self, client: Client, room: str, terminal: Terminal) -> None:
        self.view = begin(client.nick, client.rooms[0] if client.rooms else room)
        """What is known now."""
        self.line = Buffer(
            completer=CommandCompleter(lambda: self.view),
            history=terminal.history,
            accept_handler=lambda line: self._accept(line.text),
        )
        """The line being typed."""
        self._client = client
        self._terminal = terminal
        self.screen = Screen(
            build_layout(self.line, lambda: self.view),
            bind(self.line, self._quit),
            STYLE,
            (terminal.input, terminal.output),
        )
        self._printer = Printer(self.screen.print_above)
        self._exit_code = 0

    async def run(self) -> int:
        """Chat until the person quits or a signal says so; the exit code.

        Cancel: gives the terminal back.
        """
        with lone_exception(), open_signals(*_ENDING) as ending:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._until, ending, nursery.cancel_scope)
                nursery.start_soon(self._hear)
                nursery.start_soon(self._printer.run)
                nursery.start_soon(self._rescue_pastes)
                if _CONTINUED is not None:
                    nursery.start_soon(self._come_back)
                await self._show()
                await self._settle()
                nursery.cancel_scope.cancel()
        return self._exit_code

    async def _show(self) -> None:
        try:
            await bridge.aio(self.screen.show)
        except EOFError:
            self._exit_code = 0  # the terminal is gone: that is how one leaves, too

    async def _settle(self) -> None:
        # The answers are likely a moment away; without a link there is nothing to wait for.
        if self._client.state == "online":
            with trio.move_on_after(LAST_ACCEPTED_S):
                await self._client.outbox.emptied()

    async def _until(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        self._exit_code = 128 + await anext(signals)
        scope.cancel()

    async def _come_back(self) -> None:
        assert _CONTINUED is not None
        with open_signals(_CONTINUED) as signals:
            async for _ in signals:
                self.screen.come_back()

    async def _rescue_pastes(self) -> None:
        while True:
            await trio.sleep(_PASTE_CHECK_S)
            self.screen.rescue_paste()

    # --- what is heard ---------------------------------------------------------------

    async def _hear(self) -> None:
        while True:
            # Nothing is read that can't be shown yet: it waits in the log.
            await self._printer.drained()
            try:
                events = await self._client.all_waiting()
            except trio.EndOfChannel:
                return  # the client has ended, and says itself why
            for event in events:
                self._follow(reduce(self.view, event))
            self.screen.invalidate()

    def _follow(self, update: Update) -> None:
        self.view = update.view
        self._print(*update.lines)
        if update.back:
            self._give_back(update.back)

    def _print(self, *lines: Line) -> None:
        now = self._terminal.now()
        self._printer.put(text_of(line, self._terminal.look, now) for line in lines)

    def _give_back(self, text: str) -> None:
        if self.line.text:
            selection = self.line.selection_state
            self.line.history.append_string(text)
            self.line.reset(self.line.document)  # so that Up finds it at once
            self.line.selection_state = selection
            self._print(Note(f"it is in the history, Up brings it back: {text}"))
        else:
            self.line.text = text
            self.line.cursor_position = len(text)

    # --- what is typed ---------------------------------------------------------------

    def _accept(self, text: str) -> bool:
        """Do what was typed; whether it stays in the input."""
        try:
            intent = parse(text)
            mistake = self._do(intent) if intent is not None else ""
        except RefusedError as error:
            mistake = error.reason
        except trio.WouldBlock:
            mistake = "as many lines as can wait are waiting: this one stays here"
        if mistake:
            self._print(Trouble(mistake))
        return bool(mistake)

    def _do(self, intent: Intent) -> str:
        """Do it; why it can't be done, or nothing."""
        match intent:
            case commands.Say(text=text, kind=kind):
                if not self.view.current:
                    return _NO_ROOM
                self._client.post_nowait(self.view.current, text, kind=kind)
            case commands.Tell(nick=nick, text=text):
                self._client.post_nowait(f"@{nick}", text)
            case commands.Join(room=room):
                self._look_at(room)
            case commands.Leave(room=room):
                if not (room or self.view.current):
                    return _NO_ROOM
                self._client.leave_nowait(room or self.view.current)
            case commands.Rename(nick=nick):
                self._client.rename_nowait(nick)
            case commands.Who():
                self._print(who(self.view))
            case commands.Help():
                self._print(*(Note(f"{how:<18} {what}") for how, what in HELP))
            case commands.Quit():
                self._quit()
            case commands.Mistake(reason=reason):
                return reason
            case _:
                assert_never(intent)
        return ""

    def _look_at(self, room: str) -> None:
        if self.view.find(room) is not None:
            self._follow(switched(self.view, room))
        else:
            self._client.join_nowait(room)
            self._follow(opening(self.view, room))

    def _quit(self) -> None:
        self.screen.exit()


def tell_unsent(unsent: list[Ticket], stderr: TextIO) -> None:
    """Say which lines the server has not accepted; nothing if it has them all."""
    if unsent:
        lines = "line was" if len(unsent) == 1 else "lines were"
        # Not "not sent": one that was on its way may have arrived.
        stderr.write(f"{len(unsent)} {lines} not accepted by the server:\n")
        for ticket in unsent:
            where = ticket.room if ticket.room.startswith("@") else f"#{ticket.room}"
            stderr.writelines(
                f"{where}: {clean(each)}\n" for each in ticket.text.split("\n")
            )
