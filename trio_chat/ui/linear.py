"""A conversation line after line: for screen readers, and terminals that can't move.

Each event is one line, once; nothing that was printed is drawn again, and there is no
prompt. The terminal's own line editing makes the lines that come in. What is known, what
follows from it and what can be typed are those of the other terminal client.
"""

from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, assert_never

import trio
from msgspec.structs import replace

from trio_chat.client import Client
from trio_chat.client.events import Accepted, ClientEvent
from trio_chat.errors import ClosedError, OutboxError, RefusedError
from trio_chat.protocol.messages import LINES, Kind
from trio_chat.sanitise import Drawn
from trio_chat.ui import commands
from trio_chat.ui.about import Draft, ToChange, Unclear, meant
from trio_chat.ui.asked import NO_ROOM, left_over
from trio_chat.ui.commands import COMMANDS, Intent, parse
from trio_chat.ui.feed import FOLDED_S, begin_feed, fed, settled
from trio_chat.ui.hearing import Hearing
from trio_chat.ui.help import about, nothing_about
from trio_chat.ui.lookback import LookingBack
from trio_chat.ui.looked_up import leave, looked_up
from trio_chat.ui.muted import Muted
from trio_chat.ui.pointing import About
from trio_chat.ui.reading import Reading
from trio_chat.ui.rooms import opening, switched
from trio_chat.ui.spoken import elsewhere, spoken
from trio_chat.ui.state import (
    Line,
    Note,
    Said,
    Trouble,
    Update,
    View,
    begin,
    count,
    said_in,
)

GREETING: Final = "each line that you type is said; /help lists commands; Ctrl-D leaves"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a linear conversation needs from where it is."""

    lines: AsyncIterable[str]
    """What is typed; its end is the end."""
    show: Callable[[Drawn], Awaitable[None]]
    now: Callable[[], float]
    """Seconds since 1970."""
    muted: Muted = field(default_factory=Muted)


class _Desk:
    """One person's view, and what is read aloud of it: see ui.front.Front."""

    def __init__(self, view: View, around: Surroundings) -> None:
        self.view = view
        self.on_change: list[Callable[[], object]] = []
        self.own: Counter[tuple[str, str]] = Counter()
        """Rooms and texts that were typed here: who typed them has heard them."""
        self._around = around
        self._feed = begin_feed(around.now(), aloud=True)
        # Bounded by who prints: events are read when it is empty, and people type slowly.
        self._waiting: list[Drawn] = []
        self._filled, self._emptied = trio.Event(), trio.Event()
        self._moved = trio.Event()

    def follow(self, update: Update) -> None:
        self.view = update.view
        self.print(*update.lines)
        if update.back:
            self.print(Note(f"it was: {update.back}"))
        for changed in self.on_change:
            changed()

    def print(self, *lines: Line) -> None:
        new = [line for line in lines if not self._is_echo(line)]
        self._feed, printed = fed(self._feed, new, self._around.now())
        self._put(printed)
        if self._feed.waits:
            self._moved.set()

    def heard(self) -> None:
        """There is no input of ours."""

    def refresh(self) -> None:
        """There is nothing that could be drawn again."""

    @property
    def drawings(self) -> int:
        return 0

    async def ready(self) -> None:
        await self.drained()

    async def drained(self) -> None:
        while self._waiting:
            await self._emptied.wait()

    async def run(self) -> None:
        """Print what comes.

        Raises: what `show` raises.
        Cancel: what is not printed yet never is.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_moves)
            while True:
                await self._filled.wait()
                self._filled = trio.Event()
                while self._waiting:
                    written = len(self._waiting)
                    await self._around.show(Drawn("".join(self._waiting)))
                    del self._waiting[:written]
                self._emptied.set()
                self._emptied = trio.Event()

    def _is_echo(self, line: Line) -> bool:
        if not (isinstance(line, Said) and line.own and line.entry.is_line):
            return False
        typed = line.entry.room, line.entry.text
        if not self.own[typed]:
            return False
        self.own[typed] -= 1
        self.own += Counter()  # without those of which none are left
        return True

    async def _tell_moves(self) -> None:
        while True:
            await self._moved.wait()
            await trio.sleep(FOLDED_S)
            self._moved = trio.Event()
            self._feed, printed = settled(self._feed, self._around.now())
            self._put(printed)

    def _put(self, lines: list[Line]) -> None:
        if lines:
            self._waiting += map(spoken, lines)
            self._filled.set()


class Linear:
    """A conversation in progress, read aloud; run() is its life."""

    def __init__(self, client: Client, room: str, around: Surroundings) -> None:
        self._client = client
        self._around = around
        self._desk = _Desk(begin(client.nick, *(client.rooms or (room,))), around)
        if self._desk.view.find(room) is not None:
            self._desk.view = replace(self._desk.view, current=room)
        self._desk.view = replace(self._desk.view, muted=around.muted.rooms)
        self._hearing = Hearing(self._desk, client)
        self._hearing.on_heard.append(self._hear)
        self._looking_back = LookingBack(self._desk, client)
        # Nobody can say whether a line was listened to: what was printed was.
        self._reading = Reading(self._desk, client, lambda: True)
        self._told_elsewhere: dict[str, int] = {}
        self._told_waiting = False
        self._left = False

    async def run(self, last_answers_s: float) -> None:
        """Talk until the person leaves; then wait so long for the last answers.

        Cancel: what was typed is in the outbox, or lost with its line.
        """
        outbox = self._client.outbox
        async with trio.open_nursery() as nursery:
            for task in (self._desk, self._hearing, self._looking_back, self._reading):
                nursery.start_soon(task.run)
            left = left_over(outbox.lines, outbox.lines_elsewhere)
            self._desk.print(Note(GREETING), *left)
            await self._listen()
            with trio.move_on_after(last_answers_s):
                await self._hearing.until_all_answered()
                await self._desk.drained()
            nursery.cancel_scope.cancel()

    async def _listen(self) -> None:
        async for text in self._around.lines:
            try:
                intent = parse(text)
                trouble = await self._do(intent) if intent is not None else ""
            except (RefusedError, OutboxError, ClosedError) as error:
                trouble = f"not sent: {error}"
            if trouble:
                self._desk.print(Trouble(trouble))
            if self._left:
                return

    def _hear(self, view: View, event: ClientEvent) -> None:
        self._told_elsewhere, lines = elsewhere(view, self._told_elsewhere)
        self._desk.print(*lines)
        if self._told_waiting and isinstance(event, Accepted) and not view.queued:
            self._told_waiting = False
            self._desk.print(Note("what waited is sent"))

    # --- what is typed ---------------------------------------------------------------

    async def _do(self, intent: Intent) -> str:
        """Do it; why it can't be done, or nothing."""
        match intent:
            case commands.Say() | commands.Tell() | About():
                return await self._say(intent)
            case commands.Join(room=room):
                self._look_at(room)
            case commands.Leave(room=room):
                return leave(self._desk, self._client, room or "")
            case commands.Rename(nick=nick):
                self._client.rename_nowait(nick)
            case commands.Cancel(n=n):
                return await self._cancel(n)
            case commands.History() | commands.Search() | commands.Jump() | commands.Fill():
                return self._looking_back.ask(intent)
            case (
                commands.Who()
                | commands.ShowOutbox()
                | commands.ShowUnread()
                | commands.Mute()
            ):
                self._desk.print(*looked_up(self._desk, self._client, self._around, intent))
            case commands.Help(word=word):
                self._help(word)
            case commands.Quit():
                self._left = True
            case commands.Mistake(reason=reason):
                return reason
            case _:
                assert_never(intent)
        return ""

    async def _say(self, intent: commands.Say | commands.Tell | About) -> str:
        view = self._desk.view
        match intent:
            case commands.Tell(nick=nick, text=text):
                return await self._post(f"@{nick}", text, "text")
            case commands.Say(text=text, kind=kind):
                return await self._post(view.current, text, kind)
            case About():
                match meant(view, intent):
                    case Draft(room=room, text=text, kind=kind, ref=ref):
                        return await self._post(room, text, kind, ref)
                    case ToChange(text=text):
                        return f"it is {text}"
                    case Unclear(reason=reason):
                        return reason if view.current else NO_ROOM

    async def _post(self, room: str, text: str, kind: Kind, ref: int | None = None) -> str:
        if not room:
            return NO_ROOM
        ticket = await self._client.post(room, text, kind=kind, ref=ref)
        if kind in LINES and not room.startswith("@"):
            self._desk.own[ticket.room, ticket.text] += 1
        if self._client.state != "online":
            self._told_waiting = True
            number = len(self._client.outbox)
            wait = "waits" if number == 1 else "wait"
            self._desk.print(Note(f"{count(number, 'line')} {wait} for the link"))
        return ""

    async def _cancel(self, n: int | None) -> str:
        lines = self._client.outbox.lines
        if n is None and not lines:
            return "nothing waits to be sent"
        ticket = await self._client.cancel(lines[-1].n if n is None else n)
        self._desk.own -= Counter([(ticket.room, ticket.text)])
        self._desk.print(Note(f"taken back: {said_in(ticket)}"))
        return ""

    def _look_at(self, room: str) -> None:
        view = self._desk.view
        if room == view.current:
            self._desk.print(Note(f"you are in #{room}"))
        elif view.find(room) is not None:
            self._desk.follow(switched(view, room))
        else:
            self._client.join_nowait(room)
            self._desk.follow(opening(view, room))

    def _help(self, word: str) -> None:
        rows = about(((each.usage, each.help) for each in COMMANDS), word)
        notes = tuple(Note(f"{how}, {what}") for how, what in rows)
        self._desk.print(*(notes or (nothing_about(word),)))
