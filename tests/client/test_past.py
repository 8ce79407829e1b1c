"""What is asked about the past is answered to whoever asked, or they are told why not."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.client.fake_server import FakePeer, entry, event, open_fake
from trio_chat import Client
from trio_chat.client.events import Entry, Gap, Refused, Status
from trio_chat.client.past import ASKED_MAX, Found, Page
from trio_chat.errors import NoLinkError, RefusedError
from trio_chat.protocol import messages
from trio_chat.protocol.messages import Fetch, Search


async def online(client: Client) -> None:
    while client.state != "online":
        await event(client, Status)


class Answer:
    """What an awaited question comes to."""

    value: Any = None
    error: Exception | None = None

    def __init__(self, ask: Callable[[], Awaitable[Any]]) -> None:
        self._ask = ask

    async def run(self) -> None:
        try:
            self.value = await self._ask()
        except (RefusedError, NoLinkError) as error:
            self.error = error


async def pages(peer: FakePeer, *more: messages.Page) -> Fetch:
    """Answer the next fetch with these, under its number."""
    fetch = await peer.hear(Fetch)
    for page in more:
        await peer.say(
            messages.Page(
                room=page.room,
                id=fetch.id,
                entries=page.entries,
                more=page is not more[-1],
                trimmed_through=page.trimmed_through,
            )
        )
    return fetch


def page(*seqs: int, gone: int = 0) -> messages.Page:
    entries = tuple(entry(seq) for seq in seqs)
    return messages.Page(room="lobby", id=0, entries=entries, trimmed_through=gone)


async def asked(
    ask: Callable[[Client], Awaitable[Any]],
    answer: Callable[[FakePeer], Awaitable[Any]],
) -> Any:
    """What comes of a question that is answered so."""
    async with open_fake() as (client, exchange), trio.open_nursery() as nursery:
        peer = await exchange.peer()
        await peer.take_in(head=1_000)
        await online(client)
        question = Answer(lambda: ask(client))
        nursery.start_soon(answer, peer)
        await question.run()
        if question.error is not None:
            return question.error
        return question.value


async def test_entries_that_come_in_several_lines_are_one_page(
    autojump_clock: MockClock,
) -> None:
    got = await asked(
        lambda client: client.fetch("#Lobby", after=3, through=8),
        lambda peer: pages(peer, page(4, 5), page(), page(6, 7, 8)),
    )
    assert isinstance(got, Page)
    assert [each.seq for each in got.entries] == [4, 5, 6, 7, 8]
    assert got.events == got.entries


async def test_what_is_gone_is_a_gap(autojump_clock: MockClock) -> None:
    got = await asked(
        lambda client: client.fetch("lobby", after=3, through=9),
        lambda peer: pages(peer, page(7, gone=6), page(9, gone=8)),
    )
    assert [getattr(each, "seq", None) for each in got.events] == [None, 7, None, 9]
    assert got.events[0] == Gap("lobby", 3, 6, "no longer kept")
    assert got.events[2] == Gap("lobby", 7, 8, "no longer kept")


async def test_all_of_it_gone_is_one_gap(autojump_clock: MockClock) -> None:
    async def gone(peer: FakePeer) -> None:
        await pages(peer, page(gone=200))
        await pages(peer, page(gone=300))

    got = await asked(lambda client: client.fetch("lobby", after=0, through=300), gone)
    assert got.events == (Gap("lobby", 0, 300, "no longer kept"),)


async def test_what_was_not_asked_for_is_left_out(autojump_clock: MockClock) -> None:
    got = await asked(
        lambda client: client.fetch("lobby", after=3, through=5),
        lambda peer: pages(peer, page(1, 4, 4, 5, 9, gone=2)),
    )
    assert [each.seq for each in got.entries] == [4, 5]


async def test_much_is_asked_for_in_pieces(autojump_clock: MockClock) -> None:
    heard = []

    async def answer(peer: FakePeer) -> None:
        heard.extend([await pages(peer, page(last)) for last in (200, 400, 450)])

    got = await asked(lambda client: client.fetch("lobby", after=0, through=450), answer)
    assert [(each.after, each.through) for each in heard] == [
        (0, 200),
        (200, 400),
        (400, 450),
    ]
    assert [each.seq for each in got.entries] == [200, 400, 450]


async def test_nothing_is_asked_for_nothing(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, exchange):
        await (await exchange.peer()).take_in()
        assert await client.fetch("lobby", after=7, through=7) == Page("lobby", ())


async def test_words_are_found(autojump_clock: MockClock) -> None:
    async def answer(peer: FakePeer) -> None:
        search = await peer.hear(Search)
        assert (search.room, search.words, search.before) == ("@", "red", 9)
        assert search.limit == 50
        await peer.say(
            messages.Found(room="@", id=search.id, entries=(entry(7),), more=True, before=7)
        )

    got = await asked(lambda client: client.search("@", "red", before=9, limit=999), answer)
    assert isinstance(got, Found)
    assert ([each.seq for each in got.entries], got.before) == ([7], 7)


async def test_a_refusal_is_for_whoever_asked(autojump_clock: MockClock) -> None:
    async def answer(peer: FakePeer) -> None:
        search = await peer.hear(Search)
        await peer.say(
            messages.Refused(code="no_search", reason="not now", id=search.id),
            messages.Refused(code="no_search", reason="nobody asked", id=99),
            messages.Refused(code="nick_taken", reason="no"),
        )

    async with open_fake() as (client, exchange), trio.open_nursery() as nursery:
        peer = await exchange.peer()
        await peer.take_in()
        await online(client)
        nursery.start_soon(answer, peer)
        with pytest.raises(RefusedError, match="not now"):
            await client.search("lobby", "x")
        assert (await event(client, Refused)).code == "nick_taken"


async def test_a_server_that_knows_nothing_of_it_is_understood(
    autojump_clock: MockClock,
) -> None:
    async def answer(peer: FakePeer) -> None:
        await peer.hear(Fetch)
        reason = "no message has t = 'fetch'"
        await peer.say(messages.Error(code="unknown_type", reason=reason))

    got = await asked(lambda client: client.fetch("lobby", after=0, through=5), answer)
    assert isinstance(got, RefusedError)
    assert "too old" in got.reason


async def test_without_a_link_nothing_is_asked(autojump_clock: MockClock) -> None:
    async with open_fake() as (client, _):
        with pytest.raises(NoLinkError, match="no link"):
            await client.search("lobby", "x")
        with pytest.raises(NoLinkError, match="no link"):
            await client.fetch("lobby", after=0, through=9)


async def test_a_link_that_is_lost_before_the_answer_is_told(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange), trio.open_nursery() as nursery:
        peer = await exchange.peer()
        await peer.take_in()
        await online(client)
        questions = [
            Answer(lambda: client.search("lobby", "x")),
            Answer(lambda: client.fetch("lobby", after=0, through=900)),
        ]
        for question in questions:
            nursery.start_soon(question.run)
        assert {type(await peer.message()) for _ in range(2)} == {Search, Fetch}
        await peer.hang_up()
        await wait_all_tasks_blocked()
        for question in questions:
            assert isinstance(question.error, NoLinkError)
        peer = await exchange.peer()
        await peer.take_in()
        await online(client)
        again = Answer(lambda: client.fetch("lobby", after=0, through=1))
        nursery.start_soon(again.run)
        await pages(peer, page(1))
        await wait_all_tasks_blocked()
        assert [each.seq for each in again.value.entries] == [1]


async def test_who_closes_the_client_waits_for_no_answer(autojump_clock: MockClock) -> None:
    question = None
    async with trio.open_nursery() as nursery:
        async with open_fake() as (client, exchange):
            peer = await exchange.peer()
            await peer.take_in()
            await online(client)
            question = Answer(lambda: client.search("lobby", "x"))
            nursery.start_soon(question.run)
            await peer.hear(Search)
            await client.aclose()
        await wait_all_tasks_blocked()
        assert isinstance(question.error, NoLinkError)


async def test_so_many_are_on_their_way_at_once_and_no_more(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange), trio.open_nursery() as nursery:
        peer = await exchange.peer()
        await peer.take_in()
        await online(client)
        for _ in range(3 * ASKED_MAX):
            nursery.start_soon(Answer(lambda: client.search("lobby", "x")).run)
        heard = [await peer.hear(Search) for _ in range(ASKED_MAX)]
        with trio.move_on_after(1):
            await peer.hear(Search)
            raise AssertionError("one more was asked")
        for each in heard:
            await peer.say(messages.Found(room="lobby", id=each.id))
        for _ in range(ASKED_MAX):
            await peer.hear(Search)
        nursery.cancel_scope.cancel()


async def test_who_does_not_wait_for_the_answer_is_no_trouble(
    autojump_clock: MockClock,
) -> None:
    async with open_fake() as (client, exchange):
        peer = await exchange.peer()
        await peer.take_in()
        await online(client)
        with trio.move_on_after(1):
            await client.search("lobby", "x")
        search = await peer.hear(Search)
        await peer.say(
            messages.Found(room="lobby", id=search.id, entries=(entry(1),)), entry(1)
        )
        assert (await event(client, Entry)).seq == 1


@pytest.mark.parametrize("words", ["x" * 257, "\ud800"])
async def test_words_that_can_not_be_sent_are_not(
    autojump_clock: MockClock, words: str
) -> None:
    async with open_fake() as (client, exchange):
        await (await exchange.peer()).take_in()
        await online(client)
        with pytest.raises(RefusedError):
            await client.search("lobby", words)
