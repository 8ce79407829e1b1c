"""What is printed while somebody could see it is read; and nothing else is."""

import trio

from tests.ui.harness import Scene, bridged, entry, open_scene
from trio_chat.client.events import Entry, Marked
from trio_chat.protocol import messages

LOOKS, LOOKS_AWAY = "\x1b[I", "\x1b[O"
"""What a terminal says of its focus."""


async def online(scene: Scene) -> None:
    """In the lobby and in dev, with an eye on the lobby; both go on to 99 on the server."""
    scene.keys("/join dev\r")
    await scene.until(lambda: scene.chat.view.find("dev") is not None)
    scene.client._rooms.linked()
    for room in ("lobby", "dev", "@"):
        scene.client._rooms.opened(messages.Room(room=room, after=0, head=99, read=0))
    scene.keys("\x1b1")
    await scene.until(lambda: scene.chat.view.current == "lobby")
    await scene.go_online()
    assert scene.client.read == {"@": 0, "lobby": 0, "dev": 0}


@bridged
async def test_a_line_that_was_printed_is_read() -> None:
    async with open_scene() as scene:
        await online(scene)
        scene.client.tell(entry(1, "one"), entry(1, "elsewhere", room="dev"))
        await scene.until_seen("<bob> one")
        await trio.sleep(1)
        assert scene.client.read == {"@": 0, "lobby": 1, "dev": 0}
        scene.keys("\x1b2")
        await scene.until_seen("<bob> elsewhere")
        await scene.until(lambda: scene.client.read["dev"] == 1)


@bridged
async def test_a_line_that_waits_for_the_terminal_is_not_read() -> None:
    async with open_scene() as scene:
        await online(scene)
        scene.chat.screen._running_in_terminal = True  # an editor has the terminal
        scene.client.tell(entry(1, "one"))
        await trio.sleep(5)
        assert scene.client.read["lobby"] == 0
        scene.chat.screen._running_in_terminal = False
        await scene.until_seen("<bob> one")
        await scene.until(lambda: scene.client.read["lobby"] == 1)


@bridged
async def test_a_line_that_is_printed_while_nobody_looks_is_read_later() -> None:
    async with open_scene() as scene:
        await online(scene)
        await trio.sleep(1)
        scene.keys(LOOKS_AWAY)
        await scene.until(lambda: not scene.chat.focus.focused)
        direct = Entry("@", 1, "bob", "psst", 0.0)
        scene.client.tell(entry(1, "one"), direct)
        await scene.until_seen("psst")
        await trio.sleep(5)
        assert scene.client.read == {"@": 0, "lobby": 0, "dev": 0}
        scene.keys(LOOKS)
        await scene.until(lambda: scene.client.read == {"@": 1, "lobby": 1, "dev": 0})


@bridged
async def test_who_says_something_has_read_what_was_said_before() -> None:
    async with open_scene() as scene:
        await online(scene)
        scene.keys(LOOKS_AWAY)
        await scene.until(lambda: not scene.chat.focus.focused)
        scene.client.tell(entry(1, "one"), entry(2, "mine", "ada"), entry(3, "three"))
        await scene.until_seen("<bob> three")
        await scene.until(lambda: scene.client.read["lobby"] == 2)


@bridged
async def test_the_status_line_follows_what_another_device_reads() -> None:
    async with open_scene() as scene:
        await online(scene)
        scene.client.tell(*(entry(seq, "ada!", room="dev") for seq in (1, 2, 3)))
        await scene.until_seen("#dev 3 @3")
        scene.keys("/unread\r")
        await scene.until_seen("#dev  3, 3 for you: <bob> ada!")
        scene.client.tell(Marked("dev", 2))
        await scene.until_seen("#dev 1 @1")
        scene.client.tell(Marked("dev", 3))
        await scene.until(lambda: "#dev" not in scene.terminal.rows[-1])
        scene.keys("/unread\r")
        await scene.until_seen("nothing is unread")
