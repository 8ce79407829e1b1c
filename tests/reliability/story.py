"""The story: people write and read while everything around them, and they, are killed.

What is random comes from one seed, in streams: who is killed in which order, after how
many lines, what the weather is. Where in its work the kill meets a process is up to the
machine, so a seed makes a failure likely again, not certain.
"""

from collections import Counter
from pathlib import Path
from typing import Final

import trio

from simulator.errors import ServerError
from simulator.processes import ServerProcess, open_server_process
from simulator.proxy import open_proxy
from simulator.virtual.seeds import Seed
from tests.processes import CLI
from tests.reliability.judge import Life, faults
from tests.reliability.people import Reader, Writer
from tests.reliability.plan import Plan, Played
from tests.reliability.stage import Stage
from trio_chat.errors import StoreError, lone_exception

ROOM: Final = "lobby"
FRESH: Final = "zoe"
"""Who comes when all is over, and reads it from the first line on."""


async def play(plan: Plan, seed: Seed, home: Path) -> Played:
    """The story once, and what is wrong after it.

    Cancel: ends all processes first.
    """
    played = Played(seed)
    begun_s = trio.current_time()
    try:
        with lone_exception():
            async with open_server_process(plan.server) as server:
                try:
                    await _perform(plan, home, server, played)
                    await _judge(server, played)
                finally:
                    played.words = server.words()
    except ServerError as error:
        played.faults.append(str(error))
    played.counts["seconds"] = round(trio.current_time() - begun_s)
    return played


async def _perform(plan: Plan, home: Path, server: ServerProcess, played: Played) -> None:
    with trio.move_on_after(plan.patience_s) as patience:
        stage = Stage(plan, server, await server.start(), home, played)
        async with (
            open_proxy(stage.upstream, rng=played.seed.stream("proxy")) as proxy,
            trio.open_nursery() as nursery,
        ):
            for nick in plan.writers:
                stage.enter(nick, await proxy.listen(nick), Writer, nursery)
            for nick in plan.readers:
                stage.enter(nick, await proxy.listen(nick), Reader, nursery)
            await stage.storm(proxy)
            await stage.finish(plan.writers)
            stage.enter(FRESH, stage.address, Reader, nursery)
            await stage.until_all_read([*plan.readers, FRESH])
            await stage.finish([*plan.readers, FRESH])
        if not played.faults:
            await server.stop()
    if patience.cancelled_caught:
        played.faults += [f"not over after {plan.patience_s:g} s", *_left(played.lives)]
    await server.end()


async def _judge(server: ServerProcess, played: Played) -> None:
    played.faults += await _verified(server)
    try:
        room = (await server.log() or {}).get(ROOM, [])
    except StoreError as error:
        played.faults.append(str(error))
        return
    log = [(each.seq, (each.nick, each.text)) for each in room]
    played.faults += faults(log, played.lives)
    _count(played.counts, played.lives, len(log))


# --- what is said of it ------------------------------------------------------------------


async def _verified(server: ServerProcess) -> list[str]:
    """What `verify` says of the file, unless it is whole."""
    done = await trio.run_process(
        [*CLI, "verify", str(server.data)],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return [] if done.returncode == 0 else (done.stdout + done.stderr).decode().splitlines()


def _left(lives: dict[str, list[Life]]) -> list[str]:
    """Where everybody was who still lived."""
    return [
        f"{life}: {len(life.given)} lines given, {len(life.taken)} taken,"
        f" {sum(1 for _ in life.all('accepted'))} accepted, heard up to {life.cursor};"
        f" {life.words[-1:]}"
        for own in lives.values()
        for life in own[-1:]
        if life.killed or life.code != 0
    ]


def _count(counts: Counter[str], lives: dict[str, list[Life]], entries: int) -> None:
    all_lives = [life for own in lives.values() for life in own]
    given = sum(len(life.given) for life in all_lives)
    taken = sum(len(life.taken) for life in all_lives)
    counts["lines in the log"] = entries
    counts["lines given"] = given
    counts["lines that nobody said were taken"] = given - taken
    counts["lives of clients"] = len(all_lives)
    counts["links that were lost"] = sum(
        event["state"] == "offline" for life in all_lives for event in life.all("status")
    )
    counts["times that somebody was told that somebody left"] = sum(
        event["reason"] != "quit" for life in all_lives for event in life.all("left")
    )
