"""An outbox on this machine's own disk: what was typed outlives the program.

One file holds one device: its secret, the numbers it has given, and the lines that wait.
Why a line is neither lost, nor said twice, nor said after it was taken back:
  1. A ticket is given once its row is durable, and with it the number: no row's number is
     given again, whatever is removed (AUTOINCREMENT), and none that was lost was sent.
  2. A line is sent only after it is durable that it may have been. What is held by that
     mark was never on its way, in this life or an earlier one, and may be taken back. The
     mark goes no further than the server's credit.
  3. A row leaves when its line is settled. That it is accepted need not be durable: the
     line is sent again, under the same device and number, and gets the same seq. That it
     is refused, or taken back, is durable before anybody is told: it may be typed again.
  4. One task writes, what waits in one transaction, and nothing cancels it. So lines are
     numbered in the order in which they were put, and who put one knows that it is there.
  5. After an error nobody knows what was written. The file is opened anew, which syncs
     what is found in it, and is made what memory says, in the transaction with what is
     written next, and until it works. Who dies before that may find a line that had been
     given back. If it is gone, or is not ours any more, there is a new one: with the same
     device, whose numbers go on.
"""

import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from trio_chat.addresses import Address
from trio_chat.client.outbox import OUTBOX_LINES_MAX, Outbox, Ticket, closed_error
from trio_chat.client.outbox_disk import (
    Change,
    Found,
    Known,
    OutboxDisk,
    Put,
    row_of,
    ticket_of,
)
from trio_chat.errors import OutboxError, lone_exception
from trio_chat.protocol import names
from trio_chat.protocol.messages import Kind
from trio_chat.worker import OpenWorker, Worker, open_thread_worker

FORGET_S: Final = 1.0
"""So long the rows of accepted lines stay, unless there is something else to write."""
RETRY_S: Final = 1.0
"""After a disk that failed, unless something new is asked of it."""

_READABLE_CHARS_MAX: Final = 40


def outbox_path(directory: Path, address: Address, nick: str) -> Path:
    """Where the outbox of this nick on this server is.

    Shape:  a name for people to recognise, safe on every file system, and one for each
            server and nick: ADA is ada.
    """
    nick = names.same(nick)
    key = f"{address.host.casefold()} {address.port} {nick}".encode()
    words = f"{nick}@{address.host.casefold()}"
    readable = re.sub(r"[^a-z0-9@._-]+", "_", words)[:_READABLE_CHARS_MAX]
    return directory / f"outbox-{readable}-{hashlib.sha256(key).hexdigest()[:12]}.db"


@asynccontextmanager
async def open_outbox(
    path: Path,
    *,
    open_worker: OpenWorker = open_thread_worker,
    wall_clock_s: Callable[[], float] = lambda: time.time(),  # noqa: PLW0108
    lines_max: int = OUTBOX_LINES_MAX,
) -> AsyncIterator["FileOutbox"]:
    """An outbox in the file at `path`, with the lines that were left in it.

    Shape:  for one client, and for this block alone. If somebody else has the file, it is
            another one beside it (`…-2.db`), with a device of its own. Of those that nobody
            has the first with a line in it is taken, and `lines_elsewhere` says how many
            lines wait in the others: for who comes later, one file each. Put no more in
            than there is room for: it may be found with more than `lines_max`, and then
            takes no new ones.
    Raises: OutboxError: there can't be one; the text says why, and the files are as they
            were.
    Cancel: what was put in is written first.
    """
    async with open_worker() as worker:
        disk = OutboxDisk(path)
        try:
            found = await worker.run(disk.open)
            outbox = FileOutbox(disk, worker, found, wall_clock_s, lines_max)
            with lone_exception():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(outbox._write_all)
                    try:
                        yield outbox
                    finally:
                        outbox._stop()
        finally:
            # In the worker too, so that it comes after the opening, however that ends.
            with trio.CancelScope(shield=True):
                await worker.run(disk.close)


@asynccontextmanager
async def open_outbox_if_possible(
    path: Path | None,
) -> AsyncIterator[tuple[Outbox, str]]:
    """As open_outbox; where there can't be one, an outbox in memory, and why.

    Shape:  the reason is empty if there is one, or if none is wanted: `path` is None.
    Cancel: what was put in is written first.
    """
    async with AsyncExitStack() as stack:
        outbox, trouble = Outbox(), ""
        if path is not None:
            try:
                outbox = await stack.enter_async_context(open_outbox(path))
            except OutboxError as error:
                trouble = str(error)
        yield outbox, trouble


class FileOutbox(Outbox):
    """An Outbox on a disk; get one from open_outbox()."""

    def __init__(
        self,
        disk: OutboxDisk,
        worker: Worker,
        found: Found,
        wall_clock_s: Callable[[], float],
        lines_max: int,
    ) -> None:
        super().__init__(
            lines_max,
            first_n=found.last_n + 1,
            device=found.device,
            wall_clock_s=wall_clock_s,
        )
        self.lines_elsewhere = found.lines_elsewhere
        self._tickets = {row[0]: ticket_of(row) for row in found.rows}
        self._burst_lines = len(self._tickets)
        self._released(found.released_n)
        self._disk = disk
        self._worker = worker
        self._wishes = _Wishes()
        self._under_way = 0  # puts that are being written
        self._settled: set[int] = set()  # rows that may still be there, of no use
        self._in_doubt = False
        self._stopping = False
        self._given_up = False
        self._work = trio.Event()

    @property
    def path(self) -> Path:
        """The file that it is in; another one, if somebody removed it and it was remade."""
        return self._disk.path

    @property
    def is_full(self) -> bool:
        """As Outbox.is_full; what is being written counts."""
        being_written = len(self._wishes.puts) + self._under_way
        return len(self._tickets) + being_written >= self._lines_max

    def put_nowait(
        self, room: str, text: str, kind: Kind, ref: int | None = None
    ) -> Ticket:
        """As Outbox.put_nowait: one has to wait for the disk."""
        del room, text, kind, ref
        self._check_open()
        raise trio.WouldBlock

    async def put(self, room: str, text: str, kind: Kind, ref: int | None = None) -> Ticket:
        """As Outbox.put: returns once the line is durable.

        Cancel: atomic: while it waits for room; then it waits for the disk.
        """
        await self._room_for_one()
        put = _Put((room, text, kind, int(self._wall_clock_s() * 1000), ref))
        self._wishes.puts.append(put)
        self._wake()
        # It is written in any case: who gives up then would not know that it was.
        return await put.answer(shield=True)

    async def cancel(self, n: int) -> Ticket:
        """As Outbox.cancel: returns once it is forgotten for good."""
        self._held(n)
        cancel = _Cancel(n)
        self._wishes.cancels.append(cancel)
        self._wake()
        return await cancel.answer()

    def _release_more(self) -> None:
        # By the task that writes: first it has to be durable that they may be sent.
        if self._has_to_release:
            self._wake()

    def accept(self, n: int, seq: int) -> Ticket | None:
        """As Outbox.accept."""
        ticket = super().accept(n, seq)
        if ticket is not None:
            self._settled.add(n)
            self._wake()
        return ticket

    def refuse(
        self, n: int, code: str, reason: str, then: Callable[[Ticket | None], object]
    ) -> None:
        """As Outbox.refuse."""
        self._wishes.refusals.append(_Refusal(n, code, reason, then))
        self._wake()

    def close(self) -> None:
        """As Outbox.close; the lines stay, for the next time."""
        self._closed = True
        for ticket in self._tickets.values():
            ticket._settle(None, closed_error())
        self._tell_all()

    # --- the one task that writes ----------------------------------------------------

    async def _write_all(self) -> None:
        wishes = _Wishes()
        try:
            with trio.CancelScope(shield=True):
                while await self._anything():
                    wishes, self._wishes = self._wishes, _Wishes()
                    self._under_way = len(wishes.puts)
                    await self._write(wishes)
        finally:
            # However this ends: nobody waits for what nobody will write.
            self.close()
            for each in (wishes, self._wishes):
                for wish in (*each.puts, *each.cancels):
                    wish.give(OutboxError("the outbox is closed"))

    def _stop(self) -> None:
        """Write what was asked for, and end."""
        self.close()
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        self._work.set()

    async def _anything(self) -> bool:
        """Wait for something to write; False: there never will be."""
        while not (self._wishes or self._has_to_mend or self._has_to_release):
            if self._stopping:
                return bool(self._settled)
            self._work = trio.Event()
            with trio.move_on_after(FORGET_S) as quiet:
                if not self._settled:
                    quiet.deadline = float("inf")
                await self._work.wait()
            if quiet.cancelled_caught:
                return True
        return True

    @property
    def _has_to_mend(self) -> bool:
        """Whether the file may hold something else than it should."""
        return self._in_doubt and not self._given_up

    @property
    def _has_to_release(self) -> bool:
        """Whether lines wait for the mark without which they can't be sent."""
        held = self._last_n > self._released_n
        return held and self._release_lines > 0 and not self._stopping

    @property
    def _release_lines(self) -> int:
        """How many lines may be on their way after the next transaction; 0: as before.

        Shape:  not for each line that was settled, but when half of the credit is free:
                a transaction for that alone is a sync.
        """
        return self._credit if 2 * self._free_credit >= self._credit else 0

    async def _write(self, wishes: "_Wishes") -> None:
        cancels = [cancel for cancel in wishes.cancels if self._still_held(cancel)]
        gone = {*self._settled, *(cancel.n for cancel in cancels)}
        gone |= {refusal.n for refusal in wishes.refusals}
        change = Change(
            puts=[put.row for put in wishes.puts],
            gone=sorted(gone),
            release_lines=self._release_lines,
            known=self._known if self._in_doubt else None,
        )
        try:
            written = await self._worker.run(lambda: self._disk.write(change))
        except OutboxError as error:
            self._in_doubt = True
            await self._not_written(wishes, cancels, error)
            return
        self._in_doubt = False
        self._under_way = 0
        self._settled -= gone
        for cancel in cancels:
            if self._still_held(cancel):  # nobody asked twice
                ticket = self._tickets[cancel.n]
                self._take_back(ticket)
                cancel.give(ticket)
        self._tell_refused(wishes.refusals)
        for put, n in zip(wishes.puts, written.numbers, strict=True):
            put.give(self._put_in(put, n))
        self._released(written.released_n)
        self._tell_all()

    @property
    def _known(self) -> Known:
        return Known(
            released_n=self._released_n,
            last_n=self._last_n,
            rows=[row_of(each) for each in self.lines],
        )

    def _still_held(self, cancel: "_Cancel") -> bool:
        # Between the asking and now it may have been released, or taken back already.
        try:
            self._held(cancel.n)
        except OutboxError as error:
            cancel.give(error)
            return False
        return True

    def _put_in(self, put: "_Put", n: int) -> Ticket:
        ticket = ticket_of((n, *put.row))
        self._add(ticket)
        if self._closed:
            ticket._settle(None, closed_error())
        return ticket

    def _tell_refused(self, refusals: Sequence["_Refusal"]) -> None:
        for refusal in refusals:
            ticket = self._refused(refusal.n, refusal.code, refusal.reason)
            refusal.then(ticket)

    async def _not_written(
        self, wishes: "_Wishes", cancels: Sequence["_Cancel"], error: OutboxError
    ) -> None:
        self._under_way = 0
        for wish in (*wishes.puts, *cancels):
            wish.give(error)
        self._tell_all()
        if self._stopping:
            self._settled.clear()
            self._given_up = True
            return
        if not self._wishes:
            self._work = trio.Event()
            with trio.move_on_after(RETRY_S):
                await self._work.wait()
        # Nobody has been told yet, and nobody is until it can't come back.
        self._wishes.refusals[:0] = wishes.refusals


# --- what is asked of the task that writes -----------------------------------------------


class _Wish:
    """Something that somebody waits for."""

    def __init__(self) -> None:
        self._done = trio.Event()
        self._answer: Ticket | Exception | None = None

    def give(self, answer: Ticket | Exception) -> None:
        if self._answer is None:
            self._answer = answer
            self._done.set()

    async def answer(self, *, shield: bool = False) -> Ticket:
        with trio.CancelScope(shield=shield):
            await self._done.wait()
        if isinstance(self._answer, Exception):
            raise OutboxError(str(self._answer)) from self._answer
        assert self._answer is not None
        return self._answer


class _Put(_Wish):
    def __init__(self, row: Put) -> None:
        super().__init__()
        self.row = row


class _Cancel(_Wish):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n


@dataclass(frozen=True, slots=True)
class _Refusal:
    n: int
    code: str
    reason: str
    then: Callable[[Ticket | None], object]


@dataclass(slots=True)
class _Wishes:
    """What goes into the next transaction."""

    puts: list[_Put] = field(default_factory=list)
    cancels: list[_Cancel] = field(default_factory=list)
    refusals: list[_Refusal] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.puts or self.cancels or self.refusals)
