"""The terminal client: one person, one terminal, one client."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
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
from trio_chat.client.events import Accepted, Cancelled, Refused
from trio_chat.client.outbox import OUTBOX_LINES_MAX, Ticket
from trio_chat.client.outbox_file import (
    FileOutbox,
    open_outbox_if_possible,
    outbox_path,
)
from trio_chat.client.parts import parts_of
from trio_chat.errors import (
    ClosedError,
    OutboxError,
    RefusedError,
    SettingError,
    lone_exception,
)
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import Kind
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
    after_its_lines,
    begin,
    destination,
    is_new_loss,
    left_over,
    lost,
    opening,
    outbox,
    reduce,
    switched,
    typed,
    who,
)

LAST_ACCEPTED_S: Final = 2.0
"""How long a quit waits for the lines that are on their way."""
ERRANDS_MAX: Final = 100
SAVING_SHOWN_S: Final = 0.2
"""A disk that takes longer than this is seen."""
SENDING_SHOWN_S: Final = 0.5
"""Lines that wait longer for their answers are counted in the status line: whoever chats
at a common pace never sees it come and go."""
LOSS_TOLD_S: Final = 5.0
"""A link that is back before shows in the status line alone; then a row tells of it."""
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
            has not accepted are named on stderr. They wait in `state_dir`, and are sent
            the next time this nick joins this server; without one they are lost. The
            terminal is given back as it was.
    Raises: SettingError: this terminal can't move its cursor.
            RefusedError: the server does not want this program, or has a newer one of us.
            KeyboardInterrupt: Ctrl-C while the last lines were on their way.
    """
    terminal = open_terminal(state_dir)
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
    terminal: "Terminal",
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


@dataclass(frozen=True, slots=True)
class _Post:
    """A line on its way into the outbox; what is too long for one is several."""

    room: str
    texts: tuple[str, ...]
    kind: Kind


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
        self.view = begin(client.nick, *(client.rooms or (room,)))
        """What is known now."""
        self.line = Buffer(
            completer=CommandCompleter(lambda: self.view, client.outbox.is_held),
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
        self._saving = False
        self._offered: _Post | None = None
        # What is wanted of the outbox, in its order, for the one task that waits for it.
        # When it is full, what was typed stays in the input.
        self._errands, self._to_do = trio.open_memory_channel[_Post | commands.Cancel](
            ERRANDS_MAX
        )
        self._no_errands = trio.Event()
        # What is in the outbox, and what was settled and is not seen here yet.
        self._unanswered = {ticket.n for ticket in client.outbox.lines}
        client.outbox.on_queued.append(lambda ticket: self._unanswered.add(ticket.n))
        self._heard = trio.Event()
        self._leaving = trio.Event()
        self._print(*left_over(client.outbox.lines, client.outbox.lines_elsewhere))

    def warn(self, trouble: str) -> None:
        """Show that something is wrong."""
        self._print(Trouble(trouble))

    async def run(self) -> int:
        """Chat until the person quits or a signal says so; the exit code.

        Cancel: gives the terminal back.
        """
        with lone_exception(), open_signals(*_ENDING) as ending:
            async with trio.open_nursery() as last:
                last.start_soon(self._run_errands)
                async with self._errands, trio.open_nursery() as nursery:
                    nursery.start_soon(self._until, ending, nursery.cancel_scope)
                    nursery.start_soon(self._hear)
                    nursery.start_soon(self._printer.run)
                    nursery.start_soon(self._rescue_pastes)
                    nursery.start_soon(self._show_sending)
                    nursery.start_soon(self._tell_losses)
                    nursery.start_soon(self._leave)
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

    async def _leave(self) -> None:
        # The prompt stays meanwhile: a line that is refused now has to be seen.
        await self._leaving.wait()
        if self._unanswered:
            with trio.move_on_after(LAST_ACCEPTED_S):
                await self._all_answered()
                await self._printer.drained()
        self.screen.leave()

    async def _settle(self) -> None:
        self._errands.close()
        await self._no_errands.wait()
        if not self._leaving.is_set():  # the terminal was gone before
            with trio.move_on_after(LAST_ACCEPTED_S):
                await self._all_answered()

    async def _all_answered(self) -> None:
        # The answers are likely a moment away; without a link there is nothing to wait for.
        while self._unanswered and self._client.state == "online":
            await self._heard.wait()

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
                if isinstance(event, Accepted | Cancelled | Refused):
                    self._unanswered.discard(event.n or 0)
            self._heard.set()
            self._heard = trio.Event()
            if self.view.sending is not None:
                self.view = replace(self.view, sending=self._client.outbox.progress)
            self.screen.invalidate()

    async def _show_sending(self) -> None:
        outbox = self._client.outbox
        while True:
            await outbox.lasting(SENDING_SHOWN_S)
            self.view = replace(self.view, sending=outbox.progress)
            self.screen.invalidate()
            await outbox.emptied()
            self.view = replace(self.view, sending=None)
            self.screen.invalidate()

    async def _tell_losses(self) -> None:
        while True:
            while not is_new_loss(self.view):
                await self._heard.wait()
            with trio.move_on_after(LOSS_TOLD_S):
                while is_new_loss(self.view):
                    await self._heard.wait()
            self._follow(lost(self.view))

    def _follow(self, update: Update) -> None:
        self.view = update.view
        self._print(*update.lines)
        if update.back:
            self._give_back(update.back)

    def _print(self, *lines: Line) -> None:
        now = self._terminal.now()
        self._printer.put(text_of(line, self._terminal.look, now) for line in lines)

    def _give_back(self, text: str) -> None:
        if self.line.text or self._leaving.is_set():
            self._remember(text)
            self._print(Note(f"it is in the history, Up brings it back: {text}"))
        else:
            self.line.text = text
            self.line.cursor_position = len(text)

    def _remember(self, text: str) -> None:
        selection = self.line.selection_state
        self.line.history.append_string(text)
        self.line.reset(self.line.document)  # so that Up finds it at once
        self.line.selection_state = selection

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
        # What is said leaves the input when it is in the outbox.
        return bool(mistake) or self._saving

    def _do(self, intent: Intent) -> str:
        """Do it; why it can't be done, or nothing."""
        match intent:
            case commands.Say(text=text, kind=kind):
                if not self.view.current:
                    return _NO_ROOM
                return self._post(self.view.current, text, kind)
            case commands.Tell(nick=nick, text=text):
                return self._post(f"@{nick}", text, "text")
            case commands.Join(room=room):
                self._look_at(room)
            case commands.Leave(room=room):
                if not (room or self.view.current):
                    return _NO_ROOM
                self._leave_room(room or self.view.current)
            case commands.Rename(nick=nick):
                self._client.rename_nowait(nick)
            case commands.Cancel():
                self._errands.send_nowait(intent)
            case commands.Who() | commands.ShowOutbox() | commands.Help():
                self._print(*self._asked(intent))
            case commands.Quit():
                self._quit()
            case commands.Mistake(reason=reason):
                return reason
            case _:
                assert_never(intent)
        return ""

    def _post(self, room: str, text: str, kind: Kind) -> str:
        """Say it; why it can't be said like this, or nothing."""
        post = _Post(room, (text,), kind)
        try:
            self._client.check(room, text, kind=kind)
        except RefusedError as error:
            if error.code != Code.TEXT_TOO_LONG:
                raise
            post = _Post(room, tuple(parts_of(text)), kind)
            if post != self._offered:
                self._offered = post
                too_much = f"{len(text.encode()):,} bytes are too much for one entry"
                return f"{too_much}: Enter again sends it as {len(post.texts)}"
        self._offered = None
        if len(self._client.outbox) + len(post.texts) > OUTBOX_LINES_MAX:
            raise trio.WouldBlock
        self._errands.send_nowait(post)
        self._saving = True
        self.screen.hold_keys()
        return ""

    def _asked(
        self, intent: commands.Who | commands.ShowOutbox | commands.Help
    ) -> Iterable[Line]:
        match intent:
            case commands.Who():
                return (who(self.view),)
            case commands.ShowOutbox():
                lines = self._client.outbox.lines
                listed = [(line, self._client.outbox.is_held(line.n)) for line in lines]
                online = self._client.state == "online"
                return outbox(listed, self._terminal.now(), online=online)
            case commands.Help():
                return (Note(f"{how:<18} {what}") for how, what in HELP)

    def _look_at(self, room: str) -> None:
        if self.view.find(room) is not None:
            self._follow(switched(self.view, room))
        else:
            self._client.join_nowait(room)
            self._follow(opening(self.view, room))

    def _leave_room(self, room: str) -> None:
        waiting = sum(ticket.room == room for ticket in self._client.outbox.lines)
        self._client.leave_nowait(room)
        self._print(*after_its_lines(room, waiting))

    def _quit(self) -> None:
        if self._leaving.is_set():  # who says it twice does not want to wait
            self.screen.leave()
        self._leaving.set()
        self.view = replace(self.view, leaving=True)

    # --- what has to wait for the outbox ---------------------------------------------

    async def _run_errands(self) -> None:
        # One after the other: lines keep their order, and a /cancel finds the line that
        # was typed before it. Not cancelled: what was typed is saved before we go.
        with trio.CancelScope(shield=True):
            async for errand in self._to_do:
                if isinstance(errand, _Post):
                    await self._save(errand)
                else:
                    await self._cancel(errand.n)
            self._no_errands.set()

    async def _save(self, post: _Post) -> None:
        left = [*post.texts]
        try:
            with lone_exception():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._show_saving)
                    while left:
                        await self._client.post(post.room, left[0], kind=post.kind)
                        del left[0]
                    nursery.cancel_scope.cancel()
        except (OutboxError, ClosedError) as error:
            self._print(Trouble(f"not queued: {error}"))
            self._keep(post, "\n".join(left), whole=len(left) == len(post.texts))
        else:
            self.line.reset()
        finally:
            self._saving = False
            self.view = replace(self.view, saving=False)
            self.screen.let_keys_go()
            self.screen.invalidate()

    def _keep(self, post: _Post, text: str, *, whole: bool) -> None:
        """Leave in the input what is not in the outbox; `whole`: it is there already."""
        if not whole:
            self.line.text = typed(Ticket(post.room, 0, text, post.kind))
            self._remember(self.line.text)
        if self.screen.keys_wait:  # what was typed next is another line
            self._print(Note(f"Up brings it back: {text}"))
            self.line.reset()

    async def _show_saving(self) -> None:
        await trio.sleep(SAVING_SHOWN_S)
        self.view = replace(self.view, saving=True)
        self.screen.invalidate()

    async def _cancel(self, n: int | None) -> None:
        lines = self._client.outbox.lines
        if n is None and not lines:
            self._print(Trouble("nothing waits to be sent"))
            return
        try:
            ticket = await self._client.cancel(lines[-1].n if n is None else n)
        except OutboxError as error:
            self._print(Trouble(str(error)))
        else:
            self._remember(typed(ticket))
            self._print(Note(f"taken back; Up brings it to the input: {ticket.text}"))


def tell_unsent(unsent: Sequence[Ticket], stderr: TextIO, then: str = "") -> None:
    """Say which lines the server has not accepted; nothing if it has them all.

    Shape:  `then`: what sends those that wait on this machine; empty: nothing does.
    """
    if unsent:
        lines, them = ("line was", "it") if len(unsent) == 1 else ("lines were", "them")
        # Not "not sent": one that was on its way may have arrived.
        stderr.write(f"{len(unsent)} {lines} not accepted by the server")
        stderr.write(f" yet; `{then}` sends {them}:\n" if then else ":\n")
        for ticket in unsent:
            to = destination(ticket.room)
            stderr.writelines(f"{to}: {clean(each)}\n" for each in ticket.text.split("\n"))
