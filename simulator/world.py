"""Where a story plays: a server, bots, and the waits between the acts.

A story says what happens and in which order; a world makes it happen. The server is
whatever has the four verbs of `Server`: a process here, something else in a test.
"""

from collections.abc import Iterable
from typing import Protocol

import trio

from simulator import history
from simulator.bots import Bot, Script
from simulator.errors import StoryError
from simulator.recorder import Recorder
from simulator.virtual.seeds import Seed
from trio_chat.addresses import Address


class Server(Protocol):
    """What a world needs of a server."""

    async def start(self) -> Address:
        """Serve; from the second time on with the same data, at the same address.

        Raises: ServerError: it does not.
        Cancel: may have happened.
        """

    async def dial(self, address: Address) -> trio.abc.Stream:
        """A connection to it.

        Raises: LinkLostError: there is none.
        Cancel: atomic: no connection is left behind.
        """

    async def kill(self) -> None:
        """End it at once; it is not asked, and can do nothing about it.

        Cancel: may have happened.
        """

    async def stop(self) -> None:
        """Ask it to end, and see it end.

        Raises: ServerError: it ended badly, or had to be killed.
        Cancel: may have happened.
        """

    async def log(self) -> history.Log | None:
        """What is in its store, once it has ended; None if there is no way to know.

        Cancel: atomic.
        """

    def words(self) -> list[str]:
        """The last lines of what it said, for whoever has to find out what went wrong."""


class World:
    """The server and the bots of one run; the bots live in `nursery`."""

    def __init__(
        self, seed: Seed, server: Server, recorder: Recorder, nursery: trio.Nursery
    ) -> None:
        self.seed = seed
        self._server = server
        self._recorder = recorder
        self._nursery = nursery
        self._address: Address | None = None
        self._bots: list[Bot] = []

    async def start_server(self) -> None:
        """Start it, or start it again.

        Raises: ServerError: it does not serve.
        Cancel: may have happened.
        """
        again = self._address is not None
        self._address = await self._server.start()
        if again:
            self._note("the server serves again")

    async def kill_server(self) -> None:
        """kill -9.

        Cancel: may have happened.
        """
        lines = len(self._recorder.unsettled)
        self._note(f"the server is killed; {lines} lines have no answer")
        await self._server.kill()

    def enter(self, scripts: Iterable[Script]) -> None:
        """These people come, and stay until the story ends."""
        assert self._address is not None, "nobody can come before there is a server"
        for script in scripts:
            bot = Bot(script, self._recorder, self.seed.stream("client", script.nick))
            self._bots.append(bot)
            self._nursery.start_soon(bot.run, self._address, self._server.dial)

    def end(self) -> None:
        """The story is over: everyone goes home."""
        for bot in self._bots:
            bot.go_home()

    async def until_accepted(self, lines: int, *, within_s: float) -> None:
        """Wait until the server has accepted so many lines.

        Raises: StoryError: it did not in time.
        Cancel: atomic.
        """
        with trio.move_on_after(within_s) as patience:
            await self._recorder.until(lambda: self._recorder.counts[history.Ok] >= lines)
        if patience.cancelled_caught:
            count = self._recorder.counts[history.Ok]
            raise StoryError(f"after {within_s:g} s {count} of {lines} lines were accepted")

    async def until_unanswered(self, lines: int, *, within_s: float) -> None:
        """Wait for a moment in which so many lines are on their way.

        Raises: StoryError: there was none in time.
        Cancel: atomic.
        """
        with trio.move_on_after(within_s) as patience:
            await self._recorder.until(lambda: len(self._recorder.unsettled) >= lines)
        if patience.cancelled_caught:
            raise StoryError(f"within {within_s:g} s never {lines} lines were on their way")

    async def until_settled(self, *, within_s: float) -> None:
        """Wait until all is said, answered, and seen by everyone who is in the room.

        Raises: StoryError: it was not in time; the text says who waits for what.
        Cancel: atomic.
        """
        with trio.move_on_after(within_s) as patience:
            await self._recorder.until(self._settled)
        if patience.cancelled_caught:
            raise StoryError(f"after {within_s:g} s {self._what_is_open()}")

    def _settled(self) -> bool:
        return not (
            self._busy()
            or self._recorder.unsettled
            or self._recorder.behind()
            or self._absent()
        )

    def _busy(self) -> list[str]:
        nicks = (bot.script.nick for bot in self._bots)
        return [nick for nick in nicks if nick not in self._recorder.done]

    def _absent(self) -> list[str]:
        return [
            f"{bot.script.nick} is not in #{room}"
            for bot in self._bots
            for room in bot.script.places
            if not self._recorder.inside(bot.script.nick, room)
        ]

    def _what_is_open(self) -> str:
        busy = self._busy()
        if busy:
            return f"{len(busy)} bots are not done, {busy[0]} among them"
        if self._recorder.unsettled:
            line = next(iter(self._recorder.unsettled.values()))
            return (
                f"{len(self._recorder.unsettled)} lines have no answer, one of {line.bot}"
                f" in #{line.room} among them"
            )
        absent = self._absent()
        if absent:
            return f"{len(absent)} seats are empty: {absent[0]}, for one"
        behind = self._recorder.behind()
        bot, room, cursor, head = behind[0]
        return (
            f"{len(behind)} views are not at their end: {bot} has #{room} up to {cursor}"
            f" of {head}, for one"
        )

    def _note(self, what: str) -> None:
        self._recorder.add(history.Fault(self._recorder.now_s, what))
