"""Addresses as people write them, and what went wrong with one, in a sentence."""

import errno
import socket
from dataclasses import dataclass
from typing import Final

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8765
DEFAULT_ROOM: Final = "lobby"


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """HOST, HOST:PORT, [IPv6]:PORT, IPv6 or :PORT as an Address.

    Raises: ValueError: the sentence says what is wrong.
    """
    host, port = _split(text.strip())
    if any(char.isspace() or char in "/@[]" for char in host):
        raise ValueError(f"{text!r} is not HOST or HOST:PORT")
    return Address(host or DEFAULT_HOST, parse_port(port) if port else DEFAULT_PORT)


def parse_listen_address(text: str) -> Address:
    """HOST:PORT, [IPv6]:PORT or :PORT as an Address to listen at; port 0 is any free one.

    Raises: ValueError: the sentence says what is wrong.
    """
    host, port = _split(text.strip())
    if not port or any(char.isspace() or char in "/@[]" for char in host):
        raise ValueError(f"{text[:64]!r} is not HOST:PORT, such as 127.0.0.1:9100")
    return Address(host or DEFAULT_HOST, parse_port(port, lowest=0))


def parse_port(text: str, *, lowest: int = 1) -> int:
    """A TCP port from `lowest` to 65535.

    Raises: ValueError: the sentence says what is allowed.
    """
    # The length first: Python makes no number of thousands of digits, and says so itself.
    number = text if text.isascii() and text.isdigit() and len(text) <= 5 else "-1"
    if not lowest <= int(number) <= 65535:
        raise ValueError(f"{text[:32]!r} is not a port ({lowest} to 65535)")
    return int(number)


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not [IPv6] or [IPv6]:PORT")
        return host, rest[1:]
    if text.count(":") > 1:
        return text, ""
    host, _, port = text.partition(":")
    return host, port


_CONNECT: Final = {
    errno.ECONNREFUSED: "connection refused by {address}",
    errno.ETIMEDOUT: "no answer from {address}",
    errno.EHOSTUNREACH: "no way to {address} (host unreachable)",
    errno.ENETUNREACH: "no way to {address} (network unreachable)",
    errno.ECONNRESET: "connection reset by {address}",
    errno.EADDRNOTAVAIL: "no address here can reach {address}",
}
_LISTEN: Final = {
    errno.EADDRINUSE: "{address} is in use by another program: stop that one, or choose"
    " another port with {port_flag} (0 picks a free one)",
    errno.EADDRNOTAVAIL: "{address} is not an address of this machine: {host_flag} takes"
    " one of its own, such as 127.0.0.1, or 0.0.0.0 for all",
    errno.EACCES: "{address} is not allowed: ports below 1024 need special rights, choose"
    " another one with {port_flag}",
    errno.EAFNOSUPPORT: "{address} is of a kind this machine has switched off",
}


def connect_trouble(error: OSError, address: Address) -> str:
    """Why a connection could not be made, in a sentence for people."""
    return _sentence(error, address, _CONNECT, "can't connect to {address}")


def listen_trouble(error: OSError, address: Address, flag: str = "") -> str:
    """Why a server can't listen, and what to do, in a sentence for people.

    Shape:  `flag` is the one that sets this address; empty: --host and --port do.
    """
    host_flag, port_flag = flag or "--host", flag or "--port"
    table = {
        number: words.replace("{host_flag}", host_flag).replace("{port_flag}", port_flag)
        for number, words in _LISTEN.items()
    }
    return _sentence(error, address, table, "can't listen on {address}")


def _sentence(
    error: OSError, address: Address, table: dict[int, str], otherwise: str
) -> str:
    if isinstance(error, socket.gaierror):
        return f"there is no host named {address.host!r}"
    known = _known(error, table)
    if known is not None:
        return table[known].format(address=address)
    return f"{otherwise.format(address=address)}: {error.strerror or error}"


def _known(error: BaseException | None, table: dict[int, str]) -> int | None:
    """The first errno in the table, in the error, its cause or what it groups."""
    if error is None:
        return None
    if isinstance(error, BaseExceptionGroup):
        inner = (_known(each, table) for each in error.exceptions)
        return next((code for code in inner if code is not None), None)
    if isinstance(error, OSError) and error.errno in table:
        return error.errno
    return _known(error.__cause__, table)
