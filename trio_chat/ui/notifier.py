"""Tells somebody who does not look: the terminal, and a command of one's own."""

import subprocess
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import trio

from trio_chat.client.events import ClientEvent, Closed, Entry, Opened, Reset
from trio_chat.habits.notices import NoticeHabits
from trio_chat.sanitise import Clean, Drawn
from trio_chat.ui.feed import local_time
from trio_chat.ui.focus import Focus
from trio_chat.ui.notices import (
    Notice,
    Ways,
    both,
    command_of,
    notice_of,
    signals,
    title_of,
)
from trio_chat.ui.rooms import said
from trio_chat.ui.state import View

NOTICE_EVERY_S: Final = 5.0
"""Who is called many times is told once in this time, of the last one and how many."""
COMMAND_S: Final = 10.0
"""A command that takes longer does not work."""

RunCommand: TypeAlias = Callable[[Sequence[str]], Awaitable[int]]


class Notifier:
    """What is to be told, from what is heard to what is sent.

    Shape:  `signal(text)` writes to the terminal; `complain(sentence)` is called once, when
            the command does not work: it is not tried again. One command runs at a time;
            of what comes meanwhile the last is told then, with the number of all.
    """

    def __init__(
        self,
        habits: NoticeHabits,
        ways: Ways,
        focus: Focus,
        now: Callable[[], float],
        signal: Callable[[Drawn], object],
        complain: Callable[[str], object],
    ) -> None:
        self._habits = habits
        self._ways = ways
        self._focus = focus
        self._now = now
        self._signal = signal
        self._complain = complain
        self._heads: dict[str, int] = {}
        self._missed = 0
        self._called = _Latest()
        self._for_command = _Latest()
        self.run_command: RunCommand = run_quietly
        focus.on_change.append(self._looked)

    def hear(self, view: View, event: ClientEvent) -> None:
        """Something has happened: tell of it if nobody sees it."""
        match event:
            case Opened():
                # What was said before one came for the first time is no news.
                self._heads.setdefault(event.room, event.head)
            case Reset():
                self._heads.clear()
            case Closed():
                self._heads.pop(event.room, None)
            case Entry() if event.seq > self._heads.get(event.room, 0):
                self._hear(view, event)

    def _hear(self, view: View, entry: Entry) -> None:
        line = said(view, entry)
        notice = notice_of(line, view, self._habits, looks=self._focus.focused)
        if notice is None:
            return
        if entry.direct or (line.called and entry.room == view.current):
            self._missed += not self._focus.focused
        quiet = self._habits.quiet
        if quiet is None or not quiet.covers(local_time(self._now())):
            self._called.put(notice)

    def title(self, view: View) -> Clean:
        """What the terminal's title is to be."""
        return title_of(view, self._missed)

    async def run(self) -> None:
        """Tell of what comes.

        Cancel: what is not told yet never is; a command that runs is ended.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell)
            if self._habits.command:
                nursery.start_soon(self._command)

    def _looked(self, focused: bool) -> None:
        if focused:
            self._missed = 0
            self._called.forget()
            self._for_command.forget()

    async def _tell(self) -> None:
        while True:
            notice = await self._called.take()
            text = signals(notice, self._habits, self._ways)
            if text:
                self._signal(text)
            self._for_command.put(notice)
            await trio.sleep(NOTICE_EVERY_S)

    async def _command(self) -> None:
        name, trouble = self._habits.command[0], ""
        while not trouble:
            notice = await self._for_command.take()
            try:
                with trio.fail_after(COMMAND_S):
                    code = await self.run_command(command_of(self._habits.command, notice))
                trouble = f"it ended with {code}" if code else ""
            except trio.TooSlowError:
                trouble = f"it took longer than {COMMAND_S:g} s"
            except (OSError, ValueError) as error:
                trouble = getattr(error, "strerror", None) or str(error)
        self._complain(f"{name} does not notify: {trouble}. It is not tried again")


class _Latest:
    """A place for one notice; of several it is the last, and counts them all."""

    def __init__(self) -> None:
        self._notice: Notice | None = None
        self._there = trio.Event()

    def put(self, notice: Notice) -> None:
        self._notice = both(self._notice, notice)
        self._there.set()

    def forget(self) -> None:
        self._notice = None

    async def take(self) -> Notice:
        while self._notice is None:
            self._there = trio.Event()
            await self._there.wait()
        notice, self._notice = self._notice, None
        return notice


async def run_quietly(command: Sequence[str]) -> int:
    """The exit code of a command that neither reads from the terminal nor writes to it.

    Raises: OSError: there is no such program.
    Cancel: ends it.
    """
    done = await trio.run_process(
        [*command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode
