"""Sockets as trio wants them, on the virtual network."""

import errno
import operator
import os
import socket as kernel
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, TypeVar, overload

import trio

from simulator.virtual.stack import ANY, Binding, Handshake, Sizes, Stack
from simulator.virtual.tcp import Address, Endpoint, os_error

T = TypeVar("T")

_FILENO_FIRST: Final = 1 << 20
"""No real descriptor is that big: whoever takes one for real gets EBADF."""
_BUFFER_BYTES_MIN: Final = {kernel.SO_SNDBUF: 4608, kernel.SO_RCVBUF: 2304}
_TCP_USER_TIMEOUT: Final = getattr(kernel, "TCP_USER_TIMEOUT", 18)
_TCP_NOTSENT_LOWAT: Final = getattr(trio.socket, "TCP_NOTSENT_LOWAT", 25)
_ALLOWED_FLAGS: Final = getattr(kernel, "MSG_NOSIGNAL", 0)

Lookup = Callable[[str], str]
"""The address that a name has; raises gaierror if it has none."""


class VirtualSocket(trio.socket.SocketType):
    """One socket of one program: unmodified trio code takes it for a kernel's.

    Shape:  the calls that trio's streams and listeners use, and those programs use beside
            them; no recvfrom, recvmsg, sendmsg, dup: they raise NotImplementedError.
            Equal to itself only, but hashed by a running number: trio closes the losers
            of a happy-eyeballs race in the order of a set.
    """

    def __init__(self, stack: Stack, lookup: Lookup) -> None:
        super().__init__()
        self._stack = stack
        self._lookup = lookup
        self.number = stack.medium.number()
        self._closed = False
        self._shut_for_writing = False
        self._binding: Binding | None = None
        self._handshake: Handshake | None = None
        self._endpoint: Endpoint | None = None
        self._confirmed = False
        self._failed = False
        self._options: dict[tuple[int, int], int] = {}
        self._writable_lot = trio.lowlevel.ParkingLot()
        self._readable_lot = trio.lowlevel.ParkingLot()
        stack.admit(self)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<virtual socket {self.number} of {self._stack.host.name}, {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # What it is.

    @property
    def family(self) -> kernel.AddressFamily:
        """Always IPv4."""
        return kernel.AF_INET

    @property
    def type(self) -> kernel.SocketKind:
        """Always a stream."""
        return kernel.SOCK_STREAM

    @property
    def proto(self) -> int:
        """Always TCP."""
        return kernel.IPPROTO_TCP

    @property
    def did_shutdown_SHUT_WR(self) -> bool:  # noqa: N802 - trio's name
        """Whether this end has closed its half."""
        return self._shut_for_writing

    def fileno(self) -> int:
        """A number that no file has; -1 once it is closed."""
        return -1 if self._closed else _FILENO_FIRST + self.number

    def getsockname(self) -> Address:
        """Its own address.

        Raises: OSError: EBADF.
        """
        self._check_open()
        if self._endpoint is not None:
            return self._endpoint.local
        return self._binding.address if self._binding is not None else (ANY, 0)

    def getpeername(self) -> Address:
        """The other end's address.

        Raises: OSError: ENOTCONN; also when the connection is over.
        """
        self._check_open()
        endpoint = self._endpoint
        if endpoint is None or endpoint.gone:
            raise os_error(errno.ENOTCONN)
        return endpoint.remote

    # Options.

    @overload
    def getsockopt(self, level: int, optname: int) -> int: ...

    @overload
    def getsockopt(self, level: int, optname: int, buflen: int) -> bytes: ...

    def getsockopt(
        self, level: int, optname: int, buflen: int | None = None
    ) -> int | bytes:
        """What was set; 0 for what never was."""
        self._check_open()
        value = self._option(level, optname)
        return value if buflen is None else struct.pack("i", value)[:buflen]

    def _option(self, level: int, optname: int) -> int:
        if level == kernel.SOL_SOCKET and optname == kernel.SO_ACCEPTCONN:
            return int(self._listening)
        if level == kernel.SOL_SOCKET and optname == kernel.SO_ERROR:
            endpoint = self._endpoint
            return 0 if endpoint is None else endpoint.take_error_code()
        return self._options.get((level, optname), 0)

    def setsockopt(
        self, level: int, optname: int, value: Any, optlen: int | None = None
    ) -> None:
        """Set one. Those that matter here: SO_REUSEADDR, SO_LINGER, SO_SNDBUF and SO_RCVBUF
        (before it is connected), TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT; others are kept."""
        del optlen  # a length comes with no value at all, and means as much: nothing
        self._check_open()
        if level == kernel.SOL_SOCKET and optname == kernel.SO_LINGER:
            on, seconds = struct.unpack("ii", value)
            number = int(bool(on) and not seconds)
        elif isinstance(value, int):
            number = value
        else:
            number = int.from_bytes(bytes(value or b"")[:4], "little")
        if level == kernel.SOL_SOCKET and optname in _BUFFER_BYTES_MIN:
            number = max(2 * number, _BUFFER_BYTES_MIN[optname])
        self._options[level, optname] = number
        if self._endpoint is not None:
            self._apply(self._endpoint)

    def _apply(self, endpoint: Endpoint) -> None:
        options = self._options
        endpoint.lingers = not options.get((kernel.SOL_SOCKET, kernel.SO_LINGER))
        endpoint.reuse = endpoint.reuse or self._reuses
        if lowat := options.get((kernel.IPPROTO_TCP, _TCP_NOTSENT_LOWAT)):
            endpoint.not_sent_max = lowat
        if patience_ms := options.get((kernel.IPPROTO_TCP, _TCP_USER_TIMEOUT)):
            endpoint.set_patience(patience_ms / 1000)

    @property
    def _buffer_sizes(self) -> Sizes:
        options = self._options
        return (
            options.get((kernel.SOL_SOCKET, kernel.SO_SNDBUF)),
            options.get((kernel.SOL_SOCKET, kernel.SO_RCVBUF)),
        )

    @property
    def _reuses(self) -> bool:
        return bool(self._options.get((kernel.SOL_SOCKET, kernel.SO_REUSEADDR)))

    # Listening.

    async def bind(self, address: Any) -> None:
        """Take an address and a port; port 0: any that is free.

        Raises: OSError: EADDRINUSE, EADDRNOTAVAIL, EINVAL (it has one), EBADF.
        Cancel: nothing was done.
        """
        name, port = self._resolve(address, default=ANY)
        await trio.lowlevel.checkpoint()
        self._check_open()
        if self._binding is not None or self._endpoint is not None:
            raise os_error(errno.EINVAL)
        self._binding = self._stack.bind((name, port), reuse=self._reuses)

    def listen(self, backlog: int = 128) -> None:
        """Have others connect to it; so many may wait to be accepted.

        Raises: OSError: EADDRINUSE, EINVAL (it is connected), EBADF.
        """
        self._check_open()
        if self._endpoint is not None:
            raise os_error(errno.EINVAL)
        if self._binding is None:
            self._binding = self._stack.bind((ANY, 0), reuse=self._reuses)
        self._binding.reuse = self._reuses
        self._binding.buffers = self._buffer_sizes
        self._stack.listen(self._binding, backlog)

    @property
    def _listening(self) -> bool:
        return self._binding is not None and self._binding.listening

    async def accept(self) -> tuple[trio.socket.SocketType, Address]:
        """The next who has connected, as a socket, with its address.

        Raises: OSError: EINVAL (it doesn't listen), EMFILE (too many), EBADF.
                trio.ClosedResourceError: closed meanwhile.
                trio.BusyResourceError: another task waits for the same.
        Cancel: nobody was accepted.
        """
        lot = self._readable_lot if self._binding is None else self._binding.readable
        return await self._waiting(self._accept_now, lot)

    def _accept_now(self) -> tuple[trio.socket.SocketType, Address] | None:
        binding = self._binding
        if binding is None or not binding.listening:
            raise os_error(errno.EINVAL)
        while binding.queue:
            self._stack.check_room()
            endpoint = binding.queue.popleft()
            taken = VirtualSocket(self._stack, self._lookup)
            taken._options = dict(self._options)
            taken._take(endpoint)
            if self._stack.medium.trace.active:
                endpoint.note("accept")
            return taken, endpoint.remote
        return None

    # Connecting.

    async def connect(self, address: Any) -> None:
        """Connect: that takes one round trip.

        Raises: OSError: ECONNREFUSED (nobody listens), ETIMEDOUT (no answer in 127 s),
                EHOSTUNREACH (no such machine), EISCONN, EALREADY, EADDRNOTAVAIL, EBADF.
                trio.ClosedResourceError: closed meanwhile.
        Cancel: the socket is closed.
        """
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                remote = self._resolve(address, default="127.0.0.1")
                handshake = self._start(remote)
            except OSError:
                await trio.lowlevel.cancel_shielded_checkpoint()
                raise
            if handshake is None:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return
            while not handshake.over:
                await handshake.lot.park()
                self._check_not_closed_meanwhile()
        except trio.Cancelled:
            self.close()
            raise
        self._finish(handshake)

    def _start(self, remote: Address) -> Handshake | None:
        self._check_open()
        if self._endpoint is not None and not self._confirmed:
            # A kernel that was asked without waiting says once that it has succeeded.
            self._confirmed = True
            return None
        if self._endpoint is not None or self._listening:
            raise os_error(errno.EISCONN)
        if self._handshake is not None:
            raise os_error(errno.EALREADY)
        stack = self._stack
        source, port = ANY, 0
        if self._binding is not None:
            source, port = self._binding.address
        if source == ANY:
            source = stack.source_for(remote[0])
        handshake = Handshake(stack, (source, port or stack.free_port()), remote)
        handshake.buffers = self._buffer_sizes
        self._handshake = handshake
        handshake.start()
        return handshake

    def _finish(self, handshake: Handshake) -> None:
        self._handshake = None
        if handshake.endpoint is None:
            self._failed = True
            text = os.strerror(handshake.error)
            raise OSError(
                handshake.error, f"Error connecting to {handshake.remote!r}: {text}"
            )
        self._take(handshake.endpoint)

    def _take(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._apply(endpoint)

    # Bytes.

    def recv(self, buflen: int, flags: int = 0, /) -> Awaitable[bytes]:
        """The next bytes, at most so many; empty at the end.

        Raises: OSError: ECONNRESET, ETIMEDOUT, ENOTCONN, EBADF.
                trio.ClosedResourceError: closed meanwhile.
                trio.BusyResourceError: another task waits for the same.
        Cancel: nothing was read.
        """
        _check_flags(flags)
        if (octets_max := operator.index(buflen)) < 0:
            raise ValueError("negative buffersize in recv")
        return self._waiting(lambda: self._read(octets_max), self._lot_for_reading())

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As recv(), into a buffer; how many.

        Raises: as recv().
        Cancel: nothing was read.
        """
        _check_flags(flags)
        with memoryview(buffer).cast("B") as view:
            data = await self.recv(nbytes or len(view))
            view[: len(data)] = data
        return len(data)

    def _read(self, octets_max: int) -> bytes | None:
        endpoint = self._endpoint
        if endpoint is None:
            if self._failed:
                return b""
            raise os_error(errno.ENOTCONN)
        return endpoint.read(octets_max) if octets_max else b""

    def send(self, bytes: Any, flags: int = 0, /) -> Awaitable[int]:  # noqa: A002
        """Send as many leading bytes as fit, at least one; how many.

        Raises: OSError: EPIPE, ECONNRESET, ETIMEDOUT, EBADF.
                trio.ClosedResourceError: closed meanwhile.
                trio.BusyResourceError: another task waits for the same.
        Cancel: nothing was sent.
        """
        _check_flags(flags)
        return self._waiting(lambda: self._write(bytes), self._lot_for_writing())

    def _write(self, data: Any) -> int | None:
        endpoint = self._endpoint
        if endpoint is None:
            raise os_error(errno.EPIPE)
        size = endpoint.write(data)
        if not size and len(data):
            endpoint.expect_room()
            return None
        return size

    def send_nowait(self, data: bytes) -> int:
        """Take as many leading bytes as fit; 0 if none do, or it is broken or closed."""
        endpoint = self._endpoint
        if endpoint is None or self._closed or not endpoint.can_write:
            return 0
        return endpoint.write(data)

    def in_flight(self) -> int:
        """How many of the bytes that were sent the other end has not acknowledged."""
        return 0 if self._endpoint is None else self._endpoint.in_flight

    def is_readable(self) -> bool:
        """Whether recv() or accept() would not wait."""
        if self._binding is not None and self._listening:
            return bool(self._binding.queue)
        return self._endpoint is None or self._endpoint.is_readable

    async def wait_writable(self) -> None:
        """Until send() would not wait.

        Raises: trio.ClosedResourceError: closed meanwhile.
                trio.BusyResourceError: another task waits for the same.
        Cancel: safe.
        """
        self._check_open()
        await self._waiting(self._writable_now, self._lot_for_writing())

    def _writable_now(self) -> bool | None:
        endpoint = self._endpoint
        if endpoint is None or endpoint.is_writable:
            return True
        endpoint.expect_room()
        return None

    def shutdown(self, flag: int) -> None:
        """Close one half, or both: the other end reads the end after all that was sent.

        Raises: OSError: ENOTCONN, EINVAL, EBADF.
        """
        self._check_open()
        if flag not in (kernel.SHUT_RD, kernel.SHUT_WR, kernel.SHUT_RDWR):
            raise os_error(errno.EINVAL)
        if self._binding is not None and self._listening:
            if flag != kernel.SHUT_WR:
                self._stack.unlisten(self._binding)
                self._wake(self._binding.readable)
        elif self._endpoint is None:
            raise os_error(errno.ENOTCONN)
        else:
            self._endpoint.shut(
                reading=flag != kernel.SHUT_WR, writing=flag != kernel.SHUT_RD
            )
        if flag != kernel.SHUT_RD:
            self._shut_for_writing = True

    def close(self) -> None:
        """Close it; tasks that wait for it get trio.ClosedResourceError."""
        if self._closed:
            return
        self._closed = True
        for lot in self._lots():
            self._wake(lot)
        self._let_go()

    def orphan(self) -> None:
        """Its program is dead: it is closed, and nobody is told."""
        if not self._closed:
            self._closed = True
            self._leave_waiters_behind()
            self._let_go()

    def _leave_waiters_behind(self) -> None:
        # The connection may outlive its program by minutes. Who waits for it then is a
        # task of a run that is no more, and the machine may have another one.
        holders = [self._endpoint, self._handshake]
        if self._handshake is not None:
            holders.append(self._handshake.endpoint)
        for holder in (*holders, self._binding):
            if holder is not None:
                holder.nobody_waits()

    def _let_go(self) -> None:
        stack = self._stack
        del stack.sockets[self.number]
        if self._handshake is not None:
            self._handshake.abandon()
            if self._handshake.endpoint is not None:
                self._handshake.endpoint.close()
        if self._endpoint is not None:
            self._endpoint.close()
        if self._binding is not None:
            stack.release(self._binding)

    # How tasks wait.

    async def _waiting(self, attempt: Callable[[], T | None], lot: Any) -> T:
        """Try until it works; as with trio's own sockets, an error is a checkpoint too."""
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            self._check_open()
            result = attempt()
        except OSError:
            await trio.lowlevel.cancel_shielded_checkpoint()
            raise
        if result is not None:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return result
        while True:
            if lot:
                raise trio.BusyResourceError("another task is already using this socket")
            await lot.park()
            self._check_not_closed_meanwhile()
            result = attempt()
            if result is not None:
                return result

    def _lot_for_reading(self) -> trio.lowlevel.ParkingLot:
        return self._readable_lot if self._endpoint is None else self._endpoint.readable

    def _lot_for_writing(self) -> trio.lowlevel.ParkingLot:
        return self._writable_lot if self._endpoint is None else self._endpoint.writable

    def _lots(self) -> list[trio.lowlevel.ParkingLot]:
        lots = [self._readable_lot, self._writable_lot]
        if self._endpoint is not None:
            lots += [self._endpoint.readable, self._endpoint.writable]
        if self._binding is not None:
            lots.append(self._binding.readable)
        if self._handshake is not None:
            lots.append(self._handshake.lot)
        return lots

    def _wake(self, lot: trio.lowlevel.ParkingLot) -> None:
        if lot:
            self._stack.host.wake(lot)

    def _check_open(self) -> None:
        if self._closed:
            raise os_error(errno.EBADF)

    def _check_not_closed_meanwhile(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("another task closed this socket")

    def _resolve(self, address: Any, *, default: str) -> Address:
        if not isinstance(address, tuple) or len(address) != 2:
            raise ValueError("address should be a (host, port) tuple")
        name, port = address
        if not 0 <= port <= 0xFFFF:
            raise OverflowError("port must be 0-65535")
        return (self._lookup(name) if name else default), port


class Factory(trio.abc.SocketFactory):
    """Makes the sockets of one machine."""

    def __init__(self, stack: Stack, lookup: Lookup) -> None:
        self._stack = stack
        self._lookup = lookup

    def socket(
        self,
        family: int = kernel.AF_INET,
        type: int = kernel.SOCK_STREAM,  # noqa: A002 - trio's name
        proto: int = 0,
    ) -> VirtualSocket:
        """One more socket.

        Raises: OSError: EAFNOSUPPORT (only IPv4 is modelled: trio goes on without the
                rest), ESOCKTNOSUPPORT (only TCP is), EMFILE (the program has too many).
        """
        if family != kernel.AF_INET:
            raise OSError(errno.EAFNOSUPPORT, "the virtual network has IPv4 only")
        if type != kernel.SOCK_STREAM or proto not in (0, kernel.IPPROTO_TCP):
            raise OSError(errno.ESOCKTNOSUPPORT, "the virtual network has TCP only")
        return VirtualSocket(self._stack, self._lookup)


def _check_flags(flags: int) -> None:
    if flags & ~_ALLOWED_FLAGS:
        raise OSError(errno.EOPNOTSUPP, f"flags {flags} aren't modelled")
