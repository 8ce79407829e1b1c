"""A server as a process: it starts, dies when told, and never stays behind."""

import os
import sys
import textwrap
from pathlib import Path

import pytest
import trio

from simulator.errors import ServerError
from simulator.processes import ServerProcess, open_server_process
from simulator.recorder import Recorder
from simulator.run import run_with_processes
from simulator.scenarios import SCENARIOS
from simulator.virtual.seeds import Seed
from trio_chat import open_client

pytestmark = pytest.mark.processes

PATIENCE_S = 30


def impostor(body: str) -> tuple[str, ...]:
    """A command that is started in place of the server."""
    return sys.executable, "-c", textwrap.dedent(body)


async def gone(server: ServerProcess, pid: int) -> bool:
    """Whether the process has ended, and was waited for."""
    await trio.lowlevel.checkpoint()
    assert server.pid is None
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_what_was_said_is_in_the_log_after_a_kill_and_a_restart() -> None:
    """The same data, the same address; the log is read when all has ended."""
    with trio.fail_after(PATIENCE_S):
        async with open_server_process() as server:
            address = await server.start()
            async with open_client(address, nick="ada") as ada:
                assert await ada.say("lobby", "before") == 1
                await server.kill()
                assert await server.start() == address
                assert await ada.say("lobby", "after") == 2
            await server.stop()
            log = await server.log()
    assert log is not None
    assert [entry.text for entry in log["lobby"]] == ["before", "after"]


async def test_no_process_is_left_when_the_block_is_cancelled() -> None:
    """Ctrl-C in the middle, a failed run, a bug: it is all the same."""
    with trio.fail_after(PATIENCE_S):
        with trio.CancelScope() as scope:
            async with open_server_process() as server:
                await server.start()
                pid = server.pid
                scope.cancel()
                await trio.sleep_forever()
    assert pid is not None
    assert await gone(server, pid)


async def test_a_server_that_does_not_start_is_an_error_with_its_last_words() -> None:
    """What it said on its way out is kept for whoever reads the verdict."""
    command = impostor("import sys; sys.exit('no disk here')")
    with trio.fail_after(PATIENCE_S):
        async with open_server_process(command) as server:
            with pytest.raises(ServerError, match="where it listens"):
                await server.start()
    assert server.words() == ["no disk here"]


async def test_a_server_that_ends_by_itself_fails_the_run() -> None:
    """Nobody waits for a server that is not there."""
    command = impostor(
        """
        import sys
        print("listening on 127.0.0.1:9", flush=True)
        sys.exit("out of memory")
        """
    )
    with trio.fail_after(PATIENCE_S):
        played = await run_with_processes(
            SCENARIOS["smoke"], Seed(1), Recorder(), lambda: open_server_process(command)
        )
    assert not played.passed
    assert played.troubles[0].reason == "the server ended by itself, with 1"
    assert "out of memory" in played.words


@pytest.mark.skipif(os.name != "posix", reason="there are no signals")
async def test_a_server_that_ends_badly_when_asked_to_end_is_an_error() -> None:
    """SIGTERM is answered with a drain and 0."""
    command = impostor(
        """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
        print("listening on 127.0.0.1:9", flush=True)
        signal.pause()
        """
    )
    with trio.fail_after(PATIENCE_S):
        async with open_server_process(command) as server:
            await server.start()
            with pytest.raises(ServerError, match="ended with 3"):
                await server.stop()


async def test_settings_of_the_user_do_not_reach_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable that would break it is not inherited."""
    monkeypatch.setenv("TRIO_CHAT_PORT", "not a port")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "trio_chat").mkdir()
    (tmp_path / "trio_chat" / "config.toml").write_text("this is not TOML")
    with trio.fail_after(PATIENCE_S):
        async with open_server_process() as server:
            await server.start()
            await server.stop()


@pytest.mark.skipif(os.name != "posix", reason="there are no signals")
async def test_a_paused_server_answers_when_it_goes_on() -> None:
    """Its links stay open meanwhile; and one that is paused can be stopped all the same."""
    with trio.fail_after(PATIENCE_S):
        async with open_server_process() as server:
            address = await server.start()
            async with open_client(address, nick="ada") as ada:
                await ada.join("lobby")
                server.pause()
                with trio.move_on_after(0.2) as silence:
                    await ada.say("lobby", "anybody?")
                assert silence.cancelled_caught
                server.go_on()
                assert await ada.say("lobby", "ah") == 2
            server.pause()
            await server.stop()


@pytest.mark.skipif(os.name != "posix", reason="there are no signals")
async def test_a_paused_server_can_be_killed() -> None:
    """And the next one is not paused."""
    with trio.fail_after(PATIENCE_S):
        async with open_server_process() as server:
            await server.start()
            server.pause()
            await server.kill()
            address = await server.start()
            async with open_client(address, nick="ada") as ada:
                assert await ada.say("lobby", "again") == 1


async def test_the_sockets_of_a_server_can_be_counted() -> None:
    """Where the system shows them."""
    with trio.fail_after(PATIENCE_S):
        async with open_server_process() as server:
            assert server.resources() == (None, None)
            address = await server.start()
            _, before = server.resources()
            async with open_client(address, nick="ada") as ada:
                await ada.join("lobby")
                tasks, sockets = server.resources()
    assert tasks is None
    if sys.platform == "linux":
        assert before is not None
        assert sockets == before + 1
