"""How the programs of a world find one another: names of machines, and addresses."""

import errno
import ipaddress
import os
import socket as kernel
from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeAlias

import trio

from simulator.virtual.tcp import Address

_LOCALHOST: Final = "127.0.0.1"
_EAI_ADDRFAMILY: Final = getattr(kernel, "EAI_ADDRFAMILY", kernel.EAI_FAMILY)

Found: TypeAlias = tuple[
    Literal[kernel.AddressFamily.AF_INET], kernel.SocketKind, int, str, Address
]
Answer: TypeAlias = (
    Found
    | tuple[
        Literal[kernel.AddressFamily.AF_INET6],
        kernel.SocketKind,
        int,
        str,
        tuple[str, int, int, int] | tuple[int, bytes],
    ]
)


class Directory(Protocol):
    """Who is called what."""

    def addresses_of(self, name: str) -> Sequence[str]:
        """All addresses of a name; none: nobody is called that."""

    def name_of(self, address: str) -> str | None:
        """What the machine with this address is called."""


def look_up(directory: Directory, name: str) -> list[str]:
    """The addresses of a name, or of an address.

    Raises: socket.gaierror: EAI_NONAME, nobody is called that.
    """
    if name.lower() == "localhost":
        return [_LOCALHOST]
    try:
        numeric = ipaddress.ip_address(name)
    except ValueError:
        found = list(directory.addresses_of(name))
        if not found:
            raise kernel.gaierror(kernel.EAI_NONAME, "Name or service not known") from None
        return found
    if numeric.version != 4:
        text = "Address family for hostname not supported"
        raise kernel.gaierror(_EAI_ADDRFAMILY, text)
    return [str(numeric)]


class Resolver(trio.abc.HostnameResolver):
    """Knows the machines of a world, and nothing of the real one."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - trio's name
        proto: int = 0,
        flags: int = 0,
    ) -> list[Answer]:
        """As the real one, for TCP over IPv4.

        Raises: socket.gaierror: EAI_NONAME, EAI_SERVICE (names of ports aren't
                modelled), EAI_SOCKTYPE (only TCP is).
        Cancel: safe.
        """
        await trio.lowlevel.checkpoint()
        number = _port(port)
        if type not in (0, kernel.SOCK_STREAM) or proto not in (0, kernel.IPPROTO_TCP):
            raise kernel.gaierror(kernel.EAI_SOCKTYPE, "the virtual network has TCP only")
        if family not in (kernel.AF_UNSPEC, kernel.AF_INET):
            raise kernel.gaierror(kernel.EAI_NONAME, "Name or service not known")
        name = host.decode("ascii") if isinstance(host, bytes) else host
        if name is None:
            passive = flags & kernel.AI_PASSIVE
            addresses = ["0.0.0.0" if passive else _LOCALHOST]  # noqa: S104
        else:
            addresses = look_up(self._directory, name)
        canonical = name if name and flags & kernel.AI_CANONNAME else ""
        return [
            (
                kernel.AddressFamily.AF_INET,
                kernel.SocketKind.SOCK_STREAM,
                kernel.IPPROTO_TCP,
                canonical if index == 0 else "",
                (address, number),
            )
            for index, address in enumerate(addresses)
        ]

    async def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int
    ) -> tuple[str, str]:
        """The name that belongs to an address; the address if none does.

        Raises: socket.gaierror: EAI_NONAME, NI_NAMEREQD was given and there is none.
        Cancel: safe.
        """
        await trio.lowlevel.checkpoint()
        address, port = sockaddr[:2]
        name = None
        if not flags & kernel.NI_NUMERICHOST:
            local = address == _LOCALHOST
            name = "localhost" if local else self._directory.name_of(address)
        if name is None and flags & kernel.NI_NAMEREQD:
            raise kernel.gaierror(kernel.EAI_NONAME, os.strerror(errno.ENOENT))
        return name or address, str(port)


def _port(port: bytes | str | int | None) -> int:
    try:
        return int(port or 0)
    except ValueError:
        text = "Servname not supported for ai_socktype"
        raise kernel.gaierror(kernel.EAI_SERVICE, text) from None
