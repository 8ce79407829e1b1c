"""A conversation in progress: its parts, and the tasks that run while it goes on."""

import signal
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

import trio
from msgspec.structs import replace

from trio_chat.client import Client
from trio_chat.errors import lone_exception
from trio_chat.habits.key_names import label
from trio_chat.signals import open_signals
from trio_chat.ui import bridge
from trio_chat.ui.answers import listen_for_answers
from trio_chat.ui.asked import left_over
from trio_chat.ui.desk import Desk
from trio_chat.ui.desk_file import not_queued
from trio_chat.ui.doing import Doing
from trio_chat.ui.errands import Errands
from trio_chat.ui.focus import Focus, listen_to
from trio_chat.ui.hearing import Hearing
from trio_chat.ui.keeping import Drawer, Keeping
from trio_chat.ui.keys import Wishes, bind
from trio_chat.ui.layout import build_layout, build_line, depth, styles
from trio_chat.ui.lookback import LookingBack
from trio_chat.ui.modes import ModalOutput
from trio_chat.ui.notifier import Notifier
from trio_chat.ui.paper import Paper
from trio_chat.ui.pastes import Pastes
from trio_chat.ui.reading import Reading
from trio_chat.ui.rooms import calling, neighbour, numbered
from trio_chat.ui.screen import STOPPED, Screen
from trio_chat.ui.state import Trouble, View, begin
from trio_chat.ui.switcher import Switcher
from trio_chat.ui.terminal import Terminal

LAST_ACCEPTED_S: Final = 2.0
"""How long a quit waits for the lines that are on their way."""
LAST_ANSWER_S: Final = 0.3
_CONTINUED: Final = getattr(signal, "SIGCONT", None)
_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Chat:
    """A conversation in progress: what is typed, what is heard, what is shown."""

    def __init__(
        self,
        client: Client,
        room: str,
        terminal: Terminal,
        *,
        drawer: Drawer | None = None,
    ) -> None:
        self._client = client
        self._terminal = terminal
        habits = terminal.habits
        self.line = build_line(
            terminal.history,
            self._accept,
            lambda: self.view,
            client.outbox.is_held,
        )
        """The line being typed."""
        if not habits.suggest:
            self.line.auto_suggest = None
        self.switcher = Switcher(lambda: self.view, self._choose, habits.keys)
        """The other line, in which one looks for a room."""
        self.screen = Screen(
            build_layout(self.line, self.switcher, lambda: self.view, habits.keys),
            (styles(terminal.look), depth(terminal.look)),
            (terminal.input, terminal.output),
            habits.editing,
        )
        self.focus = Focus()
        """Whether somebody looks at the terminal."""
        listen_to(terminal.input, self.focus)
        view = _begun(client, room, terminal)
        paper = Paper(self.screen, terminal.look, terminal.now)
        listen_for_answers(terminal.input, paper.answered)
        self._pastes = Pastes(terminal.input, self.screen)
        self.desk = Desk(view, self.line, self.screen, paper)
        self.screen.key_bindings = bind(
            self.line, self.switcher, self._wishes(), habits.keys
        )
        self._errands = Errands(self.desk, client, label(habits.keys["send"][0]))
        self._looking_back = LookingBack(self.desk, client)
        self._doing = Doing(
            self.desk, client, terminal, self._errands, self._looking_back, self._quit
        )
        self._hearing = Hearing(self.desk, client)
        self._notifier = Notifier(
            terminal.habits.notify,
            terminal.ways,
            self.focus,
            terminal.now,
            self.screen.signal,
            self.warn,
        )
        self._hearing.on_heard.append(self._notifier.hear)
        if terminal.habits.notify.title:
            self.screen.after_render += lambda _: self._show_title()
        self._reading = Reading(self.desk, client, lambda: self.focus.focused)
        self.focus.on_change.append(lambda _: self._look())
        self._keeping = None if drawer is None else Keeping(self.desk, drawer)
        if drawer is not None:
            self.desk.take_out(not_queued(drawer.found.drafts, client.outbox.lines))
        self._exit_code = 0
        self._leaving = trio.Event()
        self.desk.print(*left_over(client.outbox.lines, client.outbox.lines_elsewhere))

    @property
    def view(self) -> View:
        """What is known now."""
        return self.desk.view

    def warn(self, trouble: str) -> None:
        """Show that something is wrong."""
        self.desk.print(Trouble(trouble))

    async def run(self) -> int:
        """Chat until the person quits or a signal says so; the exit code.

        Cancel: gives the terminal back.
        """
        with lone_exception(), open_signals(*_ENDING) as ending:
            async with trio.open_nursery() as last:
                last.start_soon(self._save)
                if self._keeping is not None:
                    last.start_soon(self._keeping.run)
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._until, ending, nursery.cancel_scope)
                        nursery.start_soon(self._hearing.run)
                        nursery.start_soon(self._looking_back.run)
                        nursery.start_soon(self._reading.run)
                        nursery.start_soon(self.desk.paper.run)
                        nursery.start_soon(self._pastes.run)
                        nursery.start_soon(self._notifier.run)
                        nursery.start_soon(self._leave)
                        if _CONTINUED is not None:
                            nursery.start_soon(self._come_back)
                        if STOPPED and signal.getsignal(STOPPED) != signal.SIG_IGN:
                            nursery.start_soon(self._stop)
                        await self._show()
                        await self._settle()
                        nursery.cancel_scope.cancel()
                finally:
                    self._errands.close()
        return self._exit_code

    def _show_title(self) -> None:
        if isinstance(self._terminal.output, ModalOutput):
            self._terminal.output.show_title(self._notifier.title(self.view))

    def _look(self) -> None:
        """Somebody looks, or not any more: what was printed meanwhile is read now."""
        self._reading.look()
        self.screen.invalidate()

    async def _save(self) -> None:
        await self._errands.run()
        if self._keeping is not None:  # what was just saved is no draft any more
            self._keeping.close()

    async def _show(self) -> None:
        try:
            await bridge.aio(self.screen.show)
        except EOFError:
            self._exit_code = 0  # the terminal is gone: that is how one leaves, too

    async def _leave(self) -> None:
        # The prompt stays meanwhile: a line that is refused now has to be seen.
        await self._leaving.wait()
        if not self._hearing.all_answered:
            with trio.move_on_after(LAST_ACCEPTED_S):
                await self._hearing.until_all_answered()
                await self.desk.paper.drained()
        # Else the answer would be typed into whatever has the terminal then.
        with trio.move_on_after(LAST_ANSWER_S):
            await self.desk.paper.answers()
        self.screen.leave()

    async def _settle(self) -> None:
        await self._errands.finish()
        if not self._leaving.is_set():  # the terminal was gone before
            with trio.move_on_after(LAST_ACCEPTED_S):
                await self._hearing.until_all_answered()

    async def _until(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        self._exit_code = 128 + await anext(signals)
        scope.cancel()

    async def _come_back(self) -> None:
        assert _CONTINUED is not None
        with open_signals(_CONTINUED) as signals:
            async for _ in signals:
                self.screen.come_back()

    async def _stop(self) -> None:
        assert STOPPED is not None
        with open_signals(STOPPED) as signals:
            async for _ in signals:
                self.screen.stop()

    def _accept(self, text: str) -> bool:
        return self._doing.accept(text)

    # --- what is wanted with a key ---------------------------------------------------

    def _wishes(self) -> Wishes:
        return Wishes(
            quit=self._quit,
            entered=self.desk.change_drafts,
            just_came_back=self.desk.just_came_back,
            put_aside=self.desk.put_aside,
            number=lambda number: self._go(partial(numbered, number=number)),
            step=lambda step: self._go(partial(neighbour, step=step)),
            calling=lambda: self._go(calling),
            edit=lambda: self.screen.edit(self.line),
        )

    def _go(self, where: Callable[[View], str | None]) -> None:
        self.desk.look_at(where(self.view))
        self.desk.change_drafts()

    def _choose(self, room: str | None) -> None:
        self.screen.layout.focus(self.line)
        self.desk.look_at(room)
        self.desk.change_drafts()

    def _quit(self) -> None:
        if self._leaving.is_set():  # who says it twice does not want to wait
            self.screen.leave()
        self._leaving.set()
        self.desk.leave()


def _begun(client: Client, room: str, terminal: Terminal) -> View:
    """What is known at the start: the rooms, the one that one looks at, the muted ones."""
    view = begin(client.nick, *(client.rooms or (room,)))
    view = replace(view, muted=terminal.muted.rooms)
    return view if view.find(room) is None else replace(view, current=room)
