"""What the terminal answers is not typed, and who does nothing is asked nothing."""

from collections.abc import Sequence

import pytest
import trio
from prompt_toolkit.input import create_pipe_input

from tests.ui.harness import EmulatedTerminal, bridged, entry, open_scene
from trio_chat.ui.answers import ANSWER, QUESTION, listen_for_answers

PASTE = "\x1b[200~", "\x1b[201~"


@pytest.mark.parametrize(
    ("pieces", "answers", "typed"),
    [
        ([ANSWER], 1, ""),
        (["ab", ANSWER, "c"], 1, "abc"),
        ([ANSWER[:2], ANSWER[2:] + "x"], 1, "x"),
        ([f"a{ANSWER}{ANSWER}b"], 2, "ab"),
        ([f"{PASTE[0]}one {ANSWER}two{PASTE[1]}"], 1, "one two"),
        (["\x1b[0", "~"], 0, "\x1b[0~"),
    ],
)
def test_answers_are_taken_out_of_what_is_typed(
    pieces: Sequence[str], answers: int, typed: str
) -> None:
    heard = []
    with create_pipe_input() as source:
        listen_for_answers(source, lambda: heard.append(1))
        keys = []
        for piece in pieces:
            source.send_text(piece)
            keys += source.read_keys()
    assert len(heard) == answers
    assert "".join(key.data for key in keys) == typed


class DumbTerminal(EmulatedTerminal):
    """Answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def write(self, data: str) -> None:
        self.asked += data.count(QUESTION)
        super().write(data.replace(QUESTION, ""))


@bridged
async def test_a_terminal_that_never_answers_is_written_to_and_left_all_the_same() -> None:
    terminal = DumbTerminal()
    async with open_scene(terminal=terminal) as scene:
        await scene.go_online()
        scene.client.tell(*(entry(seq, f"n{seq}") for seq in range(1, 500)))
        await scene.until_seen("<bob> n499")
        assert terminal.asked == 1
        scene.keys("\x04")
        assert await scene.until_ended() == 0


class Steps(trio.abc.Instrument):
    """How often a task goes on."""

    count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


@bridged
async def test_whoever_does_nothing_costs_nothing() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        await trio.sleep(10)
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        await trio.sleep(3_600)
        trio.lowlevel.remove_instrument(steps)
        assert steps.count < 5
