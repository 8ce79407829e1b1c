"""What a client says and hears about an entry."""

import msgspec
import pytest
from trio.testing import MockClock

from tests.client.fake_server import event, open_fake
from trio_chat.client.events import Entry, Queued, Refused
from trio_chat.errors import RefusedError
from trio_chat.protocol import messages
from trio_chat.protocol.messages import Direct, Kind, Say


async def test_what_is_said_about_an_entry_goes_out_with_its_number(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        client.post_nowait("lobby", "deploy at six", kind="edit", ref=41)
        await client.post("@bob", "", kind="delete", ref=7)
        queued = await event(client, Queued)
        assert (queued.kind, queued.ref) == ("edit", 41)
        peer = await exchange.peer()
        await peer.take_in()
        assert await peer.hear(Say) == Say("lobby", 1, "deploy at six", "edit", 41)
        assert await peer.hear(Direct) == Direct("bob", 2, "", "delete", 7)


@pytest.mark.parametrize(
    ("text", "kind", "ref", "code"),
    [
        ("x", "edit", None, "bad_ref"),
        ("", "delete", None, "bad_ref"),
        ("x", "react", None, "bad_ref"),
        ("", "edit", 1, "empty_text"),
        ("", "react", 1, "empty_text"),
        ("", "text", 1, "empty_text"),
        ("x", "delete", 1, "text_too_long"),
        ("x" * 33, "react", 1, "text_too_long"),
        ("\u6f22" * 11, "unreact", 1, "text_too_long"),
        ("x" * 16_385, "edit", 1, "text_too_long"),
    ],
)
async def test_what_no_server_takes_is_not_put_into_the_outbox(
    autojump_clock: MockClock, text: str, kind: Kind, ref: int | None, code: str
) -> None:
    async with open_fake() as (client, _):
        with pytest.raises(RefusedError) as refused:
            client.post_nowait("lobby", text, kind=kind, ref=ref)
        assert refused.value.code == code
        assert not client.outbox.lines


async def test_an_entry_says_what_it_is_about(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(
            messages.Entry("lobby", 1, "bob", "deploy at five", 0.0),
            messages.Entry("lobby", 2, "bob", "deploy at six", 0.0, "edit", None, 1),
            messages.Entry("@", 1, "ada", "yes", 0.0, "text", "bob", 9),
        )
        heard = [await event(client, Entry) for _ in range(3)]
        assert [(e.kind, e.ref, e.is_line) for e in heard] == [
            ("text", None, True),
            ("edit", 1, False),
            ("text", 9, True),
        ]
        assert msgspec.to_builtins(heard[1])["ref"] == 1


async def test_a_kind_of_a_later_server_is_a_text(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await peer.say(messages.Entry("lobby", 1, "bob", "la la", 0.0, "sing"))
        heard = await event(client, Entry)
        assert (heard.kind, heard.text) == ("text", "la la")


async def test_a_refused_edit_comes_back(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        ticket = client.post_nowait("lobby", "mine now", kind="edit", ref=1)
        peer = await exchange.peer()
        await peer.take_in()
        await peer.hear(Say)
        await peer.say(messages.Refused("not_yours", "1 is not yours", "lobby", 1))
        refused = await event(client, Refused)
        assert (refused.code, refused.n, refused.text) == ("not_yours", 1, "mine now")
        with pytest.raises(RefusedError):
            await ticket.accepted()
