"""A whole chat at a terminal that takes 100 kB a second, while much more is said."""

import re

import trio

from tests.ui.harness import EmulatedTerminal, Scene, bridged, entry, open_scene
from trio_chat.client.events import Entry
from trio_chat.ui.printer import BEHIND_S, PATIENCE_S

CHARS_PER_S = 100_000
TICK_S = 0.002
WORDS = "said to be read, or not"


class SlowTerminal(EmulatedTerminal):
    """Shows what is written as slowly as it comes through a line."""

    def __init__(self) -> None:
        super().__init__()
        self._on_the_way = ""
        self.most_on_the_way = 0

    def write(self, data: str) -> None:
        self._on_the_way += data
        self.most_on_the_way = max(self.most_on_the_way, len(self._on_the_way))

    async def run(self) -> None:
        """Show what comes."""
        share = int(CHARS_PER_S * TICK_S)
        while True:
            shown, self._on_the_way = self._on_the_way[:share], self._on_the_way[share:]
            if shown:
                super().write(shown)
            await trio.sleep(TICK_S)


class Flood:
    """People who talk without end; each line has its number."""

    def __init__(self, scene: Scene, lines_per_s: int) -> None:
        self.seq = 0
        self._scene = scene
        self._lines_per_s = lines_per_s

    async def run(self, seconds: float) -> None:
        until_s = trio.current_time() + seconds
        while trio.current_time() < until_s:
            self.say(self._lines_per_s // 100)
            await trio.sleep(0.01)

    def say(self, lines: int) -> None:
        texts = (f"{self.seq + line} {WORDS}" for line in range(1, lines + 1))
        self.tell(*texts)

    def tell(self, *texts: str, nick: str = "bob") -> None:
        for text in texts:
            self.seq += 1
            self._scene.client.tell(entry(self.seq, text, nick))


def told(rows: list[str]) -> list[int]:
    """Of each row about lines: its number, or below 0 how many are skipped."""
    found = []
    for row in rows:
        if line := re.search(rf"<bob> (\d+) {WORDS}", row):
            found.append(int(line[1]))
        elif notice := re.search(r"([\d,]+) lines? skipped: this terminal is slow", row):
            found.append(-int(notice[1].replace(",", "")))
    return found


@bridged
async def test_what_is_typed_is_close_behind_and_no_line_is_missing_untold() -> None:
    terminal = SlowTerminal()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(terminal.run)
        async with open_scene(terminal=terminal) as scene:
            await scene.go_online()
            flood = Flood(scene, 5_000)
            await flood.run(PATIENCE_S + BEHIND_S)
            terminal.most_on_the_way = 0
            scene.keys("half a li")
            await flood.run(3)
            assert terminal.most_on_the_way < 0.05 * CHARS_PER_S
            await scene.until_seen("> half a li")
            await flood.run(1)
            scene.keys("ne")
            await scene.until_seen("> half a line")
            flood.tell("the end")
            await scene.until_seen("<bob> the end")
            numbers = told(scene.terminal.all_rows)
            expected = numbers[0]  # what was before has left the scrollback
            for number in numbers:
                if number < 0:
                    expected -= number
                else:
                    assert number == expected
                    expected += 1
            assert expected == flood.seq
            rows = "\n".join(scene.terminal.all_rows)
            assert rows.count("skipped: this terminal is slower than the room") > 1
            assert rows.count("> half a line") == 1
        nursery.cancel_scope.cancel()


@bridged
async def test_what_is_for_oneself_is_never_skipped() -> None:
    terminal = SlowTerminal()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(terminal.run)
        async with open_scene(terminal=terminal) as scene:
            await scene.go_online()
            flood = Flood(scene, 5_000)
            await flood.run(PATIENCE_S)
            for number in range(10):
                await flood.run(0.2)
                flood.tell(f"call {number} for ada")
                flood.tell(f"my line {number}", nick="ada")
                scene.client.tell(direct(number + 1))
            flood.tell("the end")
            await scene.until_seen("<bob> the end")
            rows = "\n".join(scene.terminal.all_rows)
            assert re.findall(r"call (\d) for ada", rows) == list("0123456789")
            assert re.findall(r"my line (\d)", rows) == list("0123456789")
            assert re.findall(r"psst (\d+)", rows) == [str(n) for n in range(1, 11)]
            assert " skipped: " in rows
        nursery.cancel_scope.cancel()


def direct(seq: int) -> Entry:
    return Entry(room="@", seq=seq, nick="bob", text=f"psst {seq}", ts=0.0, to="ada")
