"""How much a text is, before it goes."""

import pytest

from tests.ui.harness import bridged, open_scene
from trio_chat.client.parts import parts_of
from trio_chat.protocol.messages import TEXT_BYTES_MAX
from trio_chat.ui.cells import cells
from trio_chat.ui.weight import WEIGHED_CHARS, WEIGHED_LINES, amount, weight

PASTE = "\n".join(f"line {number} of the paste ..............." for number in range(200))
OVER = "1.2 KB over the limit of 16 KB"
LONG = "x" * (TEXT_BYTES_MAX + 1_229)


def said(text: str, columns: int = 79, send: str = "Enter") -> str:
    return "".join(part for _, part in weight(text, send, columns))


def test_what_is_seen_at_a_glance_is_not_weighed() -> None:
    assert not said("")
    assert not said("one\ntwo\nthree\nfour")
    assert not said("x" * (WEIGHED_CHARS - 1))
    assert said("\n".join("x" * WEIGHED_LINES))
    assert said("x" * WEIGHED_CHARS)


@pytest.mark.parametrize(
    ("text", "columns", "row"),
    [
        (PASTE, 79, "200 lines, 7.3 KB: Enter sends it as one message"),
        (PASTE, 40, "200 lines, 7.3 KB, one message"),
        ("/me x\n\n\n\nx", 40, "5 lines, 6 bytes, one message"),
        ("/msg bob x\n\n\n\nx", 40, "5 lines, 6 bytes, one message"),
        ("/" + PASTE, 79, "200 lines, 7.3 KB"),  # no command that there is
        ("x\n" * 4 + "x", 79, "5 lines, 9 bytes: Enter sends it as one message"),
        (
            LONG,
            99,
            f"1 line, 17.2 KB, {OVER}: it would go as 2 messages",
        ),
        (LONG, 60, f"{OVER}: it would go as 2 messages"),
        (LONG, 45, f"{OVER}: 2 messages"),
        (LONG, 39, "1 line, 17.2 KB: 2 messages"),
        ("\0" * 16_000, 48, "too much for one: it would go as 2 messages"),
        ("\ud800" * 2_000, 79, ""),
    ],
)
def test_it_is_said_how_much_it_is_and_what_comes_of_it(
    text: str, columns: int, row: str
) -> None:
    assert said(text, columns) == row


def test_it_says_as_many_as_there_will_be() -> None:
    text = "\n".join(["word " * 500] * 60)
    assert f" {len(parts_of(text))} messages" in said(text)


@pytest.mark.parametrize("columns", [39, 40, 60, 79, 200])
@pytest.mark.parametrize("text", [PASTE, LONG, "x" * 3_000_000, "\n" * 20_000 + "x"])
def test_it_fits_its_row(text: str, columns: int) -> None:
    assert 0 < cells(said(text, columns, "Ctrl-X Ctrl-E")) <= columns


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 KB"),
        (1_229, "1.2 KB"),
        (TEXT_BYTES_MAX, "16 KB"),
        (1_000 * 1024, "1 MB"),
    ],
)
def test_bytes_are_told_as_people_say_them(size: int, words: str) -> None:
    assert amount(size) == words


@bridged
async def test_a_paste_of_200_lines_is_weighed_and_goes_as_one_message() -> None:
    async with open_scene() as scene:
        scene.keys(f"\x1b[200~{PASTE}\x1b[201~")
        await scene.until_seen("200 lines, 7.3 KB: Enter sends it as one message")
        scene.keys("\r")
        await scene.until(lambda: scene.client.said == [("lobby", "text", PASTE)])
        await scene.until(lambda: not any("7.3 KB" in row for row in scene.terminal.rows))


@bridged
async def test_what_is_too_long_is_said_before_enter_and_goes_as_it_was_said() -> None:
    async with open_scene() as scene:
        scene.keys(f"\x1b[200~{LONG}\x1b[201~")
        await scene.until_seen(f"{OVER}: it would go as 2 messages")
        scene.keys("\r\r")
        await scene.until(lambda: len(scene.client.said) == 2)
