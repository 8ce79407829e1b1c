"""The standard streams, for a program that must live on while they are slow."""

import codecs
import io
from collections.abc import AsyncGenerator
from functools import partial
from typing import Final, Literal

import trio

from trio_chat.errors import TrioChatError
from trio_chat.protocol.messages import TEXT_BYTES_MAX
from trio_chat.sanitise import Drawn

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
_READ_BYTES: Final = 64 * 1024
_KEPT_CHARS_MAX: Final = TEXT_BYTES_MAX + 1
"""Of a line without end: enough to be refused as too long."""


class OutputError(TrioChatError):
    """Nobody takes what is printed."""


async def lines_of_stdin() -> AsyncGenerator[list[tuple[int, str]], None]:
    """Number and text of each line that is not empty, without its end; piece by piece.

    Shape:  a piece is what was there to be read. What is not UTF-8 comes out as text that
            can't be written as UTF-8 either.
    Cancel: what was begun of a line is lost.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    stdin = _raw(STDIN, "rb")
    kept, number, more = "", 0, True
    while more:
        data = await trio.to_thread.run_sync(
            stdin.read, _READ_BYTES, abandon_on_cancel=True
        )
        more = bool(data)
        *lines, kept = (kept + decoder.decode(data, final=not more)).split("\n")
        kept = kept[:_KEPT_CHARS_MAX]
        piece: list[tuple[int, str]] = []
        for line in lines if more else [*lines, kept]:
            number += 1
            if text := line.removesuffix("\r"):
                piece.append((number, text))
        if piece:
            yield piece


async def print_to(descriptor: int, text: Drawn) -> None:
    """Print on STDOUT or STDERR; returns when all is taken.

    Raises: OutputError: nobody takes it.
    Cancel: a part of it may be printed.
    """
    # In a thread: whoever reads us may be slow, and the link must live on.
    write = partial(_write, descriptor, text)
    try:
        await trio.to_thread.run_sync(write, abandon_on_cancel=True)
    except OSError as error:
        name = "standard output" if descriptor == STDOUT else "standard error"
        raise OutputError(f"{name} can't be written: {error.strerror}") from error


def _write(descriptor: int, text: Drawn) -> None:
    out = _raw(descriptor, "wb")
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        data = data[out.write(data) :]


def _raw(descriptor: int, mode: Literal["rb", "wb"]) -> io.RawIOBase:
    """A standard stream without Python's buffer around it.

    Shape:  the buffer has a lock, and a thread that is left behind in it would keep the
            interpreter from ending. On a Windows console this still speaks UTF-8, which
            the bare descriptor does not.
    """
    raw: io.RawIOBase = open(  # noqa: SIM115 (it is not ours to close)
        descriptor, mode, buffering=0, closefd=False
    )
    return raw
