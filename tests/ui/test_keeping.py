"""What survives a quit and a kill: rooms, the one that is looked at, half-typed lines."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.ui.harness import Scene, bridged, open_scene
from tests.ui.test_outbox import filled
from trio_chat.client.events import Closed, Opened
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.ui.desk_file import (
    DRAFTS_CHARS_MAX,
    Kept,
    begun,
    desk_path,
    not_queued,
    read_desk,
    to_keep,
    write_desk,
)
from trio_chat.ui.keeping import KEPT_AFTER_S, Drawer
from trio_chat.worker import InlineWorker

KEPT = Kept(rooms=("lobby", "dev"), current="dev", drafts={"dev": "half\ntyped"})
MODES = pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")

# --- the file ------------------------------------------------------------------------


def test_what_is_kept_is_found(tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    assert read_desk(path) == (Kept(), "")
    write_desk(path, KEPT)
    assert read_desk(path) == (KEPT, "")
    write_desk(path, Kept())
    assert read_desk(path) == (Kept(), "")
    assert [each.name for each in tmp_path.iterdir()] == ["desk.json"]


@MODES
def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    path.touch(mode=0o644)
    path.with_suffix(".new").touch(mode=0o644)  # of somebody who was killed
    write_desk(path, KEPT)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "desk.json"
    write_desk(path, KEPT)

    def fail(_descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_desk(path, Kept())
    monkeypatch.undo()
    assert read_desk(path) == (KEPT, "")
    write_desk(path, Kept())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[]", b'{"rooms":7}', b'{"drafts":{"a":1}}', b"[" * 9999]
)
def test_what_is_damaged_is_told_and_ignored(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "desk.json"
    path.write_bytes(data)
    kept, trouble = read_desk(path)
    assert kept == Kept()
    assert trouble == (
        f"the rooms and drafts of the last time ({path}) are damaged: they begin anew"
    )


def test_what_can_not_be_read_is_told_and_ignored(tmp_path: Path) -> None:
    kept, trouble = read_desk(tmp_path)
    assert kept == Kept()
    assert "can't be read: " in trouble
    path = tmp_path / "desk.json"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert "are too large to be read" in read_desk(path)[1]


def test_names_that_can_not_be_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    path.write_bytes(b'{"rooms":["Dev","no room","dev","@"],"current":"x","later":[1]}')
    assert read_desk(path) == (Kept(rooms=("dev",), current="x"), "")


def test_each_outbox_has_a_desk() -> None:
    outbox = Path("outbox-ada@host-0123.db")
    assert desk_path(outbox) == Path("desk-ada@host-0123.json")
    second = outbox.with_stem(f"{outbox.stem}-2")
    assert desk_path(second) == Path("desk-ada@host-0123-2.json")


def test_no_secret_and_nothing_endless_is_kept() -> None:
    long, half = "x" * DRAFTS_CHARS_MAX, "y" * (DRAFTS_CHARS_MAX // 2)
    drafts = {
        "a": "password: hunter2",
        "b": long + "x",
        "c": half,
        "d": "z" + half,
        "e": "",
    }
    assert to_keep((), "", {**drafts, "f": "z"}).drafts == {"c": half, "f": "z"}


@pytest.mark.parametrize(
    ("kept", "asked", "rooms", "current"),
    [
        (Kept(), None, ["lobby"], "lobby"),
        (Kept(), "dev", ["dev"], "dev"),
        (KEPT, None, ["lobby", "dev"], "dev"),
        (KEPT, "lobby", ["lobby", "dev"], "lobby"),
        (KEPT, "ops", ["lobby", "dev", "ops"], "ops"),
        (Kept(rooms=("dev", "ops"), current="gone"), None, ["dev", "ops"], "dev"),
    ],
)
def test_one_is_where_one_was_and_where_one_asks_for(
    kept: Kept, asked: str | None, rooms: list[str], current: str
) -> None:
    assert begun(kept, asked, "lobby") == (rooms, current)


def test_a_line_that_has_come_to_the_outbox_is_no_draft() -> None:
    """The client was killed in between."""
    lines = [Ticket("dev", 1, "said", "text"), Ticket("dev", 2, "waves", "me")]
    drafts = {"dev": "said", "lobby": "said", "ops": "/me waves"}
    assert not_queued(drafts, lines) == {"lobby": "said", "ops": "/me waves"}


# --- while somebody types ------------------------------------------------------------


class Disk(InlineWorker):
    """Counts, waits if it is told to, and then fails if it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.fails = False
        self.goes_on = trio.Event()
        self.goes_on.set()

    async def run(self, call: Callable[[], Any]) -> Any:
        self.calls += 1
        await self.goes_on.wait()
        if self.fails:
            raise OSError(28, "No space left on device")
        return await super().run(call)


class Drawn:
    """A chat with a drawer."""

    def __init__(self, scene: Scene, disk: Disk, path: Path) -> None:
        self.scene = scene
        self.disk = disk
        self._path = path

    async def type(self, text: str) -> None:
        """Type, and wait until it is seen in the input: the toolkit has its own time."""
        typed = self.scene.typed + text
        self.scene.keys(text)
        await self.scene.until(lambda: self.scene.prompt == f"> {typed}")

    @property
    def kept(self) -> Kept:
        kept, trouble = read_desk(desk_path(self._path))
        assert not trouble
        return kept


@asynccontextmanager
async def open_drawn(
    directory: Path, found: Kept | None = None, outbox: Outbox | None = None
) -> AsyncIterator[Drawn]:
    path, disk = directory / "outbox-x.db", Disk()
    drawer = Drawer(found=found or Kept(), outbox=lambda: path, worker=disk)
    async with open_scene(outbox, drawer=drawer) as scene:
        yield Drawn(scene, disk, path)


def test_a_draft_is_kept_within_a_second(tmp_path: Path) -> None:
    @bridged
    async def play() -> None:
        async with open_drawn(tmp_path) as drawn:
            await drawn.type("half")
            await trio.sleep(2 * KEPT_AFTER_S)
            kept = Kept(rooms=("lobby",), current="lobby", drafts={"lobby": "half"})
            assert drawn.kept == kept
            calls, begun_s = drawn.disk.calls, trio.current_time()
            for letter in "-and-more-than-half":  # for as long as somebody types
                await drawn.type(letter)
                await trio.sleep(0.1)
            took_s = trio.current_time() - begun_s
            assert drawn.disk.calls - calls <= took_s / KEPT_AFTER_S + 1
            calls = drawn.disk.calls
            assert "more" in drawn.kept.drafts["lobby"]
            await trio.sleep(1_000)  # nobody types
            assert drawn.disk.calls - calls <= 1

    play()


def test_a_line_that_was_said_is_no_draft(tmp_path: Path) -> None:
    @bridged
    async def play() -> None:
        async with open_drawn(tmp_path) as drawn:
            await drawn.type("said")
            await trio.sleep(1)
            drawn.scene.keys("\r")
            await drawn.scene.until(lambda: not drawn.scene.typed)
            await drawn.scene.until(lambda: drawn.kept.drafts == {})
            await drawn.type("cleared")
            await trio.sleep(1)
            assert drawn.kept.drafts == {"lobby": "cleared"}
            drawn.scene.keys("\x03")  # Ctrl-C
            await drawn.scene.until(lambda: drawn.kept.drafts == {})

    play()


def test_each_room_has_its_draft_and_the_next_start_finds_them(tmp_path: Path) -> None:
    @bridged
    async def play() -> None:
        async with open_drawn(tmp_path) as drawn:
            await drawn.scene.go_online()
            drawn.scene.keys("/join dev\r")
            await drawn.scene.until(lambda: drawn.scene.chat.view.current == "dev")
            drawn.scene.client.tell(Opened("dev", 0, 0))
            await drawn.type("for dev")
            drawn.scene.keys("\x1b1")
            await drawn.scene.until(lambda: drawn.scene.chat.view.current == "lobby")
            await drawn.type("for the lobby")
            await trio.sleep(1)
            drafts = {"dev": "for dev", "lobby": "for the lobby"}
            assert drawn.kept == Kept(
                rooms=("lobby", "dev"), current="lobby", drafts=drafts
            )
            drawn.scene.client.tell(Closed("dev", "left"))
            await drawn.scene.until_seen("you left #dev")
            await trio.sleep(1)
            assert drawn.kept.rooms == ("lobby",)

    play()


def test_what_was_found_is_in_the_input(tmp_path: Path) -> None:
    @bridged
    async def play() -> None:
        found = Kept(rooms=("lobby",), current="lobby", drafts={"lobby": "half\ntyped"})
        async with open_drawn(tmp_path, found) as drawn:
            assert drawn.scene.typed == "half\ntyped"
            await trio.sleep(5)
            assert drawn.disk.calls == 0  # nothing has changed
            drawn.scene.keys("!")
            await drawn.scene.until(lambda: drawn.scene.typed == "half\ntyped!")
        outbox = filled(("lobby", "half\ntyped"))
        async with open_drawn(tmp_path, found, outbox) as drawn:
            assert drawn.scene.typed == ""

    play()


def test_what_is_typed_is_kept_when_the_terminal_goes(tmp_path: Path) -> None:
    @bridged
    async def play() -> None:
        async with open_drawn(tmp_path) as drawn:
            drawn.scene.keys("half")
            await drawn.scene.until(lambda: drawn.scene.typed == "half")
            drawn.scene.keyboard.close()
            await drawn.scene.until_ended()
            assert drawn.kept.drafts == {"lobby": "half"}

    play()


def test_no_key_waits_for_the_disk(tmp_path: Path) -> None:
    @bridged
    async def play() -> None:
        async with open_drawn(tmp_path) as drawn:
            drawn.disk.goes_on = trio.Event()
            await drawn.type("half")
            await trio.sleep(5)
            drawn.scene.keys(" of it")
            await drawn.scene.until(lambda: drawn.scene.typed == "half of it")
            drawn.disk.goes_on.set()
            await drawn.scene.until(lambda: drawn.kept.drafts == {"lobby": "half of it"})

    play()


def test_a_disk_that_fails_is_told_once_and_tried_again(tmp_path: Path) -> None:
    @bridged
    async def play() -> None:
        async with open_drawn(tmp_path) as drawn:
            drawn.disk.fails = True
            words = "what you type is not kept for the next start: No space left on device"
            for letter in "abc":
                await drawn.type(letter)
                await trio.sleep(2)
            rows = drawn.scene.terminal.rows
            assert sum(words in row for row in rows) == 1
            drawn.disk.fails = False
            await drawn.type("d")
            await drawn.scene.until(lambda: drawn.kept.drafts == {"lobby": "abcd"})

    play()
