"""Plain clients as processes, life after life."""

import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from simulator.environment import child_environment
from tests.processes import CLI, environment
from tests.reliability.judge import Life
from trio_chat.addresses import Address

_AHEAD_LINES_MAX: Final = 40
"""So many lines may wait for a client to take them: a kill leaves those in doubt."""
_BURST_LINES_MAX: Final = 16
_PAUSE_S_MAX: Final = 0.15
_REBIRTH_S_MAX: Final = 0.5
_HISTORIES: Final = (0, 30, 100_000)
"""What a reader asks for in its later lives; in the first one it asks for all."""
_PADDINGS: Final = (0, 0, 0, 20, 300, 3_000)
"""Longer lines are cut in two by the network."""


class Bell:
    """Something was heard: whoever waits for it looks again."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake all."""
        self._rung.set()
        self._rung = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until this is so."""
        while not condition():
            await self._rung.wait()


class Person:
    """One nick on one machine: a process, and after a kill the next one.

    Shape:  run() is all its lives. What happened in them is in `lives`.
    """

    def __init__(
        self,
        nick: str,
        address: Address,
        rng: random.Random,
        bell: Bell,
        home: Path,
        *,
        command: Sequence[str] = CLI,
    ) -> None:
        self.nick = nick
        self.lives: list[Life] = []
        self.heard: Counter[str] = Counter()
        """How many events of each kind, in all lives."""
        self._address = address
        self._rng = rng
        self._bell = bell
        self._home = home
        self._command = command
        self._process: trio.Process | None = None
        self.done = False
        """Whether it was told that it may end."""
        self.over = False
        """Whether it has."""

    @property
    def life(self) -> Life:
        """The present one, or the last."""
        return self.lives[-1]

    @property
    def alive(self) -> bool:
        """Whether there is a process of it."""
        return self._process is not None

    async def run(self) -> None:
        """Live until a life ends that was not killed.

        Cancel: kills it.
        """
        while not self.lives or self.life.killed:
            if self.lives:
                await trio.sleep(self._rng.uniform(0, _REBIRTH_S_MAX))
            number = len(self.lives) + 1
            self.lives.append(Life(self.nick, number, listens=self._listens))
            await self._live(self.life)
        self.over = True
        self._bell.ring()

    async def kill(self) -> None:
        """kill -9, as soon as there is a process that was not killed."""
        await self._bell.until(lambda: self.alive and not self.life.killed)
        assert self._process is not None
        self.life.killed = True
        self._process.kill()

    def finish(self) -> None:
        """It may end, as soon as nothing is left to do."""
        self.done = True
        self._bell.ring()

    _listens = False

    def _flags(self) -> list[str]:
        return []

    async def _act(self, process: trio.Process, life: Life) -> None:
        """What it does, until finish() was called."""
        raise NotImplementedError

    async def _live(self, life: Life) -> None:
        flags = ["--nick", self.nick, *self._flags(), str(self._address)]
        process = await trio.lowlevel.open_process(
            [*self._command, "join", "--plain", "--json", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **environment(self._home),
                "PYTHONPATH": child_environment()["PYTHONPATH"],
            },
        )
        self._process = process
        self._bell.ring()
        try:
            await self._converse(process, life)
        finally:
            self._process = None
            with trio.CancelScope(shield=True):
                if process.returncode is None:  # nobody waits for it any more
                    life.killed = True
                    process.kill()
                life.code = await process.wait()
            self._bell.ring()

    async def _converse(self, process: trio.Process, life: Life) -> None:
        async with trio.open_nursery() as acting:
            acting.start_soon(self._act, process, life)
            async with trio.open_nursery() as hearing:
                hearing.start_soon(self._hear, process, life)
                hearing.start_soon(_keep_words, process, life)
            await process.wait()
            acting.cancel_scope.cancel()

    async def _hear(self, process: trio.Process, life: Life) -> None:
        assert process.stdout is not None
        rest = b""
        async for data in process.stdout:
            # What has no end of line at the end was being written when it was killed.
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                event = msgspec.json.decode(line)
                life.heard.append(event)
                self.heard[event["type"]] += 1
                self._note(event)
            self._bell.ring()

    def _note(self, event: dict[str, Any]) -> None:
        """It has heard this."""


class Writer(Person):
    """Says one line after the other, and ends once all were accepted.

    Shape:  a line that a life did not say it had taken is not said again by the next one:
            it may be there all the same. Nobody but the life that is gone knows.
    """

    _ahead = 0  # lines that this life was given and did not take yet

    async def _act(self, process: trio.Process, life: Life) -> None:
        assert process.stdin is not None
        self._ahead = 0
        async with process.stdin as stdin:
            with suppress(trio.BrokenResourceError):  # it was killed
                while not self.done:
                    lines = self._lines(life)
                    life.given += lines
                    self._ahead += len(lines)
                    await stdin.send_all("".join(f"{line}\n" for line in lines).encode())
                    await self._bell.until(lambda: self._ahead < _AHEAD_LINES_MAX)
                    await trio.sleep(self._rng.uniform(0, _PAUSE_S_MAX))

    def _lines(self, life: Life) -> list[str]:
        first = len(life.given) + 1
        return [
            f"{self.nick}.{life.number}.{first + count} ☃"
            + "x" * self._rng.choice(_PADDINGS)
            for count in range(self._rng.randint(1, _BURST_LINES_MAX))
        ]

    def _note(self, event: dict[str, Any]) -> None:
        # What an earlier life has left is told of first, and was not given to this one.
        own = f"{self.nick}.{self.life.number}."
        if event["type"] == "queued" and event["text"].startswith(own):
            self._ahead -= 1


class Reader(Person):
    """Hears all, and ends when it is told to."""

    _listens = True

    def _flags(self) -> list[str]:
        first = len(self.lives) == 1
        history = _HISTORIES[-1] if first else self._rng.choice(_HISTORIES)
        return ["--listen", "--history", str(history)]

    async def _act(self, process: trio.Process, life: Life) -> None:
        await self._bell.until(lambda: self.done)
        process.send_signal(signal.SIGTERM)


async def _keep_words(process: trio.Process, life: Life) -> None:
    assert process.stderr is not None
    said = b""
    async for data in process.stderr:
        said += data
    life.words += said.decode(errors="replace").splitlines()
