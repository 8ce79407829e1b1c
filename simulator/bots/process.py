"""A bot as a process of its own, for a real kill -9: both sides of the pipes.

The process hears on its stdin who it is, and that it may go home; it says on its stdout
what goes into the history, a line of JSON each, and on its stderr why it can't go on.
Nothing waits in it to be written: when it is killed, all that it saw has been said.

Times are those of `time.perf_counter()`, as they are: on Linux, macOS and Windows alike
that clock counts from the start of the machine, not of the process, so that whoever reads
can subtract the start of the run. It is also the clock that trio has.
"""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_type_hints

import msgspec
import trio

from simulator.bots.bot import Bot
from simulator.bots.script import Script, Step
from simulator.environment import child_environment
from simulator.errors import StoryError
from simulator.history import Record
from simulator.recorder import Recorder
from simulator.virtual.seeds import Seed
from trio_chat.addresses import Address
from trio_chat.client.outbox_file import open_outbox
from trio_chat.errors import lone_exception

COMMAND: Final = (sys.executable, "-m", "simulator.bots.process")
"""What starts the process; main() is what it runs."""
EXIT_OK: Final = 0
EXIT_ALONE: Final = 1
"""Whoever started it is gone."""
EXIT_STORY: Final = 3
"""The story can't go on; the last line of stderr says why."""

_GO_HOME: Final = b"home\n"
_READ_BYTES: Final = 64 * 1024
_LINE_BYTES_MAX: Final = 1024 * 1024
_END_S: Final = 10.0
"""So long a process may take to end that has nothing more to say."""
_LAST_WORDS_S: Final = 1.0
_WORDS_MAX: Final = 200
_STDIN: Final = 0
_STDOUT: Final = 1
_STEPS: Final = {kind.__name__: kind for kind in get_args(Step)}
_RECORDS: Final = {kind.__name__: kind for kind in get_args(Record)}
_T = TypeVar("_T")


# --- what goes through the pipes ---------------------------------------------------------


class Orders(msgspec.Struct, frozen=True):
    """Who the bot is, and where it goes: the first line of its stdin."""

    script: dict[str, object]
    """All of it but the steps."""
    steps: list[tuple[str, msgspec.Raw]]
    """Each with the name of its kind."""
    address: Address
    seed: int
    device: str | None
    life: int
    last_n: int
    outbox: str | None
    """The file of its outbox."""

    def told(self) -> Script:
        """The script, as it was."""
        hints = get_type_hints(Script)
        fields: dict[str, Any] = {
            name: msgspec.convert(value, hints[name]) for name, value in self.script.items()
        }
        steps = tuple(_unpacked(step, _STEPS) for step in self.steps)
        return Script(**fields, steps=steps)


def orders(  # noqa: PLR0913 (one keyword, one thing a caller may want)
    script: Script,
    address: Address,
    seed: Seed,
    device: str | None = None,
    *,
    life: int = 1,
    last_n: int = 0,
    outbox: Path | None = None,
) -> Orders:
    """The orders for this script."""
    fields = msgspec.to_builtins(script)
    del fields["steps"]  # for msgspec has no unions of dataclasses
    steps = [_packed(step) for step in script.steps]
    file = str(outbox) if outbox is not None else None
    return Orders(fields, steps, address, seed.number, device, life, last_n, file)


def encoded(record: Record) -> bytes:
    """A record as a line."""
    return msgspec.json.encode(_packed(record)) + b"\n"


def decoded(line: bytes) -> Record:
    """The record of a line.

    Raises: ValueError: it is none.
    """
    try:
        packed = msgspec.json.decode(line, type=tuple[str, msgspec.Raw])
        record: Record = _unpacked(packed, _RECORDS)
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError(f"{line[:80]!r} is not a record") from error
    return record


def _packed(value: object) -> tuple[str, msgspec.Raw]:
    return type(value).__name__, msgspec.Raw(msgspec.json.encode(value))


def _unpacked(packed: tuple[str, msgspec.Raw], kinds: dict[str, type[_T]]) -> _T:
    name, fields = packed
    return msgspec.json.decode(fields, type=kinds[name])


# --- the process -------------------------------------------------------------------------


def main(_arguments: Sequence[str] | None = None) -> int:
    """Be the bot that stdin describes; the exit code.

    Shape:  ends when it was told to go home and has, or when stdin ends, for then nobody
            is there any more who could end it.
    """
    # Ctrl-C is meant for whoever plays the story; that one ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line, rest = _first_line()
    if not line:
        return EXIT_ALONE
    try:
        return trio.run(_live, msgspec.json.decode(line, type=Orders), rest)
    except StoryError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_STORY
    except BrokenPipeError:
        return EXIT_ALONE


class _Pipe:
    """A Book whose pages are read elsewhere."""

    @property
    def now_s(self) -> float:
        return time.perf_counter()

    def add(self, record: Record) -> None:
        # Not through a buffer: what is in the pipe outlives us.
        line = memoryview(encoded(record))
        while line:
            line = line[os.write(_STDOUT, line) :]


async def _live(told: Orders, heard: bytes) -> int:
    script = told.told()
    chance = Seed(told.seed).stream("client", script.nick)
    bot = Bot(
        script,
        _Pipe(),
        chance,
        told.device,
        life=told.life,
        last_n=told.last_n,
        open_outbox=partial(open_outbox, Path(told.outbox)) if told.outbox else None,
    )
    code = EXIT_ALONE
    with lone_exception():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_obey, bot, heard, nursery.cancel_scope)
            await bot.run(told.address)
            code = EXIT_OK
            nursery.cancel_scope.cancel()
    return code


async def _obey(bot: Bot, heard: bytes, life: trio.CancelScope) -> None:
    while True:
        if _GO_HOME in heard:
            bot.go_home()
        # A thread, for there are systems on which nothing can wait for a pipe.
        more = await trio.to_thread.run_sync(
            os.read, _STDIN, _READ_BYTES, abandon_on_cancel=True
        )
        if not more:
            life.cancel()
            return
        heard = heard[-len(_GO_HOME) :] + more


def _first_line() -> tuple[bytes, bytes]:
    heard = b""
    while b"\n" not in heard:
        more = os.read(_STDIN, _READ_BYTES)
        if not more:
            return b"", b""
        heard += more
    line, _, rest = heard.partition(b"\n")
    return line, rest


# --- whoever started it ------------------------------------------------------------------


@asynccontextmanager
async def open_bot_process(  # noqa: PLR0913 (one keyword, one thing a caller may want)
    script: Script,
    address: Address,
    recorder: Recorder,
    *,
    seed: Seed,
    device: str | None = None,
    life: int = 1,
    outbox: Path | None = None,
    command: Sequence[str] = COMMAND,
) -> AsyncIterator["BotProcess"]:
    """A bot that is on its way; whatever happens, it does not run after the block.

    Shape:  as BotProcess.
    Raises: StoryError out of the block: as BotProcess.run.
    Cancel: the process is ended first.
    """
    with lone_exception():
        async with trio.open_nursery() as nursery:
            bot = BotProcess(
                script, recorder, seed, device, life=life, outbox=outbox, command=command
            )
            nursery.start_soon(bot.run, address)
            yield bot
            nursery.cancel_scope.cancel()


class BotProcess:
    """A Bot that lives in a process of its own, once.

    Shape:  as Bot: run() is its life, and what it sees goes into the recorder, in its own
            order. Records of several processes may come a little later than they were
            made, so that of two bots the earlier one may come second; `at_s` knows.
            `device` and `life` are the Bot's; `outbox` is the file in which its lines
            wait, None: they are in memory. `command` is what is started.
    """

    def __init__(  # noqa: PLR0913 (one keyword, one thing a caller may want)
        self,
        script: Script,
        recorder: Recorder,
        seed: Seed,
        device: str | None = None,
        *,
        life: int = 1,
        outbox: Path | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.script = script
        self._recorder = recorder
        self._seed = seed
        self._device = device
        self._number = life
        self._outbox = outbox
        self._command = command
        self._begun_s = time.perf_counter() - recorder.now_s
        self._process: trio.Process | None = None
        self._life = trio.CancelScope()
        self._over = trio.Event()
        self._ended = trio.Event()
        self._killed = False
        self._words: deque[str] = deque(maxlen=_WORDS_MAX)

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    def words(self) -> list[str]:
        """The last lines of what it said on its stderr."""
        return list(self._words)

    async def run(self, address: Address) -> None:
        """Start it, and keep what it writes, until it has gone home or was killed.

        Raises: StoryError: it ended otherwise; the text holds its last words.
        Cancel: kills it.
        """
        try:
            with self._life:
                code = await self._live(address)
                if not (self._killed or (code == EXIT_OK and self._over.is_set())):
                    raise StoryError(self._why(code))
        finally:
            self._ended.set()

    def go_home(self) -> None:
        """Let it say goodbye and end, as soon as the script is done."""
        self._over.set()

    async def kill(self) -> None:
        """kill -9; all that it had written is in the recorder then.

        Cancel: may have happened.
        """
        self._killed = True
        if self._process is not None:
            self._process.kill()
        else:
            self._life.cancel()
        await self._ended.wait()

    async def ended(self) -> None:
        """Wait until it is over, however it ends.

        Cancel: atomic.
        """
        await self._ended.wait()

    async def _live(self, address: Address) -> int:
        process = await trio.lowlevel.open_process(
            list(self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
        )
        self._process = process
        try:
            with lone_exception():
                return await self._converse(process, address)
        finally:
            self._process = None
            with trio.CancelScope(shield=True):
                await _end(process)

    async def _converse(self, process: trio.Process, address: Address) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        told = orders(
            self.script,
            address,
            self._seed,
            self._device,
            life=self._number,
            last_n=self._recorder.last_n[self.script.nick],
            outbox=self._outbox,
        )
        async with trio.open_nursery() as speaking:
            speaking.start_soon(self._tell, process.stdin, told)
            async with trio.open_nursery() as hearing:
                hearing.start_soon(_each_line, process.stderr, self._keep_words)
                await _each_line(process.stdout, self._keep_record)
                with trio.move_on_after(_END_S):
                    await process.wait()
                code = await _end(process)
                # It has nothing more to say, unless it left children behind.
                hearing.cancel_scope.deadline = trio.current_time() + _LAST_WORDS_S
            speaking.cancel_scope.cancel()
        return code

    async def _tell(self, stdin: trio.abc.SendStream, told: Orders) -> None:
        async with stdin:
            with suppress(trio.BrokenResourceError):  # its end is noticed elsewhere
                await stdin.send_all(msgspec.json.encode(told) + b"\n")
                await self._over.wait()
                await stdin.send_all(_GO_HOME)
            # As long as this is open it knows that somebody is there.
            await trio.sleep_forever()

    def _keep_record(self, line: bytes) -> None:
        try:
            record = decoded(line)
        except ValueError as error:
            raise StoryError(f"{self.script.nick}'s program said: {error}") from None
        at_s = record.at_s - self._begun_s
        self._recorder.add(dataclasses.replace(record, at_s=at_s))

    def _keep_words(self, line: bytes) -> None:
        self._words.append(line.decode(errors="replace").rstrip())

    def _why(self, code: int) -> str:
        last = next((words for words in reversed(self._words) if words), "no last words")
        if code == EXIT_STORY:
            return last
        return f"{self.script.nick}'s program ended by itself, with {code}: {last}"


async def _each_line(pipe: trio.abc.ReceiveStream, keep: Callable[[bytes], None]) -> None:
    rest = b""
    async with pipe:
        async for data in pipe:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                keep(line)
            rest = rest[-_LINE_BYTES_MAX:]
    # What has no end of line was being written by somebody who was killed meanwhile.


async def _end(process: trio.Process) -> int:
    """See that it runs no more; its exit code."""
    if process.returncode is None:
        process.kill()
    return await process.wait()


if __name__ == "__main__":
    sys.exit(main())
