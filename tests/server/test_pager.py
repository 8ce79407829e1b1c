"""A pager: what its members are owed, a page in a turn, each of them in its turn."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio
from trio.testing import MockClock

from tests.server.test_journal import draft
from trio_chat.errors import StoreError
from trio_chat.server.limits import Limits
from trio_chat.server.outgoing import Outgoing
from trio_chat.server.pager import Pager
from trio_chat.server.pages import Pages
from trio_chat.server.room import Member, Room, Standing
from trio_chat.server.turns import Turns
from trio_chat.store import MemoryStore

PAGE_BYTES = 1_000
COUNT = 500


class Socket:
    """Takes so many bytes at once, and notes who took how much, in order."""

    def __init__(self, name: str, took: list[tuple[str, bytes]], space: int) -> None:
        self._name, self._took, self.space = name, took, space
        self.open = trio.Event()

    def now(self, data: bytes) -> int:
        taken = data[: self.space]
        self.space -= len(taken)
        self._took.append((self._name, taken))
        return len(taken)

    async def some(self, data: memoryview) -> int:
        await self.open.wait()
        self._took.append((self._name, bytes(data)))
        return len(data)

    def in_flight(self) -> int | None:
        return None


@dataclass(eq=False)
class Somebody:
    """A resident, its reader, and its peer."""

    nick: str
    outgoing: Outgoing
    pager: Pager = field(init=False)

    @property
    def taker(self) -> Outgoing:
        return self.outgoing

    def serve(self, member: Member) -> None:
        self.pager.serve(member)

    def paged(self, _room: str, _entries: int, _gap_entries: int) -> None:
        pass

    def caught_up(self) -> None:
        pass

    def unreadable(self, _member: Member, error: StoreError) -> bytes:
        raise error

    def store_failed(self, error: StoreError) -> None:
        raise error


class Stage:
    """Rooms with a past, and who reads them."""

    def __init__(self, pages: Pages, nursery: trio.Nursery) -> None:
        self.took: list[tuple[str, bytes]] = []
        self._pages, self._nursery = pages, nursery

    def somebody(self, nick: str, space: int = 10**9) -> tuple[Somebody, Socket]:
        socket = Socket(nick, self.took, space)
        somebody = Somebody(nick, Outgoing(socket, self._nursery, Limits()))
        somebody.pager = Pager(somebody.outgoing, self._pages, self._nursery, somebody)
        return somebody, socket

    def pages_of(self, what: str) -> list[int]:
        """Where among all that was taken pages with this in it are."""
        mark = what.encode()
        return [at for at, (_, data) in enumerate(self.took) if mark in data[:60]]


@asynccontextmanager
async def stage(*logs: str) -> AsyncIterator[Stage]:
    store, turns = MemoryStore("e"), Turns()
    for log in logs:
        await store.append([draft(n, log) for n in range(1, COUNT + 1)], 1.0)
    limits = Limits(page_bytes=PAGE_BYTES, page_entries=5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.run)
        yield Stage(Pages(store, turns, limits), nursery)
        nursery.cancel_scope.cancel()


def behind(somebody: Somebody, log: str) -> Member:
    room = Room(log, log, COUNT, Limits().queue_bytes_max)
    member = room.enter(somebody, somebody)
    room.read_from(member, 0)
    return member


async def test_nobody_gets_more_than_about_a_page_in_a_turn(
    autojump_clock: MockClock,
) -> None:
    async with stage("lobby") as here:
        behind(here.somebody("zoe")[0], "lobby")  # from now on all pages are at hand
        await trio.testing.wait_all_tasks_blocked()
        here.took.clear()
        members = [behind(here.somebody(nick)[0], "lobby") for nick in ("ada", "ben")]
        await trio.testing.wait_all_tasks_blocked()
        assert all(member.standing is Standing.LIVE for member in members)
        nicks = [nick for nick, data in here.took if b"entry" in data[:20]]
        assert len(nicks) > 50
        assert all(one != other for one, other in itertools.pairwise(nicks))


async def test_the_rooms_of_one_peer_go_on_by_turns(autojump_clock: MockClock) -> None:
    async with stage("lobby", "den") as here:
        ada, _ = here.somebody("ada")
        behind(ada, "lobby")
        behind(ada, "den")
        await trio.testing.wait_all_tasks_blocked()
        lobby, den = here.pages_of('"lobby","seq'), here.pages_of('"den","seq')
        assert len(lobby) == len(den) > 20
        assert all(abs(one - other) <= 3 for one, other in zip(lobby, den, strict=True))


async def test_nothing_is_kept_for_a_socket_that_is_full(autojump_clock: MockClock) -> None:
    async with stage("lobby") as here:
        ada, socket = here.somebody("ada", space=2_500)
        member = behind(ada, "lobby")
        await trio.testing.wait_all_tasks_blocked()
        # What was taken so far, and the rest of one page in the queue.
        assert ada.outgoing._queued_bytes <= PAGE_BYTES + 200
        assert member.cursor < 50
        socket.space = 10**9
        socket.open.set()
        await trio.testing.wait_all_tasks_blocked()
        assert member.standing is Standing.LIVE
        data = b"".join(data for _, data in here.took)
        assert data.count(b'"t":"entry"') == COUNT
