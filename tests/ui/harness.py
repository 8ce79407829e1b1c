"""A chat at an emulated terminal, with a client that is told what the test says."""

import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pyte
import trio
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from trio.testing import MockClock

from trio_chat.addresses import Address
from trio_chat.client import Client
from trio_chat.client.client import Options
from trio_chat.client.events import ClientEvent, Entry, Members, Opened, Status
from trio_chat.client.link import dial_tcp
from trio_chat.client.outbox import Outbox
from trio_chat.habits.habits import DEFAULT_HABITS, Habits
from trio_chat.ui import bridge
from trio_chat.ui.chat import Chat
from trio_chat.ui.modes import ModalOutput
from trio_chat.ui.terminal import Terminal
from trio_chat.ui.themes import Look

COLUMNS, ROWS = 80, 24
_TURNS_MAX = 50_000


def bridged(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """A test that runs as the program does: trio as a guest, on virtual time."""

    def run() -> None:
        bridge.run(test, clock=MockClock(autojump_threshold=0))

    run.__name__ = getattr(test, "__name__", "test")
    run.__doc__ = inspect.getdoc(test)
    return run


def entry(seq: int, text: str, nick: str = "bob", room: str = "lobby") -> Entry:
    """Something that somebody said."""
    return Entry(room=room, seq=seq, nick=nick, text=text, ts=0.0)


class ScriptedClient(Client):
    """A client without a link: what it is told comes from the test."""

    def __init__(
        self, nick: str = "ada", room: str = "lobby", outbox: Outbox | None = None
    ) -> None:
        options = Options(
            history=None,
            device="d",
            events=True,
            insist=True,
            dial=dial_tcp,
            wall_clock_s=lambda: 0.0,
        )
        where = Address("127.0.0.1", 1)
        lines = Outbox(wall_clock_s=lambda: 0.0) if outbox is None else outbox
        super().__init__(where, nick, options, random.Random(0), lines)
        self.join_nowait(room)

    def tell(self, *events: ClientEvent) -> None:
        """Let these be heard, in this order."""
        for event in events:
            self._mailbox.put(event)

    @property
    def read(self) -> dict[str, int | None]:
        """The read marks that the server is told, by room."""
        return {room: self._rooms.marks.read(room) for room in ("@", *self.rooms)}

    @property
    def waiting(self) -> int:
        """How many events were not heard yet."""
        return len(self._mailbox._rooms)

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """What waits in the outbox: room, kind, text."""
        return [(each.room, each.kind, each.text) for each in self.outbox.lines]


class EmulatedTerminal:
    """A stdout that a terminal emulator reads."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.screen = pyte.HistoryScreen(COLUMNS, ROWS, history=10_000, ratio=1)
        self._stream = pyte.Stream(self.screen)
        self.columns = COLUMNS
        self.written: list[str] = []

    def write(self, data: str) -> None:
        self.written.append(data)
        self._stream.feed(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        return True

    def resize(self, columns: int) -> None:
        """Make it narrower or wider; this one breaks no rows for that."""
        self.columns = columns
        self.screen.resize(ROWS, columns)

    @property
    def rows(self) -> list[str]:
        """What is on the screen, to the last row with something on it."""
        return "\n".join(row.rstrip() for row in self.screen.display).rstrip().split("\n")

    @property
    def all_rows(self) -> list[str]:
        """What is on the screen, and what has scrolled out of it."""
        gone = [
            "".join(row[x].data for x in range(COLUMNS)).rstrip()
            for row in self.screen.history.top
        ]
        return gone + self.rows


class Scene:
    """A running chat, its keyboard, its terminal and its client."""

    def __init__(
        self,
        keyboard: PipeInput,
        outbox: Outbox | None = None,
        look: Look | None = None,
        habits: Habits = DEFAULT_HABITS,
        terminal: EmulatedTerminal | None = None,
        **options: Any,
    ) -> None:
        self.keyboard = keyboard
        self.terminal = terminal or EmulatedTerminal()
        # It answers when it is asked how it is, as every terminal does.
        self.terminal.screen.write_process_input = keyboard.send_text  # type: ignore[method-assign]
        self.client = ScriptedClient(outbox=outbox)
        self.exit_code: int | None = None
        output = ModalOutput(
            self.terminal,  # type: ignore[arg-type]  # all of a TextIO that is used
            lambda: Size(rows=ROWS, columns=self.terminal.columns),
            term="xterm-256color",
            enable_cpr=False,
        )
        look = look or Look()
        around = Terminal(
            input=keyboard, output=output, look=look, habits=habits, now=lambda: 0.0
        )
        self.chat = Chat(self.client, "lobby", around, **options)

    @property
    def typed(self) -> str:
        """The line being typed."""
        return self.chat.line.text

    @property
    def prompt(self) -> str:
        """The last row but one: where the line being typed is seen."""
        return self.terminal.rows[-2]

    def keys(self, text: str) -> None:
        """Type."""
        self.keyboard.send_text(text)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Go on until it is so."""
        for _ in range(_TURNS_MAX):
            if condition():
                return
            await trio.sleep(0.01)
        raise AssertionError("\n".join(["it never was so:", *self.terminal.rows]))

    async def until_seen(self, text: str) -> None:
        """Go on until the text is on the screen."""
        await self.until(lambda: any(text in row for row in self.terminal.rows))

    async def until_ended(self) -> int:
        """Go on until the chat has ended; its exit code."""
        await self.until(lambda: self.exit_code is not None)
        assert self.exit_code is not None
        return self.exit_code

    async def go_online(self) -> None:
        """Connected, in the lobby, with bob."""
        self.client.state = "online"
        self.client.tell(
            Status("online", "connected to the server as ada"),
            Opened("lobby", 0, 0),
            Members("lobby", ("ada", "bob")),
        )
        await self.until_seen("2 here")

    async def _run(self) -> None:
        self.exit_code = await self.chat.run()


@asynccontextmanager
async def open_scene(
    outbox: Outbox | None = None,
    look: Look | None = None,
    habits: Habits = DEFAULT_HABITS,
    terminal: EmulatedTerminal | None = None,
    **options: Any,
) -> AsyncIterator[Scene]:
    """A chat that has just begun; None: with an empty outbox in memory, on 256 colours."""
    with create_pipe_input() as keyboard:
        scene = Scene(keyboard, outbox, look, habits, terminal, **options)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene._run)
            await scene.until(lambda: len(scene.terminal.rows) >= 2)
            yield scene
            nursery.cancel_scope.cancel()
