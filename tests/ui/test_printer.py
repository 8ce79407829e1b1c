"""A slow terminal is given no more than it takes; what is too much is counted, not lost."""

from collections.abc import Sequence

import trio
import trio.testing

from tests.ui.harness import entry
from trio_chat.sanitise import Drawn
from trio_chat.ui.pace import ECHO_S, PIECE_CHARS
from trio_chat.ui.printer import BEHIND_S, CHARS_MAX, Printer
from trio_chat.ui.state import Line, Note, Said, Skipped
from trio_chat.ui.waiting import weight

SLOW, FAST = 100_000, 1e9
WORDS = "said to be read, or not, by whoever is there"


class Terminal:
    """Takes so many characters a second, and answers when it has taken them."""

    def __init__(
        self, nursery: trio.Nursery, clock: trio.testing.MockClock, chars_per_s: float
    ) -> None:
        self.lines: list[Line] = []
        self.pieces: list[int] = []
        self.questions = 0
        self.there = True
        self.answers = True
        self.held_chars = 16_000
        """So much is on the way to it, and who writes more has to wait."""
        self._clock = clock
        self._chars_per_s = chars_per_s
        self._taken_s = 0.0
        self.printer = Printer(self._draw, self._write)
        self._nursery = nursery
        nursery.start_soon(self.printer.run)

    @property
    def behind_s(self) -> float:
        """How long a key that is hit now is not seen."""
        return max(0.0, self._taken_s - trio.current_time())

    def _draw(self, lines: Sequence[Line]) -> list[Drawn]:
        self._drawn = lines
        return [Drawn("x" * weight(line)) for line in lines]

    def _write(self, text: Drawn, ask: bool) -> bool:
        if not self.there:
            return False
        self.lines += self._drawn
        self.pieces.append(len(text))
        self._taken_s = max(self._taken_s, trio.current_time())
        self._taken_s += len(text) / self._chars_per_s
        waits_s = self.behind_s - self.held_chars / self._chars_per_s
        if waits_s > 0:
            self._clock.jump(waits_s)
        self.questions += ask
        if ask and self.answers:
            self._nursery.start_soon(self._answer, self._taken_s)
        return True

    async def _answer(self, at_s: float) -> None:
        await trio.sleep_until(at_s)
        self.printer.answered()


def said(first: int, last: int, *, own: bool = False) -> list[Line]:
    return [Said(entry(seq, WORDS), own=own) for seq in range(first, last + 1)]


async def flood(terminal: Terminal, lines_per_s: int, seconds: float) -> list[float]:
    """So much is said, as long as there is space; how long keys would take meanwhile."""
    share, seq, behind_s = lines_per_s // 100, 0, []
    until_s = trio.current_time() + seconds
    while trio.current_time() < until_s:
        await terminal.printer.ready()
        terminal.printer.put(said(seq + 1, seq + share))
        seq += share
        await trio.sleep(0.01)
        behind_s.append(terminal.behind_s)
    return behind_s


def numbers(lines: Sequence[Line]) -> list[int]:
    """The seq of each line that was printed; below 0 if it was counted."""
    found: list[int] = []
    for line in lines:
        if isinstance(line, Skipped):
            assert line.through - line.after == line.lines
            found += range(-line.after - 1, -line.through - 1, -1)
        elif isinstance(line, Said):
            found.append(line.entry.seq)
    return found


def assert_whole(lines: Sequence[Line]) -> None:
    found = [abs(number) for number in numbers(lines)]
    assert found == list(range(1, len(found) + 1))


async def test_a_fast_terminal_gets_all_and_more_and_more_at_once(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, FAST)
    terminal.printer.put(said(1, 5_000))
    await terminal.printer.drained()
    assert numbers(terminal.lines) == list(range(1, 5_001))
    assert max(terminal.pieces) > PIECE_CHARS[1]
    assert len(terminal.pieces) < 20


async def test_a_burst_is_printed_whole_by_any_terminal(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    terminal.printer.put(said(1, 700))
    await terminal.printer.drained()
    assert numbers(terminal.lines) == list(range(1, 701))


async def test_on_a_slow_terminal_the_echo_is_never_far_behind(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    behind_s = await flood(terminal, 5_000, 20)
    assert max(behind_s) < 2 * ECHO_S
    assert sum(terminal.pieces) / 20 > SLOW / 2  # and it has something to do


async def test_no_more_than_a_piece_is_on_its_way_to_the_slowest_terminal(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW / 10)
    behind_s = await flood(terminal, 1_000, 20)
    assert max(behind_s) <= max(terminal.pieces) / (SLOW / 10)
    assert max(terminal.pieces) < 3 * PIECE_CHARS[0]


async def test_what_is_too_much_is_counted_and_the_newest_is_soon_seen(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    await flood(terminal, 5_000, 20)
    end_s = trio.current_time()
    await terminal.printer.drained()
    assert trio.current_time() - end_s < 1.5 * BEHIND_S
    assert_whole(terminal.lines)
    assert abs(numbers(terminal.lines)[-1]) > 0.99 * 5_000 * 20
    rows = sum(isinstance(line, Skipped) for line in terminal.lines)
    assert 5 < rows < 2 * 20  # not one for every line or two


async def test_ones_own_lines_are_printed_all(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    nursery.start_soon(flood, terminal, 5_000, 20)
    mine = said(1_000_001, 1_000_100, own=True)
    for line in mine:
        await trio.sleep(0.2)
        terminal.printer.put([line])
    await terminal.printer.drained()
    assert [line for line in terminal.lines if line in mine] == mine


async def test_what_is_never_skipped_waits_where_it_comes_from(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    put = 0
    with trio.move_on_after(20):
        while True:
            await terminal.printer.ready()
            terminal.printer.put(said(put + 1, put + 50, own=True))
            put += 50
            await trio.sleep(0.01)
    chars = (put - len(terminal.lines)) * weight(said(1, 1)[0])
    assert chars < 1.1 * BEHIND_S * SLOW
    await terminal.printer.drained()
    assert numbers(terminal.lines) == list(range(1, put + 1))


async def test_who_waits_for_a_line_does_not_wait_for_those_behind_it(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    nursery.start_soon(flood, terminal, 5_000, 20)
    await trio.sleep(10)
    terminal.printer.put([Note("here")])
    await terminal.printer.drained()
    assert Note("here") in terminal.lines
    assert trio.current_time() < 10 + 2 * BEHIND_S


async def test_a_terminal_that_answers_nothing_is_filled_once(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    terminal.answers = False
    behind_s = await flood(terminal, 5_000, 30)
    await terminal.printer.drained()
    assert_whole(terminal.lines)
    assert sum(each > 2.5 * ECHO_S for each in behind_s) < 100  # a second of thirty


async def test_a_terminal_that_answers_late_is_asked_again(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, SLOW)
    terminal.answers = False
    await flood(terminal, 5_000, 3)
    terminal.answers = True
    terminal.printer.answered()
    behind_s = await flood(terminal, 5_000, 10)
    assert max(behind_s[100:]) < 2 * ECHO_S


async def test_what_can_not_be_printed_now_is_printed_later(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """An editor has the terminal: that is no reason to skip anything."""
    terminal = Terminal(nursery, autojump_clock, FAST)
    await flood(terminal, 5_000, 2)
    terminal.there = False
    with trio.move_on_after(60):
        await flood(terminal, 5_000, 50)
        raise AssertionError("whoever is ahead of the printer has to wait")
    waiting = terminal.printer._chars
    assert CHARS_MAX < waiting < 1.1 * CHARS_MAX
    terminal.there = True
    await terminal.printer.drained()
    assert not any(isinstance(line, Skipped) for line in terminal.lines)


async def test_chat_at_a_common_pace_asks_nothing_twice(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = Terminal(nursery, autojump_clock, FAST)
    for seq in range(1, 9):
        terminal.printer.put(said(seq, seq))
        await trio.sleep(1)
    assert len(terminal.pieces) == 8
    assert terminal.questions == 1
