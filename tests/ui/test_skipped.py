"""What was skipped can be had again, and is no more unread than what was printed."""

import pytest

from tests.ui.harness import bridged, entry, open_scene
from trio_chat.ui.past import Range, left_out
from trio_chat.ui.rooms import SAME_HOLE_LINES, skipped
from trio_chat.ui.state import Line, Skipped, begin

VIEW = begin("ada", "lobby", "dev")


def after(*rows: Skipped) -> Range | Line:
    view = VIEW
    for row in rows:
        view = skipped(view, row)
    room = view.find("lobby")
    assert room is not None
    return left_out(room)


def row(after: int, through: int, room: str = "lobby") -> Skipped:
    return Skipped(room, through - after, after, through)


def test_what_was_skipped_can_be_filled() -> None:
    assert after(row(10, 60)) == Range(10, 60)


def test_what_one_flood_had_skipped_is_one_hole() -> None:
    assert after(row(10, 20), row(60, 80), row(100, 150)) == Range(10, 150)


@pytest.mark.parametrize("begins", [20 + SAME_HOLE_LINES + 1, 5])
def test_what_has_nothing_to_do_with_the_last_hole_is_another(begins: int) -> None:
    assert after(row(10, 20), row(begins, begins + 9)) == Range(begins, begins + 9)


def test_another_rooms_lines_and_those_of_none_change_nothing_here() -> None:
    assert after(row(10, 20), row(1, 9, "dev"), row(1, 9, "gone")) == Range(10, 20)


@bridged
async def test_who_was_shown_the_row_has_read_up_to_the_last_line_and_can_fill() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.tell(entry(1, "one"))
        await scene.until_seen("<bob> one")
        scene.chat.desk.print(Skipped("lobby", 8, 1, 9))
        scene.client.tell(*(entry(seq, f"n{seq}") for seq in range(2, 11)))
        await scene.until_seen("8 lines skipped: this terminal is slower than the room;")
        await scene.until_seen("<bob> n10")
        await scene.until(lambda: (scene.chat.view.find("lobby") or VIEW.inbox).mark == 10)
        room = scene.chat.view.find("lobby")
        assert room is not None
        assert (room.hole, room.unread) == ((1, 9), 0)
