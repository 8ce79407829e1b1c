"""The load of a Resume: a room that talks, and many who come back to it at once.

It goes through phases: all come in; those who will be away lose their connections; what
they are to miss is said; some talk at the rate that is measured; then they come back, and
it is measured until the last of them has what it had missed; in the end each must have the
whole room. Who talks is looked after first, at every step: that the load has much to read
is no delay of the server's.
"""

import os
import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import chain
from typing import Final

import msgspec

from simulator.bench.accounting import account
from simulator.bench.figures import percentile
from simulator.bench.load_talk import Pace, clock_s, faults_of, more, waits
from simulator.bench.members import Member, connect, enter
from simulator.bench.plan import LoadError, Plan, Resumed
from simulator.bench.workloads import Resume, Talk

_PATIENCE_S: Final = 120.0
"""For whatever has to happen before the load goes on."""
_TURN_S: Final = 0.05
_BUFFER_BYTES: Final = 256 * 1024
_WINDOW: Final = 64


class ResumeRun:
    """One measurement, from the first connection to the last entry."""

    def __init__(self, plan: Plan, load: Resume, selector: selectors.BaseSelector) -> None:
        self._plan = plan
        self._load = load
        self._selector = selector  # of those who talk
        self._others = selectors.DefaultSelector()
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        talk = Talk(
            members=load.talkers,
            senders=load.talkers,
            rate_per_s=load.rate_per_s,
            text_bytes=load.text_bytes,
        )
        self._changed: list[Member] = []
        self._talkers = enter(plan, talk, self._changed)
        self._log = self._talkers[0].log
        for member in self._talkers:
            self._selector.register(member.socket, selectors.EVENT_READ, member)
        self._pace = Pace(self._talkers, talk)
        self._back: list[Member] = []
        self._timed = False
        self._took_s: list[float] = []

    # --- the phases ------------------------------------------------------------------

    def run(self) -> Resumed:
        """All of it."""
        with closing(self._others):
            self._until(lambda: all(each.joined for each in self._talkers))
            self._lose_all(self._come())
            self._fill()
            self._pace.begin()
            self._for(self._plan.warm_s)
            measured = self._measure()
            self._pace.end()
            self._until(self._settled, insist=False)
            faults = faults_of([*self._talkers, *self._back])
        return msgspec.structs.replace(measured, faults=faults)

    def _come(self) -> list[Member]:
        """Those who will be away come in, while the room is empty."""
        members = [self._enter(number) for number in range(self._load.members)]
        self._until(lambda: all(each.joined for each in members))
        return members

    def _enter(self, number: int) -> Member:
        member = Member(
            nick=f"away{number}",
            log=self._log,
            author=None,
            slow=False,
            socket=connect(self._plan),
            changed=self._changed,
        )
        self._others.register(member.socket, selectors.EVENT_READ, member)
        member.send(self._log.dialect.enter(member.nick, self._log.name))
        return member

    def _lose_all(self, members: Sequence[Member]) -> None:
        for member in members:
            self._others.unregister(member.socket)
            member.socket.close()

    def _fill(self) -> None:
        share, rest = divmod(self._load.behind, len(self._talkers))
        due = {each: share + (at < rest) for at, each in enumerate(self._talkers)}
        while any(due.values()):
            for member, left in due.items():
                assert member.author is not None
                count = min(left, _WINDOW - member.author.in_flight)
                if count > 0:
                    member.say(count, self._load.text_bytes, 0.0)
                    due[member] -= count
            self._turn(_TURN_S)
        self._until(self._settled)

    def _measure(self) -> Resumed:
        pid = self._plan.server_pid
        before, own_before = account(pid), account(os.getpid())
        own_cpu_s, began_s, self._timed = time.process_time(), clock_s(), True
        if self._load.come_back:
            self._come_back()
        else:
            self._for(self._plan.seconds)
        seconds, self._timed = clock_s() - began_s, False
        after, own_after = account(pid), account(os.getpid())
        took_s = sorted(self._took_s)
        return Resumed(
            seconds=seconds,
            p50_s=percentile(took_s, 0.5),
            p99_s=percentile(took_s, 0.99),
            timed=len(took_s),
            entries=sum(each.stream.entries for each in self._back),
            server_cpu_s=more(after.cpu_s, before.cpu_s),
            server_waited_s=more(after.waited_s, before.waited_s),
            server_grown_bytes=more(after.resident_bytes, before.resident_bytes),
            load_cpu_s=time.process_time() - own_cpu_s,
            load_waited_s=more(own_after.waited_s, own_before.waited_s),
            faults=[],
        )

    def _come_back(self) -> None:
        missed = len(self._log)
        for number in range(self._load.members):
            self._back.append(self._enter(number))
            self._turn(0.0)
        self._until(lambda: all(_has(each, missed) for each in self._back))

    def _settled(self) -> bool:
        members = chain(self._talkers, self._back)
        return not any(map(waits, self._talkers)) and all(
            each.stream.whole for each in members
        )

    # --- the loop --------------------------------------------------------------------

    def _until(self, done: Callable[[], bool], *, insist: bool = True) -> None:
        gives_up_s = clock_s() + _PATIENCE_S
        while not done():
            if clock_s() > gives_up_s:
                if insist:
                    raise LoadError(f"it took more than {_PATIENCE_S:g} s")
                return  # what is lost is found at the end
            self._turn(_TURN_S)

    def _for(self, seconds: float) -> None:
        ends_s = clock_s() + seconds
        while clock_s() < ends_s:
            self._turn(min(_TURN_S, ends_s - clock_s()))

    def _turn(self, wait_s: float) -> None:
        """See to those who talk, and to each of the others that has something to read."""
        waiting = self._others.select(0)
        self._see_to_talkers(0.0 if waiting else wait_s)
        for key, events in waiting:
            self._see_to(key.data, events)
            self._see_to_talkers(0.0)

    def _see_to(self, member: Member, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            member.send()
        if events & selectors.EVENT_READ:
            member.read(self._buffer)

    def _see_to_talkers(self, wait_s: float) -> None:
        next_s = self._pace.keep_pace()
        wait_s = max(0.0, min(wait_s, next_s - clock_s()))
        for key, events in self._selector.select(wait_s):
            member: Member = key.data
            self._see_to(member, events)
            now_s = clock_s()
            took_s = [now_s - sent_s for sent_s in member.stream.passed()]
            if self._timed:
                self._took_s += took_s
        self._log.taken.clear()
        while self._changed:
            self._mind(self._changed.pop())

    def _mind(self, member: Member) -> None:
        """Ask to be told when a socket that is full has space again."""
        selector = self._others if member.author is None else self._selector
        events = selectors.EVENT_READ | selectors.EVENT_WRITE * member.unsent
        selector.modify(member.socket, events, member)


def _has(member: Member, count: int) -> bool:
    """Whether it has so many entries, or never will."""
    return member.stream.entries >= count or member.stream.whole


def put(plan: Plan, load: Resume, selector: selectors.BaseSelector) -> Resumed:
    """What the server makes of it.

    Raises: LoadError: it can't be measured.
    """
    return ResumeRun(plan, load, selector).run()
