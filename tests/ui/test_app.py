"""The terminal client as a person meets it: keys in, a screen out."""

import io
import os
import re
import signal
import sys

import pytest
import trio

from tests.ui.harness import ROWS, bridged, entry, open_scene
from trio_chat.client.events import Entry, Refused, Status
from trio_chat.client.outbox import Ticket
from trio_chat.ui.app import tell_unsent
from trio_chat.ui.hearing import LOSS_TOLD_S
from trio_chat.ui.printer import CHARS_MAX

LEFT = "\x1b[D"
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"


@bridged
async def test_a_half_typed_line_survives_500_messages() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("half-typed line" + 4 * LEFT)
        await scene.until(lambda: scene.chat.line.cursor_position == 11)
        for seq in range(1, 501):
            scene.client.tell(entry(seq, f"message {seq}"))
            if seq == 250:
                scene.keys("X")
        await scene.until_seen("message 500")
        await scene.until(lambda: scene.typed == "half-typed Xline")
        await scene.until_seen("> half-typed Xline")
        heard = [row for row in scene.terminal.all_rows if "message" in row]
        assert [row[6:] for row in heard] == [f"<bob> message {n}" for n in range(1, 501)]
        assert sum("half-typed" in row for row in scene.terminal.all_rows) == 1
        cursor = scene.terminal.screen.cursor
        assert (cursor.x, cursor.y) == (len("> half-typed X"), ROWS - 2)


@bridged
async def test_a_selection_survives_messages() -> None:
    async with open_scene() as scene:
        scene.keys("select me" + "\x00" + 2 * LEFT)  # Ctrl-Space begins a selection
        await scene.until(lambda: scene.chat.line.selection_state is not None)
        selected = scene.chat.line.document.selection_range()
        scene.client.tell(*(entry(seq, "hi") for seq in range(1, 50)))
        await scene.until_seen("<bob> hi")
        assert scene.chat.line.document.selection_range() == selected


@bridged
async def test_what_can_not_be_shown_yet_is_not_read_yet() -> None:
    async with open_scene() as scene:
        scene.chat.screen._running_in_terminal = True  # an editor has the terminal
        long = "x" * (CHARS_MAX // 50)
        scene.client.tell(*(entry(seq, long) for seq in range(1, 51)))
        await scene.until(lambda: scene.client.waiting == 0)
        scene.client.tell(entry(51, "the last"))
        await trio.sleep(10)
        assert scene.client.waiting == 1
        scene.chat.screen._running_in_terminal = False
        await scene.until_seen("<bob> the last")


@bridged
async def test_enter_says_the_line_in_the_current_room() -> None:
    async with open_scene() as scene:
        scene.keys("hello\r/me waves\r/msg bob psst\r//x\r")
        await scene.until(lambda: len(scene.client.said) == 4)
        assert scene.client.said == [
            ("lobby", "text", "hello"),
            ("lobby", "me", "waves"),
            ("@bob", "text", "psst"),
            ("lobby", "text", "/x"),
        ]
        assert not scene.typed


@bridged
async def test_what_was_typed_without_a_link_is_seen_waiting() -> None:
    async with open_scene() as scene:
        scene.client.tell(Status("offline", "no way; trying again in 2 s", 2.0))
        scene.keys("later\r")
        await scene.until_seen("1 queued")
        await scene.until(lambda: scene.terminal.rows[-3:-1] == ["\u2026 later", ">"])
        words = r"offline · again in [12] s · 1 queued · #lobby · ada · no way"
        assert re.fullmatch(words, scene.terminal.rows[-1])


@bridged
async def test_a_link_that_flaps_leaves_the_conversation_where_it_is() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        before = scene.terminal.rows[:-2]
        for _ in range(20):
            scene.client.tell(Status("offline", "gone; trying again in 0.3 s", 0.3))
            await scene.until_seen("offline \u00b7 again in 1 s \u00b7 #lobby")
            await trio.sleep(0.5)
            scene.client.tell(Status("online", "connected to the server as ada"))
            await scene.until_seen("online \u00b7 #lobby \u00b7 2 here \u00b7 ada")
            await trio.sleep(0.5)
        await trio.sleep(2 * LOSS_TOLD_S)
        assert scene.terminal.rows[:-2] == before


@bridged
async def test_a_loss_that_lasts_has_a_row_and_so_has_its_end() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        for _ in range(int(LOSS_TOLD_S)):
            assert not any("no link" in row for row in scene.terminal.rows)
            scene.client.tell(Status("offline", "gone; trying again in 1 s", 1.0))
            await trio.sleep(1)
        await scene.until_seen("00:00 no link: gone. It is tried until it works;")
        scene.client.tell(Status("online", "connected again"))
        await scene.until_seen("00:00 connected again")
        assert sum("no link: gone" in row for row in scene.terminal.rows) == 1


@bridged
async def test_a_pasted_newline_does_not_send() -> None:
    async with open_scene() as scene:
        scene.keys(f"{PASTE_BEGINS}one\rtwo\r\nthree{PASTE_ENDS}")
        await scene.until(lambda: "three" in scene.typed)
        assert scene.typed == "one\ntwo\nthree"
        assert not scene.client.said
        scene.keys("\r")
        await scene.until(
            lambda: scene.client.said == [("lobby", "text", "one\ntwo\nthree")]
        )


@bridged
async def test_a_paste_without_its_end_does_not_take_the_keyboard() -> None:
    async with open_scene() as scene:
        scene.keys(f"{PASTE_BEGINS}lost")
        await scene.until(lambda: scene.typed == "lost")
        scene.keys("!")
        await scene.until(lambda: scene.typed == "lost!")


@bridged
async def test_alt_enter_begins_a_new_line() -> None:
    async with open_scene() as scene:
        scene.keys("one\x1b\rtwo\r")
        await scene.until(lambda: scene.client.said == [("lobby", "text", "one\ntwo")])


@bridged
async def test_a_mistake_is_told_and_stays_in_the_input() -> None:
    async with open_scene() as scene:
        scene.keys("/jion dev\r")
        await scene.until_seen("! there is no /jion: /help lists what there is")
        assert scene.typed == "/jion dev"
        assert not scene.client.said


@bridged
async def test_a_text_that_is_too_long_stays_in_the_input() -> None:
    async with open_scene() as scene:
        scene.keys(f"{PASTE_BEGINS}{'x' * 17_000}{PASTE_ENDS}\r")
        await scene.until_seen("! 17,000 bytes are too much for one entry")
        assert len(scene.typed) == 17_000


@bridged
async def test_a_refused_line_comes_back_to_an_empty_input() -> None:
    async with open_scene() as scene:
        scene.client.tell(Refused("no_such_nick", "nobody", "@x", 1, "the line"))
        await scene.until(lambda: scene.typed == "the line")
        await scene.until_seen("! not sent: nobody")


@bridged
async def test_a_refused_line_does_not_disturb_the_one_being_typed() -> None:
    async with open_scene() as scene:
        scene.keys("typing")
        await scene.until(lambda: scene.typed == "typing")
        scene.client.tell(Refused("no_such_nick", "nobody", "@x", 1, "the line"))
        await scene.until_seen("Up brings it back: the line")
        assert scene.typed == "typing"
        scene.keys("\x15\x1b[A")  # Ctrl-U, Up
        await scene.until(lambda: scene.typed == "the line")


@bridged
async def test_a_hostile_line_changes_nothing_but_its_own_row() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        title = scene.terminal.screen.title
        hostile = "\x1b[2J\x1b[H\x1b]0;evil\x07\x9b2J\b\b\r\u202e"
        scene.client.tell(Entry("lobby", 1, "e\x1b[1;1Hve\n", hostile, 0.0))
        await scene.until_seen("\u241b[2J")
        rows = scene.terminal.rows
        assert rows[:2] == [
            "00:00 connected to the server as ada",
            "\u2500\u2500 #lobby \u2500\u2500",
        ]
        assert rows[2].startswith("00:00 <e\u241b[1;1Hve\u240a> \u241b[2J\u241b[H")
        assert rows[-2:] == [">", "online \u00b7 #lobby \u00b7 2 here \u00b7 ada"]
        assert scene.terminal.screen.title == title


@bridged
async def test_another_room_is_counted_and_read_when_one_looks_at_it() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("/join #Dev\r")
        await scene.until_seen("#dev")
        scene.client.tell(entry(1, "first"), entry(2, "second"))
        await scene.until_seen("#lobby 2")
        assert not any("first" in row for row in scene.terminal.rows)
        scene.keys("/join lobby\r")
        await scene.until_seen("<bob> second")
        assert not any("#lobby 2" in row for row in scene.terminal.rows)


@bridged
async def test_tab_completes_a_command() -> None:
    async with open_scene() as scene:
        scene.keys("/jo\t")
        await scene.until(lambda: scene.typed == "/join ")


@bridged
async def test_help_and_who_are_printed() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.keys("/help\r/who\r")
        await scene.until_seen("2 in #lobby: ada, bob")
        assert any("/msg NICK TEXT" in row for row in scene.terminal.all_rows)


@bridged
async def test_ctrl_c_clears_the_line_then_quits() -> None:
    async with open_scene() as scene:
        scene.keys("abc")
        await scene.until(lambda: scene.typed == "abc")
        scene.keys("\x03")
        await scene.until(lambda: not scene.typed)
        assert scene.exit_code is None
        scene.keys("\x03\x03")
        assert await scene.until_ended() == 0


@pytest.mark.parametrize("keys", ["\x04", "/quit\r", "\x03"])
def test_quitting_takes_the_prompt_away(keys: str) -> None:
    @bridged
    async def quit_it() -> None:
        async with open_scene() as scene:
            await scene.go_online()
            await scene.until(lambda: any("#lobby" in row for row in scene.terminal.rows))
            scene.keys(keys)
            assert await scene.until_ended() == 0
            assert scene.terminal.rows == [
                "00:00 connected to the server as ada",
                "\u2500\u2500 #lobby \u2500\u2500",
            ]

    quit_it()


@pytest.mark.skipif(sys.platform == "win32", reason="a signal there ends the process")
@bridged
async def test_a_signal_ends_it_and_is_told_by_the_exit_code() -> None:
    async with open_scene() as scene:
        scene.keys("half")
        await scene.until(lambda: scene.typed == "half")
        os.kill(os.getpid(), signal.SIGTERM)
        assert await scene.until_ended() == 128 + signal.SIGTERM
        assert scene.terminal.rows == [""]


@bridged
async def test_a_terminal_that_is_gone_ends_it() -> None:
    async with open_scene() as scene:
        scene.keyboard.close()
        await scene.until_ended()


def test_a_crash_in_drawing_crosses_and_the_terminal_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    @bridged
    async def crash() -> None:
        async with open_scene() as scene:
            monkeypatch.setattr(scene.terminal, "write", seen.append)
            monkeypatch.setattr("trio_chat.ui.layout.status", lambda _view, _columns: 1 / 0)
            scene.keys("x")
            await scene.until(lambda: False)

    with pytest.raises(ZeroDivisionError):
        crash()
    assert "\x1b[?7h" in seen[-1]  # autowrap, which drawing had switched off


def test_lines_that_were_not_accepted_are_named() -> None:
    stderr = io.StringIO()
    tell_unsent(
        [Ticket("dev", 1, "a\nb", "text"), Ticket("@bob", 2, "\x1bc", "me")], stderr
    )
    assert (
        stderr.getvalue()
        == "2 lines were not accepted by the server:\n#dev: a\n#dev: b\n@bob: \u241bc\n"
    )
