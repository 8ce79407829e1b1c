"""A stage of processes: a real server, real clients, real TCP through a proxy of ours."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import trio

from simulator.bots import Hostile, Script
from simulator.bots.process import BotProcess
from simulator.errors import ServerError, StoryError
from simulator.history import Log
from simulator.processes import ServerProcess, open_server_process
from simulator.proxy import Proxy, open_proxy
from simulator.recorder import Recorder
from simulator.stage import Way
from simulator.virtual import Disk, Link, Seed
from trio_chat.addresses import Address
from trio_chat.errors import lone_exception

_GOES_S: Final = 30.0
_REST_S: Final = 11.5
"""The grace, and a little more: whoever was killed for good is gone by then."""

OpenServer = Callable[[], AbstractAsyncContextManager[ServerProcess]]


@asynccontextmanager
async def open_process_stage(
    seed: Seed, recorder: Recorder, open_server: OpenServer = open_server_process
) -> AsyncIterator["ProcessStage"]:
    """A stage without anybody on it; none of its processes outlives the block.

    Raises: StoryError out of the block: a process ended that should not have.
    Cancel: ends all processes first.
    """
    with lone_exception(), TemporaryDirectory(ignore_cleanup_errors=True) as home:
        async with (
            open_server() as server,
            trio.open_nursery() as nursery,
            open_proxy(lambda: _address_of(stage), rng=seed.stream("proxy")) as proxy,
        ):
            stage = ProcessStage(seed, recorder, server, proxy, nursery, Path(home))
            try:
                yield stage
            finally:
                nursery.cancel_scope.cancel()


class ProcessStage:
    """As Stage; get one from open_process_stage()."""

    def __init__(
        self,
        seed: Seed,
        recorder: Recorder,
        server: ServerProcess,
        proxy: Proxy,
        nursery: trio.Nursery,
        home: Path,
    ) -> None:
        self.address: Address | None = None
        """Of the server itself; None until it has served."""
        self._seed = seed
        self._recorder = recorder
        self._server = server
        self._proxy = proxy
        self._nursery = nursery
        self._home = home
        self._people: dict[str, BotProcess] = {}
        self._lives: dict[str, int] = {}

    @property
    def rest_s(self) -> float:
        """As Stage.rest_s."""
        return _REST_S

    @property
    def time_is_free(self) -> bool:
        """As Stage.time_is_free."""
        return False

    @property
    def loses_power(self) -> bool:
        """As Stage.loses_power."""
        return False

    # --- the server ------------------------------------------------------------------

    async def start_server(self) -> None:
        """As Stage.start_server."""
        self.address = await self._server.start()
        for name in self._proxy.names:
            self._proxy.accept(name)

    async def stop_server(self) -> None:
        """As Stage.stop_server."""
        await self._server.stop()
        self._refuse_all()

    async def kill_server(self) -> None:
        """As Stage.kill_server."""
        await self._server.kill()
        self._refuse_all()

    async def power_off_server(self) -> None:
        """As Stage.power_off_server."""
        raise _cannot("lose power")

    async def server_dies_at(self, number: int, *, sync: bool, power: bool) -> None:
        """As Stage.server_dies_at."""
        raise _cannot(f"die at a {'sync' if sync else 'write'} ({number}, {power})")

    def disk(self) -> Disk:
        """As Stage.disk."""
        raise _cannot("have its disk fail")

    def pause_server(self) -> None:
        """As Stage.pause_server."""
        self._server.pause()

    def resume_server(self) -> None:
        """As Stage.resume_server."""
        self._server.go_on()

    def _refuse_all(self) -> None:
        # Behind a proxy that still listens, a server that is gone would be one that says
        # nothing.
        for name in self._proxy.names:
            self._proxy.refuse(name)

    # --- the people ------------------------------------------------------------------

    def enter(self, script: Script | Hostile) -> None:
        """As Stage.enter."""
        if isinstance(script, Hostile):
            raise _cannot("be attacked")
        life = self._lives[script.nick] = self._lives.get(script.nick, 0) + 1
        outbox = self._home / f"{script.nick}.db"
        bot = BotProcess(script, self._recorder, self._seed, life=life, outbox=outbox)
        self._people[script.nick] = bot
        self._nursery.start_soon(self._live, bot)

    async def _live(self, bot: BotProcess) -> None:
        await bot.run(await self._proxy.listen(bot.script.nick))

    def send_home(self, nick: str) -> None:
        """As Stage.send_home."""
        self._people[nick].go_home()

    async def until_gone(self, nicks: Iterable[str]) -> None:
        """As Stage.until_gone."""
        for nick in nicks:
            with trio.move_on_after(_GOES_S) as patience:
                await self._people[nick].ended()
            if patience.cancelled_caught:
                raise StoryError(f"{nick} does not go")

    async def kill(self, nick: str) -> None:
        """As Stage.kill."""
        await self._people[nick].kill()

    async def power_off(self, nick: str) -> None:
        """As Stage.power_off."""
        raise _cannot(f"have {nick} lose power")

    # --- the network -----------------------------------------------------------------

    def connect(self, nick: str, link: Link) -> None:
        """As Stage.connect."""
        self._nursery.start_soon(self._connect, nick, link)

    async def _connect(self, nick: str, link: Link) -> None:
        await self._proxy.listen(nick)
        self._proxy.delay(nick, link.latency_s, link.jitter_s)
        self._proxy.slow(nick, link.bandwidth_bytes_per_s)

    def cut(self, nicks: Iterable[str]) -> None:
        """As Stage.cut."""
        for nick in self._connected(nicks):
            self._proxy.cut(nick)

    def stall(self, nicks: Iterable[str]) -> None:
        """As Stage.stall."""
        for nick in self._connected(nicks):
            self._proxy.stall(nick, "down")

    def unstall(self, nicks: Iterable[str]) -> None:
        """As Stage.unstall."""
        for nick in self._connected(nicks):
            self._proxy.resume(nick, "down")

    def partition(self, nicks: Iterable[str], way: Way = "both") -> None:
        """As Stage.partition."""
        ways = () if way == "both" else (way,)
        self._proxy.partition(self._connected(nicks), *ways)

    def heal(self) -> None:
        """As Stage.heal."""
        self._proxy.heal()

    def _connected(self, nicks: Iterable[str]) -> list[str]:
        return [nick for nick in nicks if nick in self._proxy.names]

    # --- what is left ----------------------------------------------------------------

    def resources(self) -> tuple[int | None, int | None]:
        """As Stage.resources."""
        return self._server.resources()

    async def log(self) -> Log | None:
        """As Stage.log."""
        return await self._server.log()

    def words(self) -> list[str]:
        """As Stage.words."""
        return self._server.words()


def _address_of(stage: ProcessStage) -> Address:
    if stage.address is None:
        raise ServerError("there is no server yet")
    return stage.address


def _cannot(what: str) -> StoryError:
    return StoryError(f"a server that is a real process can't {what}")
