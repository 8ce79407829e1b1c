"""Bugs of the server's peers and its journal: what is stored, answered, and sent when."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from trio_chat.errors import StoreError
from trio_chat.protocol import messages
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import Decoder, Lines, encode
from trio_chat.server import drafts, peer
from trio_chat.server.drafts import Judged
from trio_chat.server.hub import Hub
from trio_chat.server.journal import NOBODY, Author, Journal, _Submission
from trio_chat.server.outgoing import Outgoing
from trio_chat.server.peer import Peer, _Answers
from trio_chat.server.session import Session
from trio_chat.store import MemoryStore
from trio_chat.store.interface import Appended, Draft, Outcome

Patch = pytest.MonkeyPatch


# --- what is stored, and what is answered --------------------------------------------


def a_task_per_line(patch: Patch) -> None:
    honest = Peer._append

    async def append(self: Peer, lines: Sequence[Judged]) -> None:
        async with trio.open_nursery() as nursery:
            for line in lines:
                nursery.start_soon(honest, self, [line])

    patch.setattr(Peer, "_append", append)


def also_in_another_room(patch: Patch) -> None:
    honest = drafts.judged

    def judged(
        hub: Hub, session: Session, message: messages.Say | messages.Direct
    ) -> Judged:
        line = honest(hub, session, message)
        others = [room for room in session.memberships if room not in ("@", line.draft.log)]
        if message.n % 4 or not others:
            return line
        return replace(line, draft=replace(line.draft, copies=(others[0],)))

    patch.setattr(peer, "judged", judged)


def another_identity_on_each_link(patch: Patch) -> None:
    honest = drafts._draft

    def draft(session: Session, *arguments: Any, **options: Any) -> Draft:
        line = honest(session, *arguments, **options)
        return replace(line, device=f"{session.device}, hello {session.attempt}")

    patch.setattr(drafts, "_draft", draft)


def one_answer_for_a_batch(patch: Patch) -> None:
    honest = _Answers.answered

    def answered(self: _Answers, outcomes: Sequence[Outcome]) -> None:
        first, *rest = outcomes
        honest(self, [first, *(_same_answer(first, each) for each in rest)])

    patch.setattr(_Answers, "answered", answered)


def _same_answer(first: Outcome, other: Outcome) -> Outcome:
    if not (isinstance(first, Appended) and isinstance(other, Appended)):
        return other
    same_log = first.entries[0].log == other.entries[0].log
    return replace(other, entries=first.entries) if same_log else other


def a_failed_disk_is_the_authors_fault(patch: Patch) -> None:
    honest = Peer._append

    async def append(self: Peer, lines: Sequence[Judged]) -> None:
        try:
            await self._services.journal.append([each.draft for each in lines])
        except StoreError:
            await _refuse(self, lines, "that can't be stored")
        else:
            await honest(self, lines)

    patch.setattr(Peer, "_append", append)


def what_takes_long_is_refused(patch: Patch) -> None:
    honest = Peer._append

    async def append(self: Peer, lines: Sequence[Judged]) -> None:
        with trio.move_on_after(1) as patience:
            await honest(self, lines)
        if patience.cancelled_caught:
            await _refuse(self, lines, "the server is too busy")

    patch.setattr(Peer, "_append", append)


async def _refuse(peer: Peer, lines: Sequence[Judged], reason: str) -> None:
    refusals = [
        messages.Refused(
            code=Code.STORE_FAILED, reason=reason, room=line.draft.log, n=line.draft.n
        )
        for line in lines
    ]
    await peer._outgoing.send(encode(refusals))


def the_author_is_asked_before_it_is_stored(patch: Patch) -> None:
    honest = Peer._append

    async def append(self: Peer, lines: Sequence[Judged]) -> None:
        if lines:
            await _still_there(self)
        await honest(self, lines)

    patch.setattr(Peer, "_append", append)


def the_author_is_asked_before_it_is_told(patch: Patch) -> None:
    honest = Journal._deliver_all

    async def append(self: Peer, lines: Sequence[Judged]) -> None:
        if not lines:
            return
        journal = self._services.journal
        outcomes = await journal.append([each.draft for each in lines])
        await _still_there(self)
        honest(journal, outcomes)
        await self._outgoing.send(encode(map(drafts.answer, lines, outcomes)))

    patch.setattr(Journal, "_deliver_all", lambda _self, _outcomes: None)
    patch.setattr(Peer, "_append", append)


async def _still_there(peer: Peer) -> None:
    for _ in range(2):  # the second one shows that the first one got nowhere
        await peer._outgoing.send(encode([messages.Ping()]))
        await trio.sleep(0.01)


def each_peer_writes_the_log(patch: Patch) -> None:
    async def append(
        self: Journal, lines: Sequence[Draft], author: Author = NOBODY
    ) -> list[Outcome]:
        submission = _Submission(lines, author)
        await self._commit([submission])
        return submission.outcomes

    patch.setattr(Journal, "append", append)


def another_past_at_each_start(patch: Patch) -> None:
    honest = Journal.__init__
    starts = itertools.count(1)
    pasts = [""]

    def begin(self: Journal, *arguments: Any) -> None:
        honest(self, *arguments)
        pasts[0] = f"past {next(starts)}"

    patch.setattr(Journal, "__init__", begin)
    patch.setattr(MemoryStore, "epoch", property(lambda _store: pasts[0]))


# --- what is sent, and when ----------------------------------------------------------


def nothing_is_ever_stored(patch: Patch) -> None:
    async def run(_self: Journal) -> None:
        await trio.sleep_forever()

    patch.setattr(Journal, "run", run)


def all_are_to_come_back_at_once(patch: Patch) -> None:
    honest = Peer.drain
    patch.setattr(Peer, "drain", lambda self, _back_in_s: honest(self, 1.0))


def the_fan_out_waits_for_the_slow(patch: Patch) -> None:
    begin, commit = Outgoing.__init__, Journal._commit
    all_of_them: list[Outgoing] = []

    def remember(self: Outgoing, *arguments: Any) -> None:
        begin(self, *arguments)
        all_of_them.append(self)

    async def commit_and_wait(self: Journal, submissions: list[Any]) -> None:
        await commit(self, submissions)
        for each in all_of_them:
            while each._writing:
                await each._drained.wait()

    patch.setattr(Outgoing, "__init__", remember)
    patch.setattr(Journal, "_commit", commit_and_wait)


def the_first_connection_is_a_short_one(patch: Patch) -> None:
    honest = Peer._live
    connections = itertools.count()

    async def live(self: Peer, turned_away: bool) -> None:
        deadline_s = math.inf if next(connections) else 1.0
        with trio.move_on_after(deadline_s):
            await honest(self, turned_away)

    patch.setattr(Peer, "_live", live)


def slow_is_taken_for_dead(patch: Patch) -> None:
    begin = Outgoing.__init__

    def impatient(self: Outgoing, *arguments: Any) -> None:
        begin(self, *arguments)
        self._stall_s = 0.1

    patch.setattr(Outgoing, "__init__", impatient)


# --- what is heard -------------------------------------------------------------------


def one_receive_is_one_line(patch: Patch) -> None:
    def feed(_self: Lines, data: bytes) -> tuple[list[bytes], bool]:
        return data.split(b"\n"), False

    patch.setattr(Lines, "feed", feed)


def bytes_are_taken_for_text(patch: Patch) -> None:
    honest = Decoder._message

    def message(self: Decoder[Any], line: bytes) -> Any:
        line.decode()
        return honest(self, line)

    patch.setattr(Decoder, "_message", message)


def who_never_said_hello_is_waited_for(patch: Patch) -> None:
    honest = Peer.run

    async def run(self: Peer, *, turned_away: bool = False) -> None:
        await honest(self, turned_away=turned_away)
        if self._session is None:
            await trio.sleep_forever()

    patch.setattr(Peer, "run", run)
