"""Members on raw sockets: each knows what it may say, and checks what it hears."""

import errno
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from simulator.bench.dialects import DIALECTS
from simulator.bench.dialects.dialect import Accepted, Answer, Aside, Joined, Refusal
from simulator.bench.plan import LoadError, Plan
from simulator.bench.room_log import Author, RoomLog
from simulator.bench.stream import NumberedStream, Stream
from simulator.bench.stream_by_author import StreamByAuthor
from simulator.bench.workloads import Talk

_FAR_SEGMENT_BYTES: Final = 1460
"""What a packet of a usual network holds. Loopback's are so large that a kernel would keep
megabytes for a member that reads nothing, and the server would not notice it for long."""
_CONNECT_S: Final = 10.0


@dataclass(eq=False, slots=True)
class Member:
    """One person in one room."""

    nick: str
    log: RoomLog
    author: Author | None
    slow: bool
    socket: socket.socket
    changed: list["Member"]
    """Where it puts itself when it begins to wait for space, or no longer does."""
    joined: bool = False
    waits_for_space: bool = False
    faults: list[str] = field(default_factory=list)
    stream: Stream = field(init=False)
    _unsent: bytes = b""

    def __post_init__(self) -> None:
        self.stream = _stream(self, self._heed)

    @property
    def port(self) -> int:
        port: int = self.socket.getsockname()[1]
        return port

    @property
    def unsent(self) -> bool:
        """Whether something waits for the socket."""
        return bool(self._unsent)

    def say(self, count: int, text_bytes: int, now_s: float) -> None:
        """Say so many lines, in one write."""
        assert self.author is not None
        said = len(self.author.sent_s)
        self.author.sent_s += [now_s] * count
        numbers = range(said + 1, said + count + 1)
        dialect, room = self.log.dialect, self.log.name
        self.send(dialect.say(self.nick, room, numbers, text_bytes))

    def send(self, data: bytes = b"") -> None:
        """Send what waits and this, as far as the socket takes it; the rest waits."""
        data = self._unsent + data
        try:
            taken = self.socket.send(data)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            raise LoadError(f"{self.nick} can't send: {error}") from error
        self._unsent = data[taken:]
        if self.unsent != self.waits_for_space:
            self.changed.append(self)

    def read(self, buffer: memoryview) -> int:
        """Read as much as fits into `buffer`, and check it; how many bytes it was."""
        try:
            count = self.socket.recv_into(buffer)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LoadError(f"{self.nick} can't read: {error}") from error
        if not count:
            raise LoadError(f"the server has ended {self.nick}'s connection")
        self.stream.feed(buffer[:count])
        return count

    def _heed(self, aside: Aside) -> None:
        match aside:
            case Joined():
                self.joined = True
            case Accepted(n=n):
                self._accepted(n)
            case Answer(data=data):
                self.send(data)
            case Refusal(reason=reason):
                raise LoadError(f"{self.nick} is told: {reason}")
            case _:
                assert_never(aside)

    def _accepted(self, n: int) -> None:
        assert self.author is not None
        if n != self.author.accepted + 1:
            self.faults.append(f"accepted {n} after {self.author.accepted}")
        self.log.accept(self.nick, n)


def enter(plan: Plan, load: Talk, changed: list[Member]) -> list[Member]:
    """Connect them all, and ask for their rooms; the senders come first, the slow last.

    Shape:  `changed` is all members' own.

    Raises: LoadError: one can't be connected.
    """
    logs = [
        RoomLog(
            f"room-{room}", DIALECTS[plan.dialect], _authors(load, room), load.mark_every
        )
        for room in range(load.rooms)
    ]
    members = []
    for number in range(load.members):
        nick, log = _nick(number), logs[number % load.rooms]
        slow = number >= load.members - load.slow
        member = Member(
            nick=nick,
            log=log,
            author=log.authors.get(nick),
            slow=slow,
            socket=connect(plan, far=slow),
            changed=changed,
        )
        members.append(member)
        member.send(log.dialect.enter(nick, log.name))
    return members


def _authors(load: Talk, room: int) -> Mapping[str, Author]:
    nicks = map(_nick, range(room, load.senders, load.rooms))
    return {nick: Author(nick) for nick in nicks}


def _nick(number: int) -> str:
    return f"m{number}"


def _stream(member: Member, heed: Callable[[Aside], None]) -> Stream:
    dialect = member.log.dialect
    if dialect.numbered:
        return NumberedStream(member.log, heed)
    deaf_to_itself = member.author is not None and not dialect.echoes
    return StreamByAuthor(member.log, heed, member.nick if deaf_to_itself else None)


def connect(plan: Plan, *, far: bool = False) -> socket.socket:
    """A connection to the server, which never blocks.

    Shape:  `far`: with packets as a usual network has them.
    Raises: LoadError: there is none to be had.
    """
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.settimeout(_CONNECT_S)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if far and hasattr(socket, "TCP_MAXSEG"):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _FAR_SEGMENT_BYTES)
        connected.connect((plan.host, plan.port))
        connected.setblocking(False)
    except OSError as error:
        connected.close()
        raise LoadError(f"can't connect: {error}") from error
    return connected


def begin_connecting(plan: Plan) -> socket.socket:
    """A connection to the server, which never blocks, and can be sent to once it is there.

    Raises: LoadError: there is none to be had.
    """
    family = socket.AF_INET6 if ":" in plan.host else socket.AF_INET
    connecting = socket.socket(family, socket.SOCK_STREAM)
    connecting.setblocking(False)
    connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    error = connecting.connect_ex((plan.host, plan.port))
    if error not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
        connecting.close()
        raise LoadError(f"can't connect: {os.strerror(error)}")
    return connecting
