"""Plays a story, and has the checkers judge what was written down."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import IO, Final

import trio

from simulator import virtual
from simulator.checkers import Checker, Finding, judge
from simulator.errors import StoryError
from simulator.history import History, Log
from simulator.process_stage import OpenServer, open_process_stage
from simulator.processes import open_server_process
from simulator.recorder import Recorder
from simulator.scenarios import Scenario
from simulator.stage import Stage
from simulator.virtual.seeds import Seed
from simulator.virtual_stage import VirtualStage
from simulator.world import World

_TROUBLES_MAX: Final = 3
"""One reason for all is enough, when a whole cast has the same."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a story could not be played to its end.

    Shape:  `traceback` is empty, unless a bot met a bug and fell over.
    """

    reason: str
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A story that was played.

    Shape:  `words` are the last lines that the server said.
    Units:  `took_s`: by the clock of whoever played it. `tick_s`: see virtual.Timeline;
            None where time is real.
    """

    scenario: str
    seed: Seed
    took_s: float
    history: History
    findings: tuple[tuple[Checker, Finding], ...]
    troubles: tuple[Trouble, ...] = ()
    words: tuple[str, ...] = ()
    digest: str = ""
    """Of the trace, where there is one."""
    tick_s: float | None = None

    @property
    def failures(self) -> tuple[str, ...]:
        """The names of the checkers that this run does not pass."""
        return tuple(
            checker.name
            for checker, finding in self.findings
            if not checker.accepts(finding)
        )

    @property
    def passed(self) -> bool:
        """Whether all went well, as far as it has to by now."""
        return not self.troubles and not self.failures


async def run(scenario: Scenario, seed: Seed, stage: Stage, recorder: Recorder) -> Run:
    """Play the story on this stage to its end, or until it can't go on, and judge it.

    Shape:  whoever gave the recorder can watch it meanwhile.
    Cancel: leaves the stage as it is, for whoever opened it to clear.
    """
    troubles: list[Trouble] = []
    log: Log | None = None
    took_s: float | None = None
    try:
        world = World(seed, stage, recorder)
        await scenario.story(world)
        await world.rest(stage.rest_s)
        await world.end()
        await trio.sleep(stage.rest_s)
        world.count()
        took_s = recorder.now_s
        await stage.stop_server()
        log = await stage.log()
    except Exception as error:  # noqa: BLE001 (a bug in a bot is a failure of this seed)
        troubles += troubles_of(error)
    if took_s is None:
        took_s = recorder.now_s
    return judged(scenario, seed, recorder.history(log), troubles, took_s, stage.words())


async def run_with_processes(
    scenario: Scenario,
    seed: Seed,
    recorder: Recorder,
    open_server: OpenServer = open_server_process,
) -> Run:
    """Play the story with a real server and real people, and judge it.

    Shape:  whoever gave the recorder can watch it meanwhile. A process that ends without
            having been asked to is a trouble of this run.
    Cancel: ends all processes first.
    """
    words: list[str] = []
    try:
        async with open_process_stage(seed, recorder, open_server) as stage:
            try:
                return await run(scenario, seed, stage, recorder)
            finally:
                words += stage.words()
    except (StoryError, ExceptionGroup) as error:
        troubles, took_s = troubles_of(error), recorder.now_s
        return judged(scenario, seed, recorder.history(), troubles, took_s, words)


def run_in_world(
    scenario: Scenario,
    seed: Seed,
    *,
    tick_s: float | None = None,
    trace_to: IO[bytes] | None = None,
    digested: bool = False,
    watched: bool = False,
) -> Run:
    """Play the story in a virtual world of its own, and judge it.

    Shape:  see virtual.run() for `tick_s`, `trace_to`, `digested` and `watched`.
    Raises: UnavailableError: the story needs a disk, and this Python's sqlite3 can't be
            given one. KeyboardInterrupt.
    """
    kept: list[tuple[Recorder, VirtualStage]] = []

    async def story(world: virtual.World) -> Run:
        recorder = Recorder(lambda: world.now_s, world.waker())
        stage = VirtualStage(
            world, recorder, on_disk=scenario.on_disk, limits=scenario.limits
        )
        kept.append((recorder, stage))
        try:
            return await run(scenario, seed, stage, recorder)
        finally:
            recorder.close()

    played: Run
    try:
        report = virtual.run(
            story,
            seed=seed.number,
            tick_s=tick_s,
            trace_to=trace_to,
            digested=digested,
            watched=watched,
        )
    except virtual.UnavailableError:
        raise
    except Exception as error:
        # Whatever went wrong in a world is a failure of this seed, and can be repeated.
        if not kept:
            raise
        recorder, stage = kept[0]
        played = judged(
            scenario,
            seed,
            recorder.history(),
            troubles_of(error),
            recorder.now_s,
            stage.words(),
        )
        return replace(played, tick_s=stage.world.tick_s)
    played = report.value
    return replace(played, digest=report.digest, tick_s=report.tick_s)


def judged(
    scenario: Scenario,
    seed: Seed,
    history: History,
    troubles: Sequence[Trouble],
    took_s: float,
    words: Sequence[str],
) -> Run:
    """What was played, with what the checkers find in it."""
    return Run(
        scenario=scenario.name,
        seed=seed,
        took_s=took_s,
        history=history,
        findings=judge(history),
        troubles=tuple(troubles[:_TROUBLES_MAX]),
        words=tuple(words),
    )


def troubles_of(error: BaseException) -> list[Trouble]:
    """Why it could not go on: each thing that went wrong, as a sentence."""
    if isinstance(error, BaseExceptionGroup):
        return [each for inner in error.exceptions for each in troubles_of(inner)]
    if isinstance(error, StoryError):
        return [Trouble(str(error))]
    if isinstance(error, virtual.NodeError) and error.__cause__ is not None:
        return troubles_of(error.__cause__)
    if isinstance(error, virtual.SimulationError):
        first, *lines = str(error).splitlines()
        return [Trouble(first, tuple(lines))]
    lines = "".join(traceback.format_exception(error)).splitlines()
    return [Trouble(f"a bot met a bug: {type(error).__name__}: {error}", tuple(lines))]
