"""A flood of calls is one notice, and a command is run once at a time, if it works."""

import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trio

from tests.ui.harness import COLUMNS, Scene, bridged, entry, open_scene
from trio_chat.client.events import Entry, Opened
from trio_chat.habits.notices import NoticeHabits, quiet_hours
from trio_chat.ui.focus import Focus
from trio_chat.ui.muted import Muted
from trio_chat.ui.notices import Ways
from trio_chat.ui.notifier import COMMAND_S, NOTICE_EVERY_S, Notifier, run_quietly
from trio_chat.ui.state import Room, View

VIEW = View("ada", "lobby", (Room("lobby"),))
BELL = NoticeHabits()
COMMAND = NoticeHabits(command=("tell", "{count}", "{text}"), bell=False)
GONE, BACK = "\x1b[O", "\x1b[I"


class Told:
    """A notifier, and what it did."""

    def __init__(
        self, habits: NoticeHabits, now: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.focus = Focus()
        self.focus.report(False)
        self.sent: list[tuple[float, str]] = []
        self.run: list[Sequence[str]] = []
        self.complaints: list[str] = []
        self.takes_s = 0.0
        self.code: int | OSError = 0
        self.seq = 0
        self.notifier = Notifier(
            habits,
            Ways("osc9"),
            self.focus,
            now,
            lambda text: self.sent.append((trio.current_time(), text)),
            self.complaints.append,
        )
        self.notifier.run_command = self._run

    def call(self, text: str) -> None:
        """Somebody says this to ada."""
        self.seq += 1
        self.notifier.hear(VIEW, entry(self.seq, f"ada {text}"))

    async def _run(self, command: Sequence[str]) -> int:
        self.run.append(command)
        await trio.sleep(self.takes_s)
        if isinstance(self.code, OSError):
            raise self.code
        return self.code


async def test_a_flood_of_calls_is_one_notice_and_then_one_more(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    told = Told(BELL)
    nursery.start_soon(told.notifier.run)
    began_s = trio.current_time()
    for number in range(1_000):
        told.call(str(number))
        await trio.sleep(0.001)
    await trio.sleep(10 * NOTICE_EVERY_S)
    (first_s, first), (then_s, then) = told.sent
    assert first_s == began_s
    assert "ada 0" in first
    assert then_s == pytest.approx(began_s + NOTICE_EVERY_S)
    assert "(999 new): ada 999" in then


async def test_who_looks_again_is_not_told_any_more(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    told = Told(BELL)
    nursery.start_soon(told.notifier.run)
    told.call("one")
    await trio.sleep(1)
    told.call("two")
    assert told.notifier.title(VIEW) == "(2) #lobby - trio_chat"
    told.focus.report(True)
    assert told.notifier.title(VIEW) == "#lobby - trio_chat"
    await trio.sleep(10 * NOTICE_EVERY_S)
    assert len(told.sent) == 1


async def test_what_was_said_before_one_came_is_no_news(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    told = Told(BELL)
    nursery.start_soon(told.notifier.run)
    told.notifier.hear(VIEW, Opened("lobby", 0, 3))
    for _ in range(3):
        told.call("old")
    await trio.sleep(NOTICE_EVERY_S)
    assert not told.sent
    told.notifier.hear(VIEW, Opened("lobby", 3, 9))  # after a loss: that is news
    told.call("new")
    await trio.sleep(NOTICE_EVERY_S)
    assert len(told.sent) == 1


async def test_quiet_hours_are_quiet_but_count(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    told = Told(NoticeHabits(quiet=quiet_hours("00:00-23:59")))
    nursery.start_soon(told.notifier.run)
    told.call("psst")
    await trio.sleep(NOTICE_EVERY_S)
    assert not told.sent
    assert told.notifier.title(VIEW) == "(1) #lobby - trio_chat"


async def test_one_command_runs_at_a_time_and_is_told_how_many_there_were(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    told = Told(COMMAND)
    told.takes_s = 9.0
    nursery.start_soon(told.notifier.run)
    told.call("0")
    await trio.sleep(0.1)
    for number in range(1, 20):
        await trio.sleep(1)
        told.call(str(number))
    await trio.sleep(30)
    assert [command[1] for command in told.run] == ["1", "4", "10", "5"]
    assert told.run[-1] == ("tell", "5", "ada 19")
    assert not told.complaints


@pytest.mark.parametrize(
    ("code", "takes_s", "why"),
    [
        (3, 0.0, "it ended with 3"),
        (FileNotFoundError(2, "No such file or directory"), 0.0, "No such file"),
        (0, 2 * COMMAND_S, "it took longer than 10 s"),
    ],
)
async def test_a_command_that_does_not_work_is_told_once_and_not_tried_again(
    code: int | OSError,
    takes_s: float,
    why: str,
    autojump_clock: trio.testing.MockClock,
    nursery: trio.Nursery,
) -> None:
    told = Told(COMMAND)
    told.code, told.takes_s = code, takes_s
    nursery.start_soon(told.notifier.run)
    for _ in range(10):
        told.call("hello")
        await trio.sleep(2 * COMMAND_S)
    assert len(told.run) == len(told.complaints) == 1
    assert told.complaints[0].startswith(f"tell does not notify: {why}")


async def test_a_command_is_run_as_it_stands_and_without_a_shell(tmp_path: Path) -> None:
    found = tmp_path / "found"
    program = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    assert (
        await run_quietly([sys.executable, "-c", program, str(found), "$HOME; `id`"]) == 0
    )
    assert found.read_text() == "$HOME; `id`"
    assert await run_quietly([sys.executable, "-c", "print(input()); 1/0"]) == 1
    with pytest.raises(FileNotFoundError):
        await run_quietly([str(tmp_path / "nothing")])


# --- on a screen ---------------------------------------------------------------------


async def called(scene: Scene, *lines: Entry) -> None:
    """Somebody goes away, and these are said."""
    scene.keys(GONE)
    await scene.until(lambda: not scene.chat.focus.focused)
    scene.client.tell(*lines)
    await scene.until(lambda: scene.client.waiting == 0)


@bridged
async def test_who_is_away_hears_a_bell_and_finds_a_number_in_the_title() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        screen = scene.terminal.screen
        assert screen.title == "#lobby - trio_chat"
        scene.client.tell(entry(1, "ada?"))
        await scene.until_seen("ada?")
        assert "\x07" not in scene.terminal.written
        await called(scene, entry(2, "ada!"), Entry("@", 1, "bob", "psst", 0.0))
        await scene.until(lambda: screen.title == "(2) #lobby - trio_chat")
        await scene.until(lambda: "\x07" in scene.terminal.written)
        scene.keys(BACK)
        await scene.until(lambda: screen.title == "#lobby - trio_chat")
        scene.keys("\x04")
        await scene.until_ended()
        written = "".join(scene.terminal.written)
        assert written.count("\x1b[22;0t") == written.count("\x1b[23;0t") == 1
        assert written.index("\x1b[22;0t") < written.index("\x1b]2;")
        assert written.rindex("\x1b]2;") < written.index("\x1b[23;0t")


@bridged
async def test_a_muted_room_counts_and_calls_nobody() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("/join dev\r")
        await scene.until(lambda: scene.chat.view.current == "dev")
        scene.client.tell(Opened("dev", 0, 0))
        scene.keys("/mute lobby\r")
        await scene.until_seen("#lobby does not call you: /unmute ends that")
        await called(scene, entry(1, "ada?"), entry(2, "hm"))
        await scene.until_seen("#lobby 2 @1")
        assert "\x07" not in scene.terminal.written
        assert scene.terminal.screen.title == "#dev - trio_chat"
        scene.keys("/unmute lobby\r")
        await scene.until_seen("#lobby calls you")
        await called(scene, entry(3, "ada!!"))
        await scene.until(lambda: "\x07" in scene.terminal.written)
        assert scene.terminal.screen.columns == COLUMNS


# --- what is muted, kept -------------------------------------------------------------


def test_what_is_muted_stays_muted_on_its_server(tmp_path: Path) -> None:
    path = tmp_path / "state" / "muted.json"
    one, other = Muted(path, "one:1"), Muted(path, "other:1")
    assert one.set("dev", muted=True) == one.set("ops", muted=True) == ""
    assert other.set("lobby", muted=True) == ""
    assert one.set("ops", muted=False) == ""
    assert Muted(path, "one:1").rooms == {"dev"}
    assert Muted(path, "other:1").rooms == {"lobby"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["muted.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"one:1": 3}', '{"one:1": [3]}', "\ud800"]
)
def test_a_file_that_makes_no_sense_mutes_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "muted.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert Muted(path, "one:1").rooms == frozenset()
    assert Muted(path, "one:1").set("dev", muted=True) == ""
    assert Muted(path, "one:1").rooms == {"dev"}


def test_what_can_not_be_kept_is_so_for_now_and_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    muted = Muted(tmp_path / "state" / "muted.json", "one:1")
    assert "can't be kept" in muted.set("dev", muted=True)
    assert muted.rooms == {"dev"}
