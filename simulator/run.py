"""Plays a story, and has the checkers judge what was written down."""

import traceback
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

import trio

from simulator.checkers import Checker, Finding, judge
from simulator.errors import StoryError
from simulator.history import History, Log
from simulator.recorder import Recorder
from simulator.scenarios import Scenario
from simulator.virtual.seeds import Seed
from simulator.world import Server, World

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
    """

    scenario: str
    seed: Seed
    took_s: float
    history: History
    findings: tuple[tuple[Checker, Finding], ...]
    troubles: tuple[Trouble, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all went well, as far as it has to by now."""
        return not self.troubles and all(
            checker.accepts(finding) for checker, finding in self.findings
        )


async def run(
    scenario: Scenario,
    seed: Seed,
    server: AbstractAsyncContextManager[Server],
    recorder: Recorder,
) -> Run:
    """Play the story to its end, or until it can't go on, and judge it.

    Shape:  whoever gave the recorder can watch it meanwhile.
    Cancel: ends the bots and the server.
    """
    troubles: list[Trouble] = []
    log: Log | None = None
    running: Server | None = None
    took_s: float | None = None
    try:
        async with server as running:
            troubles += await _play(scenario, seed, running, recorder)
            took_s = recorder.now_s
            await running.stop()
            log = await running.log()
    except* StoryError as errors:
        troubles += _troubles(errors)
    history = recorder.history(log)
    return Run(
        scenario=scenario.name,
        seed=seed,
        took_s=recorder.now_s if took_s is None else took_s,
        history=history,
        findings=judge(history),
        troubles=tuple(troubles[:_TROUBLES_MAX]),
        words=tuple(running.words()) if running is not None else (),
    )


async def _play(
    scenario: Scenario, seed: Seed, server: Server, recorder: Recorder
) -> list[Trouble]:
    """The story, with its bots; what it could not go on for."""
    troubles: list[Trouble] = []
    try:
        async with trio.open_nursery() as nursery:
            world = World(seed, server, recorder, nursery)
            await scenario.story(world)
            world.end()
    except* Exception as errors:  # noqa: BLE001 (see below)
        # Also a bug in what the bots are made of is a failure of this seed.
        troubles += _troubles(errors)
    return troubles


def _troubles(errors: BaseExceptionGroup[BaseException]) -> list[Trouble]:
    troubles: list[Trouble] = []
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            troubles += _troubles(error)
        elif isinstance(error, StoryError):
            troubles.append(Trouble(str(error)))
        else:
            lines = "".join(traceback.format_exception(error)).splitlines()
            reason = f"a bot met a bug: {type(error).__name__}: {error}"
            troubles.append(Trouble(reason, tuple(lines)))
    return troubles
