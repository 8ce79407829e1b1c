"""A slow terminal is given less at a time, and nothing is lost."""

import trio
import trio.testing

from trio_chat.sanitise import Drawn
from trio_chat.ui.printer import FIRST_PIECE_CHARS, PIECE_CHARS, Printer


class SlowTerminal:
    """Swallows so many characters a second, and blocks meanwhile."""

    def __init__(self, clock: trio.testing.MockClock, chars_per_s: float) -> None:
        self.pieces: list[str] = []
        self.there = True
        self._clock = clock
        self._chars_per_s = chars_per_s

    def print_above(self, text: str) -> bool:
        if self.there:
            self.pieces.append(text)
            self._clock.jump(len(text) / self._chars_per_s)
        return self.there


LINES = [Drawn(f"line {number}\r\n") for number in range(5_000)]


async def test_all_lines_are_printed_in_order_and_small_pieces_on_a_slow_terminal(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = SlowTerminal(autojump_clock, chars_per_s=30_000)
    printer = Printer(terminal.print_above)
    nursery.start_soon(printer.run)
    printer.put(LINES)
    await printer.drained()
    assert "".join(terminal.pieces) == "".join(LINES)
    assert len(terminal.pieces[0]) < FIRST_PIECE_CHARS + 20
    assert all(len(piece) < PIECE_CHARS[0] + 20 for piece in terminal.pieces[1:])
    printing_s = len("".join(LINES)) / 30_000
    assert trio.current_time() >= 2.9 * printing_s  # two thirds are left for typing


async def test_a_fast_terminal_gets_more_and_more_at_once(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = SlowTerminal(autojump_clock, chars_per_s=1e9)
    printer = Printer(terminal.print_above)
    nursery.start_soon(printer.run)
    printer.put(LINES[:1_000])
    await printer.drained()
    assert len(terminal.pieces) == 2
    assert "".join(terminal.pieces) == "".join(LINES[:1_000])


async def test_what_can_not_be_printed_now_is_printed_later(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    terminal = SlowTerminal(autojump_clock, chars_per_s=1e9)
    terminal.there = False
    printer = Printer(terminal.print_above)
    nursery.start_soon(printer.run)
    printer.put([Drawn("later\r\n")])
    await trio.sleep(1)
    terminal.there = True
    await printer.drained()
    assert terminal.pieces == ["later\r\n"]
