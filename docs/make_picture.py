"""Draws docs/client.svg: a real server, two scripted people, and a real client's terminal.

python docs/make_picture.py
"""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pyte
import trio

from trio_chat import open_client

PICTURE: Final = Path(__file__).with_name("client.svg")
COLUMNS: Final = 84
ROWS: Final = 17
PATIENCE_S: Final = 20.0

CELL_W: Final = 8.4
CELL_H: Final = 19.0
MARGIN: Final = 18.0
BAR_H: Final = 36.0
NBSP: Final = "\u00a0"
GROUND: Final = "#14171f"
INK: Final = "#d8dee9"
FONTS: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
COLOURS: Final = {
    "dim": "#7c8699",
    "red": "#e06c75",
    "green": "#98c379",
    "brown": "#e5c07b",  # what pyte calls the dark yellow
    # The nicks' colours, as far as they are used here, a little lighter: an SVG is small.
    "af005f": "#d75f9f",
    "5f5faf": "#8f8fdf",
    "0087ff": "#4fa8ff",
    "d70000": "#ff6b6b",
    "d75f00": "#ef8f4f",
    "005fd7": "#5f9fff",
}


# --- the cast ------------------------------------------------------------------------


class DimScreen(pyte.Screen):
    """A terminal that knows dim text, as a colour."""

    def select_graphic_rendition(self, *attrs: int, **kwargs: Any) -> None:
        super().select_graphic_rendition(*attrs, **kwargs)
        if 2 in attrs and 38 not in attrs:
            self.cursor.attrs = self.cursor.attrs._replace(fg="dim")


class Terminal:
    """A client in a terminal of its own, which a script types into."""

    def __init__(self, keyboard: int) -> None:
        self.screen = DimScreen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._keyboard = keyboard

    async def watch(self) -> None:
        """Draw what comes."""
        while True:
            await trio.lowlevel.wait_readable(self._keyboard)
            self._stream.feed(os.read(self._keyboard, 65_536))

    async def type(self, keys: str, *, until: str) -> None:
        """Press keys, and wait until the text is on the screen."""
        os.write(self._keyboard, keys.encode())
        await self.until(lambda: until in "\n".join(self.screen.display))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so."""
        with trio.fail_after(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 (a screen tells nobody)
                await trio.sleep(0.02)


@contextmanager
def open_server() -> Iterator[str]:
    """A server that forgets all at the end; its address."""
    command = [sys.executable, "-m", "trio_chat", "serve"]
    with subprocess.Popen(  # noqa: S603 (this very program)
        [*command, "--port", "0", "--data", ":memory:"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@asynccontextmanager
async def open_terminal(address: str) -> AsyncIterator[Terminal]:
    """A client that ada sits at."""
    keyboard, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 (this very program; at once)
            [sys.executable, "-m", "trio_chat", "join", address, "--nick", "ada"],
            stdin=screen,
            stdout=screen,
            stderr=screen,
            env={**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": home},
        )
        os.close(screen)
        terminal = Terminal(keyboard)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(terminal.watch)
            yield terminal
            nursery.cancel_scope.cancel()
        process.kill()
        process.wait()
        os.close(keyboard)


# --- the scene -----------------------------------------------------------------------


async def play(address: str) -> Terminal:
    """What is said; the terminal as it is at the end."""
    async with (
        open_client(address, nick="bob", rooms=["lobby", "dev"], events=False) as bob,
        open_client(address, nick="grace", rooms=["lobby"], events=False) as grace,
    ):
        await bob.join("dev")
        await grace.say("lobby", "the build box is back, green since 9:14")
        async with open_terminal(address) as ada:
            await ada.type("", until="green since")
            await bob.say("lobby", "nice. who restarted the chat server?")
            await grace.say("lobby", "raises a hand", kind="me")
            await ada.type(
                "I did, in the middle of my own sentence. Nothing lost\r",
                until="Nothing lost",
            )
            await ada.until(lambda: "1 queued" not in "\n".join(ada.screen.display))
            await ada.type("/join dev\r", until="#dev \u00b7")
            await ada.type("all merged?\r", until="> all merged?")
            await ada.type("/join lobby\r", until="#lobby \u00b7")
            await grace.say("lobby", "for the notes:\nkill -9 the server\nstart it again")
            await bob.say("lobby", "and it carries on where it was?")
            await grace.say("lobby", "same numbers, same order, each line once")
            await bob.say("@ada", "lunch at noon?")
            await ada.type("this line stays as it is, whatever co", until="whatever co")
            for text in ("review?", "tests are in", "merging"):
                await bob.say("dev", text)
            await ada.until(lambda: "#dev 3" in "\n".join(ada.screen.display))
            await ada.until(lambda: "lunch at noon" in "\n".join(ada.screen.display))
    return ada


# --- the picture ---------------------------------------------------------------------


def picture(screen: Any) -> str:
    """The screen as SVG: a window, and its text in runs of one style."""
    width = COLUMNS * CELL_W + 2 * MARGIN
    height = ROWS * CELL_H + BAR_H + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"',
        f'viewBox="0 0 {width:g} {height:g}" font-size="14" font-family="{FONTS}">',
        "<title>The terminal client of trio_chat</title>",
        f'<rect width="100%" height="100%" rx="10" fill="{GROUND}"/>',
        *map(_light, range(3), ("#ff5f57", "#febc2e", "#28c840")),
        _cursor(screen.cursor),
        *(part for y in range(ROWS) for part in _row(y, screen.buffer[y])),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _row(y: int, row: Any) -> Iterator[str]:
    cells = [(x, row[x]) for x in range(COLUMNS)]
    for style, run in groupby(cells, key=lambda cell: (cell[1].fg, cell[1].bold)):
        run_cells = list(run)
        padded = "".join(cell.data for _, cell in run_cells)
        text = padded.strip()
        if not text:
            continue
        first = run_cells[0][0] + len(padded) - len(padded.lstrip())
        fg, bold = style
        weight = ' font-weight="bold"' if bold else ""
        # The width is given: every viewer has another font, and the columns have to stand.
        yield (
            f'<text x="{_x(first):g}" y="{_y(y) + 14:g}" fill="{_colour(fg)}"{weight}'
            f' textLength="{len(text) * CELL_W:g}">{escape(text).replace(" ", NBSP)}</text>'
        )


def _light(n: int, colour: str) -> str:
    x, y = MARGIN + 6 + 20 * n, BAR_H / 2 + 3
    return f'<circle cx="{x:g}" cy="{y:g}" r="6" fill="{colour}"/>'


def _cursor(cursor: Any) -> str:
    return (
        f'<rect x="{_x(cursor.x):g}" y="{_y(cursor.y):g}" width="{CELL_W:g}"'
        f' height="{CELL_H - 1:g}" fill="{INK}" opacity="0.75"/>'
    )


def _colour(name: str) -> str:
    if name == "default":
        return INK
    return COLOURS.get(name, f"#{name}")


def _x(column: int) -> float:
    return MARGIN + column * CELL_W


def _y(row: int) -> float:
    return BAR_H + MARGIN / 2 + row * CELL_H


def main() -> None:
    """Play the scene, and draw it."""
    with open_server() as address:
        terminal = trio.run(play, address)
    PICTURE.write_text(picture(terminal.screen), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")


if __name__ == "__main__":
    main()
