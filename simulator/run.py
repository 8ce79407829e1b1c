"""Plays a story, and has the checkers judge what was written down."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import trio

from simulator.checkers import Checker, Finding, judge
from simulator.errors import StoryError
from simulator.history import History, Log
from simulator.recorder import Recorder
from simulator.scenarios import Scenario
from simulator.seeds import Seed
from simulator.world import Server, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A story that was played.

    Shape:  `trouble` says why it could not be played to its end, if so. `words` are the
            last lines that the server said.
    """

    scenario: str
    seed: Seed
    took_s: float
    history: History
    findings: tuple[tuple[Checker, Finding], ...]
    trouble: str | None = None
    words: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all went well; a finding that is unknown proves nothing."""
        return self.trouble is None and all(
            finding.answer == "ok" for _, finding in self.findings
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
    troubles: list[str] = []
    log: Log | None = None
    running: Server | None = None
    try:
        async with server as running:
            troubles += await _play(scenario, seed, running, recorder)
            took_s = recorder.now_s
            await running.stop()
            log = await running.log()
    except* StoryError as errors:
        troubles += _sentences(errors)
        took_s = recorder.now_s
    history = recorder.history(log)
    return Run(
        scenario=scenario.name,
        seed=seed,
        took_s=took_s,
        history=history,
        findings=judge(history),
        trouble="; ".join(dict.fromkeys(troubles)) or None,
        words=tuple(running.words()) if running is not None else (),
    )


async def _play(
    scenario: Scenario, seed: Seed, server: Server, recorder: Recorder
) -> list[str]:
    """The story, with its bots; what it could not go on for."""
    troubles: list[str] = []
    try:
        async with trio.open_nursery() as nursery:
            world = World(seed, server, recorder, nursery)
            await scenario.story(world)
            world.end()
    except* StoryError as errors:
        troubles += _sentences(errors)
    return troubles


def _sentences(errors: BaseExceptionGroup[BaseException]) -> list[str]:
    sentences: list[str] = []
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            sentences += _sentences(error)
        else:
            sentences.append(str(error))
    return sentences
