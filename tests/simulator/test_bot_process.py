"""A bot as a process: the same bot, but one that can be killed, and never stays behind."""

import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar, get_args, get_type_hints

import msgspec
import pytest
import trio

from simulator import history
from simulator.bots import Join, Pause, Say, Script, reader, talker
from simulator.bots.process import (
    COMMAND,
    EXIT_ALONE,
    BotProcess,
    decoded,
    encoded,
    open_bot_process,
    orders,
)
from simulator.bots.script import Step
from simulator.environment import child_environment
from simulator.errors import StoryError
from simulator.processes import ServerProcess, open_server_process
from simulator.proxy import open_proxy
from simulator.recorder import Recorder
from simulator.virtual.seeds import Seed
from trio_chat.addresses import Address
from trio_chat.protocol.messages import Kind

T = TypeVar("T")

PATIENCE_S: Final = 60.0
SEED: Final = Seed(7)
NOWHERE: Final = Address("127.0.0.1", 1)
ADA: Final = Script("ada", ("attic",), (Say("attic", ("one", "two")),))
SAMPLES: Final[dict[object, object]] = {
    float: 1.5,
    str: 'a "line",\nno\ttwo 🌧',
    int: 3,
    bool: True,
    tuple[str, ...]: ("ada", "zoë"),
    float | None: None,
    Kind: "edit",
}


def impostor(body: str) -> tuple[str, ...]:
    """A command that is started in place of the bot."""
    return sys.executable, "-c", textwrap.dedent(body)


@asynccontextmanager
async def open_theatre() -> AsyncIterator[tuple[ServerProcess, Address, Recorder]]:
    """A server that runs, and a recorder, for a test that may not take long."""
    with trio.fail_after(PATIENCE_S):
        async with open_server_process() as server:
            yield server, await server.start(), Recorder()


def sample(kind: type[T]) -> T:
    """One of these."""
    hints = {name: SAMPLES[hint] for name, hint in get_type_hints(kind).items()}
    made: T = kind(**hints)
    return made


def kept(recorder: Recorder, kind: type[history.Event]) -> list[Any]:
    """The records of a kind."""
    return [each for each in recorder.history().records if isinstance(each, kind)]


def runs(pid: int | None) -> bool:
    """Whether there is such a process."""
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- what goes through the pipes ---------------------------------------------------------


@pytest.mark.parametrize("kind", get_args(history.Record))
def test_every_record_comes_out_as_it_went_in(kind: type[history.Record]) -> None:
    """Also those that will be invented later."""
    record = sample(kind)
    line = encoded(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decoded(line) == record


@pytest.mark.parametrize("line", [b"", b"hello", b"[]", b'["Nobody",{}]', b'["Saw",{}]'])
def test_what_is_no_record_is_refused(line: bytes) -> None:
    """Somebody printed."""
    with pytest.raises(ValueError, match="is not a record"):
        decoded(line)


def test_a_script_comes_out_as_it_went_in() -> None:
    """Steps of all kinds, in their order."""
    steps = tuple(sample(kind) for kind in get_args(Step))
    script = Script("zoë", ("attic", "yard"), steps)
    told = orders(script, NOWHERE, SEED)
    line = msgspec.json.encode(told)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=type(told)).told() == script


# --- a life ------------------------------------------------------------------------------


@pytest.mark.processes
async def test_a_bot_process_does_what_its_script_says_and_tells_all() -> None:
    """The same records as from a bot in this process, with times of this run."""
    async with open_theatre() as (_, address, recorder):
        begun_s = recorder.now_s
        async with open_bot_process(ADA, address, recorder, seed=SEED):
            await recorder.until(lambda: len(kept(recorder, history.Saw)) == 2)
            await recorder.until(lambda: len(kept(recorder, history.Ok)) == 2)
            await recorder.until(lambda: bool(kept(recorder, history.Done)))
        assert [each.text for each in kept(recorder, history.Invoke)] == ["one", "two"]
        assert [each.seq for each in kept(recorder, history.Ok)] == [1, 2]
        times = [each.at_s for each in recorder.history().records]
        assert times == sorted(times)
        assert begun_s < times[0] <= times[-1] < recorder.now_s


@pytest.mark.processes
async def test_a_bot_that_may_go_home_ends_after_its_last_line() -> None:
    """And run() is over."""
    async with open_theatre() as (_, address, recorder):
        steps = (Pause(0.2), *ADA.steps, Join("yard"))
        bot = BotProcess(Script("ada", ("attic",), steps), recorder, SEED)
        bot.go_home()
        await bot.run(address)
        assert len(kept(recorder, history.Invoke)) == 2
        assert bot.pid is None


@pytest.mark.processes
async def test_after_a_kill_everything_is_known_that_the_bot_had_seen() -> None:
    """A line without an answer stays without one."""
    async with open_theatre() as (server, address, recorder):
        steps = (*ADA.steps, Pause(0.5), Say("attic", ("three",)))
        script = Script("ada", ("attic",), steps)
        async with open_bot_process(script, address, recorder, seed=SEED) as bot:
            await recorder.until(lambda: len(kept(recorder, history.Ok)) == 2)
            server.pause()
            await recorder.until(lambda: len(kept(recorder, history.Invoke)) == 3)
            pid = bot.pid
            assert runs(pid)
            await bot.kill()
            assert not runs(pid)
            assert [line.text for line in recorder.unsettled.values()] == ["three"]
            server.go_on()
        await server.stop()


@pytest.mark.processes
async def test_a_bot_can_be_killed_before_it_was_born() -> None:
    """However early, it does not live on."""
    with trio.fail_after(PATIENCE_S):
        async with open_bot_process(ADA, NOWHERE, Recorder(), seed=SEED) as bot:
            await bot.kill()
            assert bot.pid is None


@pytest.mark.processes
async def test_a_second_life_on_the_same_device_takes_the_place_of_the_first() -> None:
    """The server need not have noticed the death (P8)."""
    async with (
        open_theatre() as (_, address, recorder),
        open_proxy(lambda: address) as proxy,
    ):
        here = await proxy.listen("ada")
        bot = BotProcess(reader("ada", ["attic"]), recorder, SEED, device="d" * 32)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bot.run, here)
            await recorder.until(lambda: bool(kept(recorder, history.Opened)))
            proxy.stall("ada")
            await bot.kill()
        device = "d" * 32
        async with open_bot_process(ADA, address, recorder, seed=SEED, device=device):
            await recorder.until(partial(has_accepted, recorder, 2))


@pytest.mark.processes
async def test_a_later_life_gets_its_nick_when_it_is_free() -> None:
    """The other one's program is killed, and then the server knows that it is gone."""
    async with (
        open_theatre() as (_, address, recorder),
        open_bot_process(ADA, address, recorder, seed=SEED) as first,
    ):
        await recorder.until(partial(has_accepted, recorder, 2))
        quiet = reader("ada", ["attic"])
        async with open_bot_process(quiet, address, recorder, seed=Seed(8), life=2):
            await first.kill()
            await recorder.until(lambda: len(kept(recorder, history.Opened)) == 2)


@pytest.mark.processes
async def test_no_bot_is_left_when_the_block_is_cancelled() -> None:
    """Ctrl-C in the middle, a failed run, a bug: it is all the same."""
    async with open_theatre() as (_, address, recorder):
        pid = None
        with trio.CancelScope() as scope:
            async with open_bot_process(ADA, address, recorder, seed=SEED) as bot:
                await recorder.until(lambda: bool(kept(recorder, history.Done)))
                pid = bot.pid
                scope.cancel()
                await trio.sleep_forever()
        assert not runs(pid)


@pytest.mark.processes
def test_a_bot_ends_when_nobody_is_there_any_more() -> None:
    """Whoever started it was killed with -9, and could not end it."""
    line = msgspec.json.encode(orders(ADA, NOWHERE, SEED))
    for heard in (b"", line[:10], line + b"\n"):
        done = subprocess.run(
            COMMAND, input=heard, env=child_environment(), timeout=PATIENCE_S, check=False
        )
        assert done.returncode == EXIT_ALONE


# --- bad ends ----------------------------------------------------------------------------


@pytest.mark.processes
async def test_a_bot_that_the_server_does_not_want_ends_the_story() -> None:
    """With the server's reason, as from a bot in this process."""
    async with (
        open_theatre() as (_, address, recorder),
        open_bot_process(ADA, address, recorder, seed=SEED),
    ):
        await recorder.until(lambda: bool(kept(recorder, history.Done)))
        with pytest.raises(StoryError, match=r"^ada was refused: "):
            await BotProcess(ADA, recorder, Seed(8)).run(address)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import sys; sys.exit('out of memory')", "with 1: out of memory"),
        ("raise ZeroDivisionError('a bug')", "with 1: ZeroDivisionError: a bug"),
        ("pass", "with 0: no last words"),
        ("print('hello', flush=True)", "said: b'hello' is not a record"),
    ],
)
async def test_an_end_that_nobody_asked_for_ends_the_story(body: str, words: str) -> None:
    """Its last words are in the text."""
    with trio.fail_after(PATIENCE_S):
        bot = BotProcess(ADA, Recorder(), SEED, command=impostor(body))
        with pytest.raises(StoryError, match=r"^ada's program") as caught:
            await bot.run(NOWHERE)
    assert words in str(caught.value)


@pytest.mark.processes
async def test_a_record_that_was_cut_short_by_the_kill_is_none() -> None:
    """The one before it is."""
    body = """
        import os, signal
        os.write(1, b'["Linked",{"at_s":1.0,"bot":"ada"}]\\n["Cut",{"at_s":1.5,')
        signal.pause()
        """
    with trio.fail_after(PATIENCE_S):
        recorder = Recorder()
        bot = open_bot_process(ADA, NOWHERE, recorder, seed=SEED, command=impostor(body))
        async with bot as killed:
            await recorder.until(lambda: bool(recorder.online))
            await killed.kill()
        assert [type(each) for each in recorder.history().records] == [history.Linked]


# --- all together ------------------------------------------------------------------------


LINES: Final = 30


def chatter(nick: str) -> Script:
    """One of several who talk all at once."""
    return talker(SEED.stream("script", nick), nick, ["attic"], lines=LINES, pause_s=0.02)


@pytest.mark.processes
async def test_nothing_is_lost_when_the_network_breaks_again_and_again() -> None:
    """Three processes, a server, and a proxy that ends links in the middle of bytes."""
    chance = SEED.stream("cuts")
    bots: dict[str, BotProcess] = {}
    async with (
        open_theatre() as (_, address, recorder),
        open_proxy(lambda: address, rng=chance) as proxy,
        trio.open_nursery() as nursery,
    ):
        for nick in ("ada", "ben", "cyd"):
            bots[nick] = BotProcess(chatter(nick), recorder, SEED)
            nursery.start_soon(bots[nick].run, await proxy.listen(nick))
            proxy.chop(nick, 50)
        for lines in (5, 20, 40, 60):
            await recorder.until(partial(has_accepted, recorder, lines))
            proxy.limit(chance.choice(list(bots)), chance.randint(1, 300), "up")
            proxy.cut(chance.choice(list(bots)))
        await recorder.until(lambda: len(kept(recorder, history.Saw)) == 9 * LINES)
        for bot in bots.values():
            bot.go_home()
    assert kept(recorder, history.Cut)
    for nick in bots:
        saw = [each for each in kept(recorder, history.Saw) if each.bot == nick]
        assert [each.seq for each in saw] == list(range(1, 3 * LINES + 1))
        for author in bots:
            said = [each.text for each in saw if each.nick == author]
            assert said == texts(chatter(author))


def texts(script: Script) -> list[str]:
    """All that it says, in its order."""
    says = (step for step in script.steps if isinstance(step, Say))
    return [text for say in says for text in say.texts]


def has_accepted(recorder: Recorder, lines: int) -> bool:
    """Whether the server has accepted so many lines."""
    return recorder.counts[history.Ok] >= lines
