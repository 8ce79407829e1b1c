"""Somebody at a terminal: what they do with it, and what they see."""

import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pyte
import trio

from tests.day.emulator import Emulator
from tests.processes import environment
from trio_chat.addresses import Address

PATIENCE_S: Final = 60.0
"""No wait takes this long; it only bounds a hang."""
SIZE: Final = (80, 24)
NARROW: Final = (40, 10)
_WITHIN_A_FRAME: Final = 2026 << 5
"""As pyte has the mode that a terminal is in from the first byte of a frame to the last."""
_READ_BYTES: Final = 65_536
CLI: Final = (sys.executable, "-m", "trio_chat")


@asynccontextmanager
async def open_person(
    nick: str,
    home: Path,
    address: Address,
    *flags: str,
    command: Sequence[str] = CLI,
) -> AsyncIterator["Person"]:
    """Somebody who has not come yet; none of their clients outlives the block."""
    async with trio.open_nursery() as nursery:
        line = [*command, "join", str(address), "--nick", nick, *flags]
        person = Person(nick, home, line, nursery)
        try:
            yield person
        finally:
            if person.process is not None:
                person.process.kill()
                with trio.CancelScope(shield=True):
                    await person.process.wait()
            nursery.cancel_scope.cancel()


class Person:
    """Somebody at a terminal; each life of their client has a window of its own."""

    def __init__(
        self, nick: str, home: Path, command: list[str], nursery: trio.Nursery
    ) -> None:
        self.nick = nick
        self.home = home
        self.process: trio.Process | None = None
        self.window = Emulator(*SIZE)
        self.windows: list[Emulator] = []
        """Of all lives, in their order."""
        self._command = command
        self._nursery = nursery
        self._keyboard = -1
        self._changed = trio.lowlevel.ParkingLot()
        self._gone = trio.Event()

    # --- what they do ----------------------------------------------------------------

    async def come(self) -> None:
        """Start a client in a new window."""
        self.window = Emulator(*SIZE)
        self.windows.append(self.window)
        self._keyboard, screen = pty.openpty()
        os.set_blocking(self._keyboard, False)
        self._set_size()
        self.process = await trio.lowlevel.open_process(
            self._command,
            stdin=screen,
            stdout=screen,
            stderr=screen,
            env={**environment(self.home), "TERM": "xterm-256color"},
        )
        os.close(screen)
        self._gone = trio.Event()
        self._nursery.start_soon(self._watch, self._keyboard, self._gone)
        # Keys that come before are echoed by the terminal itself.
        await self.until_seen(">")

    async def type(self, keys: str) -> None:
        """Hit these keys."""
        rest = keys.encode()
        while rest:
            await trio.lowlevel.wait_writable(self._keyboard)
            rest = rest[os.write(self._keyboard, rest) :]

    async def say(self, text: str) -> None:
        """Type a line, and Enter."""
        await self.type(f"{text}\r")

    async def look_at(self, room: str) -> None:
        """Go to a room, and see that one is there."""
        await self.say(f"/join {room}")
        await self.until(lambda: f"#{room}" in self.status.split(" \u00b7 "))

    async def look_at_with_key(self, room: str) -> None:
        """The same with the switcher, which leaves what is typed where it is."""
        await self.type("\x0b")
        await self.until(lambda: self.prompt == "room:")
        await self.say(room)
        await self.until(lambda: f"#{room}" in self.status.split(" \u00b7 "))

    async def resize(self, size: tuple[int, int]) -> None:
        """Make the window smaller or larger."""
        columns, rows = size
        self.window.resize(rows, columns)
        self._set_size()
        self._signal(signal.SIGWINCH)

    def fall_asleep(self) -> None:
        """Close the laptop."""
        self._signal(signal.SIGSTOP)

    def wake_up(self) -> None:
        """Open it again."""
        self._signal(signal.SIGCONT)

    async def die(self) -> None:
        """Kill -9."""
        self._signal(signal.SIGKILL)
        await self.until_gone()

    async def quit(self) -> None:
        """Ctrl-D, on an empty line."""
        await self.type("\x04")
        assert await self.until_gone() == 0, self.screen()

    async def until_gone(self) -> int:
        """Wait for the end of the client; its exit code."""
        assert self.process is not None
        with trio.fail_after(PATIENCE_S):
            await self._gone.wait()
            return await self.process.wait()

    # --- what they see ---------------------------------------------------------------

    @property
    def rows(self) -> list[str]:
        """What is on the screen, to the last row with something on it."""
        rows = (row.rstrip() for row in self.window.display)
        return "\n".join(rows).rstrip().split("\n")

    @property
    def status(self) -> str:
        """The last row."""
        return self.rows[-1]

    @property
    def prompt(self) -> str:
        """What stands in the input, and before it; of more rows, the last one."""
        return self.rows[-2] if len(self.rows) > 1 else ""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Go on as soon as it is so; all that is drawn is looked at, by the frame."""
        with trio.move_on_after(PATIENCE_S):
            while _WITHIN_A_FRAME in self.window.mode or not condition():
                await self._changed.park()
            return
        raise AssertionError(f"it never was so for {self.nick}:\n{self.screen()}")

    async def until_seen(self, text: str) -> None:
        """Go on as soon as it is on the screen."""
        await self.until(lambda: any(text in row for row in self.rows))

    async def until_prompt(self, prompt: str) -> None:
        """Go on as soon as this is the input, with what stands before it."""
        await self.until(lambda: self.prompt == prompt)

    def has_draft(self, draft: str) -> None:
        """See that this half-typed line is in the input now."""
        if self.prompt != f"> {draft}":
            raise AssertionError(f"a draft is lost: {draft!r}:\n{self.screen()}")

    async def until_printed(self, text: str) -> None:
        """Go on as soon as it is on the screen, or has scrolled out of it."""
        await self.until(lambda: any(text in line for line in self.window.texts))

    async def until_status(self, pattern: str) -> None:
        """Go on as soon as the status line has it."""
        await self.until(lambda: re.search(pattern, self.status) is not None)

    async def until_kept(self, draft: str) -> None:
        """Go on as soon as this half-typed line is on the disk."""

        def is_kept() -> bool:
            files = self.home.rglob("desk-*.json")
            return any(draft in file.read_text(encoding="utf-8") for file in files)

        with trio.move_on_after(PATIENCE_S):
            while not is_kept():  # noqa: ASYNC110 (a file tells nobody)
                await trio.sleep(0.02)
            return
        raise AssertionError(f"a draft is not on the disk: {draft!r}")

    # --- how it is done --------------------------------------------------------------

    async def _watch(self, keyboard: int, gone: trio.Event) -> None:
        stream = pyte.ByteStream(self.window)
        try:
            while data := await _read(keyboard):
                stream.feed(data)
                self._changed.unpark_all()
        finally:
            gone.set()
            os.close(keyboard)

    def _set_size(self) -> None:
        size = struct.pack("HHHH", self.window.lines, self.window.columns, 0, 0)
        fcntl.ioctl(self._keyboard, termios.TIOCSWINSZ, size)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def screen(self) -> str:
        return "\n".join(self.window.texts[-60:])


async def _read(keyboard: int) -> bytes:
    """What the program wrote; empty when nobody is there any more."""
    while True:
        await trio.lowlevel.wait_readable(keyboard)
        try:
            return os.read(keyboard, _READ_BYTES)
        except BlockingIOError:
            continue
        except OSError:  # Linux's way of saying that
            return b""
