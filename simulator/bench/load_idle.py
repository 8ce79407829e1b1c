"""The load of an Idle: many come in, a few at a time, and then say nothing at all.

It goes through phases: all come in, and it is measured until the last one knows that it is
in; then, once the server has nothing left to tell, what it has grown by; and then what it
costs that they are there. Each new member may be told to all others, so there is much to
read that is of no use to the load: of that it takes no more than a look for what wants an
answer.
"""

import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.bench.accounting import account, sleeps
from simulator.bench.dialects import DIALECTS
from simulator.bench.dialects.dialect import Answer, Dialect, Joined, Refusal
from simulator.bench.load_talk import clock_s, more
from simulator.bench.members import begin_connecting
from simulator.bench.plan import Idled, LoadError, Plan
from simulator.bench.workloads import Idle

_PATIENCE_S: Final = 60.0
"""For whatever has to happen before the load goes on."""
_TURN_S: Final = 0.05
_CALM_TURNS: Final = 10
_BUFFER_BYTES: Final = 256 * 1024


@dataclass(eq=False, slots=True)
class Guest:
    """One connection."""

    room: str
    socket: socket.socket
    first: bytes = b""
    """What it says once it is connected."""
    joined: bool = False
    kept: bytes = b""
    """The beginning of something that is not whole yet."""

    def hear(self, data: bytes, dialect: Dialect) -> None:
        """Take what the server says, as far as it matters.

        Raises: LoadError: it does not want this one.
        """
        data = self.kept + data
        end = dialect.cut(data)
        self.kept = data[end:]
        said = data[:end]
        if self.joined and not (dialect.asks and dialect.asks in said):
            return
        for is_entries, run in dialect.runs(said):
            for aside in () if is_entries else dialect.asides(run, self.room):
                match aside:
                    case Joined():
                        self.joined = True
                    case Answer(data=answer):
                        self.socket.sendall(answer)
                    case Refusal(reason=reason):
                        raise LoadError(f"somebody is told: {reason}")
                    case _:
                        pass


class IdleRun:
    """One measurement, from the first connection to the last second of silence."""

    def __init__(self, plan: Plan, load: Idle, selector: selectors.BaseSelector) -> None:
        self._plan = plan
        self._load = load
        self._selector = selector
        self._dialect = DIALECTS[plan.dialect]
        self._buffer = bytearray(_BUFFER_BYTES)
        self._guests: list[Guest] = []
        self._under_way = 0

    def run(self) -> Idled:
        """All of it."""
        pid = self._plan.server_pid
        first, own_first = account(pid), account(os.getpid())
        began_s, own_began_s = clock_s(), time.process_time()
        self._come_in()
        joined_s, own_cpu_s = clock_s() - began_s, time.process_time() - own_began_s
        joined, own_joined = account(pid), account(os.getpid())
        self._come_to_rest()
        rested, rested_s = account(pid), clock_s()
        self._for(max(self._plan.seconds, self._load.idle_s))
        idle, idle_s = account(pid), clock_s() - rested_s
        return Idled(
            seconds=joined_s,
            joins=len(self._guests),
            server_cpu_s=more(joined.cpu_s, first.cpu_s),
            server_waited_s=more(joined.waited_s, first.waited_s),
            server_grown_bytes=more(rested.resident_bytes, first.resident_bytes),
            idle_s=idle_s,
            idle_cpu_s=more(idle.cpu_s, rested.cpu_s),
            load_cpu_s=own_cpu_s,
            load_waited_s=more(own_joined.waited_s, own_first.waited_s),
            faults=[],
        )

    # --- the phases ------------------------------------------------------------------

    def _come_in(self) -> None:
        gives_up_s = clock_s() + _PATIENCE_S
        for number in range(self._load.members):
            self._until(lambda: self._under_way < self._load.at_once, gives_up_s)
            room = f"room-{number % self._load.rooms}"
            first = self._dialect.enter(f"m{number}", room)
            guest = Guest(room, begin_connecting(self._plan), first)
            # Where there is space to send, there is a connection.
            self._selector.register(guest.socket, selectors.EVENT_WRITE, guest)
            self._guests.append(guest)
            self._under_way += 1
        self._until(lambda: not self._under_way, gives_up_s)

    def _come_to_rest(self) -> None:
        calm = 0

        def calmed() -> bool:
            nonlocal calm
            heard = self._turn(_TURN_S)
            calm = 0 if heard or not sleeps(self._plan.server_pid) else calm + 1
            return calm >= _CALM_TURNS

        self._until(calmed, clock_s() + _PATIENCE_S)

    # --- the loop --------------------------------------------------------------------

    def _until(self, done: Callable[[], bool], gives_up_s: float) -> None:
        while not done():
            if clock_s() > gives_up_s:
                raise LoadError(f"not all could come in within {_PATIENCE_S:g} s")
            self._turn(_TURN_S)

    def _for(self, seconds: float) -> None:
        ends_s = clock_s() + seconds
        while (left_s := ends_s - clock_s()) > 0:
            self._turn(min(_TURN_S, left_s))

    def _turn(self, wait_s: float) -> bool:
        """Hear all who have something to hear; whether anybody has."""
        heard = self._selector.select(wait_s)
        for key, events in heard:
            if events & selectors.EVENT_WRITE:
                self._enter(key.data)
            else:
                self._hear(key.data)
        return bool(heard)

    def _enter(self, guest: Guest) -> None:
        try:
            guest.socket.sendall(guest.first)
        except OSError as error:
            raise LoadError(f"can't connect: {error}") from error
        self._selector.modify(guest.socket, selectors.EVENT_READ, guest)

    def _hear(self, guest: Guest) -> None:
        try:
            count = guest.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError as error:
            raise LoadError(f"a connection broke: {error}") from error
        if not count:
            raise LoadError("the server has ended a connection")
        joined = guest.joined
        guest.hear(bytes(memoryview(self._buffer)[:count]), self._dialect)
        self._under_way -= guest.joined and not joined


def put(plan: Plan, load: Idle, selector: selectors.BaseSelector) -> Idled:
    """What the server makes of it.

    Raises: LoadError: it can't be measured.
    """
    return IdleRun(plan, load, selector).run()
