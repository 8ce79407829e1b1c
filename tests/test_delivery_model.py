"""Session, room, outbox and timeline together, where any message may be lost.

Any answer too. Real clients talk to a real server. Links end now, or behind any byte of
either direction, told or in silence; the server is restarted or killed; clients are killed
and live again with what their outbox holds; rooms are left, joined and trimmed; lines are
taken back: in whatever order Hypothesis likes. At each moment: no line is in the log
twice, or behind a later one of its author; what was accepted is there, and what was taken
back is not; every reader's entries follow each other; no client has more on its way than
it was granted. And once all is well again everybody has everything.
"""

import random
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from trio.testing import MockClock, memory_stream_pair

from tests.server.harness import Json, MemoryListener, recording
from trio_chat import Client, open_client
from trio_chat.addresses import Address
from trio_chat.client.events import (
    Accepted,
    ClientEvent,
    Closed,
    Entry,
    Gap,
    Opened,
    Refused,
    Reset,
)
from trio_chat.client.link import LinkLostError
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.client.outbox_file import open_outbox
from trio_chat.errors import OutboxError
from trio_chat.protocol import messages
from trio_chat.protocol.messages import INBOX
from trio_chat.server import Limits, Running, serve
from trio_chat.server.hub import Hub
from trio_chat.server.session import Session
from trio_chat.store import Draft, MemoryStore, Outcome
from trio_chat.store.interface import Entry as Stored
from trio_chat.store.interface import Keep
from trio_chat.worker import open_inline_worker

CREDIT = 3
NICKS, ROOMS = ("ada", "ben", "cyd"), ("lobby", "den")
COMMIT_S = 0.004
CONVERGED_S = 200.0
"""Two heartbeats until a silent link is given up, and some failed tries."""
LIMITS = Limits(
    credit=CREDIT, history_entries=5, page_entries=4, queue_batches_max=2, trim_entries=4
)


class Log(MemoryStore):
    """The store: takes its time, and knows what may not be in it."""

    def __init__(self) -> None:
        super().__init__("epoch")
        self.wrong: list[str] = []
        self.all: dict[tuple[str, int], tuple[str, str]] = {}
        """Who said what, by place; also what is trimmed."""
        self.taken_back: set[tuple[str, str]] = set()
        self._ns: dict[tuple[str, str], int] = {}

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        # Who is killed in the first half has stored nothing, in the second nobody knows.
        await trio.sleep(COMMIT_S / 2)
        outcomes = await super().append(drafts, ts)
        await trio.sleep(COMMIT_S / 2)
        return outcomes

    @property
    def heads_now(self) -> dict[str, int]:
        """As heads."""
        return {name: log.head for name, log in self._logs.items()}

    def trimmed_now(self, log: str) -> int:
        """As trimmed."""
        return self._logs[log].trimmed if log in self._logs else 0

    def _put(self, draft: Draft, name: str, ts: float, ref: int | None = None) -> Stored:
        entry = super()._put(draft, name, ts, ref)
        said = (draft.nick, draft.text)
        if said in self.all.values():
            self.wrong.append(f"{said} is in {name} twice")
        author = (name, draft.nick)
        if draft.n <= self._ns.get(author, 0):
            self.wrong.append(f"{said} is behind a later line of its author")
        self._ns[author] = draft.n
        self.all[name, entry.seq] = said
        return entry


@dataclass
class Cut:
    """A link ends behind that many bytes of a direction; in silence: nobody is told."""

    bytes_left: int
    silent: bool


class Wire(trio.abc.Stream):
    """A client's end of one link, which may end anywhere; counts drafts and answers."""

    def __init__(self, stream: Any, cuts: dict[str, Cut], wrong: list[str]) -> None:
        self._stream = stream
        self._cuts = cuts
        self._wrong = wrong
        self._unanswered = 0
        self._partial = b""
        self._receiving = trio.CancelScope()
        self._over = False
        self._silent = False

    def cut(self, *, silent: bool) -> None:
        self._over, self._silent = True, silent
        self._receiving.cancel()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._unanswered += bytes(data).count(b'"t":"say"')
        if self._unanswered > CREDIT:
            self._wrong.append(f"{self._unanswered} drafts are on their way")
        if not self._over:
            cut = self._cuts.get("up")
            passed = bytes(data) if cut is None else bytes(data)[: cut.bytes_left]
            try:
                await self._stream.send_all(passed)
            except trio.ClosedResourceError:  # it was cut meanwhile
                raise trio.BrokenResourceError("it is over") from None
            self._cut_behind(passed, cut)
        if self._over:
            await self._end()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = b""
        if not self._over:
            with trio.CancelScope() as self._receiving:
                data = bytes(await self._stream.receive_some(max_bytes))
            cut = self._cuts.get("down")
            data = data if cut is None else data[: cut.bytes_left]
            self._cut_behind(data, cut)
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._unanswered -= sum(map(_answers, lines))
        if self._over and not data:
            await self._end()
        return data

    def _cut_behind(self, passed: bytes, cut: Cut | None) -> None:
        if cut is not None:
            cut.bytes_left -= len(passed)
            if cut.bytes_left <= 0:
                self._cuts.clear()
                self.cut(silent=cut.silent)

    async def _end(self) -> None:
        await self.aclose()
        raise trio.BrokenResourceError("it is over")

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        if not self._silent:
            await trio.aclose_forcefully(self._stream)
        await trio.lowlevel.cancel_shielded_checkpoint()


def _answers(line: bytes) -> bool:
    return b'"accepted"' in line or (b'"refused"' in line and b'"n":' in line)


# --- people ------------------------------------------------------------------------------


class Author:
    """Somebody with a device, over all lives."""

    def __init__(self, world: "World", nick: str) -> None:
        self.nick = nick
        self.client: Client | None = None
        self.cuts: dict[str, Cut] = {}
        """What will happen to this link, or the next."""
        self.said: dict[int, tuple[str, str]] = {}
        """Room and text of each line, by its number."""
        self._world = world
        self._wants: Sequence[str] = ("lobby",)
        self._seqs: dict[int, int] = {}  # of lines that were accepted
        self._cursors: dict[str, int] = {}
        self._wire: Wire | None = None
        self._lives = 0
        self._life = trio.CancelScope()
        self._dead = trio.Event()
        self._kept = Outbox(device=nick)  # what the next life finds, if not in a file

    @property
    def is_settled(self) -> bool:
        """Whether it has said all, and has all that there is."""
        client, heads = self.client, self._world.log.heads_now
        return (
            client is not None
            and client.state == "online"
            and not client.outbox
            and all(self._cursors.get(each) == heads.get(each, 0) for each in client.rooms)
        )

    # --- lives ---------------------------------------------------------------------------

    async def live(self) -> None:
        """Begin a life, if this is none."""
        if self.client is None:
            await self._world.nursery.start(self._live)

    async def _live(self, *, task_status: trio.TaskStatus[None]) -> None:
        self._lives += 1
        self._dead, self._cursors = trio.Event(), {}
        with trio.CancelScope() as self._life:
            async with self._open_outbox() as outbox:
                outbox.on_queued.append(self._queued)
                async with open_client(
                    "here:1",
                    nick=self.nick,
                    rooms=self._wants,
                    outbox=outbox,
                    insist=True,
                    rng=random.Random(self._lives),
                    dial=self._dial,
                    wall_clock_s=lambda: 1e6 * self._lives + trio.current_time(),
                ) as self.client:
                    task_status.started()
                    async for event in self.client:
                        self._hear(event)
        self.client = None
        self._dead.set()

    @asynccontextmanager
    async def _open_outbox(self) -> AsyncIterator[Outbox]:
        if self._world.directory is None:
            yield self._kept
            return
        path = self._world.directory / f"{self.nick}.db"
        async with open_outbox(path, open_worker=open_inline_worker) as outbox:
            yield outbox

    async def _dial(self, _address: Address) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        ours, theirs = memory_stream_pair()
        try:
            self._world.listener._send.send_nowait(theirs)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise LinkLostError("nobody listens") from None
        self._wire = Wire(ours, self.cuts, self._world.log.wrong)
        return self._wire

    def cut(self, *, silent: bool) -> None:
        """This link ends."""
        if self._wire is not None:
            self._wire.cut(silent=silent)

    async def end(self, *, killed: bool) -> None:
        """This life ends, with a goodbye or without one."""
        if self.client is None:
            return
        self._wants = [room for room in self.client.rooms if room != INBOX]
        self._kept = self._found_later(self.client.outbox)
        if killed:
            self.cut(silent=True)
        self._life.cancel()
        await self._dead.wait()

    def _found_later(self, outbox: Outbox) -> Outbox:
        """What a disk would hold: the last line that was accepted may not be forgotten."""
        lines = {each.n: (each.room, each.text) for each in outbox.lines}
        lines |= {n: self.said[n] for n in [*self._seqs][-1:]}
        found = Outbox(device=self.nick, first_n=outbox._last_n + 1)
        for n, (room, text) in sorted(lines.items()):
            found._tickets[n] = Ticket(room, n, text, "text")
        found._released(outbox._released_n)
        return found

    # --- what it hears -------------------------------------------------------------------

    def _queued(self, ticket: Ticket) -> None:
        self.said[ticket.n] = ticket.room, ticket.text

    def _hear(self, event: ClientEvent) -> None:
        match event:
            case Opened(room=room, after=after):
                self._expect(self._cursors.setdefault(room, after) == after, event)
            case Closed(room=room):
                self._expect(event.reason == "left", event)
                self._cursors.pop(room, None)
            case Entry(room=room, seq=seq, nick=nick, text=text):
                self._expect(seq == self._cursors.get(room, -9) + 1, event)
                self._expect(self._world.log.all.get((room, seq)) == (nick, text), event)
                self._cursors[room] = seq
            case Gap(room=room, after=after, through=through):
                self._expect(after == self._cursors.get(room), event)
                self._expect(through <= self._world.log.trimmed_now(room), event)
                self._cursors[room] = through
            case Accepted(room=room, n=n, seq=seq):
                self._expect(self._seqs.setdefault(n, seq) == seq, event)
                in_log = self._world.log.all.get((room, seq))
                self._expect(self.said[n] == (room, in_log and in_log[1]), event)
            case Refused() | Reset():
                self._expect(False, event)
            case _:
                pass

    def _expect(self, true: bool, event: ClientEvent) -> None:
        if not true:
            self._world.log.wrong.append(f"{self.nick} hears {event}")


# --- the world ---------------------------------------------------------------------------


class World:
    """A server that can be started again, those who use it, and what can happen to them."""

    def __init__(self, nursery: trio.Nursery, directory: Path | None) -> None:
        self.nursery = nursery
        self.directory = directory
        self.log = Log()
        self.authors = [Author(self, nick) for nick in NICKS]
        self._console: list[Json] = []
        self._texts = 0

    async def start(self) -> None:
        """The server, and then everybody."""
        await self._start_server()
        for author in self.authors:
            await author.live()

    async def _start_server(self) -> None:
        self.listener = MemoryListener()
        self._life, self._over = trio.CancelScope(), trio.Event()
        self._running: Running = await self.nursery.start(self._serve)

    async def _serve(self, *, task_status: trio.TaskStatus[Running]) -> None:
        with self._life:
            await serve(
                [self.listener],
                self.log,
                log=recording(self._console),
                new_secret=lambda: "unused",
                rng=random.Random(1),
                limits=LIMITS,
                wall_clock_s=trio.current_time,
                task_status=task_status,
            )
        self._over.set()

    # --- the steps -----------------------------------------------------------------------

    async def say(self, who: int, room: str, lines: int) -> None:
        client = self.authors[who].client
        for _ in range(lines):
            if client is not None and room in client.rooms:
                self._texts += 1
                await client.post(room, f"line {self._texts}")

    async def cancel(self, who: int) -> None:
        """The last line that waits."""
        author = self.authors[who]
        if author.client is None or not author.client.outbox:
            return
        with suppress(OutboxError):
            ticket = await author.client.cancel(author.client.outbox.lines[-1].n)
            self.log.taken_back.add((author.nick, ticket.text))
            del author.said[ticket.n]

    async def join(self, who: int, room: str) -> None:
        client = self.authors[who].client
        if client is not None:
            client.join_nowait(room)

    async def leave(self, who: int, room: str) -> None:
        client = self.authors[who].client
        if client is not None and room in client.rooms:
            client.leave_nowait(room)

    async def cut(self, who: int, silent: bool) -> None:
        self.authors[who].cut(silent=silent)

    async def cut_after(self, who: int, way: str, bytes_: int, silent: bool) -> None:
        self.authors[who].cuts[way] = Cut(bytes_, silent)

    async def end(self, who: int, killed: bool) -> None:
        await self.authors[who].end(killed=killed)

    async def live(self, who: int) -> None:
        await self.authors[who].live()

    async def restart(self, killed: bool) -> None:
        if killed:
            self._life.cancel()
        else:
            self._running.drain()
        await self._over.wait()
        await self._start_server()

    async def trim(self, room: str, keep: int) -> None:
        await self.log.trim(room, Keep(entries=keep), limit=100)

    async def wait(self, for_s: float) -> None:
        await trio.sleep(for_s)

    # --- what has to be true -------------------------------------------------------------

    def check(self) -> None:
        """Nothing that can be told at any moment is wrong."""
        bugs = [event for event in self._console if event["event"] == "bug"]
        assert not self.log.wrong + bugs
        assert not self.log.taken_back & {*self.log.all.values()}

    async def converge(self) -> None:
        """All is well again: everybody gets everything."""
        for author in self.authors:
            author.cuts.clear()
            await author.live()
        with trio.move_on_after(CONVERGED_S) as patience:
            # Virtual seconds cost nothing.
            while not all(author.is_settled for author in self.authors):  # noqa: ASYNC110
                await trio.sleep(1)
        self.check()
        assert not patience.cancelled_caught, "not everybody has everything"
        in_log = {(room, *said) for (room, _), said in self.log.all.items()}
        for author in self.authors:
            for room, text in author.said.values():
                assert (room, author.nick, text) in in_log, f"{text} is lost"


WHO, ROOM = st.integers(0, len(NICKS) - 1), st.sampled_from(ROOMS)
STEPS = st.one_of(
    st.tuples(st.just("say"), WHO, ROOM, st.integers(1, 8)),
    st.tuples(st.just("say"), WHO, ROOM, st.integers(1, 8)),
    st.tuples(st.just("say"), WHO, ROOM, st.integers(1, 8)),
    st.tuples(st.just("cancel"), WHO),
    st.tuples(st.just("join"), WHO, ROOM),
    st.tuples(st.just("leave"), WHO, ROOM),
    st.tuples(st.just("cut"), WHO, st.booleans()),
    st.tuples(
        *(st.just("cut_after"), WHO, st.sampled_from(("up", "down"))),
        *(st.integers(1, 600), st.booleans()),
    ),
    st.tuples(st.just("end"), WHO, st.booleans()),
    st.tuples(st.just("live"), WHO),
    st.tuples(st.just("restart"), st.booleans()),
    st.tuples(st.just("trim"), ROOM, st.integers(1, 10)),
    st.tuples(st.just("wait"), st.sampled_from((1.0, 12.0, 45.0))),
)
PAUSES_S = (0.0, 0.001, 0.003, 0.01, 0.3)
Steps = Sequence[tuple[tuple[Any, ...], float]]


def play(steps: Steps, directory: Path | None = None) -> None:
    """All steps in one world, each with a pause behind it, and then peace."""

    async def world() -> None:
        async with trio.open_nursery() as nursery:
            here = World(nursery, directory)
            await here.start()
            await here.join(0, "den")
            await here.join(1, "den")
            for (name, *arguments), pause_s in steps:
                await getattr(here, name)(*arguments)
                await trio.sleep(pause_s)
                here.check()
            await here.converge()
            nursery.cancel_scope.cancel()

    trio.run(world, clock=MockClock(autojump_threshold=0))


@settings(max_examples=150)
@given(st.lists(st.tuples(STEPS, st.sampled_from(PAUSES_S)), max_size=25), st.booleans())
def test_everybody_has_everything_once_and_in_order(steps: Steps, on_disk: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        play(steps, Path(directory) if on_disk else None)


# --- the check is worth something --------------------------------------------------------


def caught(*steps: tuple[Any, ...]) -> bool:
    """Whether the check finds something wrong with these steps."""
    try:
        play([(("wait", 1.0), 0.0), *((step, 0.001) for step in steps)])
    except BaseExceptionGroup as group:
        others = group.split(AssertionError)[1]
        if others is not None:
            raise
        return True
    return False


FLOOD = (("say", 0, "lobby", 8),)
LOST = (("cut_after", 0, "up", 1, False), *FLOOD)
"""The lines are on their way, and do not arrive."""
UNANSWERED = (("cut_after", 0, "down", 1, False), *FLOOD, ("wait", 1.0))
"""The lines arrive, and no answer does."""


def test_a_client_that_ignores_its_credit_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Outbox.release
    assert not caught(*FLOOD)
    monkeypatch.setattr(Outbox, "release", lambda outbox, _credit: honest(outbox, 1_000))
    assert caught(*FLOOD)


def test_a_client_for_which_sent_is_done_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Outbox.hold

    def hold(outbox: Outbox) -> None:
        honest(outbox)
        for ticket in [*outbox.after(0)]:
            del outbox._tickets[ticket.n]

    assert not caught(*LOST)
    monkeypatch.setattr(Outbox, "hold", hold)
    assert caught(*LOST)


def test_a_store_that_does_not_know_a_draft_again_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Log.append

    async def append(log: Log, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        log._authors.clear()
        return await honest(log, drafts, ts)

    assert not caught(*UNANSWERED)
    monkeypatch.setattr(Log, "append", append)
    assert caught(*UNANSWERED)


def test_a_client_that_sends_the_last_line_first_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Outbox.after

    def after(outbox: Outbox, n: int) -> Iterator[Ticket]:
        return reversed([*honest(outbox, n)])

    assert not caught(*FLOOD)
    monkeypatch.setattr(Outbox, "after", after)
    assert caught(*FLOOD)


def test_a_line_that_is_taken_back_on_its_way_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = (("say", 0, "lobby", 1), ("cut", 0, False), ("cancel", 0))
    assert not caught(*steps)
    monkeypatch.setattr(Outbox, "is_held", lambda *_: True)
    assert caught(*steps)


def test_a_server_that_goes_on_from_its_end_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Hub.join

    def join(hub: Hub, session: Session, message: messages.Join) -> None:
        return honest(hub, session, structs.replace(message, after=None, history=0))

    steps = (("cut", 1, False), *FLOOD, ("wait", 1.0))
    assert not caught(*steps)
    monkeypatch.setattr(Hub, "join", join)
    assert caught(*steps)
