"""Snapshot and news, taken together, are always what a fresh snapshot says.

People with devices come, vanish, return, rename themselves, leave and say goodbye, and the
server is asked to end or killed, in whatever order Hypothesis likes. After every step each
of them has to know exactly what the server says when it is asked; and nobody may have been
told that somebody went before the grace was over.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair

from tests.server.harness import Json, MemoryListener, recording
from trio_chat.protocol import names
from trio_chat.protocol.messages import Left, Message
from trio_chat.server import Limits, Running, serve
from trio_chat.server.hub import Hub
from trio_chat.server.keeper import Keeper
from trio_chat.server.room import Room
from trio_chat.server.session import Graces, Guest, Session
from trio_chat.store import MemoryStore

GRACE_S, RESTART_GRACE_S, NOTICED_S = 10.0, 30.0, 30.0
SLACK_S = 1.0
DEVICES, ROOMS = range(4), ("lobby", "den")
NICKS = ("ada", "ben", "cyd", "dan", "eve")


@dataclass
class Seat:
    """What the others may see of somebody in a room."""

    active: bool = True
    not_before_s: float = float("inf")
    """They are not told that it is empty before this."""
    not_after_s: float = float("inf")
    """It is empty after this."""

    def keep(self, now_s: float, for_s: float, *, noticed_s: float = 0.0) -> None:
        self.active = False
        self.not_before_s = now_s + for_s - SLACK_S
        self.not_after_s = now_s + noticed_s + for_s + SLACK_S


class Link:
    """One connection of a device, and what it was told on it."""

    def __init__(self, device: "Device", stream: trio.abc.Stream) -> None:
        self.device = device
        self.stream = stream
        self.answers = True
        self.here: dict[str, list[str]] = {}
        self.pages: dict[str, list[str]] = {}
        self.heard: list[Json] = []

    async def send(self, *messages: Json) -> None:
        lines = [json.dumps(message).encode() + b"\n" for message in messages]
        await self.stream.send_all(b"".join(lines))

    async def listen(self) -> None:
        kept = b""
        try:
            while data := await self.stream.receive_some():
                *lines, kept = (kept + bytes(data)).split(b"\n")
                for line in lines:
                    await self._hear(json.loads(line))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _hear(self, message: Json) -> None:
        self.heard.append(message)
        kind, here = message["t"], self.here.get(message.get("room", ""))
        if kind == "ping" and self.answers:
            await self.send({"t": "pong"})
        elif kind == "members":
            pages = self.pages.setdefault(message["room"], [])
            pages += message["nicks"]
            if not message.get("more"):
                self.here[message["room"]] = self.pages.pop(message["room"])
        elif here is not None and kind == "joined":
            assert message["nick"] not in here, "somebody came who is there"
            here.append(message["nick"])
        elif here is not None and kind == "renamed":
            here[here.index(message["nick"])] = message["to"]
        elif here is not None and kind == "left" and message["nick"] != self.device.nick:
            here.remove(message["nick"])
            self.device.people.told_to_be_gone(message["nick"], message["room"])


@dataclass
class Device:
    """Somebody, with what it wants; `nick` is what the server calls it."""

    people: "People"
    number: int
    nick: str
    wants: set[str] = field(default_factory=lambda: {"lobby"})
    link: Link | None = None
    seats: dict[str, Seat] = field(default_factory=dict)


class People:
    """The world: a server that can be started again, and those who use it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.store = MemoryStore("epoch")
        self.devices = [Device(self, number, NICKS[number]) for number in DEVICES]
        self.bugs: list[Json] = []

    # --- the steps -------------------------------------------------------------------

    async def start(self) -> None:
        self.listener = MemoryListener()
        self.life = trio.CancelScope()
        self.over = trio.Event()
        self.running: Running = await self.nursery.start(self._serve)

    async def _serve(self, *, task_status: trio.TaskStatus[Running]) -> None:
        with self.life:
            await serve(
                [self.listener],
                self.store,
                log=recording(self.bugs),
                new_secret=lambda: "unused",
                rng=random.Random(1),
                limits=Limits(
                    grace_s=GRACE_S, restart_grace_s=RESTART_GRACE_S, queue_batches_max=2
                ),
                task_status=task_status,
            )
        self.over.set()

    async def restart(self, kindly: bool) -> None:
        if kindly:
            self.running.drain()
        else:
            self.life.cancel()
        await self.over.wait()
        await self.start()
        now_s = trio.current_time()
        for device in self.devices:
            device.link = None
            for seat in device.seats.values():
                if seat.active or now_s < seat.not_before_s:
                    seat.keep(now_s, RESTART_GRACE_S)
                else:
                    seat.not_after_s += RESTART_GRACE_S  # it may just not have ended

    async def come(self, number: int) -> None:
        """Connect, whether there is a connection or not, and ask for all that is wanted."""
        device, nick = self.devices[number], self.devices[number].nick
        link = await self._dial(device, nick)
        welcomed = [each for each in link.heard if each["t"] == "welcome"]
        if not welcomed:
            assert self._held_by_another(device, nick), "its own nick was refused"
            device.nick = f"{nick}{number}"  # somebody has it for good: another one, then
            return
        device.link = link
        now_s = trio.current_time()
        for seat in device.seats.values():
            if seat.active or now_s < seat.not_before_s:
                seat.keep(now_s, GRACE_S)
            elif now_s < seat.not_after_s:  # whether it is kept, nobody can say
                seat.not_after_s = now_s + GRACE_S + SLACK_S
        for room in sorted(device.wants):
            await self._join(device, link, room)

    async def together(self) -> None:
        """Whoever is not here comes, all of them in the same moment."""
        async with trio.open_nursery() as nursery:
            for device in self.devices:
                if device.link is None:
                    nursery.start_soon(self.come, device.number)

    async def _dial(self, device: Device, nick: str) -> Link:
        ours, theirs = memory_stream_pair()
        self.listener._send.send_nowait(theirs)
        link = Link(device, ours)
        self.nursery.start_soon(link.listen)
        hello = {"t": "hello", "v": 1, "nick": nick, "device": f"device {device.number}"}
        await link.send(hello)
        await self.settle()
        return link

    async def lose(self, number: int) -> None:
        device = self.devices[number]
        if device.link is not None:
            await trio.aclose_forcefully(device.link.stream)
            self._lost(device, 0.0)

    async def vanish(self, number: int) -> None:
        """The connection is there, and nobody is at its other end."""
        device = self.devices[number]
        if device.link is not None:
            device.link.answers = False
            self._lost(device, NOTICED_S)

    def _lost(self, device: Device, noticed_s: float) -> None:
        device.link = None
        for seat in device.seats.values():
            if seat.active:
                seat.keep(trio.current_time(), GRACE_S, noticed_s=noticed_s)
            else:  # the grace of rooms that were not asked for begins again, too
                seat.not_after_s += noticed_s + GRACE_S

    async def bye(self, number: int) -> None:
        device = self.devices[number]
        if device.link is not None:
            await device.link.send({"t": "bye"})
            device.link, device.seats = None, {}

    async def join(self, number: int, room: str) -> None:
        device = self.devices[number]
        device.wants.add(room)
        if device.link is not None:
            await self._join(device, device.link, room)

    async def _join(self, device: Device, link: Link, room: str) -> None:
        device.seats[room] = Seat()
        await link.send({"t": "join", "room": room})
        await self.settle()

    async def leave(self, number: int, room: str) -> None:
        device = self.devices[number]
        device.wants.discard(room)
        if device.link is not None and room in device.seats:
            device.seats.pop(room)
            device.link.here.pop(room, None)
            await device.link.send({"t": "leave", "room": room})

    async def rename(self, number: int, nick: str) -> None:
        """Ask for another name, now or with the next hello."""
        device = self.devices[number]
        if device.link is None:
            if all(other.nick != nick for other in self.devices):
                await self._come_as(device, nick)
            return
        await device.link.send({"t": "nick", "nick": nick})
        await self.settle()
        answer = next(m for m in device.link.heard[::-1] if m["t"] in ("nick", "refused"))
        if answer["t"] == "nick":
            device.nick = nick
        else:
            assert self._held_by_another(device, nick)

    async def _come_as(self, device: Device, nick: str) -> None:
        old, device.nick = device.nick, nick
        await self.come(device.number)
        if device.link is None:
            device.nick = old

    async def wait(self, for_s: float) -> None:
        await trio.sleep(for_s)

    async def steal(self, number: int, nick: str) -> None:
        """A stranger asks for a name, and goes again."""
        holder = [each for each in self.devices if each.nick == nick and _is_kept(each)]
        stranger = Device(self, 100 + number, nick)
        link = await self._dial(stranger, nick)
        if holder:
            assert link.heard[-1].get("code") == "nick_taken", "a kept name was given away"
        await trio.aclose_forcefully(link.stream)

    async def settle(self) -> None:
        await trio.sleep(0.01)

    # --- what has to be true ---------------------------------------------------------

    def told_to_be_gone(self, nick: str, room: str) -> None:
        for device in self.devices:
            seat = device.seats.get(room)
            if device.nick == nick and seat is not None:
                assert trio.current_time() >= seat.not_before_s, f"{nick} was told gone"

    def _held_by_another(self, device: Device, nick: str) -> bool:
        others = [other for other in self.devices if other is not device]
        return any(other.nick == nick for other in others)

    async def check(self) -> None:
        await self.settle()
        assert not [event for event in self.bugs if event["event"] == "bug"]
        for device in self.devices:
            if device.link is not None:
                for room in sorted(device.link.here):
                    await self._check_list(device.link, room)

    async def _check_list(self, link: Link, room: str) -> None:
        derived = list(link.here[room])
        await link.send({"t": "who", "room": room})
        await self.settle()
        fresh = link.here[room]
        assert sorted(derived) == sorted(fresh)
        assert len(fresh) == len(set(fresh)), "somebody is there twice"
        now_s = trio.current_time()
        sure, possible = set(), set()
        for device in self.devices:
            seat = device.seats.get(room)
            if seat is not None and (seat.active or now_s < seat.not_before_s):
                sure.add(device.nick)
            if seat is not None and now_s <= seat.not_after_s:
                possible.add(device.nick)
        assert sure <= set(fresh) <= possible


def _is_kept(device: Device) -> bool:
    now_s = trio.current_time()
    return any(seat.active or now_s < seat.not_before_s for seat in device.seats.values())


WHO = st.sampled_from(DEVICES)
STEPS = st.one_of(
    st.tuples(st.just("come"), WHO),
    st.tuples(st.just("come"), WHO),
    st.tuples(st.just("together")),
    st.tuples(st.just("lose"), WHO),
    st.tuples(st.just("vanish"), WHO),
    st.tuples(st.just("bye"), WHO),
    st.tuples(st.just("join"), WHO, st.sampled_from(ROOMS)),
    st.tuples(st.just("leave"), WHO, st.sampled_from(ROOMS)),
    st.tuples(st.just("rename"), WHO, st.sampled_from(NICKS)),
    st.tuples(st.just("steal"), WHO, st.sampled_from(NICKS)),
    st.tuples(st.just("wait"), st.sampled_from((1.0, 6.0, 11.0, 31.0, 45.0))),
    st.tuples(st.just("restart"), st.booleans()),
)
ALL_HERE = [("come", 0), ("come", 1), ("join", 0, "den"), ("join", 1, "den")]


def play(steps: list[tuple[object, ...]]) -> None:
    """All steps in one world, and a check after each."""

    async def world() -> None:
        async with trio.open_nursery() as nursery:
            people = People(nursery)
            await people.start()
            for name, *arguments in [*ALL_HERE, *steps]:
                await getattr(people, str(name))(*arguments)
                await people.check()
            nursery.cancel_scope.cancel()

    trio.run(world, clock=MockClock(autojump_threshold=0))


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=15))
@example([("lose", 0), ("wait", 6.0), ("come", 0), ("wait", 6.0)])
@example([("vanish", 0), ("come", 0), ("wait", 45.0)])
@example([("lose", 0), ("restart", False), ("wait", 11.0), ("come", 0), ("come", 1)])
@example([("leave", 0, "den"), ("lose", 0), ("rename", 0, "eve"), ("restart", True)])
@example([("lose", 0), ("leave", 0, "den"), ("come", 0), ("wait", 11.0)])
def test_what_everyone_knows_is_what_the_server_says(
    steps: list[tuple[object, ...]],
) -> None:
    play(steps)


# --- the check is worth something ----------------------------------------------------


def caught(*steps: tuple[object, ...]) -> bool:
    """Whether the check finds something wrong with these steps."""
    found: BaseException | None = None
    try:
        play(list(steps))
    except BaseExceptionGroup as group:
        found = group.split((AssertionError, ValueError))[1]
        if found is None:
            return True
    if found is not None:
        raise found
    return False


FLAP = (("lose", 0), ("wait", 6.0), ("come", 0), ("wait", 11.0))


def test_a_nick_that_is_free_as_soon_as_the_link_is_lost_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Hub.lose

    def lose(hub: Hub, session: Session, guest: Guest, reason: str) -> None:
        honest(hub, session, guest, reason)
        hub._nicks.pop(names.same(session.nick), None)

    steps = (("lose", 0), ("steal", 1, "ada"))
    assert not caught(*steps)
    monkeypatch.setattr(Hub, "lose", lose)
    assert caught(*steps)


def test_a_leave_that_is_told_when_the_device_takes_its_ghosts_place_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Hub._unbind

    def unbind(hub: Hub, session: Session) -> None:
        honest(hub, session)
        for member in session.memberships.values():
            member.room.announce(Left(room=member.room.name, nick=session.nick))

    assert not caught(("come", 0))
    monkeypatch.setattr(Hub, "_unbind", unbind)
    assert caught(("come", 0))


def test_a_grace_that_ends_although_its_device_is_back_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Hub._begin_grace

    def begin_once(hub: Hub, session: Session, grace_s: float) -> None:
        if session not in hub._graces:
            honest(hub, session, grace_s)

    def end_grace(hub: Hub, session: Session) -> None:
        session.guest = None
        hub.end(session, session.lost)

    assert not caught(*FLAP)
    monkeypatch.setattr(Graces, "drop", lambda *_: None)
    monkeypatch.setattr(Hub, "_begin_grace", begin_once)
    monkeypatch.setattr(Hub, "_end_grace", end_grace)
    assert caught(*FLAP)


def test_a_session_that_is_restored_twice_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Hub.restore

    def restore(hub: Hub, kept: Mapping[str, str]) -> None:
        honest(hub, kept)
        hub._nicks.clear()
        honest(hub, kept)

    steps = (("restart", False), ("come", 0), ("come", 1))
    assert not caught(*steps)
    monkeypatch.setattr(Hub, "restore", restore)
    assert caught(*steps)


def test_a_session_that_is_not_written_down_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = (("wait", 6.0), ("restart", True), ("come", 0), ("wait", 6.0))
    assert not caught(*steps)
    monkeypatch.setattr(Keeper, "changed", lambda *_: None)
    assert caught(*steps)


def test_a_list_that_is_older_than_the_news_before_it_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Room.announce

    def announce(room: Room, message: Message) -> None:
        before = room.roll_call()
        honest(room, message)
        room._roll_call = before

    steps = (("bye", 0), ("bye", 1), ("come", 0), ("come", 1), ("wait", 1.0))
    assert not caught(*steps)
    monkeypatch.setattr(Room, "announce", announce)
    assert caught(*steps)


def test_a_list_that_is_ahead_of_the_news_after_it_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Again and again: who is late with its queue is served after the news, and sees none.
    steps = (("bye", 0), ("bye", 1), ("come", 0), ("come", 1)) * 10
    assert not caught(*steps)
    monkeypatch.setattr(Room, "go_live", Room._settled)
    assert caught(*steps)
