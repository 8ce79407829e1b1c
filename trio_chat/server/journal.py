"""Orders, stores, delivers: the only way by which anything gets into a log.

One task owns the order. While the disk is busy with one transaction, what arrives waits
for the next, so transactions grow with the load by themselves and a lone draft waits for
nobody. So do batches where there is no disk: while more comes with each round of the
scheduler, they wait for the next one, and then a moment for who talks with them
(rhythm.py). What one transaction made durable is delivered in one step, room by room,
before the next is begun: the order of delivery is the order of the log. In the same step
its authors are told, so that they get both in one write.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

import trio

from trio_chat.errors import StoreError
from trio_chat.server.figures import Figures
from trio_chat.server.limits import Limits
from trio_chat.server.rhythm import Rhythm
from trio_chat.server.trouble import Trouble
from trio_chat.store.interface import Appended, Draft, Entry, Outcome, Store, Trimmed

_RETRY_S: Final = (0.05, 0.2, 0.5, 1.0)


@dataclass(eq=False, slots=True)
class _Submission:
    drafts: Sequence[Draft]
    author: "Author"
    outcomes: list[Outcome] = field(default_factory=list)
    stored: bool = False
    error: StoreError | None = None
    settled: trio.Event = field(default_factory=trio.Event)


class Author(Protocol):
    """Who hears what became of its drafts, and very likely what is delivered with it."""

    def hold(self) -> None:
        """What is delivered from here on may wait for the answer."""

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """Here is the answer, in the same step."""


class Nobody:
    """An author who needs no answer."""

    def hold(self) -> None:
        """Nothing waits."""

    def answered(self, outcomes: Sequence[Outcome]) -> None:
        """Nobody hears it."""


class Deliver(Protocol):
    """What becomes of durable entries; the hub, as a rule."""

    def deliver(self, log: str, entries: Sequence[Entry]) -> None:
        """These follow what was delivered before."""

    def moved_on(self, heads: Mapping[str, int]) -> None:
        """The logs go up to here, and some of that was not delivered."""


NOBODY: Final = Nobody()


class Journal:
    """Takes drafts in, gives their places back, and delivers what became durable.

    Shape:  deliver() is called without an await in between, in the order of the log, each
            entry once. After an error of the store nobody knows what it has: a transaction
            that failed at its end may be there all the same. Then, once something could be
            stored again, it is asked how far the logs go, and whoever is in the rooms
            reads on from the log.
    """

    def __init__(
        self,
        store: Store,
        deliver: Deliver,
        wall_clock_s: Callable[[], float],
        limits: Limits,
        trouble: Trouble,
        figures: Figures | None = None,
    ) -> None:
        self._store = store
        self._figures = figures or Figures()
        self._in_doubt = False
        self._patience_s = limits.store_patience_s
        self._hurried = False
        self._given_up: StoreError | None = None
        self._trouble = trouble
        self._deliver = deliver
        self._rhythm = Rhythm()
        self._wall_clock_s = wall_clock_s
        self._drafts_max = limits.commit_drafts_max
        # Of each peer there is one at most.
        self._send, self._receive = trio.open_memory_channel[_Submission](limits.peers_max)

    async def append(
        self, drafts: Sequence[Draft], author: Author = NOBODY
    ) -> list[Outcome]:
        """What became of each draft, once all are durable.

        Shape:  the author is told before that, in the step in which they are delivered.
        Raises: StoreError: none of them is known to be durable; the same may be sent again.
        Cancel: may have happened: the wait is abandoned, the drafts are not.
        """
        submission = _Submission(drafts, author)
        try:
            self._send.send_nowait(submission)  # there will be a wait anyhow, the next one
        except trio.WouldBlock:
            await self._send.send(submission)
        await submission.settled.wait()
        if submission.error is not None:
            raise submission.error
        return submission.outcomes

    @property
    def waiting(self) -> int:
        """How many submissions wait for the next transaction."""
        return self._receive.statistics().current_buffer_used

    @property
    def talking(self) -> bool:
        """Whether somebody has said something a moment ago, or is about to."""
        return trio.current_time() < self._rhythm.talking_until_s

    async def run(self) -> None:
        """Live until close() was called and everything submitted is settled.

        Cancel: may have happened.
        """
        async for first in self._receive:
            await self._commit(await self._gathered(first))

    def hurry(self) -> None:
        """The server stops: from now on one error of the store is the end of waiting.

        Shape:  what waits then fails with it, untried: it is sent again to the next server.
        """
        self._hurried = True

    def close(self) -> None:
        """Take no more; run() ends after what was taken."""
        self._send.close()

    async def _commit(self, submissions: list[_Submission]) -> None:
        error = await self._stored(submissions)
        for submission in submissions:
            if not submission.stored:
                submission.error = error
            submission.settled.set()

    async def _stored(self, submissions: list[_Submission]) -> StoreError | None:
        """Store them, tried again for a while when the disk fails; why some are not stored.

        Shape:  the same drafts under the same identities: those of a transaction that was
                stored, although its end was an error, are found there. What comes meanwhile
                shares the next try. Where the disk takes some and not others, these are
                what is wrong with it, and nobody waits for them.
        """
        if self._given_up is not None:
            return StoreError(str(self._given_up))
        give_up_s = trio.current_time() + self._patience_s
        delays_s = iter(_RETRY_S)
        again = False
        while (error := await self._tried(submissions, again=again)) is not None:
            again = True
            if self._hurried:
                self._given_up = error
                return error
            if await self._some_alone(submissions, give_up_s):
                return error
            delay_s = next(delays_s, _RETRY_S[-1])
            if trio.current_time() + delay_s > give_up_s:
                return error
            await trio.sleep(delay_s)
            self._take_ready(submissions)
        return None

    async def _gathered(self, first: _Submission) -> list[_Submission]:
        """What shares a transaction with `first`.

        Shape:  a line that is alone waits for nothing. Where more is said it is worth a
                round of the scheduler to have it in the same batch, as long as each round
                brings more: the next batch goes to everybody anew.
        """
        submissions = [first]
        before, drafts = 1, self._take_ready(submissions)
        while before < drafts < self._drafts_max:
            await trio.lowlevel.checkpoint()
            before, drafts = drafts, self._take_ready(submissions)
        if trio.current_time() < self._rhythm.until_s:
            await self._wait_a_moment(submissions)
        return submissions

    async def _wait_a_moment(self, submissions: list[_Submission]) -> None:
        """Add what those say who are about to speak again."""
        with trio.move_on_at(self._rhythm.until_s), suppress(trio.EndOfChannel):
            while self._rhythm.awaits([each.drafts for each in submissions]):
                submissions.append(await self._receive.receive())
                self._take_ready(submissions)

    def _take_ready(self, submissions: list[_Submission]) -> int:
        """Add those that wait, up to what one transaction takes; how many drafts it is."""
        drafts = sum(len(each.drafts) for each in submissions)
        while drafts < self._drafts_max:
            try:
                submissions.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
            drafts += len(submissions[-1].drafts)
        return drafts

    async def _some_alone(self, submissions: list[_Submission], until_s: float) -> bool:
        """Store each of several by itself, as long as there is time; whether one was."""
        if len(submissions) > 1:
            for submission in submissions:
                if trio.current_time() > until_s:
                    break  # the disk does nothing, and takes its time for that
                await self._tried([submission], again=True)
        return any(submission.stored for submission in submissions)

    async def _tried(
        self, submissions: Sequence[_Submission], *, again: bool
    ) -> StoreError | None:
        """Store and deliver these in one transaction, or say why not."""
        drafts = [draft for each in submissions for draft in each.drafts]
        ts = round(self._wall_clock_s(), 3)
        begun_s = trio.current_time()
        try:
            outcomes = await self._store.append(drafts, ts)
            took_s = trio.current_time() - begun_s
            heads = await self._store.heads() if self._in_doubt else None
        except StoreError as error:
            self._in_doubt = True
            self._figures.commits_failed += 1
            self._trouble.tell(error, "lines")
            return error
        self._trouble.over("lines")
        self._count(outcomes, took_s, again)
        for submission in submissions:
            submission.author.hold()
        if heads is None:
            self._deliver_all(outcomes)
            together = [each.drafts for each in submissions]
            self._rhythm.delivered(together, trio.current_time())
        else:
            self._deliver.moved_on(heads)
            self._in_doubt = False
        remaining = iter(outcomes)
        for submission in submissions:
            submission.outcomes = [*islice(remaining, len(submission.drafts))]
            submission.stored = True
            submission.author.answered(submission.outcomes)
        return None

    def _count(self, outcomes: Sequence[Outcome], took_s: float, again: bool) -> None:
        self._figures.commit_drafts.add(len(outcomes))
        self._figures.commit_s.add(took_s)
        if not again:  # else it may have been this server that stored them a moment ago
            self._figures.duplicate_drafts += sum(map(_was_there, outcomes))

    def _deliver_all(self, outcomes: Sequence[Outcome]) -> None:
        batches: dict[str, list[Entry]] = {}
        for outcome in outcomes:
            if isinstance(outcome, Appended) and not outcome.duplicate:
                for entry in outcome.entries:
                    batches.setdefault(entry.log, []).append(entry)
        for log, entries in batches.items():
            self._deliver.deliver(log, entries)


def _was_there(outcome: Outcome) -> bool:
    if isinstance(outcome, Appended):
        return outcome.duplicate
    return isinstance(outcome, Trimmed)
