"""A real server: a process of its own on a free port, with a data file of its own."""

import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import trio

from simulator.environment import child_environment
from simulator.errors import ServerError
from simulator.history import Log, Logged
from simulator.words import words
from trio_chat.addresses import Address, parse_address
from trio_chat.client.link import dial_tcp
from trio_chat.store import SqliteStore, open_sqlite_store

_READY_S: Final = 30.0
_STOP_S: Final = 20.0
_LAST_WORDS_S: Final = 1.0
"""A process that is gone has nothing more to say, unless it left children behind."""
_WORDS_MAX: Final = 200
"""Of what the server says, the last lines are kept; older ones are forgotten."""
_LINE_BYTES_MAX: Final = 64 * 1024
_READY: Final = "listening on "


@asynccontextmanager
async def open_server_process(
    command: Sequence[str] = (sys.executable, "-m", "trio_chat"),
    flags: Sequence[str] = (),
) -> AsyncIterator["ServerProcess"]:
    """A server that is not started yet; whatever happens, none runs after the block.

    Shape:  `command` is what `serve` is said to, with these flags besides, which come
            last. Settings of this machine's user do not reach it.
    Cancel: the process is ended first.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        async with trio.open_nursery() as nursery:
            server = ServerProcess(command, flags, Path(directory), nursery)
            try:
                yield server
            finally:
                with trio.CancelScope(shield=True):
                    await server.end()
            nursery.cancel_scope.cancel()


class ServerProcess:
    """A world's Server, as a process; get one from open_server_process()."""

    def __init__(
        self,
        command: Sequence[str],
        flags: Sequence[str],
        directory: Path,
        nursery: trio.Nursery,
    ) -> None:
        self.data = directory / "chat.db"
        """The file of its store."""
        self._command = command
        self._flags = flags
        self._config = directory / "empty.toml"
        self._config.touch()
        self._nursery = nursery
        self._port = 0
        self._process: trio.Process | None = None
        self._paused = False
        self._pumps: list[trio.Event] = []
        self._words: deque[str] = deque(maxlen=_WORDS_MAX)

    @property
    def pid(self) -> int | None:
        """Of the process that runs; None while none does."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> Address:
        """As Server.start."""
        assert self._process is None, "the server runs already"
        process = await trio.lowlevel.open_process(
            [*self._command, *self._arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
        )
        self._process = process
        ready = _Ready()
        assert process.stdout is not None
        assert process.stderr is not None
        self._pumps = [trio.Event(), trio.Event()]
        out, err = self._pumps
        self._nursery.start_soon(self._keep_words, process.stdout, out, ready)
        self._nursery.start_soon(self._keep_words, process.stderr, err)
        with trio.move_on_after(_READY_S):
            await ready.heard.wait()
        if ready.address is None:
            await self.end()
            raise ServerError("the server does not say where it listens")
        self._port = ready.address.port
        self._nursery.start_soon(self._watch, process)
        return ready.address

    async def dial(self, address: Address) -> trio.abc.Stream:
        """As Server.dial."""
        return await dial_tcp(address)

    async def kill(self) -> None:
        """As Server.kill."""
        process = self._given_up()
        if process is not None:
            await self._end(process)

    def pause(self) -> None:
        """SIGSTOP: it does nothing at all until go_on(), and the kernel keeps its links.

        Raises: ServerError: there are no signals here.
        """
        if sys.platform == "win32":
            raise ServerError("a process can't be paused where there are no signals")
        assert self._process is not None, "no server runs"
        self._process.send_signal(signal.SIGSTOP)
        self._paused = True

    def go_on(self) -> None:
        """SIGCONT, after a pause()."""
        if sys.platform != "win32" and self._paused and self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self._paused = False

    def resources(self) -> tuple[int | None, int | None]:
        """Its tasks and its sockets; None: that can't be seen from outside.

        Shape:  tasks never can; sockets where there is /proc, while it runs.
        """
        return None, _sockets(self._process.pid) if self._process is not None else None

    async def stop(self) -> None:
        """As Server.stop; one that is paused goes on first."""
        self.go_on()
        process = self._given_up()
        if process is None:
            return
        try:
            process.terminate()
            with trio.move_on_after(_STOP_S) as patience:
                code = await process.wait()
        finally:
            await self._end(process)
        if patience.cancelled_caught:
            raise ServerError(f"the server did not end within {_STOP_S:g} s")
        # Where there are no signals, to terminate is to kill.
        if code != 0 and os.name == "posix":
            raise ServerError(f"the server ended with {code}, not 0, when asked to end")

    async def end(self) -> None:
        """See that no process is left, without asking twice.

        Cancel: may have happened.
        """
        process = self._given_up()
        if process is not None:
            await self._end(process)

    async def log(self) -> Log | None:
        """As Server.log."""
        assert self._process is None, "the data file belongs to the server while it runs"
        async with open_sqlite_store(self.data) as store:
            return {
                room: await _entries(store, room, head)
                for room, head in (await store.heads()).items()
            }

    def words(self) -> list[str]:
        """As Server.words."""
        return list(self._words)

    def _arguments(self) -> list[str]:
        return [
            "serve",
            "--host=127.0.0.1",
            f"--port={self._port}",
            f"--data={self.data}",
            f"--config={self._config}",
            *self._flags,
        ]

    def _given_up(self) -> trio.Process | None:
        # From here on its end is no surprise to _watch().
        process, self._process = self._process, None
        self._paused = False
        return process

    async def _watch(self, process: trio.Process) -> None:
        code = await process.wait()
        if process is self._process:
            await self.end()
            raise ServerError(f"the server ended by itself, with {code}")

    async def _end(self, process: trio.Process) -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()
        with trio.move_on_after(_LAST_WORDS_S):
            for pump in self._pumps:
                await pump.wait()

    async def _keep_words(
        self,
        pipe: trio.abc.ReceiveStream,
        ended: trio.Event,
        ready: "_Ready | None" = None,
    ) -> None:
        try:
            async with pipe:
                await self._keep_lines(pipe, ready)
        finally:
            ended.set()
            if ready is not None:
                ready.heard.set()

    async def _keep_lines(
        self, pipe: trio.abc.ReceiveStream, ready: "_Ready | None"
    ) -> None:
        rest = b""
        async for data in pipe:
            *lines, rest = (rest + data)[-_LINE_BYTES_MAX:].split(b"\n")
            for line in lines:
                words = line.decode(errors="replace").rstrip("\r")
                self._words.append(words)
                if ready is not None and words.startswith(_READY):
                    ready.say(words)


class _Ready:
    def __init__(self) -> None:
        self.heard = trio.Event()
        self.address: Address | None = None

    def say(self, words: str) -> None:
        self.address = parse_address(words.removeprefix(_READY))
        self.heard.set()


async def _entries(store: SqliteStore, room: str, head: int) -> list[Logged]:
    entries = await store.read(room, after=0, through=head, limit=head)
    return [
        Logged(room, each.seq, each.nick, words(each.text, each.kind, each.ref))
        for each in entries
    ]


def _sockets(pid: int) -> int | None:
    count = 0
    try:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed while we look
                count += str(each.readlink()).startswith("socket:")
    except OSError:
        return None
    return count
