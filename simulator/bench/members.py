"""Members on raw sockets: each knows what it may say, and checks what it hears."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from simulator.bench import dialect
from simulator.bench.plan import LoadError, Plan
from simulator.bench.room_log import Author, RoomLog
from simulator.bench.stream import Stream
from trio_chat.protocol import messages

_FAR_SEGMENT_BYTES: Final = 1460
"""What a packet of a usual network holds. Loopback's are so large that a kernel would keep
megabytes for a member that reads nothing, and the server would not notice it for long."""
_CONNECT_S: Final = 10.0


@dataclass(eq=False, slots=True)
class Member:
    """One person in one room."""

    nick: str
    room: str
    log: RoomLog
    author: Author | None
    slow: bool
    socket: socket.socket
    joined: bool = False
    waits_for_space: bool = False
    timed: int = 0
    """So many of the room's marks have passed here."""
    faults: list[str] = field(default_factory=list)
    stream: Stream = field(init=False)
    _unsent: bytes = b""

    def __post_init__(self) -> None:
        self.stream = Stream(self.log, self._asides)

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
        self.send(dialect.say(self.room, numbers, text_bytes))

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
        self.stream.feed(bytes(buffer[:count]))
        return count

    def passed(self) -> Iterator[float]:
        """When the lines were sent that are timed, and that it has now."""
        marks, at = self.log.marks, self.stream.at
        while self.timed < len(marks) and marks[self.timed].end <= at:
            yield marks[self.timed].sent_s
            self.timed += 1

    def _asides(self, lines: bytes) -> None:
        for message in dialect.messages(lines):
            match message:
                case messages.Accepted(n=n):
                    self._accepted(n)
                case messages.Members():
                    self.joined = True
                case messages.Ping():
                    self.send(b'{"t":"pong"}\n')
                case messages.Refused() | messages.Error():
                    raise LoadError(f"{self.nick} is told: {message.reason}")

    def _accepted(self, n: int) -> None:
        assert self.author is not None
        if n != self.author.accepted + 1:
            self.faults.append(f"accepted {n} after {self.author.accepted}")
        self.author.accepted = n


def enter(plan: Plan) -> list[Member]:
    """Connect them all, and ask for their rooms; the senders come first, the slow last.

    Raises: LoadError: one can't be connected.
    """
    load = plan.load
    rooms = [f"room-{number}" for number in range(load.rooms)]
    authors = {f"m{number}": Author(f"m{number}") for number in range(load.senders)}
    logs = [RoomLog(authors, load.mark_every) for _ in rooms]
    members = []
    for number in range(load.members):
        nick, place = f"m{number}", number % load.rooms
        slow = number >= load.members - plan.variant.slow
        member = Member(
            nick=nick,
            room=rooms[place],
            log=logs[place],
            author=authors.get(nick),
            slow=slow,
            socket=_connect(plan, far=slow),
        )
        members.append(member)
        member.send(dialect.enter(nick, member.room))
    return members


def _connect(plan: Plan, *, far: bool) -> socket.socket:
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
