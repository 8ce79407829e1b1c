"""The kernel of one machine, as far as TCP goes: ports, listeners, handshakes, limits."""

import errno
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

import trio

from simulator.virtual.host import Host
from simulator.virtual.path import Path
from simulator.virtual.pipe import OPEN, Medium, Pipe
from simulator.virtual.tcp import Address, Endpoint, os_error
from simulator.virtual.timeline import NS

ANY: Final = "0.0.0.0"  # noqa: S104 - it is compared with, never really bound
_LOCAL = "127.0.0.1"
_EPHEMERAL: Final = range(32768, 61000)
_SYN_TRIES_S: Final = (0, 1, 3, 7, 15, 31, 63)
_SYN_GIVE_UP_S: Final = 127
_NO_ROUTE_S: Final = 3
_TIME_WAIT_NS: Final = 60 * NS


Sizes: TypeAlias = tuple[int | None, int | None]
"""Of the buffers for sending and receiving that a program wants; None: as the link has."""
NO_WISH: Final[Sizes] = (None, None)


class Socket(Protocol):
    """What a kernel knows of a socket that a program holds."""

    number: int

    def orphan(self) -> None:
        """Its program is dead: it is closed, and nobody is told."""


class Net(Protocol):
    """What lies beyond one machine."""

    medium: Medium
    patience_s: float

    def path(self, source: str, target: str) -> Path:
        """The way between two machines, by name."""

    def stack_at(self, address: str) -> "Stack | None":
        """Whose address that is."""


class Binding:
    """A port that a socket has, and the queue of who has connected to it."""

    def __init__(self, address: Address, *, reuse: bool) -> None:
        self.address = address
        self.reuse = reuse
        self.listening = False
        self.backlog = 0
        self.pending = 0
        """Handshakes that are not through yet."""
        self.buffers = NO_WISH
        """Of the connections that come of it."""
        self.queue: deque[Endpoint] = deque()
        self.readable = trio.lowlevel.ParkingLot()

    def nobody_waits(self) -> None:
        """Have no tasks to wake from now on."""
        self.readable = trio.lowlevel.ParkingLot()

    @property
    def full(self) -> bool:
        """Whether one more would be too many, as Linux counts."""
        return len(self.queue) + self.pending > self.backlog


class Stack:
    """One machine's kernel.

    Shape:  what its programs hold is in `sockets`; what it still does for programs that
            have closed theirs is in `endpoints`, too.
    """

    def __init__(self, host: Host, net: Net) -> None:
        self.host = host
        self.net = net
        self.medium = net.medium
        self.sockets: dict[int, Socket] = {}
        self.endpoints: dict[Endpoint, None] = {}
        self.sockets_max: int | None = None
        self.powered = True
        self._bindings: list[Binding] = []
        self._busy: Counter[int] = Counter()
        self._lingering: dict[int, tuple[int, bool]] = {}
        self._next_port = 0

    # Sockets.

    def admit(self, socket: Socket) -> None:
        """A program has one more.

        Raises: OSError: EMFILE, it has too many.
        """
        self.check_room()
        self.sockets[socket.number] = socket

    def check_room(self) -> None:
        """Whether a program may have one more.

        Raises: OSError: EMFILE, it has too many.
        """
        if self.sockets_max is not None and len(self.sockets) >= self.sockets_max:
            raise os_error(errno.EMFILE)

    # Ports.

    def bind(self, address: Address, *, reuse: bool) -> Binding:
        """Take a port; 0: any that is free.

        Raises: OSError: EADDRINUSE, EADDRNOTAVAIL.
        """
        name, port = address
        if name != ANY and not self._is_mine(name):
            raise os_error(errno.EADDRNOTAVAIL)
        if not port:
            port = self.free_port()
        elif self._conflicts(name, port, reuse=reuse):
            raise os_error(errno.EADDRINUSE)
        binding = Binding((name, port), reuse=reuse)
        self._bindings.append(binding)
        self._busy[port] += 1
        return binding

    def listen(self, binding: Binding, backlog: int) -> None:
        """Answer whoever connects to it from now on; or change how many may wait.

        Raises: OSError: EADDRINUSE, someone else listens.
        """
        name, port = binding.address
        for other in self._bindings:
            if other is not binding and other.listening and _overlap(other, name, port):
                raise os_error(errno.EADDRINUSE)
        binding.backlog = max(backlog, 0)
        if not binding.listening:
            binding.listening = True
            self.note("listen", local=_text(binding.address))

    def unlisten(self, binding: Binding) -> None:
        """Whoever waits to be accepted is reset."""
        binding.listening = False
        while binding.queue:
            binding.queue.popleft().hang_up()

    def release(self, binding: Binding) -> None:
        """Give the port back; no matter if the machine has lost its power meanwhile."""
        if binding not in self._bindings:
            return
        self.unlisten(binding)
        self._bindings.remove(binding)
        self._free(binding.address[1])

    def listener(self, address: Address) -> Binding | None:
        """Who listens there: rather one for this very address than one for all."""
        found = None
        for binding in self._bindings:
            if binding.listening and binding.address[1] == address[1]:
                if binding.address[0] == address[0]:
                    return binding
                if binding.address[0] == ANY:
                    found = binding
        return found

    def _is_mine(self, name: str) -> bool:
        return name == self.host.address or name.startswith("127.")

    def _conflicts(self, name: str, port: int, *, reuse: bool) -> bool:
        if not self._busy[port]:
            return self._lingers(port, reuse=reuse)
        for binding in self._bindings:
            shared = reuse and binding.reuse and not binding.listening
            if _overlap(binding, name, port) and not shared:
                return True
        for end in self.endpoints:
            if end.local[1] == port and not (reuse and end.reuse):
                return True
        return self._lingers(port, reuse=reuse)

    def _lingers(self, port: int, *, reuse: bool) -> bool:
        until_ns, could_share = self._lingering.get(port, (0, False))
        if until_ns <= self.medium.timeline.now_ns:
            self._lingering.pop(port, None)
            return False
        return not (reuse and could_share)

    def free_port(self) -> int:
        """One that nobody uses; another one every time.

        Raises: OSError: EADDRNOTAVAIL, none is left.
        """
        for _ in _EPHEMERAL:
            port = _EPHEMERAL[self._next_port % len(_EPHEMERAL)]
            self._next_port += 1
            if not self._busy[port] and not self._lingers(port, reuse=False):
                return port
        raise os_error(errno.EADDRNOTAVAIL)

    def _free(self, port: int) -> None:
        self._busy[port] -= 1
        if self._busy[port] <= 0:
            del self._busy[port]

    # Connections.

    def route(self, name: str) -> "Stack | None":
        """Whose address that is, seen from here."""
        if name == ANY or self._is_mine(name):
            return self
        return self.net.stack_at(name)

    def source_for(self, name: str) -> str:
        """Which of its addresses this machine uses towards that one."""
        return _LOCAL if name == ANY or name.startswith("127.") else self.host.address

    def opened(self, endpoint: Endpoint) -> bool:
        """Someone has connected; False: nobody listens there any more."""
        binding = self.listener(endpoint.local)
        if binding is None:
            return False
        binding.queue.append(endpoint)
        if binding.readable:
            self.host.wake(binding.readable)
        return True

    def adopt(self, endpoint: Endpoint) -> None:
        """One more connection ends here."""
        self.endpoints[endpoint] = None
        self._busy[endpoint.local[1]] += 1

    def forget(self, endpoint: Endpoint) -> None:
        """Nothing will come of it any more."""
        if endpoint not in self.endpoints:
            return
        del self.endpoints[endpoint]
        port = endpoint.local[1]
        self._free(port)
        if endpoint.closed_first and endpoint.fin_received:
            until_ns = self.medium.timeline.now_ns + _TIME_WAIT_NS
            self._lingering[port] = (until_ns, endpoint.reuse)

    # Its life.

    def orphan_all(self) -> None:
        """The program is dead: close its sockets, as a kernel does."""
        for socket in list(self.sockets.values()):
            socket.orphan()

    def lose_power(self) -> None:
        """All is lost, and nobody is told."""
        self.powered = False
        for endpoint in list(self.endpoints):
            endpoint.vanish()
        self._bindings.clear()
        self.orphan_all()
        self._busy.clear()
        self._lingering.clear()

    def holds(self, binding: Binding) -> bool:
        """Whether somebody still listens with it: nobody if the program died meanwhile."""
        return binding in self._bindings and binding.listening

    def note(self, event: str, **fields: str | int) -> None:
        """Write down what this machine did."""
        self.medium.trace.add(self.host.name, event, **fields)


class Handshake:
    """A connection that somebody asks for.

    Shape:  `over`: it has an answer: an `endpoint`, or an `error`.
    """

    def __init__(self, stack: Stack, local: Address, remote: Address) -> None:
        self._stack = stack
        self._there = stack.route(remote[0])
        self._timeline = stack.medium.timeline
        self.local = local
        self.remote = remote
        self._tries = 0
        self._began_ns = self._timeline.now_ns
        self._port: Binding | None = None
        self.over = False
        self.error = 0
        self.endpoint: Endpoint | None = None
        self.lot = trio.lowlevel.ParkingLot()
        self.buffers = NO_WISH

    def start(self) -> None:
        """Send the first segment of it."""
        self._stack.note("connect", local=_text(self.local), remote=_text(self.remote))
        if self._there is None:
            self._timeline.after(_NO_ROUTE_S, lambda: self._fail(errno.EHOSTUNREACH))
            return
        here, there = self._stack.host.name, self._there.host.name
        self._way = self._stack.net.path(here, there)
        self._back = self._stack.net.path(there, here)
        self._try()

    def abandon(self) -> None:
        """Nobody waits for it any more."""
        self.over = True

    def nobody_waits(self) -> None:
        """Have no tasks to wake from now on."""
        self.lot = trio.lowlevel.ParkingLot()

    def _try(self) -> None:
        if not self.over:
            self._after(self._way, self._asked)

    def _after(self, path: Path, call: Callable[[], None]) -> None:
        when = self._timeline.end_of_tick(path.arrival_ns(0))
        self._timeline.at(when, call)

    def _asked(self) -> None:
        """The first segment is there."""
        assert self._there is not None
        binding = self._there.listener(self.remote)
        if self.over:
            return
        if not self._way.open or (binding is not None and binding.full):
            self._lost()
        elif binding is None:
            self._after(self._back, self._refused)
        else:
            self._port = binding
            binding.pending += 1
            self._after(self._back, self._granted)

    def _refused(self) -> None:
        if self.over:
            return
        if self._back.open:
            self._fail(errno.ECONNREFUSED)
        else:
            self._lost()

    def _granted(self) -> None:
        """The answer is here."""
        assert self._port is not None
        self._port.pending -= 1
        if self.over:
            return
        if self._back.open:
            self._join(self._port)
        else:
            self._lost()

    def _lost(self) -> None:
        self._tries += 1
        since_s = _SYN_GIVE_UP_S
        call: Callable[[], None] = self._gave_up
        if self._tries < len(_SYN_TRIES_S):
            since_s, call = _SYN_TRIES_S[self._tries], self._try
        self._timeline.at(self._began_ns + since_s * NS, call)

    def _gave_up(self) -> None:
        self._fail(errno.ETIMEDOUT)

    def _fail(self, code: int) -> None:
        if self.over:
            return
        self.over = True
        self.error = code
        self._stack.note(
            "connect_failed", remote=_text(self.remote), error=errno.errorcode[code]
        )
        self._wake()

    def _join(self, binding: Binding) -> None:
        stack, there = self._stack, self._there
        assert there is not None
        self.over = True
        medium = stack.medium
        number = medium.number()
        out, back = Pipe(self._way, medium), Pipe(self._back, medium)
        here = self._end(stack, number, (self.local, self.remote), self.buffers)
        far = self._end(there, number, (self.remote, self.local), binding.buffers)
        far.reuse = binding.reuse
        out.source = back.target = here
        out.target = back.source = far
        here.joined(far, out)
        far.joined(here, back)
        stack.adopt(here)
        there.adopt(far)
        self.endpoint = here
        if medium.trace.active:
            here.note("connected")
        if not there.holds(binding):
            far.vanish()
        out.send(OPEN)
        self._wake()

    def _end(
        self, stack: Stack, number: int, addresses: tuple[Address, Address], sizes: Sizes
    ) -> Endpoint:
        link = self._way.link
        sends, receives = sizes
        return Endpoint(
            stack,
            number,
            addresses,
            stack.medium,
            buffers=(
                sends or link.send_buffer_bytes,
                receives or link.receive_buffer_bytes,
            ),
            patience_s=stack.net.patience_s,
        )

    def _wake(self) -> None:
        if self.lot:
            self._stack.host.wake(self.lot)


def _overlap(binding: Binding, name: str, port: int) -> bool:
    own, own_port = binding.address
    return own_port == port and (ANY in (own, name) or own == name)


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
