"""Addresses as people write them, and the sentences about what went wrong."""

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.addresses import (
    Address,
    connect_trouble,
    listen_trouble,
    parse_address,
    parse_listen_address,
    parse_port,
)

HERE = Address("127.0.0.1", 8765)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.org", "example.org", 8765),
        ("example.org:7000", "example.org", 7000),
        ("example.org:", "example.org", 8765),
        ("", "127.0.0.1", 8765),
        (":7000", "127.0.0.1", 7000),
        ("192.0.2.1:1", "192.0.2.1", 1),
        ("192.0.2.1:65535", "192.0.2.1", 65_535),
        ("::1", "::1", 8765),
        ("2001:db8::7", "2001:db8::7", 8765),
        ("[::1]", "::1", 8765),
        ("[::1]:7000", "::1", 7000),
        ("[fe80::1%eth0]:7000", "fe80::1%eth0", 7000),
        ("  example.org:7000\n", "example.org", 7000),
    ],
)
def test_what_people_write(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "example.org:port",
        "example.org:0",
        "example.org:65536",
        "example.org:-1",
        "example.org:+1",
        "example.org:1.5",
        "example.org:٣",
        "example.org:" + "9" * 5_000,
        "two words",
        "http://example.org",
        "ada@example.org",
        "[::1",
        "[::1]7000",
        "[::1]:x",
    ],
)
def test_what_is_no_address_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=" is not ") as raised:
        parse_address(text)
    assert len(str(raised.value)) < 80


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9100", Address("127.0.0.1", 9100)),
        ("[::1]:0", Address("::1", 0)),
        (":9100", Address("127.0.0.1", 9100)),
        ("localhost:9100", Address("localhost", 9100)),
    ],
)
def test_where_to_listen(text: str, address: Address) -> None:
    assert parse_listen_address(text) == address


@pytest.mark.parametrize(
    "text", ["9100", "127.0.0.1", "::1", "a b:1", "x:", "http://x:1", ""]
)
def test_where_to_listen_has_a_port(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not HOST:PORT, such as 127\.0\.0\.1:9100"):
        parse_listen_address(text)


def test_a_server_may_ask_for_any_port() -> None:
    assert parse_port("0", lowest=0) == 0
    with pytest.raises(ValueError, match="0 to 65535"):
        parse_port("65536", lowest=0)


@given(st.sampled_from(["a", "192.0.2.1", "::1", "fe80::1"]), st.integers(1, 65_535))
def test_what_is_shown_can_be_typed(host: str, port: int) -> None:
    assert parse_address(str(Address(host, port))) == Address(host, port)


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert address.host
    assert 1 <= address.port <= 65_535


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ECONNREFUSED, "x"), "connection refused by 127.0.0.1:8765"),
        (OSError(errno.ETIMEDOUT, "x"), "no answer from 127.0.0.1:8765"),
        (OSError(errno.EHOSTUNREACH, "x"), "(host unreachable)"),
        (OSError(errno.EPIPE, "Broken pipe"), "can't connect to 127.0.0.1:8765: Broken"),
        (OSError("no number"), "can't connect to 127.0.0.1:8765: no number"),
        (socket.gaierror(-2, "x"), "there is no host named '127.0.0.1'"),
    ],
)
def test_why_a_connection_failed(error: OSError, sentence: str) -> None:
    assert sentence in connect_trouble(error, HERE)


def test_the_reason_is_found_where_trio_puts_it() -> None:
    """trio tries every address of a host, and groups what it met with."""
    error = OSError("all attempts to connect failed")
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    error.__cause__ = ExceptionGroup("attempts", [OSError(errno.EPIPE, "x"), refused])
    assert connect_trouble(error, HERE) == "connection refused by 127.0.0.1:8765"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EADDRINUSE, "in use by another program"),
        (errno.EADDRNOTAVAIL, "not an address of this machine"),
        (errno.EACCES, "below 1024"),
        (errno.EAFNOSUPPORT, "switched off"),
    ],
)
def test_why_a_server_can_not_listen_and_what_to_do(number: int, words: str) -> None:
    sentence = listen_trouble(OSError(number, "x"), HERE)
    assert words in sentence
    assert "127.0.0.1:8765" in sentence
    assert "\n" not in sentence
    other = listen_trouble(OSError(number, "x"), HERE, "--metrics")
    assert words in other
    assert "--port" not in other
    assert "--host" not in other
