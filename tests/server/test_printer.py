"""Lines are printed by the batch, and nobody waits for whoever does not read them."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from trio_chat.sanitise import Drawn
from trio_chat.server.printer import Printer

PATIENCE_S = 30


class Slow(io.StringIO):
    """A terminal that takes its first line only when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        self.writes.append(text)
        return len(text)


@contextmanager
def printing(out: io.StringIO, lines_max: int = 1_000) -> Iterator[Printer]:
    printer = Printer(out, lines_max, lambda lines: Drawn(f"{lines} skipped"))
    yield printer
    printer.stop()


def test_what_comes_while_lines_are_written_is_one_write() -> None:
    out = Slow()
    with printing(out) as printer:
        printer.info(Drawn("first"))
        assert out.begun.wait(PATIENCE_S)
        for number in range(500):
            printer.info(Drawn(str(number)))
        out.go.set()
    assert out.writes == ["first\n", "".join(f"{number}\n" for number in range(500))]


def test_what_is_too_much_is_skipped_and_that_is_told() -> None:
    out = Slow()
    with printing(out, lines_max=3) as printer:
        printer.info(Drawn("first"))
        assert out.begun.wait(PATIENCE_S)
        for number in range(5):  # two of which have a place beside the first one
            printer.info(Drawn(str(number)))
        out.go.set()
        while printer._in_hand or printer._lines:
            pass
        printer.info(Drawn("last"))
    assert "".join(out.writes).split() == ["first", "0", "1", "3", "skipped", "last"]


def test_a_reader_that_is_gone_is_no_trouble() -> None:
    class Gone(io.StringIO):
        writes = 0

        def write(self, _text: str) -> int:
            self.writes += 1
            raise BrokenPipeError

    out = Gone()
    with printing(out) as printer:
        printer.info(Drawn("first"))
        while not out.writes:
            pass
        printer.info(Drawn("second"))
    assert out.writes == 2
