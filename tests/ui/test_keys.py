"""Keys that somebody has changed, and those of vi."""

from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys

from tests.ui.harness import Scene, bridged, open_scene
from trio_chat.client.events import Refused
from trio_chat.habits.actions import DEFAULT_KEYS
from trio_chat.habits.habits import Habits
from trio_chat.ui.help import help_rows

ESC, UP, CTRL_K, CTRL_N, CTRL_R = "\x1b", "\x1b[A", "\x0b", "\x0e", "\x12"
VI = Habits(editing="vi")


def hit(scene: Scene, *keys: str) -> None:
    """Hit keys, one read for them all."""
    processor = scene.chat.screen.key_processor
    processor.feed_multiple([KeyPress(key) for key in keys])
    scene.chat.screen._in_its_context(processor.process_keys)


def with_keys(**keys: tuple[str, ...]) -> Habits:
    return Habits(keys={**DEFAULT_KEYS, **keys})


@bridged
async def test_an_action_is_on_the_keys_that_one_wants() -> None:
    habits = with_keys(next_room=("ctrl-n", "f5"), previous_room=())
    async with open_scene(habits=habits) as scene:
        scene.keys("/join dev\r")
        await scene.until(lambda: scene.chat.view.current == "dev")
        scene.keys(CTRL_N)
        await scene.until(lambda: scene.chat.view.current == "lobby")
        scene.keys("\x1b[15~")
        await scene.until(lambda: scene.chat.view.current == "dev")
        scene.keys("\x1b[1;3A\x1b[1;3Bx")  # what was the room before, and the next
        await scene.until(lambda: scene.typed == "x")
        assert scene.chat.view.current == "dev"


@bridged
async def test_a_key_that_is_free_again_is_the_toolkits() -> None:
    async with open_scene(habits=with_keys(find_room=())) as scene:
        scene.keys("gone" + 4 * "\x1b[D" + CTRL_K + "here")
        await scene.until(lambda: scene.typed == "here")


@bridged
async def test_enter_can_break_and_another_key_send() -> None:
    async with open_scene(
        habits=with_keys(send=("alt-enter",), new_line=("enter", "ctrl-j"))
    ) as scene:
        scene.keys("one\rtwo\nthree")
        await scene.until(lambda: scene.typed == "one\ntwo\nthree")
        scene.keys("\x1b\r")
        await scene.until(lambda: scene.client.said)
        assert scene.client.said == [("lobby", "text", "one\ntwo\nthree")]


@bridged
async def test_alt_enter_does_not_send_behind_our_back() -> None:
    async with open_scene(habits=with_keys(new_line=("ctrl-j",))) as scene:
        scene.keys("one\x1b\rtwo")
        await scene.until(lambda: scene.typed == "one\ntwo")
        assert not scene.client.said


@bridged
async def test_help_and_the_switcher_show_the_keys_in_force() -> None:
    async with open_scene(habits=with_keys(find_room=("f3",), room_1=("f1",))) as scene:
        scene.keys("/help\r")
        await scene.until_seen("F3                 look for a room by a few letters")
        scene.keys("\x1bOR")
        await scene.until_seen("> #lobby  F1")


@bridged
async def test_what_was_typed_before_is_not_shown_to_who_does_not_want_it() -> None:
    async with open_scene(habits=Habits(suggest=False)) as scene:
        scene.keys("a fine day\ra f")
        await scene.until(lambda: scene.prompt == "> a f")
        scene.keys("i")
        await scene.until(lambda: scene.prompt == "> a fi")


# --- vi ------------------------------------------------------------------------------


@bridged
async def test_vi_shows_in_the_prompt_what_keys_are() -> None:
    async with open_scene(habits=VI) as scene:
        scene.keys("one two")
        await scene.until_seen("> one two")
        scene.keys(ESC)
        await scene.until_seen("N one two")
        scene.keys("bv")
        await scene.until_seen("V one two")
        scene.keys(ESC)
        await scene.until_seen("N one two")
        scene.keys("Rthr")
        await scene.until_seen("R one thr")
        scene.keys(ESC)
        await scene.until_seen("N one thr")
        scene.keys("bcwxyz")
        await scene.until_seen("> one xyz")


@bridged
async def test_without_vi_there_is_no_mode() -> None:
    async with open_scene() as scene:
        scene.keys("one")
        await scene.until_seen("> one")
        hit(scene, Keys.Escape)
        hit(scene, "b")
        assert scene.chat.line.cursor_position == 0  # Esc and then b are Alt-B
        scene.keys("x")
        await scene.until_seen("> xone")


@bridged
async def test_escape_is_felt_at_once_and_is_not_alt() -> None:
    async with open_scene(habits=VI) as scene:
        scene.keys("one")
        await scene.until(lambda: scene.typed == "one")
        hit(scene, Keys.Escape)  # no clock is asked
        assert scene.chat.screen.vi_state.input_mode == InputMode.NAVIGATION
        hit(scene, "1")  # a count, and not Alt-1
        hit(scene, "x")
        assert scene.typed == "on"
        await scene.until_seen("N on")


@bridged
async def test_alt_is_what_a_terminal_sends_at_once() -> None:
    async with open_scene(habits=VI) as scene:
        scene.keys("/join dev\r")
        await scene.until(lambda: scene.chat.view.current == "dev")
        scene.keys("draft\x1b1")
        await scene.until(lambda: scene.chat.view.current == "lobby")
        scene.keys("\x1b[1;3B")
        await scene.until(lambda: scene.typed == "draft")
        await scene.until_seen("> draft")


@bridged
async def test_every_new_line_begins_with_typing() -> None:
    async with open_scene(habits=VI) as scene:
        scene.keys("one")
        scene.keys(ESC)
        await scene.until_seen("N one")
        scene.keys("\r")
        await scene.until(lambda: scene.client.said and not scene.typed)
        scene.keys("it")
        await scene.until_seen("> it")


@bridged
async def test_two_keys_in_a_row_have_their_time() -> None:
    async with open_scene(habits=with_keys(quit=("ctrl-x q",))) as scene:
        hit(scene, Keys.ControlX)
        hit(scene, "q")
        assert await scene.until_ended() == 0


@bridged
async def test_the_switcher_and_the_search_begin_with_typing() -> None:
    async with open_scene(habits=VI) as scene:
        scene.keys("one\r")
        await scene.until(lambda: scene.client.said and not scene.typed)
        scene.keys(ESC)
        await scene.until_seen("N")
        scene.keys(CTRL_K)
        await scene.until_seen("room:")
        scene.keys("lob")
        await scene.until(lambda: scene.chat.switcher.line.text == "lob")
        scene.keys(ESC)
        await scene.until(lambda: scene.chat.screen.layout.has_focus(scene.chat.line))
        scene.keys(CTRL_R + "on")
        await scene.until_seen("> one")
        scene.keys(UP)


@bridged
async def test_commands_of_vi_are_not_taken_for_a_line_over_one_that_came_back() -> None:
    async with open_scene(habits=VI) as scene:
        scene.keys(ESC)
        await scene.until_seen("N")
        scene.client.tell(Refused("no_such_nick", "nobody", "@x", 1, "one two"))
        await scene.until(lambda: scene.typed == "one two")
        hit(scene, "0")
        hit(scene, "x")
        assert scene.typed == "ne two"


def test_help_tells_of_vi_who_has_it() -> None:
    assert any(how == "Esc" for how, _ in help_rows(VI))
    assert all(how != "Esc" for how, _ in help_rows(Habits()))
