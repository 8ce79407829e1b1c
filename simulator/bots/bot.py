"""A bot: plays its script over the client library, and writes down what it sees."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol, TypeAlias, assert_never

import trio

from simulator import history
from simulator.bots.heard import heard
from simulator.bots.script import (
    About,
    Dawdle,
    Drop,
    Join,
    Leave,
    Pause,
    Say,
    Script,
    Step,
)
from simulator.errors import StoryError
from simulator.words import words
from trio_chat import Client, RefusedError, open_client
from trio_chat.addresses import Address
from trio_chat.client.events import ClientEvent, Entry, Reset
from trio_chat.client.link import Dial, dial_tcp
from trio_chat.client.outbox import Outbox, Ticket

OpenOutbox: TypeAlias = Callable[[], AbstractAsyncContextManager[Outbox]]


class Book(Protocol):
    """What a bot writes in: a Recorder, or a way to one."""

    @property
    def now_s(self) -> float:
        """The time of a record that is made now."""

    def add(self, record: history.Record) -> None:
        """Write it down."""


class Bot:
    """One person of the story.

    Shape:  after the last step of its script it stays until go_home(). Two lives of one
            person on one device have the same `device`, or an `open_outbox` that opens the
            same file; None: a new one, by chance. `last_n` is the last number that was
            written down in an earlier life. Without an outbox on a disk the numbers follow
            it: what became of those lines, nobody knows.
    """

    def __init__(  # noqa: PLR0913 (one keyword, one thing a caller may want)
        self,
        script: Script,
        recorder: Book,
        rng: random.Random,
        device: str | None = None,
        *,
        life: int = 1,
        last_n: int = 0,
        open_outbox: OpenOutbox | None = None,
    ) -> None:
        self.script = script
        self._open_outbox = open_outbox or self._in_memory
        self._device = device or f"{rng.getrandbits(128):032x}"
        self._last_n = last_n
        self._over = trio.Event()
        self._recorder = recorder
        self._rng = rng
        self._life = life
        self._stream: trio.abc.Stream | None = None
        self._said: dict[str, Ticket] = {}  # the last line in each room
        self._read: dict[str, int] = {}  # the last entry in each room …
        self._own: dict[str, int] = {}  # … and the last line of one's own
        self._listening = trio.Event()
        self._listening.set()

    async def run(self, address: Address, dial: Dial = dial_tcp) -> None:
        """Come, play the script, and stay until told to go home.

        Raises: StoryError: the server does not want this bot.
        Cancel: closes the wire; a line that is on its way may have been taken.
        """

        async def remember(address: Address) -> trio.abc.Stream:
            self._stream = await dial(address)
            return self._stream

        try:
            async with (
                self._open_outbox() as outbox,
                self._noted(outbox),
                open_client(
                    address,
                    nick=self.script.nick,
                    rooms=self.script.rooms,
                    history=self.script.history,
                    outbox=outbox,
                    insist=self._life > 1,
                    rng=self._rng,
                    dial=remember,
                ) as client,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(self._listen, client)
                for step in self.script.steps:
                    await self._do(client, step)
                self._recorder.add(history.Done(self._recorder.now_s, self.script.nick))
                await self._over.wait()
                nursery.cancel_scope.cancel()
        except* RefusedError as errors:
            # A group, when this bot is being cancelled for another one's trouble.
            reason = errors.exceptions[0]
            raise StoryError(f"{self.script.nick} was refused: {reason}") from reason

    def go_home(self) -> None:
        """Say goodbye and end, as soon as the script is done."""
        self._over.set()

    @asynccontextmanager
    async def _in_memory(self) -> AsyncIterator[Outbox]:
        yield Outbox(device=self._device, first_n=self._last_n + 1)

    @asynccontextmanager
    async def _noted(self, outbox: Outbox) -> AsyncIterator[None]:
        """Write down each line before it can be sent, and what is found of an earlier life.

        Shape:  who was killed between keeping a line and writing that down does so now.
        """
        for ticket in outbox.lines:
            if ticket.n > self._last_n:
                self._said_one(ticket)
            else:
                kept = history.Kept(
                    self._recorder.now_s,
                    self.script.nick,
                    ticket.room,
                    ticket.n,
                    words(ticket.text, ticket.kind, ticket.ref),
                )
                self._recorder.add(kept)
        outbox.on_queued.append(self._said_one)
        yield

    def _said_one(self, ticket: Ticket) -> None:
        said = words(ticket.text, ticket.kind, ticket.ref)
        self._recorder.add(
            history.Invoke(
                self._recorder.now_s, self.script.nick, ticket.room, ticket.n, said
            )
        )

    async def _do(self, client: Client, step: Step) -> None:
        match step:
            case Say(room=room, texts=texts):
                for text in texts:
                    await self._say(client, room, text)
            case About():
                await self._say_about(client, step)
            case Pause(for_s=for_s):
                await trio.sleep(for_s)
            case Join(room=room):
                client.join_nowait(room)
            case Leave(room=room):
                await self._leave(client, room)
            case Dawdle(for_s=for_s):
                self._listening = trio.Event()
                await trio.sleep(for_s)
                self._listening.set()
            case Drop():
                nick = self.script.nick
                self._recorder.add(history.Dropped(self._recorder.now_s, nick))
                self._drop()
            case _:
                assert_never(step)

    async def _say(self, client: Client, room: str, text: str) -> None:
        self._said[room] = await client.post(room, text)

    async def _say_about(self, client: Client, step: About) -> None:
        about = self._own if step.kind == "edit" else self._read
        if step.room not in about:
            await self._say(client, step.room, step.text)
            return
        self._said[step.room] = await client.post(
            step.room, step.text, kind=step.kind, ref=about[step.room]
        )

    async def _leave(self, client: Client, room: str) -> None:
        # Only from where one has said all: a line on its way would be refused.
        if room in self._said:
            with suppress(RefusedError):
                await self._said[room].accepted()
        if room in client.rooms:
            client.leave_nowait(room)

    def _drop(self) -> None:
        if isinstance(self._stream, trio.SocketStream):
            # Not close(): the client's tasks are waiting on it, and own it.
            with suppress(OSError):
                self._stream.socket.shutdown(trio.socket.SHUT_RD)

    def _note(self, event: ClientEvent) -> None:
        """Remember which entries there are to say something about."""
        match event:
            case Entry(room=room, seq=seq):
                self._read[room] = seq
                if event.is_line and event.nick == self.script.nick:
                    self._own[room] = seq
            case Reset():  # the numbers begin anew
                self._read.clear()
                self._own.clear()
            case _:
                pass

    async def _listen(self, client: Client) -> None:
        with suppress(trio.EndOfChannel):
            while True:
                for event in await client.all_waiting():
                    if not self._listening.is_set():
                        await self._listening.wait()
                    record = heard(event, self._recorder.now_s, self.script.nick)
                    if record is not None:
                        self._recorder.add(record)
                    self._note(event)
