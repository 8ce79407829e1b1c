"""A bot: plays its script over the client library, and writes down what it sees."""

import random
from contextlib import suppress
from typing import Final, Protocol, assert_never

import trio

from simulator import history
from simulator.bots.heard import heard
from simulator.bots.script import (
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
from trio_chat import Client, RefusedError, open_client
from trio_chat.addresses import Address
from trio_chat.client.link import Dial, dial_tcp
from trio_chat.client.outbox import Outbox, Ticket

_LINES_PER_LIFE: Final = 1_000_000


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
            person on one device have the same `device`; None: a new one, by chance. The
            numbers of a later `life` follow those of all lives before: what became of
            their last lines it does not know.
    """

    def __init__(
        self,
        script: Script,
        recorder: Book,
        rng: random.Random,
        device: str | None = None,
        *,
        life: int = 1,
    ) -> None:
        self.script = script
        self._device = device or f"{rng.getrandbits(128):032x}"
        self._over = trio.Event()
        self._recorder = recorder
        self._rng = rng
        self._life = life
        self._stream: trio.abc.Stream | None = None
        self._said: dict[str, Ticket] = {}  # the last line in each room
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
                open_client(
                    address,
                    nick=self.script.nick,
                    rooms=self.script.rooms,
                    history=self.script.history,
                    device=self._device,
                    outbox=Outbox(first_n=1 + _LINES_PER_LIFE * (self._life - 1)),
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

    async def _do(self, client: Client, step: Step) -> None:
        match step:
            case Say(room=room, texts=texts):
                for text in texts:
                    await self._say(client, room, text)
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
        ticket = self._said[room] = await client.post(room, text)
        # No checkpoint since it went into the outbox: nobody can have seen it yet.
        self._recorder.add(
            history.Invoke(self._recorder.now_s, self.script.nick, room, ticket.n, text)
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

    async def _listen(self, client: Client) -> None:
        with suppress(trio.EndOfChannel):
            while True:
                for event in await client.all_waiting():
                    if not self._listening.is_set():
                        await self._listening.wait()
                    record = heard(event, self._recorder.now_s, self.script.nick)
                    if record is not None:
                        self._recorder.add(record)
