"""Company: bots that chat slowly in a room, and answer who speaks to them."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import trio

from simulator.bots import smalltalk
from trio_chat import Client, RefusedError, open_client
from trio_chat.addresses import Address
from trio_chat.client.events import ClientEvent, Entry, Joined, Status
from trio_chat.client.link import Dial, dial_tcp

CROWD_BOTS_MAX: Final = len(smalltalk.NAMES)
_TYPING_S: Final = (1.0, 3.0)
_ARRIVAL_S: Final = 0.5
_REPLIES_MAX: Final = 4
"""Waiting to be typed by one bot; of what comes on top it takes no notice."""


@dataclass(frozen=True, slots=True)
class _Reply:
    room: str
    text: str


@dataclass(eq=False, slots=True)
class _Guest:
    """One bot of the crowd, with what it is about to type."""

    client: Client
    replies: trio.MemorySendChannel[_Reply]
    typing: trio.MemoryReceiveChannel[_Reply]


async def crowd(  # noqa: PLR0913 (one keyword, one thing a caller may want)
    address: Address,
    *,
    room: str,
    bots: int,
    pace_s: float,
    rng: random.Random,
    show: Callable[[str], None],
    dial: Dial = dial_tcp,
) -> None:
    """Send people to a room; they stay, and come back by themselves, until cancelled.

    Shape:  one line every `pace_s` seconds on average from all of them together, and
            answers besides. `show` is told what whoever sent them should know.
    Cancel: they say goodbye.
    """
    names = rng.sample(smalltalk.NAMES, bots)
    spare = _spare_names(names)
    party = _Party(address, room, rng, show, dial)
    show(f"{', '.join(names)}: on the way to #{room} on {address} (Ctrl-C calls them home)")
    async with trio.open_nursery() as nursery:
        for nick in names:
            nursery.start_soon(party.attend, nick, spare)
            await trio.sleep(rng.uniform(0, _ARRIVAL_S))
        await party.chat(pace_s)


@dataclass(eq=False, slots=True)
class _Party:
    address: Address
    room: str
    rng: random.Random
    show: Callable[[str], None]
    dial: Dial
    guests: list[_Guest] = field(default_factory=list)
    said: str = ""

    async def attend(self, nick: str, spare: Iterator[str]) -> None:
        """One bot's evening."""
        async with (
            open_client(
                self.address,
                nick=nick,
                rooms=[self.room],
                history=0,
                insist=True,
                rng=self.rng,
                dial=self.dial,
            ) as client,
            trio.open_nursery() as nursery,
        ):
            guest = _Guest(client, *trio.open_memory_channel[_Reply](_REPLIES_MAX))
            self.guests.append(guest)
            nursery.start_soon(self._type, guest)
            async for event in client:
                self._hear(guest, event, spare)

    async def chat(self, pace_s: float) -> None:
        """Talk about this and that."""
        while True:
            thread = self.rng.choice(smalltalk.THREADS)
            people = {guest.client.nick: guest for guest in self.guests}
            for nick, line in smalltalk.cast(self.rng, thread, list(people)):
                await trio.sleep(self.rng.uniform(0.5, 1.5) * pace_s)
                _say(people[nick], _Reply(self.room, line))

    def _hear(self, guest: _Guest, event: ClientEvent, spare: Iterator[str]) -> None:
        match event:
            case Status():
                self._tell(guest, event)
                if event.state == "waiting":
                    guest.client.rename_nowait(next(spare))
            case Entry(nick=nick) if not self._is_ours(nick):
                self._listen(guest, event)
            case Joined(nick=nick) if not self._is_ours(nick) and guest is self.guests[0]:
                greeting = self.rng.choice(smalltalk.GREETINGS).format(nick)
                _plan(self.rng.choice(self.guests), _Reply(self.room, greeting))
            case _:
                pass

    def _listen(self, guest: _Guest, entry: Entry) -> None:
        if entry.direct:
            text = smalltalk.answer(self.rng, entry.text)
            _plan(guest, _Reply(f"@{entry.nick}", text))
        elif smalltalk.mentions(entry.text, guest.client.nick):
            _plan(guest, _Reply(self.room, smalltalk.answer(self.rng, entry.text)))
        elif guest is self.guests[0] and self._greets_all(entry.text):
            one = self.rng.choice(self.guests)
            _plan(one, _Reply(self.room, smalltalk.answer(self.rng, entry.text)))

    def _greets_all(self, text: str) -> bool:
        return smalltalk.greets(text) and not any(
            smalltalk.mentions(text, guest.client.nick) for guest in self.guests
        )

    async def _type(self, guest: _Guest) -> None:
        async for reply in guest.typing:
            await trio.sleep(self.rng.uniform(*_TYPING_S))
            _say(guest, reply)

    def _tell(self, guest: _Guest, status: Status) -> None:
        # They all have the same fate: one of them speaks for all.
        if guest is self.guests[0] and status.state != "waiting":
            online = status.state == "online"
            said = f"they are in #{self.room}" if online else status.reason
            if said != self.said:
                self.said = said
                self.show(said)

    def _is_ours(self, nick: str) -> bool:
        return any(guest.client.nick == nick for guest in self.guests)


def _plan(guest: _Guest, reply: _Reply) -> None:
    try:
        guest.replies.send_nowait(reply)
    except trio.WouldBlock:
        return  # nobody answers everything


def _say(guest: _Guest, reply: _Reply) -> None:
    if guest.client.state != "online":
        return
    try:
        guest.client.post_nowait(reply.room, reply.text)
    except (trio.WouldBlock, RefusedError):
        return  # small talk is not worth waiting for


def _spare_names(taken: list[str]) -> Iterator[str]:
    yield from (nick for nick in smalltalk.NAMES if nick not in taken)
    yield from (f"{nick}{number}" for number in count(2) for nick in smalltalk.NAMES)
