"""The load of a Talk: all members in one loop, each of whom hears and checks everything.

It goes through phases: all come in; some stop reading; much is said, until those who do
not read are as full as they get; a little talk to warm up; the talk that is measured; then
everything that is under way arrives, and the slow ones read all that they have not read.
At the end each member must have the whole room.
"""

import math
import os
import selectors
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Final, TypeVar

import msgspec

from simulator.bench.accounting import Account, account, kernel_bytes, sleeps
from simulator.bench.dialects import DIALECTS
from simulator.bench.figures import percentile
from simulator.bench.members import Member, enter
from simulator.bench.plan import LoadError, Plan, Talked
from simulator.bench.stream import Faults
from simulator.bench.workloads import Talk

_PATIENCE_S: Final = 120.0
"""For whatever has to happen before the load goes on. The slowest: a naive server that
tells each of 1,000 members of each other's coming needs half a minute for it."""
_TURN_S: Final = 0.25
_BUFFER_BYTES: Final = 256 * 1024
_SIP_BYTES: Final = 1024
_SIP_EVERY_S: Final = 1.0
_NEVER_S: Final = math.inf

N = TypeVar("N", int, float)

clock_s: Final = time.perf_counter


class Pace:
    """Who says how much, and when: by turns at a rate, or as what was said is accepted."""

    def __init__(self, senders: Sequence[Member], load: Talk) -> None:
        self._senders = senders
        self._load = load
        self._turn = cycle(senders)
        self._due_s = _NEVER_S
        self._window = 0

    def begin(self) -> None:
        """From now on."""
        if self._load.rate_per_s:
            self._due_s = clock_s()
            return
        self._window = self._load.window
        for member in self._senders:
            self.go_on(member)

    def end(self) -> None:
        """What was said stands, and nothing more is said."""
        self._window, self._due_s = 0, _NEVER_S

    def go_on(self, member: Member) -> None:
        """Say what may be said now that some of this sender's lines were taken."""
        assert member.author is not None
        count = self._window - member.author.in_flight
        if count > 0:
            member.say(count, self._load.text_bytes, clock_s())

    def keep_pace(self) -> float:
        """Say what is due; when the next line will be."""
        while (now_s := clock_s()) >= self._due_s:
            # By the time at which it was really said: what the load is late with is no
            # fault of the server's, for whom it never waits.
            next(self._turn).say(1, self._load.text_bytes, now_s)
            self._due_s += 1 / self._load.rate_per_s
        return self._due_s


class TalkRun:
    """One measurement, from the first connection to the last entry."""

    def __init__(self, plan: Plan, load: Talk, selector: selectors.BaseSelector) -> None:
        self._plan = plan
        self._load = load
        self._selector = selector
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._dialect = DIALECTS[plan.dialect]
        self._changed: list[Member] = []
        self._members = enter(plan, load, self._changed)
        self._senders = [each for each in self._members if each.author is not None]
        self._authors = [each.author for each in self._senders if each.author is not None]
        self._speakers = {each.nick: each for each in self._senders}
        self._readers = [each for each in self._members if not each.slow]
        slow = [each for each in self._members if each.slow]
        self._stalled = slow[: load.stalled]
        self._sipping = slow[load.stalled :]
        self._pace = Pace(self._senders, load)
        self._sip_s = _NEVER_S
        self._took_s = array("d")

    # --- the phases ------------------------------------------------------------------

    def run(self) -> Talked:
        """All of it."""
        self._watch(self._members)
        self._come_in()
        for member in [*self._stalled, *self._sipping]:
            self._selector.unregister(member.socket)
        at_first = account(self._plan.server_pid)
        self._fill()
        self._pace.begin()
        self._sip_s = clock_s() if self._sipping else _NEVER_S
        self._for(self._plan.warm_s)
        measured = self._measure(at_first)
        self._pace.end()
        self._settle(self._readers)
        caught_up_s = self._catch_up()
        return msgspec.structs.replace(
            measured, caught_up_s=caught_up_s, faults=faults_of(self._members)
        )

    def _come_in(self) -> None:
        # Until nobody is told of anybody's coming any more: a server that is slow at that
        # would be measured at it.
        for done in (lambda: all(each.joined for each in self._members), self._calm):
            if not self._until(done):
                raise LoadError(f"not all could come in within {_PATIENCE_S:g} s")

    def _calm(self) -> bool:
        """Whether nothing comes for a turn, as the server has nothing to do."""
        return not self._turn(_TURN_S) and sleeps(self._plan.server_pid)

    def _fill(self) -> None:
        # In steps, each of which all readers have before the next: nothing is to pile up
        # in the server for those who read.
        text_bytes = self._dialect.longest_text_bytes
        for _ in range(self._load.fill_bytes // (text_bytes * len(self._senders))):
            for member in self._senders:
                member.say(1, text_bytes, -math.inf)
            self._settle(self._readers)

    def _measure(self, at_first: Account) -> Talked:
        pid = self._plan.server_pid
        accepted, had = self._accepted(), self._had()
        before, own_before = account(pid), account(os.getpid())
        own_cpu_s = time.process_time()
        del self._took_s[:]
        began_s = clock_s()
        self._for(self._plan.seconds)
        seconds = clock_s() - began_s
        after, own_after = account(pid), account(os.getpid())
        took_s = sorted(self._took_s)
        return Talked(
            seconds=seconds,
            messages=self._accepted() - accepted,
            deliveries=self._had() - had,
            p50_s=percentile(took_s, 0.5),
            p99_s=percentile(took_s, 0.99),
            timed=len(took_s),
            server_cpu_s=more(after.cpu_s, before.cpu_s),
            server_waited_s=more(after.waited_s, before.waited_s),
            server_grown_bytes=more(after.resident_bytes, at_first.resident_bytes),
            load_cpu_s=time.process_time() - own_cpu_s,
            load_waited_s=more(own_after.waited_s, own_before.waited_s),
            kernel_bytes=kernel_bytes(self._plan.port, self._slow_ports()),
            caught_up_s=None,
            faults=[],
        )

    def _catch_up(self) -> float | None:
        slow = [*self._stalled, *self._sipping]
        if not slow:
            return None
        self._sip_s = _NEVER_S
        began_s = clock_s()
        self._watch(slow)
        self._settle(slow)
        return clock_s() - began_s

    def _settle(self, members: Sequence[Member]) -> None:
        # Where this takes for ever something is lost, and is found at the end.
        self._until(
            lambda: (
                not any(map(waits, self._senders))
                and all(each.stream.whole for each in members)
            )
        )

    # --- the loop --------------------------------------------------------------------

    def _watch(self, members: Sequence[Member]) -> None:
        for member in members:
            self._selector.register(member.socket, selectors.EVENT_READ, member)

    def _until(self, done: Callable[[], bool]) -> bool:
        """Go on until it is done; False: it takes too long."""
        gives_up_s = clock_s() + _PATIENCE_S
        while not done():
            if clock_s() > gives_up_s:
                return False
            self._turn(_TURN_S)
        return True

    def _for(self, seconds: float) -> None:
        ends_s = clock_s() + seconds
        while (now_s := clock_s()) < ends_s:
            next_s = min(ends_s, self._pace.keep_pace(), self._sip(now_s))
            self._turn(max(next_s - clock_s(), 0))

    def _turn(self, wait_s: float) -> bool:
        """Do what there is to do, or wait for it; whether there was something."""
        while self._changed:
            self._mind(self._changed.pop())
        ready = self._selector.select(wait_s)
        if not self._dialect.echoes:
            # Authors are not told what they say themselves, so that they can only be
            # compared with those who are: these come first.
            ready.sort(key=_is_author)
        for key, events in ready:
            member: Member = key.data
            if events & selectors.EVENT_WRITE:
                member.send()
            if events & selectors.EVENT_READ:
                self._read(member)
        return bool(ready)

    def _read(self, member: Member) -> None:
        member.read(self._buffer)
        if not member.slow:
            now_s = clock_s()
            self._took_s.extend([now_s - sent_s for sent_s in member.stream.passed()])
        for nick in member.log.taken:
            self._pace.go_on(self._speakers[nick])
        member.log.taken.clear()

    def _mind(self, member: Member) -> None:
        """Ask to be told when a socket that is full has space again."""
        if member.unsent != member.waits_for_space:
            member.waits_for_space = member.unsent
            events = selectors.EVENT_READ | selectors.EVENT_WRITE * member.unsent
            self._selector.modify(member.socket, events, member)

    def _sip(self, now_s: float) -> float:
        """Let those that read slowly do so, if it is time; when it is time again."""
        if now_s >= self._sip_s:
            self._sip_s += _SIP_EVERY_S
            for member in self._sipping:
                member.read(self._buffer[:_SIP_BYTES])
        return self._sip_s

    # --- what it came to -------------------------------------------------------------

    def _accepted(self) -> int:
        return sum(author.accepted for author in self._authors)

    def _had(self) -> int:
        return sum(each.stream.entries for each in self._readers)

    def _slow_ports(self) -> frozenset[int]:
        return frozenset(each.port for each in [*self._stalled, *self._sipping])


def faults_of(members: Sequence[Member]) -> list[str]:
    """All that is wrong at these members, and in their rooms, if nothing more comes."""
    found: list[str] = []
    for log in dict.fromkeys(each.log for each in members):
        found += log.faults
    for member in members:
        found += [f"{member.nick}: {fault}" for fault in member.faults]
        if (faults := member.stream.faults()) != Faults():
            found.append(f"{member.nick}: {faults}")
        found += _unheard(member)
    return found


def waits(member: Member) -> bool:
    """Whether something that it has said has not come to its end."""
    return any(_unheard(member))


def _unheard(member: Member) -> Iterator[str]:
    author = member.author
    if author is None:
        return
    if author.in_flight:
        yield f"{author.nick}: {author.in_flight} said, and never heard of again"
    # Only who gives numbers tells an author of its line apart from the line itself.
    if member.log.dialect.numbered and author.heard != author.accepted:
        yield f"{author.nick}: {author.accepted} accepted, {author.heard} in the log"


def _is_author(ready: tuple[selectors.SelectorKey, int]) -> bool:
    member: Member = ready[0].data
    return member.author is not None


def more(after: N | None, before: N | None) -> N | None:
    return None if after is None or before is None else after - before


def put(plan: Plan, load: Talk, selector: selectors.BaseSelector) -> Talked:
    """What the server makes of it.

    Raises: LoadError: it can't be measured.
    """
    return TalkRun(plan, load, selector).run()
