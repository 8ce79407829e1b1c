"""Where the story is played: the server, the people, and what is done to them."""

import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

from simulator.errors import ServerError
from simulator.processes import ServerProcess
from simulator.proxy import Proxy
from tests.reliability.people import Bell, Person
from tests.reliability.plan import Plan, Played
from tests.reliability.weather import bad_weather
from trio_chat.addresses import Address

_MOMENT_S_MAX: Final = 0.05
_DOWN_S_MAX: Final = 0.5
_STILLBORN: Final = 0.5
"""So often a server is killed once more while it starts."""
_OPENING_S: Final = (0.2, 0.8)
"""After its birth; Python itself takes a third of a second."""


class Stage:
    """The server, the people, and what is done to them."""

    def __init__(
        self,
        plan: Plan,
        server: ServerProcess,
        address: Address,
        home: Path,
        played: Played,
    ) -> None:
        self.address = address
        """Of the server itself."""
        self._plan = plan
        self._server = server
        self._home = home
        self._seed = played.seed
        self._counts = played.counts
        self._lives = played.lives
        self._faults = played.faults
        self._bell = Bell()
        self._people: dict[str, Person] = {}
        self._up = True

    def upstream(self) -> Address:
        """Where the proxy finds the server.

        Raises: ConnectionRefusedError: it is down.
        """
        if not self._up:
            raise ConnectionRefusedError
        return self.address

    def enter(
        self, nick: str, address: Address, kind: type[Person], nursery: trio.Nursery
    ) -> None:
        """Somebody comes, and lives until they may end, or the story does."""
        chance = self._seed.stream("person", nick)
        client = self._plan.client
        person = kind(nick, address, chance, self._bell, self._home, command=client)
        self._people[nick], self._lives[nick] = person, person.lives
        nursery.start_soon(self._live, person, nursery.cancel_scope)

    async def _live(self, person: Person, story: trio.CancelScope) -> None:
        await person.run()
        if person.life.code != 0 or not person.done:
            # What it said is told by the judge. No use to wait for the others.
            self._faults.append(f"{person.life}: ended before the story did")
            story.cancel()

    async def storm(self, proxy: Proxy) -> None:
        """All kills, in all weathers; then the sky is clear."""
        async with trio.open_nursery() as weather:
            weather.start_soon(
                bad_weather, proxy, self._seed.stream("weather"), self._counts
            )
            async with trio.open_nursery() as killing:
                killing.start_soon(self._kill_server, self._plan.server_kills)
                killing.start_soon(self._kill_people, self._plan.kills_of_each)
            await self._more_lines(self._plan.lines[-1])
            weather.cancel_scope.cancel()
        for name in proxy.names:
            proxy.calm(name)

    async def finish(self, nicks: Sequence[str]) -> None:
        """Let them end, and wait until they have."""
        people = [self._people[nick] for nick in nicks]
        for person in people:
            person.finish()
        await self._bell.until(lambda: all(each.over for each in people))

    async def until_all_read(self, nicks: Sequence[str]) -> None:
        """Wait until they have all that the last of them was told there is.

        Shape:  for when nobody writes any more.
        """
        people = [self._people[nick] for nick in nicks]

        def is_so() -> bool:
            if not all(each.alive for each in people):
                return False
            heads = [event["head"] for event in people[-1].life.all("opened")]
            return bool(heads) and all(each.life.cursor == heads[-1] for each in people)

        await self._bell.until(is_so)

    # --- kills -----------------------------------------------------------------------

    async def _kill_server(self, times: int) -> None:
        chance = self._seed.stream("server")
        for _ in range(times):
            await self._moment(chance)
            self._up = False
            await self._server.kill()
            self._counts["kills of the server"] += 1
            await trio.sleep(chance.uniform(0, _DOWN_S_MAX))
            if chance.random() < _STILLBORN:
                await self._start_in_vain(chance)
            await self._server.start()
            self._up = True

    async def _start_in_vain(self, chance: random.Random) -> None:
        """Kill a server that is about to open its file, or has just done so."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._kill_after, chance.uniform(*_OPENING_S))
            with suppress(ServerError):
                await self._server.start()
        await self._server.kill()  # if it was too early for that
        self._counts["kills of a server that starts"] += 1

    async def _kill_after(self, delay_s: float) -> None:
        await trio.sleep(delay_s)
        await self._server.kill()

    async def _kill_people(self, times: int) -> None:
        chance = self._seed.stream("people")
        order = [*self._people] * times
        chance.shuffle(order)
        for nick in order:
            await self._moment(chance)
            await self._people[nick].kill()
            self._counts["kills of clients"] += 1

    async def _moment(self, chance: random.Random) -> None:
        """A random one, while lines are flowing."""
        await self._more_lines(chance.choice(self._plan.lines))
        await trio.sleep(chance.uniform(0, _MOMENT_S_MAX))

    async def _more_lines(self, count: int) -> None:
        lines = self._accepted() + count
        await self._bell.until(lambda: self._accepted() >= lines)

    def _accepted(self) -> int:
        return sum(each.heard["accepted"] for each in self._people.values())
