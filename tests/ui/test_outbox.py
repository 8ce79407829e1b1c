"""What was typed and waits, as a person meets it: saved, listed, taken back, come back."""

import os
import signal
import sys

import pytest
import trio

from tests.ui.harness import bridged, open_scene
from trio_chat.client.events import Status
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.errors import OutboxError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import Accepted, Kind, Refused
from trio_chat.ui.errands import SAVING_SHOWN_S


class SlowOutbox(Outbox):
    """One on a disk that takes its time, and may fail."""

    def __init__(self) -> None:
        super().__init__(wall_clock_s=lambda: 0.0)
        self.goes_on = trio.Event()
        self.trouble = ""

    async def put(self, room: str, text: str, kind: Kind, ref: int | None = None) -> Ticket:
        await self.goes_on.wait()
        if self.trouble:
            raise OutboxError(self.trouble)
        return await super().put(room, text, kind, ref)


def filled(*lines: tuple[str, str]) -> Outbox:
    """One with lines of an earlier life."""
    outbox = Outbox(wall_clock_s=lambda: -7_200.0)
    for room, text in lines:
        outbox.put_nowait(room, text, "text")
    return outbox


# --- into the outbox -----------------------------------------------------------------


@bridged
async def test_a_line_leaves_the_input_when_it_is_in_the_outbox() -> None:
    outbox = SlowOutbox()
    async with open_scene(outbox) as scene:
        scene.keys("one\r")
        await scene.until_seen("saving \u2026")
        assert scene.typed == "one"
        assert scene.prompt == "> one"
        outbox.goes_on.set()
        await scene.until(lambda: not scene.typed)
        assert scene.client.said == [("lobby", "text", "one")]
        await scene.until(lambda: "saving" not in scene.terminal.rows[-1])


@bridged
async def test_what_is_typed_meanwhile_waits_in_its_order() -> None:
    outbox = SlowOutbox()
    async with open_scene(outbox) as scene:
        scene.keys("one\rtwo\r")
        await scene.until(lambda: scene.typed == "one")
        scene.keys("/cancel\rthr")
        await trio.sleep(1)
        scene.keys("ee")
        assert scene.typed == "one"
        outbox.goes_on.set()
        await scene.until(lambda: scene.typed == "three")
        assert [text for _, _, text in scene.client.said] == ["one"]
        await scene.until_seen("taken back; Up brings it to the input: two")


@bridged
async def test_nobody_sees_that_a_disk_is_fast() -> None:
    outbox = SlowOutbox()
    async with open_scene(outbox) as scene:
        scene.keys("one\r")
        await trio.sleep(SAVING_SHOWN_S / 2)
        outbox.goes_on.set()
        await scene.until(lambda: not scene.typed)
        assert not scene.chat.view.saving


@bridged
async def test_a_line_that_is_not_kept_stays_in_the_input() -> None:
    outbox = SlowOutbox()
    outbox.trouble = "the disk is full"
    async with open_scene(outbox) as scene:
        scene.keys("/me waves\r")
        outbox.goes_on.set()
        await scene.until_seen("! not queued: the disk is full")
        assert scene.typed == "/me waves"
        outbox.trouble = ""
        scene.keys("\r")
        await scene.until(lambda: scene.client.said == [("lobby", "me", "waves")])


@bridged
async def test_two_lines_do_not_become_one_when_the_first_is_not_kept() -> None:
    outbox = SlowOutbox()
    outbox.trouble = "the disk is full"
    async with open_scene(outbox) as scene:
        scene.keys("one\rtwo")
        await scene.until(lambda: scene.typed == "one")
        outbox.goes_on.set()
        await scene.until(lambda: scene.typed == "two")
        await scene.until_seen("Up brings it back: one")
        scene.keys("\x15\x1b[A")  # Ctrl-U, Up
        await scene.until(lambda: scene.typed == "one")


@bridged
async def test_a_line_that_is_being_saved_is_saved_though_the_terminal_goes() -> None:
    outbox = SlowOutbox()
    async with open_scene(outbox) as scene:
        scene.keys("one\r")
        await scene.until_seen("saving \u2026")
        scene.keyboard.close()
        await trio.sleep(1)
        assert scene.exit_code is None
        outbox.goes_on.set()
        await scene.until_ended()
        assert scene.client.said == [("lobby", "text", "one")]


@pytest.mark.skipif(sys.platform == "win32", reason="a signal there ends the process")
@bridged
async def test_a_line_that_is_being_saved_is_saved_though_a_signal_ends_it() -> None:
    outbox = SlowOutbox()
    async with open_scene(outbox) as scene:
        scene.keys("one\r")
        await scene.until_seen("saving \u2026")
        os.kill(os.getpid(), signal.SIGTERM)
        await trio.sleep(1)
        assert scene.exit_code is None
        outbox.goes_on.set()
        assert await scene.until_ended() == 128 + signal.SIGTERM
        assert scene.client.said == [("lobby", "text", "one")]


@bridged
async def test_a_line_that_is_being_saved_is_saved_though_all_is_cancelled() -> None:
    outbox = SlowOutbox()

    async def go_on_later() -> None:
        await trio.sleep(5)
        outbox.goes_on.set()

    async with trio.open_nursery() as nursery:
        async with open_scene(outbox) as scene:
            scene.keys("one\r")
            await scene.until_seen("saving \u2026")
            nursery.start_soon(go_on_later)
        assert scene.client.said == [("lobby", "text", "one")]


@bridged
async def test_as_many_lines_as_can_wait_and_no_more() -> None:
    outbox = filled(*[("lobby", str(n)) for n in range(1_000)])
    async with open_scene(outbox) as scene:
        scene.keys("one more\r")
        await scene.until_seen("! as many lines as can wait are waiting")
        assert scene.typed == "one more"


# --- while it waits ------------------------------------------------------------------


@bridged
async def test_what_waits_in_another_file_is_told_at_the_start() -> None:
    outbox = Outbox()
    outbox.lines_elsewhere = 2
    async with open_scene(outbox) as scene:
        await scene.until_seen("2 lines wait in another outbox of this nick: a later start")


@bridged
async def test_what_an_earlier_life_left_is_told_at_the_start() -> None:
    outbox = filled(("lobby", "a"), ("dev", "b"), ("@bob", "c"), ("dev", "d"))
    async with open_scene(outbox) as scene:
        await scene.until_seen("4 lines from before wait to be sent to #lobby, #dev, @bob:")
        await scene.until(
            lambda: (
                scene.terminal.rows[-6:-2]
                == ["\u2026 1 more", "\u2026 #dev b", "\u2026 @bob c", "\u2026 #dev d"]
            )
        )


@bridged
async def test_the_outbox_is_listed_with_the_state_of_each_line() -> None:
    outbox = filled(("lobby", "a"), ("@bob", "x" * 60))
    async with open_scene(outbox) as scene:
        scene.client.outbox.release()
        scene.client.outbox.hold()
        scene.client.outbox.put_nowait("dev", "b", "text")
        scene.keys("/outbox\r")
        await scene.until_seen("/cancel N takes back one that is queued")
        await scene.until_seen("1  may have arrived  #lobby  2 h  a")
        await scene.until_seen("2  may have arrived  @bob  2 h")
        await scene.until_seen("3  queued  #dev  2 h  b")


@bridged
async def test_with_a_link_a_line_is_on_its_way() -> None:
    async with open_scene(filled(("lobby", "a"))) as scene:
        await scene.go_online()
        scene.client.outbox.release()
        scene.keys("/outbox\r")
        await scene.until_seen("1  on its way  #lobby  2 h  a")


@bridged
async def test_an_empty_outbox_says_so() -> None:
    async with open_scene() as scene:
        scene.keys("/outbox\r/cancel\r")
        await scene.until_seen("! nothing waits to be sent")
        assert sum("nothing waits" in row for row in scene.terminal.rows) == 2


@bridged
async def test_the_last_line_is_taken_back_or_the_one_with_a_number() -> None:
    async with open_scene(filled(("lobby", "a"), ("@bob", "b"), ("lobby", "c"))) as scene:
        scene.keys("/cancel\r")
        await scene.until_seen("taken back; Up brings it to the input: c")
        scene.keys("/cancel 1\r/cancel 1\r")
        await scene.until_seen("! no line 1 waits")
        assert scene.client.said == [("@bob", "text", "b")]
        await scene.until_seen("1 queued")
        scene.keys("/cancel\r")
        await scene.until_seen("taken back; Up brings it to the input: b")
        scene.keys("\x1b[A")
        await scene.until(lambda: scene.typed == "/msg bob b")


@bridged
async def test_what_may_be_on_its_way_is_not_taken_back() -> None:
    async with open_scene(filled(("lobby", "a"))) as scene:
        scene.client.outbox.release()
        scene.keys("/cancel\r")
        await scene.until_seen("! line 1 may be on its way already: it can't be taken back")
        assert scene.client.said == [("lobby", "text", "a")]


@bridged
async def test_tab_offers_what_can_be_taken_back() -> None:
    async with open_scene(filled(("lobby", "a"))) as scene:
        await scene.until_seen("1 queued")
        scene.keys("/cancel \t")
        await scene.until(lambda: scene.typed == "/cancel 1")
        scene.client.outbox.release()
        scene.keys("\x15/cancel \t")
        await trio.sleep(1)
        assert scene.typed == "/cancel "


@bridged
async def test_a_room_is_left_after_its_lines() -> None:
    async with open_scene(filled(("lobby", "a"))) as scene:
        await scene.go_online()
        scene.keys("/leave\r")
        await scene.until_seen(
            "1 line for #lobby not accepted yet: you leave it after that"
        )
        assert scene.client.rooms == ("lobby",)
        scene.client.outbox.release()
        scene.client._accepted(Accepted(room="lobby", n=1, seq=1))
        await scene.until_seen("you left #lobby")


# --- on leaving ----------------------------------------------------------------------


@bridged
async def test_a_line_that_is_refused_while_one_leaves_is_seen() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.outbox.release()
        scene.keys("last words\r/quit\r")
        await scene.until_seen("leaving after the last answers")
        assert scene.exit_code is None
        scene.client._not_done(
            Refused(code=Code.NOT_JOINED, reason="not here", room="lobby", n=1)
        )
        assert await scene.until_ended() == 0
        said = [row[6:] for row in scene.terminal.rows]
        assert "! not sent: not here" in said
        assert "it is in the history, Up brings it back: last words" in said


@bridged
async def test_who_leaves_waits_for_the_answers_and_not_for_ever() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("last words\r/quit\r")
        await scene.until_seen("leaving after the last answers")
        began_s = trio.current_time()
        assert await scene.until_ended() == 0
        assert trio.current_time() - began_s < 3


@bridged
async def test_who_says_it_twice_does_not_wait() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("last words\r")
        await scene.until_seen("sending 0/1")
        began_s = trio.current_time()
        scene.keys("\x04\x04")
        assert await scene.until_ended() == 0
        assert trio.current_time() - began_s < 1


@bridged
async def test_without_a_link_nobody_waits() -> None:
    async with open_scene() as scene:
        scene.client.tell(Status("offline", "no way; trying again in 2 s", 2.0))
        scene.keys("later\r/quit\r")
        began_s = trio.current_time()
        assert await scene.until_ended() == 0
        assert trio.current_time() - began_s < 1
