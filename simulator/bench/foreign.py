"""A server that is not ours: a process that says nothing of use, and listens some time."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

import trio

from simulator.bench.launch import launched
from simulator.bench.peers import Peer, version_in
from simulator.environment import child_environment
from simulator.errors import ServerError

HOST: Final = "127.0.0.1"

_READY_S: Final = 30.0
_RETRY_S: Final = 0.02


class Running(NamedTuple):
    """A server that listens."""

    host: str
    port: int
    pid: int


@asynccontextmanager
async def open_yardstick(
    module: str, _store: str, core: int | None
) -> AsyncIterator[Running]:
    """One of our yardsticks, as a process.

    Raises: ServerError: it does not start.
    Cancel: the process is ended first.
    """
    port = _free_port()
    command = (sys.executable, "-m", module, f"--port={port}")
    with tempfile.TemporaryFile() as words:
        async with _open_process(command, port, core, words) as running:
            yield running


@asynccontextmanager
async def open_peer(peer: Peer, _store: str, core: int | None) -> AsyncIterator[Running]:
    """A peer that is installed, as a process with a config of its own.

    Raises: ServerError: it does not start.
    Cancel: the process is ended first.
    """
    port = _free_port()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        tempfile.TemporaryFile() as words,
    ):
        config = Path(directory) / "config"
        config.write_text(peer.config.format(port=port, directory=directory), "utf-8")
        filled = (
            each.format(port=port, config=config, directory=directory)
            for each in peer.arguments
        )
        command = (_path(peer), *filled)
        async with _open_process(command, port, core, words) as running:
            yield running


async def version_of(peer: Peer) -> str:
    """What it says when asked; empty: it does not say.

    Cancel: no process is left.
    """
    ended = await trio.run_process(
        [_path(peer), *peer.ask_version],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return version_in((ended.stdout + ended.stderr).decode(errors="replace"))


def _path(peer: Peer) -> str:
    path = peer.path
    if path is None:
        raise ServerError(f"{peer.name} is not installed")
    return path


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


@asynccontextmanager
async def _open_process(
    command: Sequence[str], port: int, core: int | None, words: IO[bytes]
) -> AsyncIterator[Running]:
    process = await trio.lowlevel.open_process(
        launched(command, core),
        stdin=subprocess.DEVNULL,
        stdout=words,
        stderr=subprocess.STDOUT,
        env=child_environment(),
    )
    try:
        with trio.move_on_after(_READY_S) as patience:
            await _listening(process, port)
        if patience.cancelled_caught or process.returncode is not None:
            raise ServerError(f"{Path(command[0]).name} {_last_words(words)}")
        yield Running(HOST, port, process.pid)
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()


async def _listening(process: trio.Process, port: int) -> None:
    while process.poll() is None:
        with suppress(OSError):
            stream = await trio.open_tcp_stream(HOST, port)
            await stream.aclose()
            return
        await trio.sleep(_RETRY_S)


def _last_words(words: IO[bytes]) -> str:
    words.seek(0)
    lines = words.read().decode(errors="replace").strip().splitlines()
    return f"does not start: {lines[-1] if lines else 'it does not say why'}"
