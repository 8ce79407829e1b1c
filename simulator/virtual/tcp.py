"""One end of a TCP connection: what waits to be sent or read, and what it knows.

What a receiver says back (so much has arrived, so much more may be sent) costs no event of
its own: it is noted with the instant at which the sender will know, and looked at when the
sender does something, or waits for it.
"""

import errno
import os
from collections import deque
from typing import Final, Protocol, TypeAlias

import trio

from simulator.virtual.host import Host
from simulator.virtual.pipe import DATA, FIN, Medium, Pipe, Watch
from simulator.virtual.timeline import Timer

Address: TypeAlias = tuple[str, int]

_NOT_SENT_MAX: Final = 1 << 40


class Home(Protocol):
    """The machine's kernel, as an endpoint knows it."""

    @property
    def host(self) -> Host:
        """Whose it is."""

    def opened(self, endpoint: "Endpoint") -> bool:
        """Someone has connected; False: nobody listens there any more."""

    def forget(self, endpoint: "Endpoint") -> None:
        """Nothing will come of it any more."""


class Endpoint:
    """One end of a connection: what a socket reads from and writes to.

    Shape:  `gone`: there is no connection any more, whatever can still be read.
    """

    __slots__ = (
        "_buffer",
        "_buffered",
        "_capacity",
        "_edge",
        "_fin_sent",
        "_fin_wanted",
        "_home",
        "_medium",
        "_news",
        "_news_timer",
        "_patience",
        "_patience_s",
        "_read",
        "_read_shut",
        "_received",
        "_send_capacity",
        "_sent",
        "_taken",
        "_timeline",
        "_told",
        "_unsent",
        "closed",
        "closed_first",
        "error",
        "fin_received",
        "gone",
        "lingers",
        "local",
        "name",
        "not_sent_max",
        "number",
        "out",
        "peer",
        "readable",
        "remote",
        "reuse",
        "writable",
    )

    def __init__(
        self,
        home: Home,
        number: int,
        addresses: tuple[Address, Address],
        medium: Medium,
        *,
        buffers: tuple[int, int],
        patience_s: float,
    ) -> None:
        self._home = home
        self.name = home.host.name
        self.number = number
        self.local, self.remote = addresses
        self._medium = medium
        self._timeline = medium.timeline
        self.out: Pipe
        self.peer: Endpoint
        self.readable = trio.lowlevel.ParkingLot()
        self.writable = trio.lowlevel.ParkingLot()
        self.reuse = False
        self.not_sent_max = _NOT_SENT_MAX
        self.lingers = True
        """False: whoever closes it does away with what is on its way."""
        self.closed = False
        """Its program has no socket for it any more."""
        self.closed_first = False
        """It sent its end before it had heard the other's: its port rests for a while."""
        self.gone = False
        self.error = 0
        self._send_capacity, self._capacity = buffers
        # What is sent, counted in bytes since the beginning.
        self._unsent = bytearray()
        self._sent = self._taken = self._edge = 0
        self._news: deque[tuple[int, int, int]] = deque()
        self._news_timer: Timer | None = None
        self._fin_wanted = self._fin_sent = False
        self._patience_s = patience_s
        self._patience: Timer | None = None
        # What is received.
        self._buffer: deque[bytes] = deque()
        self._buffered = 0
        self._received = self._read = 0
        self._told = self._capacity
        self.fin_received = self._read_shut = False

    def joined(self, peer: "Endpoint", out: Pipe) -> None:
        """What it sends goes this way, to that end."""
        self.peer = peer
        self.out = out
        self._edge = peer._capacity

    def note(self, event: str, **fields: str | int) -> None:
        """Write down what happened to this end; who is in a hurry asks first who reads."""
        self._medium.trace.add(
            self.name,
            event,
            connection=self.number,
            local=_text(self.local),
            remote=_text(self.remote),
            **fields,
        )

    # What a program does with it.

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take as many leading bytes as fit; 0: none do, or none were given.

        Raises: OSError with the errno that a kernel would give.
        """
        if self.error:
            raise self.take_error()
        if self.gone or self._fin_wanted:
            raise os_error(errno.EPIPE)
        room = self._room()
        if room <= 0:
            return 0
        chunk = bytes(data if len(data) <= room else memoryview(data)[:room])
        size = len(chunk)
        window = self._edge - self._sent
        if not self._unsent and 0 < size <= min(window, self.out.path.segment_bytes):
            self._sent += size
            self.out.send(DATA, chunk)
        elif size:
            self._unsent += chunk
            self._push()
        return size

    def read(self, octets_max: int) -> bytes | None:
        """The next bytes; empty at the end; None: nothing yet.

        Raises: OSError with the errno that a kernel would give, once.
        """
        buffer = self._buffer
        if not buffer:
            if self.fin_received:
                return b""
            if self.error:
                raise self.take_error()
            return b"" if self._read_shut or self.gone else None
        if octets_max < 1:
            return b""
        data = buffer.popleft()
        if len(data) > octets_max:
            buffer.appendleft(data[octets_max:])
            data = data[:octets_max]
        elif buffer and len(data) < octets_max:
            data = self._more(data, octets_max)
        size = len(data)
        self._buffered -= size
        self._read += size
        # A window that opens by a little is not worth a word: the next answer says it.
        if self._read + self._capacity - self._told >= self._capacity >> 2:
            self.answer()
        return data

    def _more(self, first: bytes, octets_max: int) -> bytes:
        buffer = self._buffer
        parts = [first]
        left = octets_max - len(first)
        while buffer and left:
            part = buffer.popleft()
            if len(part) > left:
                buffer.appendleft(part[left:])
                part = part[:left]
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def shut(self, *, reading: bool, writing: bool) -> None:
        """Close a half of it.

        Raises: OSError: there is no connection any more.
        """
        if self.gone:
            raise os_error(errno.ENOTCONN)
        if reading:
            self._read_shut = True
            self._wake(self.readable)
        if writing:
            self._fin_wanted = True
            self._push()
            self._wake(self.writable)

    def close(self) -> None:
        """Its program has closed the socket, or was killed; what was sent still arrives.

        Shape:  the other end is reset if bytes were left unread, as it can't know that
                they were.
        """
        self.closed = True
        if self.gone:
            return
        if self._buffered or not self.lingers:
            self.hang_up()
            return
        self._fin_wanted = True
        self._push()

    def hang_up(self) -> None:
        """End it without a word more than a reset."""
        if self.gone:
            return
        self._end()
        self.out.reset()

    def sever(self) -> None:
        """Both ends are reset at once, by something between them."""
        for end in (self, self.peer):
            end.fail(errno.ECONNRESET)
            end.out.clear()

    def nobody_waits(self) -> None:
        """Have no tasks to wake from now on."""
        self.readable = trio.lowlevel.ParkingLot()
        self.writable = trio.lowlevel.ParkingLot()

    def vanish(self) -> None:
        """Its machine has lost its power."""
        self.closed = True
        self._end()
        self.out.lose_power()

    def fail(self, code: int) -> None:
        """It is broken, and its program will be told so."""
        if self.gone:
            return
        self.error = code
        self._end()

    def take_error(self) -> OSError:
        """What went wrong, to be raised once."""
        return os_error(self.take_error_code())

    def take_error_code(self) -> int:
        """What went wrong, once; 0: nothing."""
        code, self.error = self.error, 0
        return code

    @property
    def in_flight(self) -> int:
        """Bytes that were written, and that have not arrived as far as this end knows."""
        self._learn()
        return self._sent - self._taken + len(self._unsent)

    @property
    def can_write(self) -> bool:
        """Whether write() would not raise."""
        return not (self.error or self.gone or self._fin_wanted)

    @property
    def is_readable(self) -> bool:
        """Whether read() has an answer."""
        return bool(self._buffer or self.error or self.fin_received) or (
            self._read_shut or self.gone
        )

    @property
    def is_writable(self) -> bool:
        """Whether it is worth the while to write: as Linux, not for the last few bytes."""
        if self.gone or self.error or self._fin_wanted:
            return True
        unsent, used = len(self._unsent), self.in_flight
        return self._send_capacity - used >= used >> 1 and 2 * unsent < self.not_sent_max

    # What it hears from the other end.

    def take(self, data: bytes) -> None:
        """Bytes have arrived."""
        if self.gone or self.closed:
            self._refuse()
        elif self._medium.watches:
            self._take_watched(data)
        else:
            self._take_in(data)

    def _take_in(self, data: bytes) -> None:
        medium = self._medium
        medium.segments += 1
        size = len(data)
        self._buffer.append(data)
        self._buffered += size
        self._received += size
        if medium.trace.active:
            self.note("segment", octets=size)
        self.answer()
        if self.readable:
            self._home.host.wake(self.readable)

    def _take_watched(self, data: bytes) -> None:
        watches = self._medium.watches
        now: list[tuple[int, Watch]] = []
        for watch in watches.copy():
            due = watch.due(self.peer.name, self.name, len(data))
            if due is not None:
                watches.remove(watch)
                now.append((due, watch))
        start = 0
        for due, watch in sorted(now, key=lambda item: item[0]):
            if due > start:
                self._take_in(data[start:due])
                start = due
            watch.call(self)
            if self.gone or self.closed:
                return
        if start < len(data):
            self._take_in(data[start:])

    def take_fin(self) -> None:
        """The other end has closed its half."""
        if self.gone:
            self._refuse()
            return
        if self._medium.trace.active:
            self.note("fin")
        self.fin_received = True
        self._wake(self.readable)
        self.answer()
        if self.peer.fin_received:
            self._end()
            self.peer._end()

    def take_reset(self) -> None:
        """The other end knows of no connection."""
        if self.gone:
            return
        if self._medium.trace.active:
            self.note("reset")
        self.fail(errno.EPIPE if self.fin_received else errno.ECONNRESET)

    def take_open(self) -> None:
        """The handshake is done: whoever listens may have it."""
        if self.gone or not self._home.opened(self):
            self._end()
            self._refuse()

    def _refuse(self) -> None:
        self._end()
        if not self.peer.gone:
            self.out.reset()

    def suffer(self) -> None:
        """Something was not answered: give up after a while."""
        if self._patience is None and not self.gone:
            self._patience = self._timeline.after(self._patience_s, self._give_up)

    def relieved(self) -> None:
        """All was answered."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def set_patience(self, seconds: float) -> None:
        """From the next loss on, give up after that."""
        self._patience_s = seconds

    def _give_up(self) -> None:
        self._patience = None
        path = self.out.path
        stalled = path.open and not path.takes and self.peer.can_answer
        if self.gone or stalled or not self.out.suffering:
            return
        if self._medium.trace.active:
            self.note("timed_out")
        self.fail(errno.ETIMEDOUT)
        self.out.clear()

    def path_closed(self) -> None:
        """What it asks the other end stays unanswered from now on."""
        if self._unsent and not self.gone:
            self.out.answer_lost()

    # What it tells the other end, and when that one knows.

    @property
    def can_answer(self) -> bool:
        """Whether the other end would hear it now."""
        return self.out.path.open

    def answer(self) -> None:
        """Tell the other end what has arrived, and how much more may be sent."""
        peer = self.peer
        if peer.gone:
            return
        path = self.out.path
        if not path.open:
            if not self.gone:
                peer.out.answer_lost()
            return
        self._told = edge = self._read + self._capacity
        when = self._timeline.now_ns + path.latency_ns
        peer._news.append((when, self._received, edge))
        if peer._unsent or peer.writable:
            peer._expect()

    def answer_again(self) -> None:
        """The other end has asked: it does so until it hears something."""
        if self.gone:
            self._refuse()
        else:
            self.answer()

    def _learn(self) -> None:
        news = self._news
        now_ns = self._timeline.now_ns
        while news and news[0][0] <= now_ns:
            _, self._taken, self._edge = news.popleft()

    def _expect(self) -> None:
        """Something waits for news: have it told when it comes."""
        if self._news_timer is None and self._news and not self.gone:
            timeline = self._timeline
            when = timeline.end_of_tick(self._news[0][0])
            self._news_timer = timeline.at(when, self._told_news)

    def _told_news(self) -> None:
        self._news_timer = None
        if self.gone:
            return
        self._push()
        if self.writable:
            if self.is_writable:
                self._home.host.wake(self.writable)
            else:
                self._expect()

    def expect_room(self) -> None:
        """A task is about to wait until it may write."""
        self._expect()

    def _room(self) -> int:
        self._learn()
        unsent = len(self._unsent)
        free = self._send_capacity - (self._sent - self._taken) - unsent
        window = self._edge - self._sent
        return min(free, window + self.not_sent_max - unsent)

    def _push(self) -> None:
        """Send what the other end has room for; the end itself after all else."""
        if self.gone:
            return
        self._learn()
        unsent = self._unsent
        while unsent and (window := self._edge - self._sent) > 0:
            chunk = bytes(unsent[: min(window, self.out.path.segment_bytes)])
            del unsent[: len(chunk)]
            self._sent += len(chunk)
            self.out.send(DATA, chunk)
        if unsent:
            self._expect()
            if not self.out.path.open:
                self.out.answer_lost()
        elif self._fin_wanted and not self._fin_sent:
            self._fin_sent = True
            self.closed_first = not self.fin_received
            self.out.send(FIN)

    def _wake(self, lot: trio.lowlevel.ParkingLot) -> None:
        if lot and not self.closed:
            self._home.host.wake(lot)

    def _end(self) -> None:
        if self.gone:
            return
        self.gone = True
        self._unsent.clear()
        self._news.clear()
        if self._news_timer is not None:
            self._news_timer.cancel()
        self.relieved()
        self._home.forget(self)
        self._wake(self.readable)
        self._wake(self.writable)


def os_error(code: int) -> OSError:
    """What a kernel's errno becomes in Python."""
    return OSError(code, os.strerror(code))


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
