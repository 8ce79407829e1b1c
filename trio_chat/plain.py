"""Plain mode: lines in, lines out, for pipes, scripts and screen readers."""

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import trio

from trio_chat.addresses import Address
from trio_chat.client import Client, open_client
from trio_chat.client.events import (
    ClientEvent,
    Closed,
    Entry,
    Gap,
    Joined,
    Left,
    Members,
    Refused,
    Renamed,
    Reset,
    Status,
    gap_words,
)
from trio_chat.client.link import GOODBYE_S
from trio_chat.client.outbox import Outbox, Progress, Ticket, elsewhere_words
from trio_chat.client.outbox_file import FileOutbox, open_outbox_if_possible
from trio_chat.errors import OutboxError, RefusedError, TrioChatError
from trio_chat.sanitise import Drawn, as_json, as_lines, clean
from trio_chat.signals import ENDING, open_signals
from trio_chat.streams import STDERR, STDOUT, OutputError, lines_of_stdin, print_to

EXIT_KEPT: Final = 75
"""As EX_TEMPFAIL of sysexits.h has it: not done yet, and not to be asked for again."""

PROGRESS_S: Final = 1.0
"""So often it is told how far the lines are, if they take longer than this."""

_LAST_ACCEPTED_S: Final = 2.0
_LAST_PRINTED_S: Final = 3.0
_CONTINUATION: Final = "         | "


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainOptions:
    """How plain mode behaves; see `join --help`."""

    nick: str
    room: str
    history: int | None
    json: bool
    listen: bool
    outbox: Path | None = None
    """The file in which lines wait until they are accepted; None: they wait in memory."""
    person: str | None = None
    """Whose read marks are told, with `json`; nothing that is printed here is marked."""


async def plain(address: Address, options: PlainOptions) -> int:
    """Send what comes in, print what is said; the exit code.

    Shape:  0 only if the server accepted every line that was read, and those that were
            left in the outbox by an earlier life. EXIT_KEPT if the others wait in it for
            the next life. 1 in all other cases: stderr says which ones nobody sends.
    Raises: RefusedError: the server does not want us under this nick. What was read and
            not sent yet is taken back: it may be said under another one.
            OutputError: what is heard can't be printed any more.
    Cancel: closes the wire.
    """
    with open_signals(*ENDING) as signals:
        async with open_outbox_if_possible(options.outbox) as (outbox, trouble):
            left = waiting = outbox.lines
            await _tell_at_first(len(left), trouble, outbox.lines_elsewhere)
            try:
                async with open_client(
                    address,
                    nick=options.nick,
                    rooms=[options.room],
                    history=options.history,
                    person=options.person,
                    outbox=outbox,
                ) as client:
                    try:
                        return await _Plain(client, options).run(signals)
                    finally:
                        waiting = outbox.lines  # in memory they end with the client
            except TrioChatError as error:
                with suppress(OutputError):
                    if isinstance(error, RefusedError):
                        new = [ticket for ticket in waiting if ticket not in left]
                        await _take_back(outbox, new, error.reason)
                    if isinstance(outbox, FileOutbox):
                        await _tell_kept(len(outbox), address, options.nick)
                raise


async def _tell_at_first(left: int, trouble: str, elsewhere: int) -> None:
    if trouble:
        lost = "lines that wait are lost with this program"
        await print_to(STDERR, as_lines(f"-- {trouble}; {lost}"))
    if left:
        await print_to(STDERR, as_lines(f"-- {_count(left)} from before to be sent"))
    if elsewhere:
        await print_to(STDERR, as_lines(f"-- {elsewhere_words(elsewhere)}"))


async def _tell_kept(kept: int, address: Address, nick: str) -> None:
    if kept:
        lines, them = ("line was", "it") if kept == 1 else ("lines were", "them")
        then = f"`join {address} --nick {nick}` sends {them}"
        with trio.move_on_after(_LAST_PRINTED_S):
            await print_to(STDERR, as_lines(f"{kept} {lines} not accepted yet; {then}"))


async def _take_back(outbox: Outbox, lines: Sequence[Ticket], reason: str) -> None:
    kept: list[int] = []

    async def cancel(n: int) -> None:
        try:
            await outbox.cancel(n)
        except OutboxError:  # it may be on its way
            kept.append(n)

    if isinstance(outbox, FileOutbox):
        async with trio.open_nursery() as nursery:
            for ticket in lines:
                nursery.start_soon(cancel, ticket.n)
    for ticket in lines:
        if ticket.n not in kept:
            back = f"-- not accepted: {reason}: {ticket.text}"
            await print_to(STDERR, as_lines(back))


class _Plain:
    def __init__(self, client: Client, options: PlainOptions) -> None:
        self._client = client
        self._options = options
        self._not_taken = 0
        self._kept = 0
        self._signal: int | None = None
        self._printed_seq = 0
        self._printed = trio.Event()

    async def run(self, signals: AsyncIterator[int]) -> int:
        talking = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_signal, signals, talking, nursery.cancel_scope)
            async with trio.open_nursery() as printing:
                printing.start_soon(self._print_all)
                if os.isatty(STDERR):
                    nursery.start_soon(self._tell_progress)
                with talking:
                    await self._send_all()
                    if self._options.listen:
                        await trio.sleep_forever()
                    await self._client.outbox.emptied()
                    await self._own_lines_printed()
                await self._settle()
                await self._client.aclose()  # ends the printing, after what was heard
            nursery.cancel_scope.cancel()
        return await self._exit_code()

    async def _until_signal(
        self,
        signals: AsyncIterator[int],
        talking: trio.CancelScope,
        everything: trio.CancelScope,
    ) -> None:
        self._signal = await anext(signals)
        talking.cancel()
        # Whoever reads us may have stopped: that must not keep us from ending.
        last_words_s = _LAST_ACCEPTED_S + GOODBYE_S + _LAST_PRINTED_S
        everything.deadline = trio.current_time() + last_words_s

    async def _settle(self) -> None:
        # Told to end with lines on their way: the answers are likely a moment away.
        with trio.move_on_after(_LAST_ACCEPTED_S):
            await self._client.outbox.emptied()
        outbox = self._client.outbox
        self._not_taken += outbox.refused_lines
        if isinstance(outbox, FileOutbox):
            self._kept = len(outbox)
        else:
            self._not_taken += len(outbox)

    async def _own_lines_printed(self) -> None:
        # An answer can overtake the entry, while the room's past is still being read.
        last_seq = self._client.outbox.last_seqs.get(self._options.room, 0)
        stuck = trio.CancelScope()
        while self._printed_seq < last_seq and not stuck.cancelled_caught:
            with trio.move_on_after(_LAST_PRINTED_S) as stuck:
                await self._printed.wait()

    async def _exit_code(self) -> int:
        await _tell_kept(self._kept, self._client.address, self._options.nick)
        if self._not_taken:
            lines = "line was" if self._not_taken == 1 else "lines were"
            with trio.move_on_after(_LAST_PRINTED_S):
                await print_to(STDERR, as_lines(f"{self._not_taken} {lines} not accepted"))
            return 1
        if self._kept:
            return EXIT_KEPT
        if self._signal is not None and not self._options.listen:
            return 128 + self._signal
        return 0

    # --- lines in --------------------------------------------------------------------

    async def _send_all(self) -> None:
        async with aclosing(lines_of_stdin()) as lines:
            async for piece in lines:
                self._not_taken += len(piece)  # until they are in the outbox
                for number, line in piece:
                    await trio.lowlevel.checkpoint_if_cancelled()
                    await self._say(number, line)

    async def _say(self, number: int, line: str) -> None:
        try:
            await self._client.post(self._options.room, line)
        except (RefusedError, OutboxError) as error:
            await print_to(STDERR, as_lines(f"line {number} can't be sent: {error}"))
        else:
            self._not_taken -= 1

    async def _tell_progress(self) -> None:
        # Whole lines, not one that is written over: some of us are read aloud.
        outbox, told = self._client.outbox, Progress()
        while True:
            await outbox.lasting(PROGRESS_S)
            if self._client.state == "online" and told != outbox.progress:
                told = outbox.progress
                await print_to(STDERR, as_lines(f"-- {told}"))

    # --- lines out -------------------------------------------------------------------

    async def _print_all(self) -> None:
        while True:
            try:
                events = await self._client.all_waiting()
            except trio.EndOfChannel:
                return
            await self._print(events)
            self._printed_seq = max(self._printed_seq, *map(self._seq_here, events))
            self._printed.set()
            self._printed = trio.Event()

    def _seq_here(self, event: ClientEvent) -> int:
        if isinstance(event, Entry) and event.room == self._options.room:
            return event.seq
        if isinstance(event, Gap) and event.room == self._options.room:
            return event.through
        return 0

    async def _print(self, events: Sequence[ClientEvent]) -> None:
        to_stdout = _json_line if self._options.json else _entry_line
        for descriptor, line_of in ((STDOUT, to_stdout), (STDERR, _notice_line)):
            text = Drawn("".join(map(line_of, events)))
            if text:
                await print_to(descriptor, text)


def _json_line(event: ClientEvent) -> Drawn:
    return as_json(json.dumps(msgspec.to_builtins(event)) + "\n")


def _entry_line(event: ClientEvent) -> Drawn:
    if not isinstance(event, Entry):
        return Drawn("")
    moment = _moment(event.ts)
    where = f"@{clean(event.to or event.nick)}" if event.direct else f"#{clean(event.room)}"
    nick = clean(event.nick)
    said, *more = event.text.split("\n")
    who = f"<{nick}>" if event.kind in ("text", "edit") else f"* {nick}"
    first = f"{moment} {where} {who} {_about(event, said)}"
    return as_lines(first, *(_CONTINUATION + each for each in more))


def _about(event: Entry, said: str) -> str:
    """What is said, and about which entry."""
    match event.kind:
        case "edit":
            return f"(edits ^{event.ref}) {said}"
        case "delete":
            return f"took back ^{event.ref}"
        case "react":
            return f"reacted to ^{event.ref}: {said}"
        case "unreact":
            return f"took back a reaction to ^{event.ref}: {said}"
        case _:
            return said if event.ref is None else f"(to ^{event.ref}) {said}"


def _moment(ts: float) -> str:
    try:
        return time.strftime("%H:%M:%S", time.localtime(ts))
    except (OverflowError, OSError, ValueError):  # the server's clock is anybody's guess
        return "??:??:??"


def _notice_line(event: ClientEvent) -> Drawn:
    sentence = _NOTICES.get(type(event))
    return as_lines(f"-- {sentence(event)}") if sentence is not None else Drawn("")


def _count(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


def _refusal(event: Refused) -> str:
    if event.text is not None:
        return f"not accepted: {event.reason}: {event.text}"
    return f"refused: {event.reason}"


_NOTICES: Final[dict[type, Callable[..., str]]] = {
    Status: lambda event: event.reason,
    Reset: lambda event: event.reason,
    Gap: gap_words,
    Refused: _refusal,
    Closed: lambda event: f"not in #{event.room}: {event.reason}",
    Members: lambda event: f"in #{event.room}: {', '.join(event.nicks)}",
    Joined: lambda event: f"{event.nick} joined #{event.room}",
    Left: lambda event: f"{event.nick} left #{event.room} ({event.reason})",
    Renamed: lambda event: f"{event.nick} is now {event.to}",
}
