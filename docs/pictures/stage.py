"""Where a scene is played: a real server, a network, bots, and a client in a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pyte
import trio

from simulator.processes import open_server_process
from simulator.proxy import Proxy, open_proxy
from trio_chat import Client, open_client
from trio_chat.addresses import Address

PATIENCE_S: Final = 20.0
SIZE: Final = (84, 14)
_DAY_S: Final = 24 * 60 * 60
_OCLOCK_S: Final = (9 * 60 + 41) * 60 + 5
"""When all scenes are played: a picture that is made anew differs in what has changed."""


class Screen(pyte.Screen):
    """A terminal's screen on which dim is a colour."""

    def select_graphic_rendition(self, *attrs: int, **kwargs: Any) -> None:
        """As pyte, which does not know dim text."""
        super().select_graphic_rendition(*attrs, **kwargs)
        if 2 in attrs and 38 not in attrs:
            self.cursor.attrs = self.cursor.attrs._replace(fg="dim")


class Terminal:
    """A client in a terminal of its own, which a script types into."""

    def __init__(self, keyboard: int, size: tuple[int, int]) -> None:
        self.screen = Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self._keyboard = keyboard

    @property
    def text(self) -> str:
        """All that is on the screen."""
        return "\n".join(self.screen.display)

    async def watch(self) -> None:
        """Draw what comes."""
        while True:
            await trio.lowlevel.wait_readable(self._keyboard)
            self._stream.feed(os.read(self._keyboard, 65_536))

    async def type(self, keys: str, *, until: str = "") -> None:
        """Press keys, and wait until the text is on the screen."""
        os.write(self._keyboard, keys.encode())
        await self.until(lambda: until in self.text)

    async def until_seen(self, text: str) -> None:
        """Wait until the text is on the screen."""
        await self.until(lambda: text in self.text)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so."""
        try:
            with trio.fail_after(PATIENCE_S):
                while not condition():  # noqa: ASYNC110 (a screen tells nobody)
                    await trio.sleep(0.02)
        except trio.TooSlowError:
            raise AssertionError(f"it never was so:\n{self.text}") from None


class Stage:
    """Get one from open_stage()."""

    def __init__(self, address: Address, network: Proxy, home: Address) -> None:
        self.network = network
        """Ada's way to the server, by her name."""
        self._server = address
        self._ada = home

    @asynccontextmanager
    async def bots(self, *nicks: str, rooms: Sequence[str]) -> AsyncIterator[list[Client]]:
        """Some others, in these rooms."""
        async with AsyncExitStack() as stack:
            bots = [
                open_client(self._server, nick=nick, rooms=rooms, events=False)
                for nick in nicks
            ]
            yield [await stack.enter_async_context(bot) for bot in bots]

    @asynccontextmanager
    async def terminal(
        self, *rooms: str, size: tuple[int, int] = SIZE
    ) -> AsyncIterator[Terminal]:
        """A client that ada sits at; she looks at the last of the rooms."""
        keyboard, screen = pty.openpty()
        columns, rows = size
        window = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(screen, termios.TIOCSWINSZ, window)
        command = [sys.executable, "-m", "trio_chat", "join", str(self._ada)]
        with tempfile.TemporaryDirectory() as home:
            process = subprocess.Popen(  # noqa: S603, ASYNC220 (this very program; at once)
                [*command, "--nick", "ada", "--room", rooms[0], "--theme", "dark"],
                stdin=screen,
                stdout=screen,
                stderr=screen,
                env={**os.environ, **_surroundings(home)},
            )
            os.close(screen)
            terminal = Terminal(keyboard, size)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(terminal.watch)
                    await terminal.until_seen("online")
                    for room in rooms[1:]:
                        await terminal.type(f"/join {room}\r", until=f"#{room} \u00b7")
                    yield terminal
                    nursery.cancel_scope.cancel()
            finally:
                process.kill()
                process.wait()
                os.close(keyboard)


def _surroundings(home: str) -> dict[str, str]:
    return {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "HOME": home,
        "XDG_STATE_HOME": home,
        "XDG_CONFIG_HOME": home,
        "TZ": _zone(),
    }


def _zone() -> str:
    """The time zone in which it is a certain time of day now."""
    now_s = time.time() % _DAY_S
    west_s = round(now_s - _OCLOCK_S) % _DAY_S
    west_s -= _DAY_S if west_s > _DAY_S // 2 else 0
    minutes, seconds = divmod(abs(west_s), 60)
    return f"HERE{'-' if west_s < 0 else ''}{minutes // 60}:{minutes % 60:02}:{seconds:02}"


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """A server that forgets all at the end, and a network that the scene can cut."""
    async with open_server_process() as server:
        address = await server.start()
        async with open_proxy(lambda: address) as network:
            yield Stage(address, network, await network.listen("ada"))
