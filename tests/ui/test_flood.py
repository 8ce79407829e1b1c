"""Much at once, as a person meets it: pasted as one, counted on its way, never lost."""

import trio

from tests.ui.harness import Scene, bridged, open_scene
from trio_chat.client.outbox import Outbox, Ticket
from trio_chat.errors import OutboxError
from trio_chat.protocol.messages import Accepted, Kind
from trio_chat.ui.hearing import SENDING_SHOWN_S

POEM = "\n".join(f"line {n:>3} of a poem that is long enough" for n in range(200))
BOOK = "\n".join([POEM] * 5)


def paste(scene: Scene, text: str) -> None:
    """As a terminal does it that can tell a paste from typing."""
    scene.keys(f"\x1b[200~{text}\x1b[201~")


def texts(scene: Scene) -> list[str]:
    return [text for _, _, text in scene.client.said]


def answer(scene: Scene, n: int) -> None:
    scene.client._accepted(Accepted(room="lobby", n=n, seq=n))


# --- a paste -------------------------------------------------------------------------


@bridged
async def test_two_hundred_lines_that_are_pasted_are_one_entry() -> None:
    async with open_scene() as scene:
        paste(scene, POEM)
        await scene.until(lambda: scene.typed == POEM)
        assert texts(scene) == []
        scene.keys("\r")
        await scene.until(lambda: texts(scene) == [POEM] and not scene.typed)


@bridged
async def test_what_is_too_long_is_sent_as_several_when_that_is_wanted() -> None:
    async with open_scene() as scene:
        paste(scene, BOOK)
        await scene.until(lambda: scene.typed == BOOK)
        scene.keys("\r")
        await scene.until_seen(
            "! 38,999 bytes are too much for one entry: Enter again sends it as 3"
        )
        assert scene.typed == BOOK
        assert texts(scene) == []
        scene.keys("\r")
        await scene.until(lambda: len(texts(scene)) == 3)
        assert "\n".join(texts(scene)) == BOOK
        await scene.until(lambda: not scene.typed)


@bridged
async def test_another_text_is_another_question() -> None:
    async with open_scene() as scene:
        paste(scene, BOOK)
        scene.keys("\r")
        await scene.until_seen("sends it as 3")
        scene.keys("!\r")
        await scene.until(
            lambda: sum("sends it as 3" in row for row in scene.terminal.all_rows) == 2
        )
        assert texts(scene) == []
        scene.keys("\x03short\r")
        await scene.until(lambda: texts(scene) == ["short"])


class FailingOutbox(Outbox):
    """One on a disk that takes a line, and no second one."""

    async def put(self, room: str, text: str, kind: Kind, ref: int | None = None) -> Ticket:
        if self.lines:
            raise OutboxError("the disk is full")
        return await super().put(room, text, kind, ref)


@bridged
async def test_what_is_not_queued_of_several_stays_in_the_input() -> None:
    async with open_scene(FailingOutbox()) as scene:
        paste(scene, f"/me {BOOK}")
        scene.keys("\r")
        await scene.until_seen("sends it as 3")
        scene.keys("\r")
        await scene.until_seen("! not queued: the disk is full")
        (first,) = texts(scene)
        await scene.until(lambda: scene.typed == f"/me {BOOK[len(first) + 1 :]}")


@bridged
async def test_more_than_can_wait_stays_in_the_input() -> None:
    async with open_scene() as scene:
        for n in range(998):
            scene.client.outbox.put_nowait("lobby", str(n), "text")
        paste(scene, BOOK)
        scene.keys("\r")
        await scene.until_seen("sends it as 3")
        scene.keys("\r")
        await scene.until_seen("! as many lines as can wait are waiting")
        assert scene.typed == BOOK


# --- on its way ----------------------------------------------------------------------


@bridged
async def test_a_burst_is_counted_until_all_have_an_answer() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.outbox.release()
        for n in range(200):
            scene.client.outbox.put_nowait("lobby", str(n), "text")
        await scene.until_seen("sending 0/200")
        for n in range(1, 38):
            answer(scene, n)
        await scene.until_seen("sending 37/200")
        for n in range(38, 201):
            answer(scene, n)
        await scene.until(lambda: "sending" not in scene.terminal.rows[-1])


@bridged
async def test_ordinary_chat_does_not_flicker() -> None:
    async with open_scene() as scene:
        await scene.go_online()
        scene.client.outbox.release()
        seen: list[str] = []
        for n in range(1, 6):
            scene.keys("hello\r")
            await scene.until(lambda: len(scene.client.outbox) == 1)
            await trio.sleep(SENDING_SHOWN_S * 0.8)
            seen.append(scene.terminal.rows[-1])
            answer(scene, n)
        await scene.until(lambda: not scene.client.outbox)
        assert set(seen) == {"online \u00b7 #lobby \u00b7 2 here \u00b7 ada"}
