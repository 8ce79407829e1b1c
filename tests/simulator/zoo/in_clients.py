"""Bugs of the client: what it says again, what it shows, when it gives up."""

import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from simulator.bots import bot
from trio_chat import Client, database
from trio_chat.client import mailbox, outbox_disk
from trio_chat.client.events import Entry, Event
from trio_chat.client.link import Link
from trio_chat.client.mailbox import Mailbox
from trio_chat.client.outbox import Outbox
from trio_chat.client.outbox_disk import Change, Found, OutboxDisk, Written
from trio_chat.client.rooms import Rooms
from trio_chat.client.timeline import Place, Timeline
from trio_chat.protocol import messages
from trio_chat.protocol.framing import encode

Patch = pytest.MonkeyPatch


# --- what it says --------------------------------------------------------------------


def numbers_begin_anew_in_each_life(patch: Patch) -> None:
    """On a disk and without one."""
    honest = OutboxDisk._found

    def found(self: OutboxDisk, connection: sqlite3.Connection) -> Found:
        connection.execute("DELETE FROM line")
        connection.execute("DELETE FROM sqlite_sequence")
        connection.execute("UPDATE meta SET value = 0 WHERE key = 'released'")
        return honest(self, connection)

    def in_memory(*, device: str, first_n: int) -> Outbox:
        del first_n
        return Outbox(device=device)

    patch.setattr(OutboxDisk, "_found", found)
    patch.setattr(bot, "Outbox", in_memory)


def what_was_sent_leaves_the_disk(patch: Patch) -> None:
    honest = OutboxDisk._written

    def written(
        self: OutboxDisk, connection: sqlite3.Connection, change: Change
    ) -> Written:
        written = honest(self, connection, change)
        connection.execute("DELETE FROM line WHERE n <= ?", (written.released_n,))
        return written

    patch.setattr(OutboxDisk, "_written", written)


def what_was_typed_is_not_synced(patch: Patch) -> None:
    honest = database.open_file

    def open_file(path: Path, form: database.Form) -> sqlite3.Connection:
        connection = honest(path, form)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    patch.setattr(outbox_disk, "open_file", open_file)


def a_send_that_is_too_slow_is_cancelled(patch: Patch) -> None:
    async def send_all(self: Link) -> None:
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()
            due = self._due()
            if due:
                with trio.move_on_after(1):
                    await self._stream.send_all(encode(due))
            elif self._closing:
                return await self._stream.send_all(encode([messages.Bye()]))
            else:
                await self._wait_for_work()

    patch.setattr(Link, "_send_all", send_all)


def a_wake_up_is_lost(patch: Patch) -> None:
    async def send_all(self: Link) -> None:
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()
            due = self._due()
            if due:
                await self._stream.send_all(encode(due))
            if self._closing:
                return await self._stream.send_all(encode([messages.Bye()]))
            # What came while that was sent is not looked for, and its wake-up is past.
            await self._wait_for_work()

    patch.setattr(Link, "_send_all", send_all)


def what_was_sent_on_a_silent_link_is_done(patch: Patch) -> None:
    honest = Client._offline

    def offline(self: Client, reason: str, delay_s: float) -> None:
        if reason.startswith("nothing was heard"):
            self.outbox._tickets.clear()
        honest(self, reason, delay_s)

    patch.setattr(Client, "_offline", offline)


def it_gives_up_when_nobody_answers(patch: Patch) -> None:
    honest = Client._delay_s

    def delay_s(self: Client, wished_s: float | None) -> float:
        return math.inf if self._failures else honest(self, wished_s)

    patch.setattr(Client, "_delay_s", delay_s)


# --- what it shows -------------------------------------------------------------------


def it_trusts_the_server(patch: Patch) -> None:
    """Takes whatever comes for the next entry: what hides some bugs of the server."""

    def place(self: Timeline, seq: int) -> Place:
        self.cursor = seq
        return Place.NEXT

    patch.setattr(Timeline, "place", place)


def the_cursor_moves_before_the_entry_is_shown(patch: Patch) -> None:
    patch.setattr(Timeline, "back", lambda _self, _seq: None)


def every_tenth_is_shown_twice(patch: Patch) -> None:
    _otherwise(patch, lambda entry: [entry, entry])


def every_tenth_has_another_end(patch: Patch) -> None:
    _otherwise(patch, lambda entry: [msgspec.structs.replace(entry, text=entry.text + "!")])


def every_tenth_is_not_shown(patch: Patch) -> None:
    _otherwise(patch, lambda _entry: [])


def _otherwise(patch: Patch, change: Callable[[Entry], list[Entry]]) -> None:
    """Let clients who are not the author show something else than each tenth entry."""
    begin, offer = Client.__init__, Mailbox.offer
    owners: dict[Mailbox, Client] = {}

    def remember(self: Client, *arguments: Any) -> None:
        begin(self, *arguments)
        owners[self._mailbox] = self

    def offer_changed(self: Mailbox, event: Event) -> bool:
        changed: list[Event] = [event]
        if isinstance(event, Entry) and event.seq % 10 == 0:
            changed = [*change(event)] if event.nick != owners[self].nick else changed
        return all(offer(self, each) for each in changed)  # type: ignore[arg-type]

    patch.setattr(Client, "__init__", remember)
    patch.setattr(Mailbox, "offer", offer_changed)


def two_are_swapped(patch: Patch) -> None:
    offer = Mailbox.offer
    kept: dict[Mailbox, Entry] = {}

    def offer_swapped(self: Mailbox, event: Event) -> bool:
        if isinstance(event, Entry) and event.seq == 2 and self not in kept:
            kept[self] = event
            return True
        taken = offer(self, event)  # type: ignore[arg-type]
        if isinstance(event, Entry) and event.seq == 3:
            waiting = kept.get(self)
            if waiting is not None and waiting.room == event.room:
                offer(self, waiting)
        return taken

    patch.setattr(Mailbox, "offer", offer_swapped)


def it_still_shows_a_room_that_was_left(patch: Patch) -> None:
    honest = Rooms.leave

    def leave(self: Rooms, name: str) -> None:
        room = self._rooms[name]
        honest(self, name)
        self._rooms[name] = room  # until the server has answered

    def left(self: Rooms, name: str, reason: str) -> None:
        if name in self._rooms:
            self._close(name, reason)

    patch.setattr(Rooms, "leave", leave)
    patch.setattr(Rooms, "left", left)


def its_mailbox_is_small(patch: Patch) -> None:
    """No bug: so that it is full in a small story."""
    patch.setattr(mailbox, "ROOM_EVENTS_MAX", 8)


# --- what the server no longer has ---------------------------------------------------


def a_gap_is_passed_over_in_silence(patch: Patch) -> None:
    def gap(self: Rooms, message: messages.Gap) -> None:
        room = self._listening(message.room)
        if room is not None:
            room.timeline.place_gap(message.after, message.through)

    patch.setattr(Rooms, "gap", gap)


def an_older_past_is_not_noticed(patch: Patch) -> None:
    patch.setattr(Rooms, "had_more", lambda *_: False)
